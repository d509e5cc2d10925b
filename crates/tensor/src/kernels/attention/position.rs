//! How attention is told where tokens stand: rotated queries and keys, or a bias of the scores by distance.

use super::Real;

/// Positions of the tokens and what they do.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a, T> {
    /// Position of each token, `[batch * context]`, never falling along a sequence; its index when `None`.
    pub ids: Option<&'a [u32]>,
    /// Rotation of queries and keys.
    pub rotary: Option<&'a Rotary<T>>,
    /// Bias of the scores.
    pub bias: Bias<'a, T>,
}

impl<T> Default for Position<'_, T> {
    fn default() -> Self {
        Self { ids: None, rotary: None, bias: Bias::None }
    }
}

/// Added to the scaled scores.
#[derive(Debug, Clone, Copy)]
pub enum Bias<'a, T> {
    /// Nothing.
    None,
    /// ALiBi (Press et al. 2022): minus the distance times the slope of the head.
    Slopes(&'a [T]),
    /// T5 (Raffel et al. 2020): a learned number for each head and bucket of distances.
    Table {
        /// `[heads, buckets]`.
        values: &'a [T],
        /// Buckets of a head.
        buckets: usize,
        /// Bucket of each distance; longer distances are in that of the last.
        bucket_of: &'a [u16],
    },
}

/// Angles of rotary positions (Su et al. 2021), in the form of GPT-NeoX: number `i` of a head is turned with number
/// `i + half`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rotary<T> {
    half: usize,
    cos: Vec<T>,
    sin: Vec<T>,
}

impl<T: Real> Rotary<T> {
    /// Angles `position * base^(-2i/dims)` of the first `dims` numbers of a head, for positions below `length`.
    pub fn new(dims: usize, base: f64, length: usize) -> Self {
        Self::spaced(dims, base, length, 1)
    }

    /// The same where neighbours stand `distance` positions apart.
    pub fn spaced(dims: usize, base: f64, length: usize, distance: usize) -> Self {
        let half = dims / 2;
        let angle = |k: usize| (k / half * distance) as f64 * base.powf(-2.0 * (k % half) as f64 / dims as f64);
        let table = |f: fn(f64) -> f64| (0..half * length).map(|k| T::from_f64(f(angle(k)))).collect();
        Self { half, cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Pairs of numbers that are turned.
    pub fn half(&self) -> usize {
        self.half
    }

    /// Cosine and sine of every pair at `position`.
    pub fn angles(&self, position: usize) -> impl Iterator<Item = (T, T)> + '_ {
        let at = position * self.half..(position + 1) * self.half;
        self.cos[at.clone()].iter().copied().zip(self.sin[at].iter().copied())
    }

    /// Positions that there are angles for.
    pub fn length(&self) -> usize {
        self.cos.len() / self.half.max(1)
    }

    /// Turns a head's numbers at `position`; back when `backwards`.
    #[inline(always)]
    pub(super) fn turn(&self, row: &mut [T], position: usize, backwards: bool) {
        let at = position * self.half;
        let (cos, sin) = (&self.cos[at..at + self.half], &self.sin[at..at + self.half]);
        let (first, rest) = row.split_at_mut(self.half);
        let second = &mut rest[..self.half];
        for i in 0..self.half {
            let s = if backwards { -sin[i] } else { sin[i] };
            let (a, b) = (first[i], second[i]);
            first[i] = a * cos[i] - b * s;
            second[i] = b * cos[i] + a * s;
        }
    }
}

impl<T: Real> Position<'_, T> {
    pub(super) fn id(&self, token: usize, index: usize) -> usize {
        self.ids.map_or(index, |ids| ids[token] as usize)
    }
}

/// The bias of one head in one sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadBias<'a, T> {
    bias: Bias<'a, T>,
    ids: Option<&'a [u32]>,
    head: usize,
}

impl<'a, T: Real> HeadBias<'a, T> {
    pub(super) fn new(position: &Position<'a, T>, sequence: usize, context: usize, head: usize) -> Self {
        let ids = position.ids.map(|ids| &ids[sequence * context..(sequence + 1) * context]);
        Self { bias: position.bias, ids, head }
    }

    #[inline(always)]
    fn distance(&self, query: usize, key: usize) -> usize {
        match self.ids {
            Some(ids) => ids[query].saturating_sub(ids[key]) as usize,
            None => query.saturating_sub(key),
        }
    }

    /// `scores[j] = scores[j] * scale + bias` for keys from `k0` on.
    #[inline(always)]
    pub(super) fn apply(&self, query: usize, k0: usize, scores: &mut [T], scale: T) {
        match self.bias {
            Bias::None => scores.iter_mut().for_each(|s| *s *= scale),
            Bias::Slopes(slopes) => {
                let slope = slopes[self.head];
                for (j, score) in scores.iter_mut().enumerate() {
                    let distance = self.distance(query, k0 + j) as f64;
                    *score = score.mul_add(scale, -slope * T::from_f64(distance));
                }
            }
            Bias::Table { values, buckets, bucket_of } => {
                for (j, score) in scores.iter_mut().enumerate() {
                    let distance = self.distance(query, k0 + j).min(bucket_of.len() - 1);
                    let value = values[self.head * buckets + usize::from(bucket_of[distance])];
                    *score = score.mul_add(scale, value);
                }
            }
        }
    }

    /// Adds the gradient of the table, when there is one, from the gradients of biased scores.
    #[inline(always)]
    pub(super) fn collect(&self, query: usize, k0: usize, slopes: &[T], table: &mut [T]) {
        if let Bias::Table { buckets, bucket_of, .. } = self.bias {
            for (j, slope) in slopes.iter().enumerate() {
                let distance = self.distance(query, k0 + j).min(bucket_of.len() - 1);
                table[self.head * buckets + usize::from(bucket_of[distance])] += *slope;
            }
        }
    }
}

impl<T> Bias<'_, T> {
    /// Numbers in the gradient of the table.
    pub(super) fn table_len(&self) -> usize {
        if let Self::Table { values, .. } = self { values.len() } else { 0 }
    }
}
