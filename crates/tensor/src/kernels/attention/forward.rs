//! The way there: outputs, and for each query the logarithm of its sum of exponentials.

use super::block::{Sequence, key_blocks, scores};
use super::position::HeadBias;
use super::{KEYS, Pattern, QUERIES, Shape, Shared};
use crate::kernels::head::largest;
use crate::kernels::{Real, View, ViewMut, product_here, scratch, sum, vectorised};
use rayon::prelude::*;

/// `out` is `[batch * context, heads * width]`, `logs` `[batch, heads, context]`: the logarithm of each query's sum of
/// exponentials, for the way back.
pub fn forward<T: Real>(shape: Shape, packed: &[T], pattern: &Pattern<'_, T>, out: &mut [T], logs: &mut [T]) {
    assert!(packed.len() == shape.batch * shape.context * shape.packed());
    assert!(out.len() == shape.batch * shape.context * shape.output());
    assert!(logs.len() == shape.batch * shape.heads * shape.context);
    let (out, logs) = (Shared::new(out), Shared::new(logs));
    let (context, width) = (shape.context, shape.width);
    let buffers = || {
        let rows = QUERIES.min(context);
        [context * width, context * width, rows * KEYS.min(context), rows * width].map(scratch::<T>)
    };
    (0..shape.batch * shape.groups).into_par_iter().for_each_init(buffers, |[queries, keys, block, outputs], task| {
        let (index, group) = (task / shape.groups, task % shape.groups);
        let sequence = Sequence::new(shape, index, packed);
        sequence.rotated(pattern, sequence.key_at(group), keys);
        for head in group * shape.shared()..(group + 1) * shape.shared() {
            sequence.rotated(pattern, sequence.query_at(head), queries);
            // SAFETY: the logarithms of a head of a sequence belong to this task alone.
            let logs = unsafe { logs.slice((index * shape.heads + head) * context, context) };
            for q0 in (0..context).step_by(QUERIES) {
                let q1 = (q0 + QUERIES).min(context);
                let outputs = &mut outputs[..(q1 - q0) * width];
                vectorised(|| {
                    let logs = &mut logs[q0..q1];
                    attend(&sequence, (head, group), pattern, (queries, keys), (q0, q1), block, outputs, logs);
                });
                for (i, row) in outputs.chunks_exact(width).enumerate() {
                    let at = (index * context + q0 + i) * shape.output() + head * width;
                    // SAFETY: the columns of a head in the rows of a sequence belong to this task alone.
                    unsafe { out.slice(at, width) }.copy_from_slice(row);
                }
            }
        }
    });
}

/// Outputs of one block of queries.
#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn attend<T: Real>(
    sequence: &Sequence<'_, T>,
    (head, group): (usize, usize),
    pattern: &Pattern<'_, T>,
    (queries, keys): (&[T], &[T]),
    q: (usize, usize),
    block: &mut [T],
    outputs: &mut [T],
    logs: &mut [T],
) {
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
            row.iter_mut().for_each(|s| *s = (*s - shown).exp());
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
