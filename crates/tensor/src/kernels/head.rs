//! Output head and cross entropy in one: logits exist only for a few hundred rows at a time.

use super::{LANES, Real, View, ViewMut, kernel, product, scratch, sum};
use rayon::prelude::*;

/// Rows whose logits exist at the same time.
pub const ROWS: usize = 256;
/// A target that is not counted.
pub const IGNORED: u32 = u32::MAX;

/// Shapes of a head: `rows` hidden states of `width` numbers, `classes` logits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows of hidden states.
    pub rows: usize,
    /// Numbers in a hidden state.
    pub width: usize,
    /// Classes: the vocabulary.
    pub classes: usize,
}

/// What a training step needs of the head.
#[derive(Debug)]
pub struct Gradients<T> {
    /// Mean loss over the counted rows, in nats.
    pub loss: f64,
    /// Gradient of the mean loss along the hidden states.
    pub hidden: Vec<T>,
    /// Gradient of the mean loss along the weights, `[classes, width]`.
    pub weights: Vec<T>,
}

/// Cross entropy of every row in nats; zero for [`IGNORED`] targets. `w` is `[classes, width]`.
///
/// # Panics
/// When a target is no class.
pub fn losses<T: Real>(shape: Shape, hidden: &[T], w: &[T], targets: &[u32]) -> Vec<T> {
    let Shape { width, classes, .. } = shape;
    let mut losses = vec![T::ZERO; shape.rows];
    let mut logits = scratch(ROWS.min(shape.rows) * classes);
    for ((losses, hidden), targets) in
        losses.chunks_mut(ROWS).zip(hidden.chunks(ROWS * width)).zip(targets.chunks(ROWS))
    {
        let logits = chunk_logits(shape, hidden, w, targets.len(), &mut logits);
        let rows = losses.par_iter_mut().zip(logits.par_chunks_mut(classes)).zip(targets).with_min_len(16);
        rows.for_each(|((loss, row), target)| {
            if *target != IGNORED {
                *loss = row_loss(row, *target as usize);
            }
        });
    }
    losses
}

/// Mean loss and its gradients.
///
/// # Panics
/// When a target is no class.
pub fn gradients<T: Real>(shape: Shape, hidden: &[T], w: &[T], targets: &[u32]) -> Gradients<T> {
    let Shape { rows, width, classes } = shape;
    let counted = targets.iter().filter(|t| **t != IGNORED).count().max(1);
    let share = T::from_f64(1.0 / counted as f64);
    let (mut dhidden, mut dweights) = (scratch(rows * width), vec![T::ZERO; classes * width]);
    let mut buffer = scratch(ROWS.min(rows) * classes);
    let mut loss = 0.0;
    for (first, ((dhidden, hidden), targets)) in
        dhidden.chunks_mut(ROWS * width).zip(hidden.chunks(ROWS * width)).zip(targets.chunks(ROWS)).enumerate()
    {
        let rows = targets.len();
        let logits = chunk_logits(shape, hidden, w, rows, &mut buffer);
        let parts: Vec<f64> = logits
            .par_chunks_mut(classes)
            .zip(targets)
            .with_min_len(16)
            .map(|(row, target)| {
                if *target == IGNORED {
                    row.fill(T::ZERO);
                    return 0.0;
                }
                row_gradient(row, *target as usize, share).to_f64()
            })
            .collect();
        loss += parts.iter().sum::<f64>();
        let view = View::new(logits, rows, classes);
        product(ViewMut::new(dhidden, rows, width), false, view, View::new(w, classes, width));
        product(ViewMut::new(&mut dweights, classes, width), first > 0, view.t(), View::new(hidden, rows, width));
    }
    Gradients { loss: loss / counted as f64, hidden: dhidden, weights: dweights }
}

fn chunk_logits<'a, T: Real>(shape: Shape, hidden: &[T], w: &[T], rows: usize, buffer: &'a mut [T]) -> &'a mut [T] {
    let Shape { width, classes, .. } = shape;
    let logits = &mut buffer[..rows * classes];
    product(
        ViewMut::new(logits, rows, classes),
        false,
        View::new(hidden, rows, width),
        View::new(w, classes, width).t(),
    );
    logits
}

kernel! {
    fn row_loss<'a, T>(row: &'a mut [T], target: usize) -> T {
        softmax(row, target).1
    }
}

kernel! {
    /// Turns logits into their gradient, `share` times; returns the loss.
    fn row_gradient<'a, T>(row: &'a mut [T], target: usize, share: T) -> T {
        let (inverse, loss) = softmax(row, target);
        let factor = inverse * share;
        for x in row.iter_mut() {
            *x *= factor;
        }
        row[target] -= share;
        loss
    }
}

/// Turns logits into e^(logit - largest); returns the inverse of their sum, and the loss of the target.
#[inline(always)]
fn softmax<T: Real>(row: &mut [T], target: usize) -> (T, T) {
    let largest = largest(row);
    let wanted = row[target];
    for x in row.iter_mut() {
        *x = (*x - largest).exp();
    }
    let total = sum(row);
    (T::ONE / total, total.ln() + largest - wanted)
}

#[inline(always)]
pub(crate) fn largest<T: Real>(row: &[T]) -> T {
    let mut tops = [T::LOWEST; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            tops[i] = tops[i].larger(chunk[i]);
        }
    }
    tops.iter().chain(rest).fold(T::LOWEST, |a, b| a.larger(*b))
}
