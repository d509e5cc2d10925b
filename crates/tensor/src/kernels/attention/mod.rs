//! Causal attention, or attention to all of a text, with an online softmax (Dao et al. 2022, "FlashAttention"): scores exist for one block of queries
//! and keys at a time, never as a context x context matrix.
//!
//! Queries, keys and values come packed, one row per token: `heads * width` numbers of queries, then
//! `groups * width` of keys and as many of values; head `h` reads the keys of group `h / (heads / groups)`.

mod backward;
mod block;
mod cached;
mod forward;
mod mask;
mod position;

pub use backward::{Gradients, backward, backward_across};
pub use cached::{Cache, attend};
pub use forward::{forward, forward_across};
pub use mask::{Blocks, Mask};
pub use position::{Bias, Position, Rotary};

use super::Real;

/// Shapes of an attention layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Sequences.
    pub batch: usize,
    /// Tokens of a sequence.
    pub context: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub groups: usize,
    /// Numbers of a head.
    pub width: usize,
}

impl Shape {
    /// Numbers in a packed row.
    pub fn packed(&self) -> usize {
        (self.heads + 2 * self.groups) * self.width
    }

    /// Numbers in an output row.
    pub fn output(&self) -> usize {
        self.heads * self.width
    }

    /// Query heads that share a key head.
    pub fn shared(&self) -> usize {
        self.heads / self.groups
    }

    fn scale<T: Real>(&self) -> T {
        T::from_f64(1.0 / (self.width as f64).sqrt())
    }
}

/// How queries and keys are told where they stand, and which keys a query sees.
#[derive(Debug, Clone, Copy)]
pub struct Pattern<'a, T> {
    /// Positions.
    pub position: Position<'a, T>,
    /// Visible keys.
    pub mask: Mask<'a>,
}

impl<'a, T> Pattern<'a, T> {
    /// Every query sees the first keys of its sequence, wherever it stands.
    fn across(lengths: &'a [u32]) -> Self {
        Self { mask: Mask { lengths: Some(lengths), ..Mask::default() }, ..Self::default() }
    }
}

impl<T> Default for Pattern<'_, T> {
    fn default() -> Self {
        Self { position: Position::default(), mask: Mask::default() }
    }
}

/// Queries of a block: scores of a block stay in a core's cache.
const QUERIES: usize = 64;
/// Keys of a block.
const KEYS: usize = 256;

/// Numbers that several tasks write to, each to rows of its own.
struct Shared<T>(*mut T, usize);

// SAFETY: a pointer to numbers; who writes where is the promise of `Shared::slice`.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    fn new(data: &mut [T]) -> Self {
        Self(data.as_mut_ptr(), data.len())
    }

    /// `len` numbers from `at`.
    ///
    /// # Safety
    /// No other task may hold a slice that overlaps.
    #[allow(clippy::mut_from_ref)]
    unsafe fn slice(&self, at: usize, len: usize) -> &mut [T] {
        assert!(at + len <= self.1);
        // SAFETY: within the slice this was made from, and the caller promises to be alone there.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(at), len) }
    }
}
