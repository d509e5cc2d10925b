//! What the way there and the way back share: the rotated queries and keys of a head, and the scores of a block.

use super::mask::HeadMask;
use super::position::HeadBias;
use super::{Pattern, Shape};
use crate::kernels::{Real, View, ViewMut, product_here};

/// One sequence of packed rows.
pub(super) struct Sequence<'a, T> {
    pub(super) shape: Shape,
    /// Number of the sequence in the batch.
    pub(super) index: usize,
    /// Its packed rows.
    pub(super) rows: &'a [T],
}

impl<'a, T: Real> Sequence<'a, T> {
    pub(super) fn new(shape: Shape, index: usize, packed: &'a [T]) -> Self {
        let len = shape.context * shape.packed();
        Self { shape, index, rows: &packed[index * len..(index + 1) * len] }
    }

    /// Where the numbers of a part of a row start.
    pub(super) fn query_at(&self, head: usize) -> usize {
        head * self.shape.width
    }

    pub(super) fn key_at(&self, group: usize) -> usize {
        (self.shape.heads + group) * self.shape.width
    }

    pub(super) fn value_at(&self, group: usize) -> usize {
        (self.shape.heads + self.shape.groups + group) * self.shape.width
    }

    /// The numbers of one head at `column` of every row, rotated, without gaps.
    pub(super) fn rotated(&self, pattern: &Pattern<'_, T>, column: usize, out: &mut [T]) {
        let Shape { width, context, .. } = self.shape;
        let packed = self.shape.packed();
        for (i, (out, row)) in out.chunks_exact_mut(width).zip(self.rows.chunks_exact(packed)).enumerate() {
            out.copy_from_slice(&row[column..column + width]);
            if let Some(rotary) = pattern.position.rotary {
                rotary.turn(out, pattern.position.id(self.index * context + i, i), false);
            }
        }
    }

    /// The values of a group, where they stand.
    pub(super) fn values(&self, group: usize, from: usize, to: usize) -> View<'a, T> {
        let packed = self.shape.packed();
        let start = from * packed + self.value_at(group);
        View::rows(&self.rows[start..], to - from, self.shape.width, packed)
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
    (0..q.1)
        .step_by(step)
        .map(move |k0| Block { q, k: (k0, (k0 + step).min(q.1)) })
        .filter(|b| mask.any(b.q.0, b.q.1, b.k.0, b.k.1))
}
