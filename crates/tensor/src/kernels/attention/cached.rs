//! Attention of new tokens to keys and values that earlier calls kept, for writing a text token by token.

use super::position::HeadBias;
use super::{Pattern, Rotary, Shape};
use crate::kernels::head::largest;
use crate::kernels::{Real, dot, kernel, sum};
use rayon::prelude::*;

/// Keys and values of one layer for one text, the keys rotated.
#[derive(Debug, Clone, PartialEq)]
pub struct Cache<T> {
    heads: usize,
    width: usize,
    /// For each group the keys and values of all tokens, `[len, width]`.
    groups: Vec<[Vec<T>; 2]>,
}

impl<T: Real> Cache<T> {
    /// An empty cache for heads of `width` numbers that share the keys of `groups`.
    pub fn new(heads: usize, groups: usize, width: usize) -> Self {
        Self { heads, width, groups: vec![[Vec::new(), Vec::new()]; groups] }
    }

    /// Tokens in it.
    pub fn len(&self) -> usize {
        self.groups.first().map_or(0, |[keys, _]| keys.len() / self.width)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all tokens from `len` on.
    pub fn truncate(&mut self, len: usize) {
        self.groups.iter_mut().flatten().for_each(|part| part.truncate(len * self.width));
    }

    /// Adds the keys and values of packed rows, which are the tokens after those in it.
    ///
    /// # Panics
    /// When the rows are not whole, or there are no angles for a position.
    pub fn append(&mut self, packed: &[T], rotary: Option<&Rotary<T>>) {
        let first = self.len();
        let row_len = self.row_len();
        assert!(packed.len().is_multiple_of(row_len), "{} numbers in rows of {row_len}", packed.len());
        let (width, count) = (self.width, self.groups.len());
        for (i, row) in packed.chunks_exact(row_len).enumerate() {
            let (_, rest) = row.split_at(self.heads * width);
            let (keys, values) = rest.split_at(count * width);
            for (group, (key, value)) in keys.chunks_exact(width).zip(values.chunks_exact(width)).enumerate() {
                let [all_keys, all_values] = &mut self.groups[group];
                all_keys.extend_from_slice(key);
                all_values.extend_from_slice(value);
                if let Some(rotary) = rotary {
                    let at = all_keys.len() - width;
                    rotary.turn(&mut all_keys[at..], first + i, false);
                }
            }
        }
    }

    fn row_len(&self) -> usize {
        (self.heads + 2 * self.groups.len()) * self.width
    }
}

/// Numbers of keys below which other threads are not worth waking.
const WORTH_THREADS: usize = 1 << 17;

/// Attention of the last `packed` rows of the cache, which were appended before, to all tokens up to each;
/// `out` is `[rows, heads * width]`.
///
/// # Panics
/// When the pattern names documents or positions of its own, or the rows are not the last of the cache.
pub fn attend<T: Real>(cache: &Cache<T>, packed: &[T], pattern: &Pattern<'_, T>, out: &mut [T]) {
    let (len, width, heads) = (cache.len(), cache.width, cache.heads);
    let rows = packed.len() / cache.row_len();
    let (position, mask) = (&pattern.position, &pattern.mask);
    let plain = position.ids.is_none() && mask.starts.is_none() && mask.lengths.is_none();
    assert!(plain, "one text, one token after another");
    assert!(rows <= len && out.len() == rows * heads * width, "{rows} rows of a cache of {len} tokens");
    let shared = heads / cache.groups.len();
    let task = |scores: &mut Vec<T>, (task, out): (usize, &mut [T])| {
        let (row, head) = (task / heads, task % heads);
        let query = len - rows + row;
        let at = row * cache.row_len() + head * width;
        let mut turned = packed[at..at + width].to_vec();
        if let Some(rotary) = pattern.position.rotary {
            rotary.turn(&mut turned, query, false);
        }
        let [keys, values] = &cache.groups[head / shared];
        attend_head(head, query, &turned, (keys, values), pattern, scores, out);
    };
    if rows * heads * len * width < WORTH_THREADS {
        let mut scores = Vec::new();
        out.chunks_exact_mut(width).enumerate().for_each(|work| task(&mut scores, work));
    } else {
        out.par_chunks_exact_mut(width).enumerate().for_each_init(Vec::new, task);
    }
}

kernel! {
    /// Output of one query of one head.
    fn attend_head<'a, T>(
        head: usize,
        query: usize,
        turned: &'a [T],
        kept: (&'a [T], &'a [T]),
        pattern: &'a Pattern<'a, T>,
        scores: &'a mut Vec<T>,
        out: &'a mut [T],
    ) {
        let width = turned.len();
        let shape = Shape { batch: 1, context: query + 1, heads: 1, groups: 1, width };
        let mask = pattern.mask.of(0, 0, head);
        // Sinks and blocks may show keys before the span.
        let whole = pattern.mask.sinks > 0 || pattern.mask.blocks.is_some();
        let first = if whole { 0 } else { mask.first(query) };
        let (keys, values) = (&kept.0[first * width..(query + 1) * width], &kept.1[first * width..(query + 1) * width]);
        scores.resize(keys.len() / width, T::ZERO);
        for (score, key) in scores.iter_mut().zip(keys.chunks_exact(width)) {
            *score = dot(turned, key);
        }
        HeadBias::new(&pattern.position, 0, 0, head).apply(query, first, scores, shape.scale());
        mask.hide(query, first, scores, T::LOWEST);
        let top = largest(scores);
        for s in scores.iter_mut() {
            *s = (*s - top).exp();
        }
        // A query that sees nothing puts out nothing.
        let inverse = if top > T::LOWEST { T::ONE / sum(scores) } else { T::ZERO };
        out.fill(T::ZERO);
        for (value, score) in values.chunks_exact(width).zip(scores.iter()) {
            for i in 0..width {
                out[i] = value[i].mul_add(*score, out[i]);
            }
        }
        for o in out.iter_mut() {
            *o *= inverse;
        }
    }
}
