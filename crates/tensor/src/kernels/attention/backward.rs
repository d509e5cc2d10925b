//! The way back: probabilities are computed again from the scores and the kept logarithms.

use super::block::{Inputs, Sequence, key_blocks, scores};
use super::position::HeadBias;
use super::{KEYS, Pattern, QUERIES, Shape, Shared};
use crate::kernels::{Real, View, ViewMut, dot, kernel, product_here, scratch};
use rayon::prelude::*;

/// Gradients of an attention layer.
#[derive(Debug)]
pub struct Gradients<T> {
    /// Of the packed rows.
    pub packed: Vec<T>,
    /// Of the bias table; empty without one.
    pub table: Vec<T>,
}

/// Gradients from those of the output.
///
/// # Panics
/// When slices or pattern do not fit the shape.
pub fn backward<T: Real>(
    shape: Shape,
    packed: &[T],
    pattern: &Pattern<'_, T>,
    kept: (&[T], &[T]),
    dout: &[T],
) -> Gradients<T> {
    let mut gradient = scratch(packed.len());
    let shared = Shared::new(&mut gradient);
    let table = backward_of(shape, Inputs::packed(shape, packed), pattern, kept, dout, (&shared, &shared));
    Gradients { packed: gradient, table }
}

/// Gradients of the queries and of the keys with their values, for what [`super::forward_across`] gave.
///
/// # Panics
/// As [`backward`].
pub fn backward_across<T: Real>(
    shape: Shape,
    (queries, keys): (&[T], &[T]),
    lengths: &[u32],
    kept: (&[T], &[T]),
    dout: &[T],
) -> (Vec<T>, Vec<T>) {
    let (mut dqueries, mut dkeys) = (scratch(queries.len()), scratch(keys.len()));
    let into = (&Shared::new(&mut dqueries), &Shared::new(&mut dkeys));
    backward_of(shape, Inputs::apart(shape, queries, keys), &Pattern::across(lengths), kept, dout, into);
    (dqueries, dkeys)
}

/// Puts the gradients of queries and keys into their rows, and gives that of the bias table.
fn backward_of<T: Real>(
    shape: Shape,
    inputs: Inputs<'_, T>,
    pattern: &Pattern<'_, T>,
    (out, logs): (&[T], &[T]),
    dout: &[T],
    into: (&Shared<T>, &Shared<T>),
) -> Vec<T> {
    inputs.check(shape, pattern);
    let (context, width, count) = (shape.context, shape.width, inputs.count);
    let buffers = || {
        let block = QUERIES.min(context) * KEYS.min(count);
        let (queries, keys) = (context * width, count * width);
        [queries, keys, queries, keys, keys, block, block].map(scratch::<T>)
    };
    let tables: Vec<Vec<T>> = (0..shape.batch * shape.groups)
        .into_par_iter()
        .map_init(buffers, |[queries, keys, dqueries, dkeys, dvalues, block, dblock], task| {
            let (index, group) = (task / shape.groups, task % shape.groups);
            let sequence = Sequence::new(shape, index, inputs);
            let mut table = vec![T::ZERO; pattern.position.bias.table_len()];
            sequence.rotated_keys(pattern, group, keys);
            dkeys.fill(T::ZERO);
            dvalues.fill(T::ZERO);
            let (query_stride, key_stride) = inputs.strides;
            for head in group * shape.shared()..(group + 1) * shape.shared() {
                sequence.rotated_queries(pattern, head, queries);
                dqueries.fill(T::ZERO);
                let head_logs = &logs[(index * shape.heads + head) * context..][..context];
                let of_head =
                    Head { sequence: &sequence, head, group, pattern, queries, keys, logs: head_logs, out, dout };
                for q0 in (0..context).step_by(QUERIES) {
                    let q = (q0, (q0 + QUERIES).min(context));
                    back(&of_head, q, (block, dblock), (dqueries, dkeys, dvalues), &mut table);
                }
                store(into.0, &sequence, pattern, (query_stride, sequence.query_at(head)), dqueries, true);
            }
            store(into.1, &sequence, pattern, (key_stride, sequence.key_at(group)), dkeys, true);
            store(into.1, &sequence, pattern, (key_stride, sequence.value_at(group)), dvalues, false);
            table
        })
        .collect();
    let mut table = vec![T::ZERO; pattern.position.bias.table_len()];
    for part in &tables {
        table.iter_mut().zip(part).for_each(|(t, p)| *t += *p);
    }
    table
}

