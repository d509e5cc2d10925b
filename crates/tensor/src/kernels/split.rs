//! How work is split over threads: fixed blocks of rows, whatever the number of threads, so that sums over blocks
//! come out the same.

use super::Real;

/// Numbers in a block: large enough to hide the cost of a task, small enough for a core's cache.
const BLOCK: usize = 1 << 14;

/// Rows of `width` numbers that make up a block.
pub(crate) fn rows_of(width: usize) -> usize {
    (BLOCK / width.max(1)).max(1)
}

/// A buffer whose contents are overwritten before they are read.
pub(crate) fn scratch<T: Real>(len: usize) -> Vec<T> {
    let mut buffer = Vec::with_capacity(len);
    // SAFETY: `T` is f32 or f64, for which every bit pattern is a number; the kernels write all of a scratch buffer
    // before reading from it.
    #[allow(clippy::uninit_vec)]
    unsafe {
        buffer.set_len(len);
    }
    buffer
}
