//! Rows of a table.

use super::record::{Fused, input, numbers, record, shape, tensor};
use super::reference;
use crate::kernels::{embedding, scratch};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use std::sync::Arc;

#[derive(Debug, Clone)]
struct State {
    ids: Arc<[u32]>,
    shape: [usize; 2],
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, _: &[bool]) -> Vec<Option<FlexTensor>> {
        let [rows, width] = self.shape;
        let mut dtable = scratch(rows * width);
        embedding::backward(width, &self.ids, numbers(&gradient), &mut dtable);
        vec![Some(tensor(dtable, self.shape))]
    }
}

/// `table[ids[i]]`, one row for each number.
///
/// # Panics
/// When a number is not a row of the table.
pub fn embedding(table: &Tensor<2>, ids: &Arc<[u32]>) -> Tensor<2> {
    let Some(table) = input(table) else { return reference::embedding(table, ids) };
    let [rows, width] = shape(&table.tensor);
    let mut y = scratch(ids.len() * width);
    embedding::forward(numbers(&table.tensor), width, ids, &mut y);
    let state = State { ids: ids.clone(), shape: [rows, width] };
    record(vec![table.node], tensor(y, [ids.len(), width]), || state)
}