/// Turns the gradients of a head back and puts them at `column` into rows of `stride` numbers.
fn store<T: Real>(
    shared: &Shared<T>,
    sequence: &Sequence<'_, T>,
    pattern: &Pattern<'_, T>,
    (stride, column): (usize, usize),
    head: &mut [T],
    turned: bool,
) {
    let width = sequence.shape.width;
    let first = sequence.index * (head.len() / width);
    for (i, row) in head.chunks_exact_mut(width).enumerate() {
        if let Some(rotary) = pattern.position.rotary.filter(|_| turned) {
            rotary.turn(row, pattern.position.id(first + i, i), true);
        }
        // SAFETY: these columns of the rows of this sequence belong to one head or group, and so to one task.
        unsafe { shared.slice((first + i) * stride + column, width) }.copy_from_slice(row);
    }
}

/// One head of one sequence.
struct Head<'a, T> {
    sequence: &'a Sequence<'a, T>,
    head: usize,
    group: usize,
    pattern: &'a Pattern<'a, T>,
    queries: &'a [T],
    keys: &'a [T],
    logs: &'a [T],
    out: &'a [T],
    dout: &'a [T],
}

kernel! {
    /// Adds the gradients that a block of queries gives.
    fn back<'a, T>(
        of: &'a Head<'a, T>,
        q: (usize, usize),
        blocks: (&'a mut [T], &'a mut [T]),
        heads: (&'a mut [T], &'a mut [T], &'a mut [T]),
        table: &'a mut [T],
    ) {
        let ((block, dblock), (dqueries, dkeys, dvalues)) = (blocks, heads);
        let shape = of.sequence.shape;
        let (width, scale, stride) = (shape.width, shape.scale::<T>(), shape.output());
        let mask = of.pattern.mask.of(of.sequence.index, shape.context, of.head);
        let bias = HeadBias::new(&of.pattern.position, of.sequence.index, shape.context, of.head);
        let rows = q.1 - q.0;
        let first = (of.sequence.index * shape.context + q.0) * stride + of.head * width;
        let dout = View::rows(&of.dout[first..], rows, width, stride);
        // The part of a score's gradient that all keys of a query share.
        let mut common = [T::ZERO; QUERIES];
        for (i, common) in common.iter_mut().enumerate().take(rows) {
            let at = first + i * stride;
            *common = dot(&of.dout[at..at + width], &of.out[at..at + width]);
        }
        for at in key_blocks(q, &mask, KEYS) {
            let columns = at.keys();
            let (block, dblock) = (&mut block[..rows * columns], &mut dblock[..rows * columns]);
            scores(at, (of.queries, of.keys, width, scale), &mask, &bias, block);
            for (i, row) in block.chunks_exact_mut(columns).enumerate() {
                let log = of.logs[q.0 + i];
                for s in row.iter_mut() {
                    *s = (*s - log).exp();
                }
            }
            let probabilities = View::new(&*block, rows, columns);
            let (k0, k1) = at.k;
            let dvalue = ViewMut::new(&mut dvalues[k0 * width..k1 * width], columns, width);
            product_here(dvalue, true, probabilities.t(), dout);
            let values = of.sequence.values(of.group, k0, k1);
            product_here(ViewMut::new(&mut dblock[..], rows, columns), false, dout, values.t());
            for i in 0..rows {
                let (p, d) = (&block[i * columns..(i + 1) * columns], &mut dblock[i * columns..(i + 1) * columns]);
                let common = common[i];
                for (d, p) in d.iter_mut().zip(p) {
                    *d = *p * (*d - common);
                }
                bias.collect(q.0 + i, k0, d, table);
                for d in d.iter_mut() {
                    *d *= scale;
                }
            }
            let slopes = View::new(&*dblock, rows, columns);
            let keys = View::new(&of.keys[k0 * width..], columns, width);
            let dquery = ViewMut::new(&mut dqueries[q.0 * width..q.1 * width], rows, width);
            product_here(dquery, true, slopes, keys);
            let queries = View::new(&of.queries[q.0 * width..], rows, width);
            let dkey = ViewMut::new(&mut dkeys[k0 * width..k1 * width], columns, width);
            product_here(dkey, true, slopes.t(), queries);
        }
    }
}
