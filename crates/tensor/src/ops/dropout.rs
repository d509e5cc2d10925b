//! Numbers left out at random.

use super::record::{Fused, input, numbers, record, shape, tensor};
use super::reference;
use crate::kernels::dropout::{self, Dropout};
use crate::kernels::scratch;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

#[derive(Debug, Clone)]
struct State {
    dropout: Dropout,
    shape: [usize; 2],
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, _: &[bool]) -> Vec<Option<FlexTensor>> {
        let mut dx = scratch(self.shape[0] * self.shape[1]);
        dropout::apply(self.dropout, numbers(&gradient), &mut dx);
        vec![Some(tensor(dx, self.shape))]
    }
}

/// Drops numbers of `x` and scales the others up; see [`Dropout`].
pub fn dropout(dropout: Dropout, x: &Tensor<2>) -> Tensor<2> {
    let Some(x) = input(x) else { return reference::dropout(dropout, x) };
    let [rows, width] = shape(&x.tensor);
    let mut y = scratch(rows * width);
    dropout::apply(dropout, numbers(&x.tensor), &mut y);
    record(vec![x.node], tensor(y, [rows, width]), || State { dropout, shape: [rows, width] })
}
