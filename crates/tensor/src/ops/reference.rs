//! The same operators composed of the framework's own: what the fused ones are tested against, and what runs on devices
//! other than the CPU.

use super::{Operand, Pattern, Quantise};
use crate::kernels::activation::Activation;
use crate::kernels::attention::{Rotary, Shape};
use crate::kernels::dropout::{self, Dropout};
use crate::kernels::head::IGNORED;
use crate::kernels::norm::Norm;
use burn::tensor::activation::{log_softmax, sigmoid, softmax};
use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use std::sync::Arc;

/// See [`super::norm`].
pub fn norm(kind: Norm, x: &Tensor<2>, gain: &Tensor<1>, bias: Option<&Tensor<1>>, epsilon: f32) -> Tensor<2> {
    let x = match kind {
        Norm::Layer => x.clone() - x.clone().mean_dim(1),
        Norm::Rms => x.clone(),
    };
    let inverse = (x.clone() * x.clone()).mean_dim(1).add_scalar(epsilon).sqrt().recip();
    let y = x * inverse * gain.clone().unsqueeze::<2>();
    add_bias(y, bias)
}

/// See [`super::linear`].
pub fn linear(x: &Tensor<2>, w: &Tensor<2>, bias: Option<&Tensor<1>>, residual: Option<&Tensor<2>>) -> Tensor<2> {
    linear_with(x, w, bias, residual, None)
}

/// See [`super::linear_with`]. Rounding is done in main memory.
///
/// # Panics
/// When gradients are to be rounded: the framework's own products offer no place for it.
pub fn linear_with(
    x: &Tensor<2>,
    w: &Tensor<2>,
    bias: Option<&Tensor<1>>,
    residual: Option<&Tensor<2>>,
    quantise: Option<&Quantise>,
) -> Tensor<2> {
    let y = match quantise {
        None => x.clone().matmul(w.clone().transpose()),
        Some(quantise) => rounded_product(x, w, quantise),
    };
    let y = add_bias(y, bias);
    match residual {
        Some(residual) => y + residual.clone(),
        None => y,
    }
}

fn rounded_product(x: &Tensor<2>, w: &Tensor<2>, quantise: &Quantise) -> Tensor<2> {
    let gradients = [Operand::GradientForInput, Operand::GradientForWeights];
    assert!(!gradients.iter().any(|g| quantise.covers(*g)), "gradients are rounded on the CPU alone");
    let rounded = |operand, matrix: &Tensor<2>| {
        let (shape, matrix) = (matrix.dims(), matrix.clone().detach());
        let rounded =
            Quantise::operand(Some(quantise), operand, &super::numbers(matrix.clone()), shape[1]).into_owned();
        super::constant(rounded, shape, &matrix)
    };
    // Two products that no number is taken from give the gradients, the third the numbers.
    let back = x.clone().matmul(rounded(Operand::WeightsForInput, w).transpose())
        + rounded(Operand::InputForWeights, x).matmul(w.clone().transpose());
    let value = rounded(Operand::Input, x).matmul(rounded(Operand::Weights, w).transpose());
    back.clone() - back.detach() + value
}

/// An activation of every row.
pub fn activation(act: Activation, u: Tensor<2>) -> Tensor<2> {
    match act {
        Activation::Identity => u,
        Activation::Gelu => {
            let cubic = (u.clone() * u.clone()).mul_scalar(0.044_715).add_scalar(1.0);
            u.clone() * sigmoid((u * cubic).mul_scalar(2.0 * 0.797_884_6))
        }
        Activation::ReluSquared => {
            let positive = burn::tensor::activation::relu(u);
            positive.clone() * positive
        }
        Activation::SwiGlu => {
            let width = u.dims()[1] / 2;
            let (gate, value) = (u.clone().narrow(1, 0, width), u.narrow(1, width, width));
            gate.clone() * sigmoid(gate) * value
        }
    }
}

/// See [`super::dropout`].
pub fn dropout(dropout: Dropout, x: &Tensor<2>) -> Tensor<2> {
    let [rows, width] = x.dims();
    let mut mask = vec![0.0; rows * width];
    dropout::apply(dropout, &vec![1.0f32; rows * width], &mut mask);
    x.clone() * super::constant(mask, [rows, width], x)
}

/// See [`super::embedding`].
pub fn embedding(table: &Tensor<2>, ids: &Arc<[u32]>) -> Tensor<2> {
    table.clone().select(0, integers(ids.to_vec(), [ids.len()], &table.device()))
}

/// See [`super::cross_entropy`].
pub fn cross_entropy(hidden: &Tensor<2>, w: &Tensor<2>, targets: &Arc<[u32]>) -> Tensor<1> {
    let counted = targets.iter().filter(|t| **t != IGNORED).count().max(1);
    losses(hidden, w, targets).sum().div_scalar(counted as f32)
}

