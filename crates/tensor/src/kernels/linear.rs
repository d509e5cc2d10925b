//! Projections: `y = x w^T + bias`, optionally added to a residual or followed by an activation while the rows are
//! still in the cache.

use super::activation::{self, Activation};
use super::{Real, View, ViewMut, kernel, product, product_here};
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

/// Weights that one task reads: enough to be worth waking a thread for.
const WEIGHTS: usize = 1 << 15;

/// As [`forward`] for a single row of x. Every weight is read once, so memory bounds it and not arithmetic: rows of w
/// are taken as they stand instead of being packed for a product.
pub fn forward_row<T: Real>(x: &[T], w: &[T], bias: Option<&[T]>, residual: Option<&[T]>, y: &mut [T]) {
    let (inputs, outputs) = (x.len(), y.len());
    assert!(w.len() == inputs * outputs, "{} weights for {inputs} inputs and {outputs} outputs", w.len());
    let rows = (WEIGHTS / inputs.max(1)).max(1);
    y.par_chunks_mut(rows).zip(w.par_chunks(rows * inputs)).enumerate().for_each(|(block, (y, w))| {
        times(x, w, y);
        for summand in [bias, residual].into_iter().flatten() {
            y.iter_mut().zip(&summand[block * rows..]).for_each(|(y, s)| *y += *s);
        }
    });
}

kernel! {
    fn times<'a, T>(x: &'a [T], w: &'a [T], y: &'a mut [T]) {
        for (y, row) in y.iter_mut().zip(w.chunks_exact(x.len())) {
            *y = super::dot(row, x);
        }
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
            activation::forward_block(act, u, width, y);
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
            sum_rows(dy, &mut part);
            part
        })
        .collect();
    let mut whole = vec![T::ZERO; outputs];
    for part in &parts {
        whole.iter_mut().zip(part).for_each(|(w, p)| *w += *p);
    }
    whole
}

kernel! {
    fn add_bias<'a, T>(y: &'a mut [T], bias: &'a [T]) {
        for row in y.chunks_exact_mut(bias.len()) {
            for (y, b) in row.iter_mut().zip(bias) {
                *y += *b;
            }
        }
    }
}

kernel! {
    fn sum_rows<'a, T>(rows: &'a [T], out: &'a mut [T]) {
        for row in rows.chunks_exact(out.len()) {
            for (o, v) in out.iter_mut().zip(row) {
                *o += *v;
            }
        }
    }
}

kernel! {
    fn square<'a, T>(values: &'a [T]) -> T {
        super::dot(values, values)
    }
}

/// The square of the norm of all gradients together, for clipping; fixed blocks, so that the sum does not depend on
/// threads.
pub fn square_norm<T: Real>(gradient: &[T]) -> f64 {
    const BLOCK: usize = 1 << 16;
    let parts: Vec<f64> = gradient.par_chunks(BLOCK).map(|g| square(g).to_f64()).collect();
    parts.iter().sum()
}
