//! Projections: `y = x w^T + bias`, optionally added to a residual or followed by an activation while the rows are
//! still in the cache.

use super::activation::{self, Activation};
use super::{Real, View, ViewMut, product, product_here, vectorised};
use rayon::prelude::*;

/// Rows whose products, bias and activation are done in one go.
const ROWS: usize = 256;

/// Shapes of a projection: `rows` inputs of `inputs` numbers to `outputs` numbers each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows of x and y.
    pub rows: usize,
    /// Numbers in a row of x.
    pub inputs: usize,
    /// Numbers in a row of x w^T.
    pub outputs: usize,
}

/// `y = residual + x w^T + bias`; `x` is `[rows, inputs]`, `w` `[outputs, inputs]`.
pub fn forward<T: Real>(shape: Shape, x: &[T], w: &[T], bias: Option<&[T]>, residual: Option<&[T]>, y: &mut [T]) {
    let Shape { rows, inputs, outputs } = shape;
    if let Some(residual) = residual {
        y.copy_from_slice(residual);
    }
    product(
        ViewMut::new(y, rows, outputs),
        residual.is_some(),
        View::new(x, rows, inputs),
        View::new(w, outputs, inputs).t(),
    );
    if let Some(bias) = bias {
        y.par_chunks_mut(ROWS * outputs).for_each(|y| add_bias(y, bias));
    }
}

/// `u = x w^T + bias`, `y = activation(u)`; both are kept, `u` for the way back.
pub fn forward_activated<T: Real>(
    shape: Shape,
    x: &[T],
    w: &[T],
    bias: Option<&[T]>,
    act: Activation,
    u: &mut [T],
    y: &mut [T],
) {
    let Shape { inputs, outputs, .. } = shape;
    let width = outputs / act.inputs();
    u.par_chunks_mut(ROWS * outputs).zip(y.par_chunks_mut(ROWS * width)).zip(x.par_chunks(ROWS * inputs)).for_each(
        |((u, y), x)| {
            let rows = x.len() / inputs;
            let weights = View::new(w, outputs, inputs).t();
            product_here(ViewMut::new(u, rows, outputs), false, View::new(x, rows, inputs), weights);
            if let Some(bias) = bias {
                add_bias(u, bias);
            }
            vectorised(|| activation::forward_block(act, u, width, y));
        },
    );
}

/// Gradient of the input: `dx = dy w`.
pub fn backward_input<T: Real>(shape: Shape, dy: &[T], w: &[T], dx: &mut [T]) {
    let Shape { rows, inputs, outputs } = shape;
    product(ViewMut::new(dx, rows, inputs), false, View::new(dy, rows, outputs), View::new(w, outputs, inputs));
}

/// Gradient of the weights: `dw = dy^T x`.
pub fn backward_weights<T: Real>(shape: Shape, dy: &[T], x: &[T], dw: &mut [T]) {
    let Shape { rows, inputs, outputs } = shape;
    product(ViewMut::new(dw, outputs, inputs), false, View::new(dy, rows, outputs).t(), View::new(x, rows, inputs));
}

/// Gradient of the bias: the sum of the rows of `dy`.
pub fn backward_bias<T: Real>(dy: &[T], outputs: usize) -> Vec<T> {
    let parts: Vec<Vec<T>> = dy
        .par_chunks(ROWS * outputs)
        .map(|dy| {
            let mut part = vec![T::ZERO; outputs];
            vectorised(|| {
                for row in dy.chunks_exact(outputs) {
                    part.iter_mut().zip(row).for_each(|(p, v)| *p += *v);
                }
            });
            part
        })
        .collect();
    let mut whole = vec![T::ZERO; outputs];
    for part in &parts {
        whole.iter_mut().zip(part).for_each(|(w, p)| *w += *p);
    }
    whole
}

#[inline(always)]
fn add_bias<T: Real>(y: &mut [T], bias: &[T]) {
    vectorised(|| {
        for row in y.chunks_exact_mut(bias.len()) {
            row.iter_mut().zip(bias).for_each(|(y, b)| *y += *b);
        }
    });
}

/// The square of the norm of all gradients together, for clipping; fixed blocks, so that the sum does not depend on
/// threads.
pub fn square_norm<T: Real>(gradient: &[T]) -> f64 {
    const BLOCK: usize = 1 << 16;
    let parts: Vec<f64> = gradient.par_chunks(BLOCK).map(|g| vectorised(|| super::dot(g, g)).to_f64()).collect();
    parts.iter().sum()
}
