//! Rows of a table picked by number, and the gradient of the table.

use super::Real;
use rayon::prelude::*;

/// Parts of the table whose gradients are gathered side by side.
const PARTS: usize = 16;

/// `y[i] = table[ids[i]]` for rows of `width` numbers.
///
/// # Panics
/// When a number is not a row of the table.
pub fn forward<T: Real>(table: &[T], width: usize, ids: &[u32], y: &mut [T]) {
    y.par_chunks_mut(width).zip(ids).with_min_len(64).for_each(|(y, id)| {
        let at = *id as usize * width;
        y.copy_from_slice(&table[at..at + width]);
    });
}

/// `dtable[id] = sum of dy[i] over ids[i] = id`, in the order of `i` whatever the threads.
pub fn backward<T: Real>(width: usize, ids: &[u32], dy: &[T], dtable: &mut [T]) {
    let rows = dtable.len() / width;
    let part = rows.div_ceil(PARTS).max(1);
    dtable.par_chunks_mut(part * width).enumerate().for_each(|(index, dtable)| {
        dtable.fill(T::ZERO);
        let first = index * part;
        let last = first + dtable.len() / width;
        for (id, dy) in ids.iter().zip(dy.chunks_exact(width)) {
            let id = *id as usize;
            if (first..last).contains(&id) {
                let row = &mut dtable[(id - first) * width..(id - first + 1) * width];
                row.iter_mut().zip(dy).for_each(|(d, g)| *d += *g);
            }
        }
    });
}