/// See [`super::token_losses`].
///
/// # Panics
/// When the device cannot hand its numbers over.
pub fn token_losses(hidden: &Tensor<2>, w: &Tensor<2>, targets: &Arc<[u32]>) -> Vec<f32> {
    losses(hidden, w, targets).into_data().convert::<f32>().try_into_vec().expect("losses are single precision")
}

fn losses(hidden: &Tensor<2>, w: &Tensor<2>, targets: &Arc<[u32]>) -> Tensor<1> {
    let rows = targets.len();
    let device = hidden.device();
    let classes = targets.iter().map(|t| if *t == IGNORED { 0 } else { *t }).collect();
    let counted: Vec<f32> = targets.iter().map(|t| f32::from(u8::from(*t != IGNORED))).collect();
    let logs = log_softmax(hidden.clone().matmul(w.clone().transpose()), 1);
    let wanted = logs.gather(1, integers(classes, [rows, 1], &device));
    let counted = Tensor::<1>::from_data(TensorData::new(counted, [rows]), &device);
    wanted.reshape([rows]).neg() * counted
}

/// See [`super::attention`].
pub fn attention(at: Shape, packed: &Tensor<2>, table: Option<&Tensor<2>>, pattern: &Arc<Pattern>) -> Tensor<2> {
    let Shape { batch, context, heads, groups, width } = at;
    let device = packed.device();
    let part = |column: usize, count: usize| -> Tensor<4> {
        let x = packed.clone().narrow(1, column * width, count * width);
        x.reshape([batch, context, count, width]).swap_dims(1, 2)
    };
    let turned = |x: Tensor<4>| match &pattern.rotary {
        None => x,
        Some(rotary) => turned(x, rotary, pattern.ids.as_deref()),
    };
    // Each group of keys and values serves several heads in a row.
    let shared = |x: Tensor<4>| -> Tensor<4> {
        let x: Tensor<5> = x.unsqueeze_dim(2);
        x.repeat_dim(2, heads / groups).reshape([batch, heads, context, width])
    };
    let q = turned(part(0, heads));
    let k = shared(turned(part(heads, groups)));
    let v = shared(part(heads + groups, groups));
    let mut scores = q.matmul(k.transpose()).mul_scalar(1.0 / (width as f32).sqrt());
    if let Some(bias) = bias(at, table, pattern, &device) {
        scores = scores + bias;
    }
    let scores = scores.mask_fill(hidden(at, pattern, &device), -1e30);
    let out = softmax(scores, 3).matmul(v);
    out.swap_dims(1, 2).reshape([batch * context, heads * width])
}

/// See [`super::attention_across`].
pub fn attention_across(at: Shape, queries: &Tensor<2>, keys: &Tensor<2>, lengths: &Arc<[u32]>) -> Tensor<2> {
    let Shape { batch, context, heads, groups, width } = at;
    let count = keys.dims()[0] / batch;
    let q = queries.clone().reshape([batch, context, heads, width]).swap_dims(1, 2);
    // Each group of keys and values serves several heads in a row.
    let part = |column: usize| -> Tensor<4> {
        let x = keys.clone().narrow(1, column * width, groups * width);
        let x: Tensor<5> = x.reshape([batch, count, groups, width]).swap_dims(1, 2).unsqueeze_dim(2);
        x.repeat_dim(2, heads / groups).reshape([batch, heads, count, width])
    };
    let scores = q.matmul(part(0).transpose()).mul_scalar(1.0 / (width as f32).sqrt());
    let hidden = beyond(lengths, count, &queries.device()).expand([batch, heads, context, count]);
    let out = softmax(scores.mask_fill(hidden, -1e30), 3).matmul(part(groups));
    out.swap_dims(1, 2).reshape([batch * context, heads * width])
}

/// Keys after the first of each sequence that are seen, `[batch, 1, 1, count]`.
fn beyond(lengths: &[u32], count: usize, device: &Device) -> Tensor<4, Bool> {
    let places = integers((0..count as u32).collect(), [1, 1, 1, count], device);
    let lengths = integers(lengths.to_vec(), [lengths.len(), 1, 1, 1], device);
    (places - lengths).greater_equal_elem(0)
}

/// Queries or keys turned by their positions, `[batch, heads, context, width]`.
fn turned(x: Tensor<4>, rotary: &Rotary<f32>, ids: Option<&[u32]>) -> Tensor<4> {
    let ([_, _, context, width], half) = (x.dims(), rotary.half());
    let positions: Vec<usize> = ids.map_or((0..context).collect(), |ids| ids.iter().map(|p| *p as usize).collect());
    let sequences = positions.len() / context;
    let (cos, sin): (Vec<f32>, Vec<f32>) = positions.into_iter().flat_map(|p| rotary.angles(p)).unzip();
    let rows = |values| Tensor::<4>::from_data(TensorData::new(values, [sequences, 1, context, half]), &x.device());
    let (cos, sin) = (rows(cos), rows(sin));
    let (a, b) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
    let first = a.clone() * cos.clone() - b.clone() * sin.clone();
    let second = b * cos + a * sin;
    let mut parts = vec![first, second];
    if width > 2 * half {
        parts.push(x.narrow(3, 2 * half, width - 2 * half));
    }
    Tensor::cat(parts, 3)
}

