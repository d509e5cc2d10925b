//! The way back: probabilities are computed again from the scores and the kept logarithms.

use super::block::{Sequence, key_blocks, scores};
use super::position::HeadBias;
use super::{KEYS, Pattern, QUERIES, Shape, Shared};
use crate::kernels::{Real, View, ViewMut, dot, product_here, scratch, vectorised};
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
pub fn backward<T: Real>(
    shape: Shape,
    packed: &[T],
    pattern: &Pattern<'_, T>,
    (out, logs): (&[T], &[T]),
    dout: &[T],
) -> Gradients<T> {
    let mut gradient = scratch(packed.len());
    let shared = Shared::new(&mut gradient);
    let (context, width) = (shape.context, shape.width);
    let buffers = || {
        let block = QUERIES.min(context) * KEYS.min(context);
        let head = context * width;
        [head, head, head, head, head, block, block].map(scratch::<T>)
    };
    let tables: Vec<Vec<T>> = (0..shape.batch * shape.groups)
        .into_par_iter()
        .map_init(buffers, |[queries, keys, dqueries, dkeys, dvalues, block, dblock], task| {
            let (index, group) = (task / shape.groups, task % shape.groups);
            let sequence = Sequence::new(shape, index, packed);
            let mut table = vec![T::ZERO; pattern.position.bias.table_len()];
            sequence.rotated(pattern, sequence.key_at(group), keys);
            dkeys.fill(T::ZERO);
            dvalues.fill(T::ZERO);
            for head in group * shape.shared()..(group + 1) * shape.shared() {
                sequence.rotated(pattern, sequence.query_at(head), queries);
                dqueries.fill(T::ZERO);
                let head_logs = &logs[(index * shape.heads + head) * context..][..context];
                let of_head =
                    Head { sequence: &sequence, head, group, pattern, queries, keys, logs: head_logs, out, dout };
                for q0 in (0..context).step_by(QUERIES) {
                    let q = (q0, (q0 + QUERIES).min(context));
                    vectorised(|| of_head.back(q, (block, dblock), (dqueries, dkeys, dvalues), &mut table));
                }
                store(&shared, &sequence, pattern, sequence.query_at(head), dqueries, true);
            }
            store(&shared, &sequence, pattern, sequence.key_at(group), dkeys, true);
            store(&shared, &sequence, pattern, sequence.value_at(group), dvalues, false);
            table
        })
        .collect();
    let mut table = vec![T::ZERO; pattern.position.bias.table_len()];
    for part in &tables {
        table.iter_mut().zip(part).for_each(|(t, p)| *t += *p);
    }
    Gradients { packed: gradient, table }
}

/// Turns the gradients of a head back and puts them into the packed rows.
fn store<T: Real>(
    shared: &Shared<T>,
    sequence: &Sequence<'_, T>,
    pattern: &Pattern<'_, T>,
    column: usize,
    head: &mut [T],
    turned: bool,
) {
    let Shape { width, context, .. } = sequence.shape;
    for (i, row) in head.chunks_exact_mut(width).enumerate() {
        let token = sequence.index * context + i;
        if let Some(rotary) = pattern.position.rotary.filter(|_| turned) {
            rotary.turn(row, pattern.position.id(token, i), true);
        }
        // SAFETY: these columns of the rows of this sequence belong to one head or group, and so to one task.
        unsafe { shared.slice(token * sequence.shape.packed() + column, width) }.copy_from_slice(row);
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

impl<T: Real> Head<'_, T> {
    #[inline(always)]
    fn back(
        &self,
        q: (usize, usize),
        (block, dblock): (&mut [T], &mut [T]),
        (dqueries, dkeys, dvalues): (&mut [T], &mut [T], &mut [T]),
        table: &mut [T],
    ) {
        let shape = self.sequence.shape;
        let (width, scale, stride) = (shape.width, shape.scale::<T>(), shape.output());
        let mask = self.pattern.mask.of(self.sequence.index, shape.context, self.head);
        let bias = HeadBias::new(&self.pattern.position, self.sequence.index, shape.context, self.head);
        let rows = q.1 - q.0;
        let first = (self.sequence.index * shape.context + q.0) * stride + self.head * width;
        let dout = View::rows(&self.dout[first..], rows, width, stride);
        // The part of a score's gradient that all keys of a query share.
        let mut common = [T::ZERO; QUERIES];
        for (i, common) in common.iter_mut().enumerate().take(rows) {
            let at = first + i * stride;
            *common = dot(&self.dout[at..at + width], &self.out[at..at + width]);
        }
        for at in key_blocks(q, &mask, KEYS) {
            let columns = at.keys();
            let (block, dblock) = (&mut block[..rows * columns], &mut dblock[..rows * columns]);
            scores(at, (self.queries, self.keys, width, scale), &mask, &bias, block);
            for (i, row) in block.chunks_exact_mut(columns).enumerate() {
                let log = self.logs[q.0 + i];
                row.iter_mut().for_each(|s| *s = (*s - log).exp());
            }
            let probabilities = View::new(&*block, rows, columns);
            let (k0, k1) = at.k;
            let dvalue = ViewMut::new(&mut dvalues[k0 * width..k1 * width], columns, width);
            product_here(dvalue, true, probabilities.t(), dout);
            let values = self.sequence.values(self.group, k0, k1);
            product_here(ViewMut::new(&mut dblock[..], rows, columns), false, dout, values.t());
            for i in 0..rows {
                let (p, d) = (&block[i * columns..(i + 1) * columns], &mut dblock[i * columns..(i + 1) * columns]);
                let common = common[i];
                d.iter_mut().zip(p).for_each(|(d, p)| *d = *p * (*d - common));
                bias.collect(q.0 + i, k0, d, table);
                d.iter_mut().for_each(|d| *d *= scale);
            }
            let slopes = View::new(&*dblock, rows, columns);
            let keys = View::new(&self.keys[k0 * width..], columns, width);
            let dquery = ViewMut::new(&mut dqueries[q.0 * width..q.1 * width], rows, width);
            product_here(dquery, true, slopes, keys);
            let queries = View::new(&self.queries[q.0 * width..], rows, width);
            let dkey = ViewMut::new(&mut dkeys[k0 * width..k1 * width], columns, width);
            product_here(dkey, true, slopes.t(), queries);
        }
    }
}
