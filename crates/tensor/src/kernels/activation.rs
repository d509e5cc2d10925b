//! Activations of the feed-forward layer, with their derivatives.

use super::{Real, vectorised};
use rayon::prelude::*;

/// Numbers handled by one task.
const BLOCK: usize = 1 << 14;

/// An activation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// None: y = u.
    Identity,
    /// GELU in its tanh form (Hendrycks and Gimpel 2016): u / (1 + e^(-2 sqrt(2/pi) (u + 0.044715 u^3))).
    Gelu,
    /// Squared rectifier (So et al. 2021): max(u, 0)^2.
    ReluSquared,
    /// SwiGLU (Shazeer 2020): the row holds a gate and a value, y = gate * sigmoid(gate) * value.
    SwiGlu,
}

/// sqrt(2/pi) and the cubic factor of the tanh form of GELU.
const GELU: (f64, f64) = (0.797_884_560_802_865_4, 0.044_715);

impl Activation {
    /// Numbers before the activation for each one after it.
    pub fn inputs(self) -> usize {
        if self == Self::SwiGlu { 2 } else { 1 }
    }
}

/// `y = activation(u)` for rows that are `width` wide after the activation.
pub fn forward<T: Real>(activation: Activation, u: &[T], width: usize, y: &mut [T]) {
    let rows = (BLOCK / width.max(1)).max(1);
    let inputs = activation.inputs();
    y.par_chunks_mut(rows * width)
        .zip(u.par_chunks(rows * width * inputs))
        .for_each(|(y, u)| vectorised(|| forward_block(activation, u, width, y)));
}

/// `du` from `dy`.
pub fn backward<T: Real>(activation: Activation, u: &[T], width: usize, dy: &[T], du: &mut [T]) {
    let rows = (BLOCK / width.max(1)).max(1);
    let inputs = activation.inputs();
    du.par_chunks_mut(rows * width * inputs)
        .zip(u.par_chunks(rows * width * inputs))
        .zip(dy.par_chunks(rows * width))
        .for_each(|((du, u), dy)| vectorised(|| backward_block(activation, u, width, dy, du)));
}

/// [`forward`] of a few rows on this thread.
#[inline(always)]
pub(crate) fn forward_block<T: Real>(activation: Activation, u: &[T], width: usize, y: &mut [T]) {
    match activation {
        Activation::Identity => y.copy_from_slice(u),
        Activation::Gelu => y.iter_mut().zip(u).for_each(|(y, u)| *y = *u * gelu_gate(*u)),
        Activation::ReluSquared => y.iter_mut().zip(u).for_each(|(y, u)| {
            let positive = u.larger(T::ZERO);
            *y = positive * positive;
        }),
        Activation::SwiGlu => {
            for (y, u) in y.chunks_exact_mut(width).zip(u.chunks_exact(2 * width)) {
                let (gate, value) = u.split_at(width);
                for i in 0..width {
                    y[i] = gate[i] * gate[i].sigmoid() * value[i];
                }
            }
        }
    }
}

/// [`backward`] of a few rows on this thread.
#[inline(always)]
pub(crate) fn backward_block<T: Real>(activation: Activation, u: &[T], width: usize, dy: &[T], du: &mut [T]) {
    match activation {
        Activation::Identity => du.copy_from_slice(dy),
        Activation::Gelu => du.iter_mut().zip(u).zip(dy).for_each(|((du, u), dy)| *du = *dy * gelu_slope(*u)),
        Activation::ReluSquared => du.iter_mut().zip(u).zip(dy).for_each(|((du, u), dy)| {
            let positive = u.larger(T::ZERO);
            *du = *dy * (positive + positive);
        }),
        Activation::SwiGlu => {
            let rows = u.chunks_exact(2 * width).zip(du.chunks_exact_mut(2 * width)).zip(dy.chunks_exact(width));
            for ((u, du), dy) in rows {
                let ((gate, value), (dgate, dvalue)) = (u.split_at(width), du.split_at_mut(width));
                for i in 0..width {
                    let s = gate[i].sigmoid();
                    let swish = gate[i] * s;
                    dvalue[i] = dy[i] * swish;
                    dgate[i] = dy[i] * value[i] * (s + swish * (T::ONE - s));
                }
            }
        }
    }
}

/// The factor of u: (1 + tanh(z)) / 2 = sigmoid(2 z).
#[inline(always)]
fn gelu_gate<T: Real>(u: T) -> T {
    let (scale, cubic) = (T::from_f64(2.0 * GELU.0), T::from_f64(GELU.1));
    (scale * u * (cubic * u).mul_add(u, T::ONE)).sigmoid()
}

#[inline(always)]
fn gelu_slope<T: Real>(u: T) -> T {
    let (scale, cubic) = (T::from_f64(2.0 * GELU.0), T::from_f64(3.0 * GELU.1));
    let gate = gelu_gate(u);
    (u * gate * (T::ONE - gate) * scale).mul_add((cubic * u).mul_add(u, T::ONE), gate)
}