/// What is added to scores, `[batch or 1, heads, context, context]`.
fn bias(at: Shape, table: Option<&Tensor<2>>, pattern: &Pattern, device: &Device) -> Option<Tensor<4>> {
    let (context, heads) = (at.context, at.heads);
    let positions = pattern.ids.as_ref().map_or((0..context as u32).collect(), |ids| ids.to_vec());
    let sequences = positions.len() / context;
    let positions = integers(positions, [sequences, 1, context, 1], device);
    let distances = (positions.clone() - positions.transpose()).clamp_min(0);
    if let Some(slopes) = &pattern.slopes {
        let slopes = Tensor::<4>::from_data(TensorData::new(slopes.to_vec(), [1, heads, 1, 1]), device);
        return Some(distances.float() * slopes.neg());
    }
    let (table, bucket_of) = (table?, pattern.bucket_of.as_ref()?);
    let buckets = table.dims()[1];
    let distances = distances.clamp_max(bucket_of.len() as i32 - 1).reshape([sequences * context * context]);
    let bucket_of = bucket_of.iter().map(|b| u32::from(*b)).collect();
    let bucket_of = integers(bucket_of, [pattern.bucket_of.as_ref()?.len()], device);
    let bucket = bucket_of.select(0, distances).reshape([sequences, 1, context, context]);
    let first = integers((0..heads).map(|h| (h * buckets) as u32).collect(), [1, heads, 1, 1], device);
    let cells = (bucket + first).reshape([sequences * heads * context * context]);
    let flat: Tensor<1> = table.clone().reshape([heads * buckets]);
    Some(flat.select(0, cells).reshape([sequences, heads, context, context]))
}

/// Keys that queries do not see, `[batch, heads, context, context]`.
fn hidden(at: Shape, pattern: &Pattern, device: &Device) -> Tensor<4, Bool> {
    let Shape { batch, context, heads, .. } = at;
    // One mask for all sequences and one for all heads, where they do not differ.
    let sequences = if pattern.starts.is_some() || pattern.lengths.is_some() { batch } else { 1 };
    let kinds = if pattern.spans.is_some() || pattern.blocks.is_some() { heads } else { 1 };
    let wide = |x: Tensor<4, Bool>| x.expand([sequences, kinds, context, context]);
    let places: Vec<u32> = (0..context as u32).collect();
    let queries = integers(places.clone(), [1, 1, context, 1], device);
    let keys = integers(places, [1, 1, 1, context], device);
    let starts = pattern.starts.as_ref().map_or(vec![0; context], |starts| starts.to_vec());
    let counted = starts.len() / context;
    let starts = integers(starts, [counted, 1, context, 1], device);
    let distance = queries - keys.clone();
    // Keys from the start of the query's document on have numbers from 0 on.
    let number = keys - starts;
    let after = match &pattern.lengths {
        Some(lengths) => beyond(lengths, context, device),
        None => distance.clone().lower_elem(0),
    };
    let mut hidden = wide(after).bool_or(wide(number.clone().lower_elem(0)));
    if let Some(spans) = &pattern.spans {
        let spans = integers(spans.iter().map(|s| *s.max(&1)).collect(), [1, heads, 1, 1], device);
        let far = wide((distance - spans).greater_equal_elem(0));
        hidden = hidden.bool_or(far.bool_and(wide(number.greater_equal_elem(pattern.sinks as i32))));
    }
    if let Some(blocks) = &pattern.blocks {
        let square = context * context;
        let left = |n: usize| !blocks.kept(n / square, n / context % context, n % context);
        let left = TensorData::new((0..heads * square).map(left).collect(), [1, heads, context, context]);
        hidden = hidden.bool_or(wide(Tensor::from_data(left, device)));
    }
    hidden.expand([batch, heads, context, context])
}

fn integers<const D: usize>(values: Vec<u32>, shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    // Numbers beyond `i32` stand for "as far as it goes" in spans.
    let values: Vec<i32> = values.into_iter().map(|v| i32::try_from(v).unwrap_or(i32::MAX)).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn add_bias(y: Tensor<2>, bias: Option<&Tensor<1>>) -> Tensor<2> {
    match bias {
        Some(bias) => y + bias.clone().unsqueeze::<2>(),
        None => y,
    }
}
