//! The same operators composed of the framework's own: what the fused ones are tested against, and what runs on devices
//! other than the CPU.

use super::Pattern;
use crate::kernels::activation::Activation;
use crate::kernels::attention::Shape;
use crate::kernels::dropout::{self, Dropout};
use crate::kernels::head::IGNORED;
use crate::kernels::norm::Norm;
use burn::tensor::activation::{log_softmax, sigmoid, softmax};
use burn::tensor::{Int, Tensor, TensorData};
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
    let y = add_bias(x.clone().matmul(w.clone().transpose()), bias);
    match residual {
        Some(residual) => y + residual.clone(),
        None => y,
    }
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
    let ids: Vec<i32> = ids.iter().map(|id| *id as i32).collect();
    let count = ids.len();
    table.clone().select(0, Tensor::<1, Int>::from_data(TensorData::new(ids, [count]), &table.device()))
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
    let classes: Vec<i32> = targets.iter().map(|t| if *t == IGNORED { 0 } else { *t as i32 }).collect();
    let counted: Vec<f32> = targets.iter().map(|t| f32::from(u8::from(*t != IGNORED))).collect();
    let logs = log_softmax(hidden.clone().matmul(w.clone().transpose()), 1);
    let wanted = logs.gather(1, Tensor::<2, Int>::from_data(TensorData::new(classes, [rows, 1]), &device));
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
    let place = |b: usize, i: usize| pattern.ids.as_ref().map_or(i, |ids| ids[b * context + i] as usize);
    let turned = |x: Tensor<4>| match &pattern.rotary {
        None => x,
        Some(rotary) => {
            let half = rotary.half();
            let angles = |f: fn(f32) -> f32| {
                let rows = (0..batch * context).map(|k| place(k / context, k % context));
                let values: Vec<f32> = rows.flat_map(|p| rotary.angles(p)).map(|(c, s)| f(s.atan2(c))).collect();
                Tensor::<4>::from_data(TensorData::new(values, [batch, 1, context, half]), &device)
            };
            let (cos, sin) = (angles(f32::cos), angles(f32::sin));
            let (a, b) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
            let first = a.clone() * cos.clone() - b.clone() * sin.clone();
            let second = b * cos + a * sin;
            let mut parts = vec![first, second];
            if width > 2 * half {
                parts.push(x.narrow(3, 2 * half, width - 2 * half));
            }
            Tensor::cat(parts, 3)
        }
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
    let grid = |f: &dyn Fn(usize, usize, usize, usize) -> f32| {
        let square = context * context;
        let cell = |n: usize| f(n / square / heads, n / square % heads, n / context % context, n % context);
        let values: Vec<f32> = (0..batch * heads * square).map(cell).collect();
        Tensor::<4>::from_data(TensorData::new(values, [batch, heads, context, context]), &device)
    };
    let distance = |b: usize, i: usize, j: usize| place(b, i).saturating_sub(place(b, j));
    if let Some(slopes) = &pattern.slopes {
        scores = scores + grid(&|b, h, i, j| -slopes[h] * distance(b, i, j) as f32);
    } else if let (Some(table), Some(bucket_of)) = (table, &pattern.bucket_of) {
        let buckets = table.dims()[1];
        let bucket = |b, i, j| usize::from(bucket_of[distance(b, i, j).min(bucket_of.len() - 1)]);
        let square = context * context;
        let cell = |n: usize| {
            let (b, h) = (n / square / heads, n / square % heads);
            (h * buckets + bucket(b, n / context % context, n % context)) as i32
        };
        let count = batch * heads * square;
        let ids: Vec<i32> = (0..count).map(cell).collect();
        let ids = Tensor::<1, Int>::from_data(TensorData::new(ids, [count]), &device);
        let flat: Tensor<1> = table.clone().reshape([heads * buckets]);
        scores = scores + flat.select(0, ids).reshape([batch, heads, context, context]);
    }
    let hidden = grid(&|b, h, i, j| if pattern.sees(b * context + i, h, i, j) { 0.0 } else { -1e30 });
    let out = softmax(scores + hidden, 3).matmul(v);
    out.swap_dims(1, 2).reshape([batch * context, heads * width])
}

fn add_bias(y: Tensor<2>, bias: Option<&Tensor<1>>) -> Tensor<2> {
    match bias {
        Some(bias) => y + bias.clone().unsqueeze::<2>(),
        None => y,
    }
}
