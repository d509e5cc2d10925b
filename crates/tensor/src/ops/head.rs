//! Output head and cross entropy.

use super::record::{Fused, input, numbers, record, shape, tensor};
use super::reference;
use crate::kernels::head::{self, Shape};
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use std::sync::Arc;

#[derive(Debug, Clone)]
struct State {
    hidden: FlexTensor,
    weights: FlexTensor,
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, _: &[bool]) -> Vec<Option<FlexTensor>> {
        let factor = numbers(&gradient)[0];
        let scaled = |mut part: FlexTensor| {
            if factor != 1.0 {
                part.storage_mut::<f32>().iter_mut().for_each(|v| *v *= factor);
            }
            Some(part)
        };
        vec![scaled(self.hidden), scaled(self.weights)]
    }
}

/// Mean cross entropy in nats of the logits `hidden w^T` against `targets`, one for each row, not counting
/// [`head::IGNORED`]. Gradients are made on the way there, while the logits are at hand.
///
/// # Panics
/// When a target is no row of `w`.
pub fn cross_entropy(hidden: &Tensor<2>, w: &Tensor<2>, targets: &Arc<[u32]>) -> Tensor<1> {
    let (Some(h), Some(w)) = (input(hidden), input(w)) else { return reference::cross_entropy(hidden, w, targets) };
    let at = shape_of(&h.tensor, &w.tensor);
    let gradients = head::gradients(at, numbers(&h.tensor), numbers(&w.tensor), targets);
    let loss = tensor(vec![gradients.loss as f32], [1]);
    record(vec![h.node, w.node], loss, || State {
        hidden: tensor(gradients.hidden, [at.rows, at.width]),
        weights: tensor(gradients.weights, [at.classes, at.width]),
    })
}

/// Cross entropy of every row in nats, without gradients.
///
/// # Panics
/// When a target is no row of `w`.
pub fn token_losses(hidden: &Tensor<2>, w: &Tensor<2>, targets: &Arc<[u32]>) -> Vec<f32> {
    let (Some(h), Some(w)) = (input(hidden), input(w)) else { return reference::token_losses(hidden, w, targets) };
    head::losses(shape_of(&h.tensor, &w.tensor), numbers(&h.tensor), numbers(&w.tensor), targets)
}

fn shape_of(hidden: &FlexTensor, w: &FlexTensor) -> Shape {
    let ([rows, width], [classes, columns]) = (shape(hidden), shape(w));
    assert!(width == columns, "hidden states have {width} numbers, the head {columns}");
    Shape { rows, width, classes }
}
