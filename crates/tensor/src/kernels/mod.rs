//! Kernels on slices: forward and backward passes of the fused operators, without a tensor in sight.
//!
//! Matrices are row-major; weights of a projection are `[out, in]`. Loops are written so that the compiler
//! vectorises them, and declared with `kernel!`, which picks the instructions of this processor.

pub mod activation;
pub mod adamw;
pub mod attention;
pub mod dropout;
pub mod embedding;
pub mod float_format;
pub mod head;
pub mod linear;
pub mod norm;
mod product;
mod real;
mod split;
mod vector;

pub use product::{View, ViewMut, product, product_here};
pub use real::Real;
pub(crate) use split::{rows_of, scratch};
pub(crate) use vector::kernel;

/// Sums kept apart in a reduction, so that it fills vector registers.
pub(crate) const LANES: usize = 32;

/// Sum of products.
#[inline(always)]
pub(crate) fn dot<T: Real>(a: &[T], b: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            sums[i] = x[i].mul_add(y[i], sums[i]);
        }
    }
    let rest = a_rest.iter().zip(b_rest).fold(T::ZERO, |s, (x, y)| s + *x * *y);
    total(&sums) + rest
}

/// Sum of a row.
#[inline(always)]
pub(crate) fn sum<T: Real>(a: &[T]) -> T {
    let mut sums = [T::ZERO; LANES];
    let (chunks, rest) = a.as_chunks::<LANES>();
    for x in chunks {
        for i in 0..LANES {
            sums[i] += x[i];
        }
    }
    total(&sums) + rest.iter().fold(T::ZERO, |s, x| s + *x)
}

#[inline(always)]
fn total<T: Real>(sums: &[T; LANES]) -> T {
    // Halves, so that the order does not depend on the width of a register.
    let mut sums = *sums;
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            sums[i] += sums[i + width];
        }
        width /= 2;
    }
    sums[0]
}
