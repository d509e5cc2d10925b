//! The way there: outputs, and for each query the logarithm of its sum of exponentials.

use super::block::{Inputs, Sequence, key_blocks, scores};
use super::position::HeadBias;
use super::{KEYS, Pattern, QUERIES, Shape, Shared};
use crate::kernels::head::largest;
use crate::kernels::{Real, View, ViewMut, kernel, product_here, scratch, sum};
use rayon::prelude::*;

/// `out` is `[batch * context, heads * width]`, `logs` `[batch, heads, context]`: the logarithm of each query's sum of
/// exponentials, for the way back.
///
/// # Panics
/// When slices or pattern do not fit the shape.
pub fn forward<T: Real>(shape: Shape, packed: &[T], pattern: &Pattern<'_, T>, out: &mut [T], logs: &mut [T]) {
    forward_of(shape, Inputs::packed(shape, packed), pattern, out, logs);
}

/// As [`forward`] for the queries of one text and the keys of another (Vaswani et al. 2017, section 3.2.3): `queries` is
/// `[batch * context, heads * width]`, `keys` `[batch * keys, 2 * groups * width]`, keys before values, any number of
/// them for each sequence. Each query sees the first `lengths` keys of its sequence; positions play no part.
///
/// # Panics
/// As [`forward`].
pub fn forward_across<T: Real>(
    shape: Shape,
    (queries, keys): (&[T], &[T]),
    lengths: &[u32],
    out: &mut [T],
    logs: &mut [T],
) {
    forward_of(shape, Inputs::apart(shape, queries, keys), &Pattern::across(lengths), out, logs);
}

fn forward_of<T: Real>(shape: Shape, inputs: Inputs<'_, T>, pattern: &Pattern<'_, T>, out: &mut [T], logs: &mut [T]) {
    assert!(out.len() == shape.batch * shape.context * shape.output());
    assert!(logs.len() == shape.batch * shape.heads * shape.context);
    inputs.check(shape, pattern);
    let (out, logs) = (Shared::new(out), Shared::new(logs));
    let (context, width) = (shape.context, shape.width);
    let buffers = || {
        let (rows, count) = (QUERIES.min(context), inputs.count);
        [context * width, count * width, rows * KEYS.min(count), rows * width].map(scratch::<T>)
    };
    (0..shape.batch * shape.groups).into_par_iter().for_each_init(buffers, |[queries, keys, block, outputs], task| {
        let (index, group) = (task / shape.groups, task % shape.groups);
        let sequence = Sequence::new(shape, index, inputs);
        sequence.rotated_keys(pattern, group, keys);
        for head in group * shape.shared()..(group + 1) * shape.shared() {
            sequence.rotated_queries(pattern, head, queries);
            // SAFETY: the logarithms of a head of a sequence belong to this task alone.
            let logs = unsafe { logs.slice((index * shape.heads + head) * context, context) };
            for q0 in (0..context).step_by(QUERIES) {
                let q1 = (q0 + QUERIES).min(context);
                let outputs = &mut outputs[..(q1 - q0) * width];
                let logs = &mut logs[q0..q1];
                attend(&sequence, (head, group), pattern, (queries, keys), (q0, q1), block, outputs, logs);
                for (i, row) in outputs.chunks_exact(width).enumerate() {
                    let at = (index * context + q0 + i) * shape.output() + head * width;
                    // SAFETY: the columns of a head in the rows of a sequence belong to this task alone.
                    unsafe { out.slice(at, width) }.copy_from_slice(row);
                }
            }
        }
    });
}

kernel! {
/// Outputs of one block of queries.
fn attend<'a, T>(
    sequence: &'a Sequence<'a, T>,
    of: (usize, usize),
    pattern: &'a Pattern<'a, T>,
    turned: (&'a [T], &'a [T]),
    q: (usize, usize),
    block: &'a mut [T],
    outputs: &'a mut [T],
    logs: &'a mut [T],
) {
    let ((head, group), (queries, keys)) = (of, turned);
    let shape = sequence.shape;
    let (width, scale) = (shape.width, shape.scale());
    let mask = pattern.mask.of(sequence.index, shape.context, head);
    let bias = HeadBias::new(&pattern.position, sequence.index, shape.context, head);
    let rows = q.1 - q.0;
    let (mut tops, mut sums) = ([T::LOWEST; QUERIES], [T::ZERO; QUERIES]);
    let mut seen = false;
    for at in key_blocks(q, &mask, KEYS) {
        let columns = at.keys();
        let block = &mut block[..rows * columns];
        scores(at, (queries, keys, width, scale), &mask, &bias, block);
        for (i, row) in block.chunks_exact_mut(columns).enumerate() {
            let top = tops[i].larger(largest(row));
            // A hidden score stays at the bottom: its exponential must be zero even in a row that sees nothing here.
            let shown = if top > T::LOWEST { top } else { T::ZERO };
            for s in row.iter_mut() {
                *s = (*s - shown).exp();
            }
            if seen {
                let shrink = (tops[i] - shown).exp();
                sums[i] *= shrink;
                outputs[i * width..(i + 1) * width].iter_mut().for_each(|o| *o *= shrink);
            }
            sums[i] += sum(row);
            tops[i] = top;
        }
        let out = ViewMut::new(&mut outputs[..], rows, width);
        product_here(out, seen, View::new(block, rows, columns), sequence.values(group, at.k.0, at.k.1));
        seen = true;
    }
    if !seen {
        outputs.fill(T::ZERO);
    }
    for i in 0..rows {
        let shown = if tops[i] > T::LOWEST { tops[i] } else { T::ZERO };
        // A query that sees nothing puts out nothing.
        let inverse = if tops[i] > T::LOWEST { T::ONE / sums[i] } else { T::ZERO };
        outputs[i * width..(i + 1) * width].iter_mut().for_each(|o| *o *= inverse);
        logs[i] = if tops[i] > T::LOWEST { shown + sums[i].ln() } else { T::ZERO };
    }
}
}
