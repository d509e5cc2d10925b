//! Projections, with what usually follows them.

use super::record::{Fused, input, numbers, optional, record, shape, tensor};
use super::{Operand, Quantise, reference};
use crate::kernels::activation::{self, Activation};
use crate::kernels::linear::{self, Shape};
use crate::kernels::scratch;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use std::borrow::Cow;

#[derive(Debug, Clone)]
struct State {
    shape: Shape,
    x: FlexTensor,
    w: FlexTensor,
    bias: bool,
    residual: bool,
    /// What went into the activation, when there is one.
    before: Option<(Activation, FlexTensor)>,
    quantise: Option<Quantise>,
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, wanted: &[bool]) -> Vec<Option<FlexTensor>> {
        let Shape { rows, inputs, outputs } = self.shape;
        let quantise = self.quantise.as_ref();
        let through = self.before.map(|(act, u)| {
            let mut du = scratch(rows * outputs);
            activation::backward(act, numbers(&u), outputs / act.inputs(), numbers(&gradient), &mut du);
            du
        });
        let dy = through.as_deref().unwrap_or_else(|| numbers(&gradient));
        let dx = wanted[0].then(|| {
            let mut dx = scratch(rows * inputs);
            let dy = Quantise::operand(quantise, Operand::GradientForInput, dy, outputs);
            let w = Quantise::operand(quantise, Operand::WeightsForInput, numbers(&self.w), inputs);
            linear::backward_input(self.shape, &dy, &w, &mut dx);
            tensor(dx, [rows, inputs])
        });
        let dw = wanted[1].then(|| {
            let mut dw = scratch(outputs * inputs);
            let dy = Quantise::operand(quantise, Operand::GradientForWeights, dy, outputs);
            let x = Quantise::operand(quantise, Operand::InputForWeights, numbers(&self.x), inputs);
            linear::backward_weights(self.shape, &dy, &x, &mut dw);
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
    linear_with(x, w, bias, residual, None)
}

/// As [`linear()`], with operands rounded to a format of few bits.
///
/// # Panics
/// When a block does not divide what a product sums over; on other devices than the CPU when gradients are to be
/// rounded.
pub fn linear_with(
    x: &Tensor<2>,
    w: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    residual: Option<&Tensor<2>>,
    quantise: Option<&Quantise>,
) -> Tensor<2> {
    let (Some(x), Some(w), Some(bias), Some(residual)) = (input(x), input(w), optional(bias), optional(residual))
    else {
        return reference::linear_with(x, w, bias, residual, quantise);
    };
    let shape = shape_of(&x.tensor, &w.tensor);
    let mut y = scratch(shape.rows * shape.outputs);
    let (shift, start) = (bias.as_ref().map(|b| numbers(&b.tensor)), residual.as_ref().map(|r| numbers(&r.tensor)));
    let (from, weights) = operands(quantise, shape, &x.tensor, &w.tensor);
    linear::forward(shape, &from, &weights, shift, start, &mut y);
    drop((from, weights));
    let state = State {
        shape,
        x: x.tensor,
        w: w.tensor,
        bias: bias.is_some(),
        residual: residual.is_some(),
        before: None,
        quantise: quantise.copied(),
    };
    let nodes = [x.node, w.node].into_iter().chain(bias.map(|b| b.node)).chain(residual.map(|r| r.node)).collect();
    record(nodes, tensor(y, [shape.rows, shape.outputs]), || state)
}

/// `activation(x w^T + bias)`; for SwiGLU `w` holds the rows of the gate, then those of the value.
pub fn linear_activated(x: &Tensor<2>, w: &Tensor<2>, bias: Option<&Tensor<1>>, act: Activation) -> Tensor<2> {
    linear_activated_with(x, w, bias, act, None)
}

/// As [`linear_activated`], with operands rounded to a format of few bits.
///
/// # Panics
/// As [`linear_with`].
pub fn linear_activated_with(
    x: &Tensor<2>,
    w: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    act: Activation,
    quantise: Option<&Quantise>,
) -> Tensor<2> {
    let (Some(x), Some(w), Some(bias)) = (input(x), input(w), optional(bias)) else {
        return reference::activation(act, reference::linear_with(x, w, bias, None, quantise));
    };
    let shape = shape_of(&x.tensor, &w.tensor);
    let (rows, outputs, width) = (shape.rows, shape.outputs, shape.outputs / act.inputs());
    let (mut u, mut y) = (scratch(rows * outputs), scratch(rows * width));
    let shift = bias.as_ref().map(|b| numbers(&b.tensor));
    let (from, weights) = operands(quantise, shape, &x.tensor, &w.tensor);
    linear::forward_activated(shape, &from, &weights, shift, act, &mut u, &mut y);
    drop((from, weights));
    let before = Some((act, tensor(u, [rows, outputs])));
    let (quantise, bias_there) = (quantise.copied(), bias.is_some());
    let state = State { shape, x: x.tensor, w: w.tensor, bias: bias_there, residual: false, before, quantise };
    let nodes = [x.node, w.node].into_iter().chain(bias.map(|b| b.node)).collect();
    record(nodes, tensor(y, [rows, width]), || state)
}

/// Inputs and weights as they enter the forward product.
fn operands<'a>(
    quantise: Option<&Quantise>,
    shape: Shape,
    x: &'a FlexTensor,
    w: &'a FlexTensor,
) -> (Cow<'a, [f32]>, Cow<'a, [f32]>) {
    let x = Quantise::operand(quantise, Operand::Input, numbers(x), shape.inputs);
    (x, Quantise::operand(quantise, Operand::Weights, numbers(w), shape.inputs))
}

fn shape_of(x: &FlexTensor, w: &FlexTensor) -> Shape {
    let ([rows, inputs], [outputs, columns]) = (shape(x), shape(w));
    assert!(inputs == columns, "x has {inputs} columns, w {columns}");
    Shape { rows, inputs, outputs }
}
