//! What the allocator does with memory that a step gave back.

// For its symbols alone: naming them through this crate would need another dependency.
use libmimalloc_sys as _;
use std::ffi::{c_int, c_long};

unsafe extern "C" {
    fn mi_option_set_default(option: c_int, value: c_long);
}

/// `mi_option_purge_delay` of mimalloc 2 and 3: milliseconds until freed memory is given back to the system.
const PURGE_DELAY: c_int = 15;
/// Never.
const KEEP: c_long = -1;

/// Keeps freed memory for the next step instead of giving it back to the system, which would have to clear it again:
/// a step asks for the same buffers as the one before it, and at 10 million parameters clearing them takes a twelfth of the
/// time. For programs whose global allocator is mimalloc; others do not notice. `MIMALLOC_PURGE_DELAY` in the environment
/// goes before.
pub fn keep_freed() {
    // SAFETY: sets a number in mimalloc's table of options, which any thread may do at any time, whether or not it
    // allocates anything for this program.
    unsafe { mi_option_set_default(PURGE_DELAY, KEEP) }
}
