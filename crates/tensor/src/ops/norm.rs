//! Norms of rows.

use super::record::{Fused, input, numbers, optional, record, shape, tensor};
use super::reference;
use crate::kernels::norm::{self, Norm};
use crate::kernels::scratch;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use std::sync::Arc;

#[derive(Debug, Clone)]
struct State {
    kind: Norm,
    x: FlexTensor,
    gain: FlexTensor,
    stats: Arc<Vec<[f32; 2]>>,
    bias: bool,
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, wanted: &[bool]) -> Vec<Option<FlexTensor>> {
        let mut dx = scratch(numbers(&self.x).len());
        let (x, gain, dy) = (numbers(&self.x), numbers(&self.gain), numbers(&gradient));
        let (dgain, dbias) = norm::backward(self.kind, x, gain, &self.stats, dy, &mut dx);
        let width = [gain.len()];
        let mut all = vec![wanted[0].then(|| tensor(dx, shape::<2>(&self.x))), wanted[1].then(|| tensor(dgain, width))];
        if self.bias {
            all.push(wanted[2].then(|| tensor(dbias, width)));
        }
        all
    }
}

/// `gain * normalised(x) + bias` for each row of `x`, `[rows, width]`.
pub fn norm(kind: Norm, x: &Tensor<2>, gain: &Tensor<1>, bias: Option<&Tensor<1>>, epsilon: f32) -> Tensor<2> {
    let (Some(x), Some(gain), Some(bias)) = (input(x), input(gain), optional(bias)) else {
        return reference::norm(kind, x, gain, bias, epsilon);
    };
    let [rows, width] = shape(&x.tensor);
    let (mut y, mut stats) = (scratch(rows * width), vec![[0.0; 2]; rows]);
    let shift = bias.as_ref().map(|b| numbers(&b.tensor));
    norm::forward(kind, numbers(&x.tensor), numbers(&gain.tensor), shift, epsilon, &mut y, &mut stats);
    let state = State { kind, x: x.tensor, gain: gain.tensor, stats: Arc::new(stats), bias: bias.is_some() };
    let nodes = [x.node, gain.node].into_iter().chain(bias.map(|b| b.node)).collect();
    record(nodes, tensor(y, [rows, width]), || state)
}
