//! Projections, with what usually follows them.

use super::record::{Fused, input, numbers, optional, record, shape, tensor};
use super::reference;
use crate::kernels::activation::{self, Activation};
use crate::kernels::linear::{self, Shape};
use crate::kernels::scratch;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

#[derive(Debug, Clone)]
struct State {
    shape: Shape,
    x: FlexTensor,
    w: FlexTensor,
    bias: bool,
    residual: bool,
    /// What went into the activation, when there is one.
    before: Option<(Activation, FlexTensor)>,
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, wanted: &[bool]) -> Vec<Option<FlexTensor>> {
        let Shape { rows, inputs, outputs } = self.shape;
        let through = self.before.map(|(act, u)| {
            let mut du = scratch(rows * outputs);
            activation::backward(act, numbers(&u), outputs / act.inputs(), numbers(&gradient), &mut du);
            du
        });
        let dy = through.as_deref().unwrap_or_else(|| numbers(&gradient));
        let dx = wanted[0].then(|| {
            let mut dx = scratch(rows * inputs);
            linear::backward_input(self.shape, dy, numbers(&self.w), &mut dx);
            tensor(dx, [rows, inputs])
        });
        let dw = wanted[1].then(|| {
            let mut dw = scratch(outputs * inputs);
            linear::backward_weights(self.shape, dy, numbers(&self.x), &mut dw);
            tensor(dw, [outputs, inputs])
        });
        let mut all = vec![dx, dw];
        if self.bias {
            all.push(wanted[all.len()].then(|| tensor(linear::backward_bias(dy, outputs), [outputs])));
        }
        if self.residual {
            all.push(Some(gradient.clone()));
        }
        all
    }
}

/// `residual + x w^T + bias`; `x` is `[rows, inputs]`, `w` `[outputs, inputs]`.
pub fn linear(x: &Tensor<2>, w: &Tensor<2>, bias: Option<&Tensor<1>>, residual: Option<&Tensor<2>>) -> Tensor<2> {
    let (Some(x), Some(w), Some(bias), Some(residual)) = (input(x), input(w), optional(bias), optional(residual))
    else {
        return reference::linear(x, w, bias, residual);
    };
    let shape = shape_of(&x.tensor, &w.tensor);
    let mut y = scratch(shape.rows * shape.outputs);
    let (shift, start) = (bias.as_ref().map(|b| numbers(&b.tensor)), residual.as_ref().map(|r| numbers(&r.tensor)));
    linear::forward(shape, numbers(&x.tensor), numbers(&w.tensor), shift, start, &mut y);
    let state =
        State { shape, x: x.tensor, w: w.tensor, bias: bias.is_some(), residual: residual.is_some(), before: None };
    let nodes = [x.node, w.node].into_iter().chain(bias.map(|b| b.node)).chain(residual.map(|r| r.node)).collect();
    record(nodes, tensor(y, [shape.rows, shape.outputs]), || state)
}

/// `activation(x w^T + bias)`; for SwiGLU `w` holds the rows of the gate, then those of the value.
pub fn linear_activated(x: &Tensor<2>, w: &Tensor<2>, bias: Option<&Tensor<1>>, act: Activation) -> Tensor<2> {
    let (Some(x), Some(w), Some(bias)) = (input(x), input(w), optional(bias)) else {
        return reference::activation(act, reference::linear(x, w, bias, None));
    };
    let shape = shape_of(&x.tensor, &w.tensor);
    let (rows, outputs, width) = (shape.rows, shape.outputs, shape.outputs / act.inputs());
    let (mut u, mut y) = (scratch(rows * outputs), scratch(rows * width));
    let shift = bias.as_ref().map(|b| numbers(&b.tensor));
    linear::forward_activated(shape, numbers(&x.tensor), numbers(&w.tensor), shift, act, &mut u, &mut y);
    let before = Some((act, tensor(u, [rows, outputs])));
    let state = State { shape, x: x.tensor, w: w.tensor, bias: bias.is_some(), residual: false, before };
    let nodes = [x.node, w.node].into_iter().chain(bias.map(|b| b.node)).collect();
    record(nodes, tensor(y, [rows, width]), || state)
}

fn shape_of(x: &FlexTensor, w: &FlexTensor) -> Shape {
    let ([rows, inputs], [outputs, columns]) = (shape(x), shape(w));
    assert!(inputs == columns, "x has {inputs} columns, w {columns}");
    Shape { rows, inputs, outputs }
}
