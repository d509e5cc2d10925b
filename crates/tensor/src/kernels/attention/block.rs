//! What the way there and the way back share: the rotated queries and keys of a head, and the scores of a block.

use super::mask::HeadMask;
use super::position::HeadBias;
use super::{Pattern, Shape};
use crate::kernels::{Real, View, ViewMut, product_here};

/// Rows that queries, keys and values are read from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs<'a, T> {
    /// Rows that begin with the queries.
    queries: &'a [T],
    /// Rows with keys and then values.
    keys: &'a [T],
    /// Numbers of a row of queries and of a row of keys.
    pub(super) strides: (usize, usize),
    /// Where the keys of a row start.
    first_key: usize,
    /// Keys of a sequence.
    pub(super) count: usize,
}

impl<'a, T> Inputs<'a, T> {
    /// Rows that hold all three.
    pub(super) fn packed(shape: Shape, packed: &'a [T]) -> Self {
        assert!(packed.len() == shape.batch * shape.context * shape.packed());
        let (stride, first_key) = (shape.packed(), shape.output());
        Self { queries: packed, keys: packed, strides: (stride, stride), first_key, count: shape.context }
    }

    /// Rows of queries, and rows of keys and values of other sequences.
    pub(super) fn apart(shape: Shape, queries: &'a [T], keys: &'a [T]) -> Self {
        let strides = (shape.output(), shape.packed() - shape.output());
        assert!(queries.len() == shape.batch * shape.context * strides.0);
        let count = keys.len() / (shape.batch * strides.1).max(1);
        assert!(count > 0 && keys.len() == shape.batch * count * strides.1);
        Self { queries, keys, strides, first_key: 0, count }
    }

    /// Whether the pattern speaks of keys that there are.
    pub(super) fn check(&self, shape: Shape, pattern: &Pattern<'_, T>) {
        if let Some(lengths) = pattern.mask.lengths {
            assert!(lengths.len() == shape.batch && lengths.iter().all(|l| *l as usize <= self.count));
        }
    }
}

/// One sequence of queries, and the one of keys and values that it sees.
pub(super) struct Sequence<'a, T> {
    pub(super) shape: Shape,
    /// Number of the sequence in the batch.
    pub(super) index: usize,
    /// Its rows.
    pub(super) rows: Inputs<'a, T>,
}

impl<'a, T: Real> Sequence<'a, T> {
    pub(super) fn new(shape: Shape, index: usize, all: Inputs<'a, T>) -> Self {
        let of = |rows: &'a [T], len: usize| &rows[index * len..(index + 1) * len];
        let queries = of(all.queries, shape.context * all.strides.0);
        let keys = of(all.keys, all.count * all.strides.1);
        Self { shape, index, rows: Inputs { queries, keys, ..all } }
    }

    /// Where the numbers of a part of a row start.
    pub(super) fn query_at(&self, head: usize) -> usize {
        head * self.shape.width
    }

    pub(super) fn key_at(&self, group: usize) -> usize {
        self.rows.first_key + group * self.shape.width
    }

    pub(super) fn value_at(&self, group: usize) -> usize {
        self.rows.first_key + (self.shape.groups + group) * self.shape.width
    }

    /// The queries of a head, rotated, without gaps.
    pub(super) fn rotated_queries(&self, pattern: &Pattern<'_, T>, head: usize, out: &mut [T]) {
        self.rotated(pattern, (self.rows.queries, self.rows.strides.0, self.query_at(head)), out);
    }

    /// The keys of a group, rotated, without gaps.
    pub(super) fn rotated_keys(&self, pattern: &Pattern<'_, T>, group: usize, out: &mut [T]) {
        self.rotated(pattern, (self.rows.keys, self.rows.strides.1, self.key_at(group)), out);
    }

    /// The numbers at `column` of rows of `stride` numbers.
    fn rotated(&self, pattern: &Pattern<'_, T>, (rows, stride, column): (&[T], usize, usize), out: &mut [T]) {
        let Shape { width, context, .. } = self.shape;
        for (i, (out, row)) in out.chunks_exact_mut(width).zip(rows.chunks_exact(stride)).enumerate() {
            out.copy_from_slice(&row[column..column + width]);
            if let Some(rotary) = pattern.position.rotary {
                rotary.turn(out, pattern.position.id(self.index * context + i, i), false);
            }
        }
    }

    /// The values of a group, where they stand.
    pub(super) fn values(&self, group: usize, from: usize, to: usize) -> View<'a, T> {
        let stride = self.rows.strides.1;
        let start = from * stride + self.value_at(group);
        View::rows(&self.rows.keys[start..], to - from, self.shape.width, stride)
    }
}

/// A block of scores: queries `q.0..q.1` against keys `k.0..k.1`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) q: (usize, usize),
    pub(super) k: (usize, usize),
}

impl Block {
    pub(super) fn queries(&self) -> usize {
        self.q.1 - self.q.0
    }

    pub(super) fn keys(&self) -> usize {
        self.k.1 - self.k.0
    }
}

/// Scaled, biased and masked scores of `block`, row by row without gaps.
#[inline(always)]
pub(super) fn scores<T: Real>(
    block: Block,
    (queries, keys, width, scale): (&[T], &[T], usize, T),
    mask: &HeadMask<'_>,
    bias: &HeadBias<'_, T>,
    out: &mut [T],
) {
    let (rows, columns) = (block.queries(), block.keys());
    let q = View::new(&queries[block.q.0 * width..], rows, width);
    let k = View::new(&keys[block.k.0 * width..], columns, width);
    product_here(ViewMut::new(out, rows, columns), false, q, k.t());
    for (i, row) in out[..rows * columns].chunks_exact_mut(columns).enumerate() {
        bias.apply(block.q.0 + i, block.k.0, row, scale);
        mask.hide(block.q.0 + i, block.k.0, row, T::LOWEST);
    }
}

/// The blocks of keys that a block of queries may see.
pub(super) fn key_blocks<'a>(
    q: (usize, usize),
    mask: &'a HeadMask<'_>,
    step: usize,
) -> impl Iterator<Item = Block> + 'a {
    let end = mask.end(q.1 - 1);
    (0..end)
        .step_by(step)
        .map(move |k0| Block { q, k: (k0, (k0 + step).min(end)) })
        .filter(|b| mask.any(b.q.0, b.q.1, b.k.0, b.k.1))
}
