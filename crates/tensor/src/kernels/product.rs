//! Matrix products of strided views, through the `gemm` crate, which packs, chooses instructions at run time and
//! splits large products over the threads of rayon.

use super::Real;
use rayon::prelude::*;

/// A matrix to be read: `rows x cols` numbers at `offset + i * row_stride + j * col_stride` of a slice.
#[derive(Debug, Clone, Copy)]
pub struct View<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    strides: (usize, usize),
}

impl<'a, T> View<'a, T> {
    /// A row-major matrix whose rows lie `stride` numbers apart.
    ///
    /// # Panics
    /// When the slice does not hold the last element.
    pub fn rows(data: &'a [T], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(span(rows, cols, stride) <= data.len(), "a view of {rows} x {cols} in {} numbers", data.len());
        Self { data, rows, cols, strides: (stride, 1) }
    }

    /// A row-major matrix without gaps.
    pub fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        Self::rows(data, rows, cols, cols)
    }

    /// The transposed matrix.
    pub fn t(self) -> Self {
        Self { rows: self.cols, cols: self.rows, strides: (self.strides.1, self.strides.0), ..self }
    }
}

/// A row-major matrix to be written.
#[derive(Debug)]
pub struct ViewMut<'a, T> {
    data: &'a mut [T],
    rows: usize,
    cols: usize,
    stride: usize,
}

impl<'a, T> ViewMut<'a, T> {
    /// A matrix whose rows lie `stride` numbers apart.
    ///
    /// # Panics
    /// When the slice does not hold the last element.
    pub fn rows(data: &'a mut [T], rows: usize, cols: usize, stride: usize) -> Self {
        assert!(span(rows, cols, stride) <= data.len(), "a view of {rows} x {cols} in {} numbers", data.len());
        Self { data, rows, cols, stride }
    }

    /// A matrix without gaps.
    pub fn new(data: &'a mut [T], rows: usize, cols: usize) -> Self {
        Self::rows(data, rows, cols, cols)
    }
}

fn span(rows: usize, cols: usize, stride: usize) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols }
}

/// Products of fewer multiplications than this are not worth waking other threads for.
const WORTH_THREADS: usize = 1 << 18;
/// A result with a side above this is multiplied in the same blocks by `gemm` however its other side is cut.
const SMALL: usize = 64;
/// Rows below which `gemm` has other ways still.
const FEW: usize = 4;

/// `out = a b`, or `out += a b`, by as many tasks as there are threads, each with rows of the result of its own: they
/// wait for each other once, where the threads of `gemm` meet after every block. Bits do not depend on the tasks.
///
/// # Panics
/// When the shapes do not match.
pub fn product<T: Real>(out: ViewMut<'_, T>, accumulate: bool, a: View<'_, T>, b: View<'_, T>) {
    let work = a.rows * a.cols * b.cols;
    let threads = if work >= WORTH_THREADS { rayon::current_num_threads() } else { 1 };
    let rows = out.rows.div_ceil(threads);
    if threads == 1 || out.cols <= SMALL || rows <= SMALL || (1..FEW).contains(&(out.rows % rows)) {
        return multiply(out, accumulate, a, b, threads);
    }
    let stride = out.stride;
    out.data.par_chunks_mut(rows * stride).take(threads).enumerate().for_each(|(task, data)| {
        let first = task * rows;
        let rows = rows.min(out.rows - first);
        let a = View { data: &a.data[first * a.strides.0..], rows, ..a };
        multiply(ViewMut { data, rows, cols: out.cols, stride }, accumulate, a, b, 1);
    });
}

/// As [`product`] on the calling thread alone, for use inside parallel loops.
///
/// # Panics
/// When the shapes do not match.
pub fn product_here<T: Real>(out: ViewMut<'_, T>, accumulate: bool, a: View<'_, T>, b: View<'_, T>) {
    multiply(out, accumulate, a, b, 1);
}

fn multiply<T: Real>(out: ViewMut<'_, T>, accumulate: bool, a: View<'_, T>, b: View<'_, T>, threads: usize) {
    assert!(
        a.cols == b.rows && out.rows == a.rows && out.cols == b.cols,
        "a product of {} x {} and {} x {} into {} x {}",
        a.rows,
        a.cols,
        b.rows,
        b.cols,
        out.rows,
        out.cols
    );
    if out.rows == 0 || out.cols == 0 {
        return;
    }
    let parallelism = if threads > 1 { gemm::Parallelism::Rayon(threads) } else { gemm::Parallelism::None };
    // SAFETY: the constructors of the views checked that the last element of each matrix lies in its slice, all
    // strides are not negative, and `out` is borrowed alone.
    unsafe {
        gemm::gemm(
            out.rows,
            out.cols,
            a.cols,
            out.data.as_mut_ptr(),
            1,
            out.stride as isize,
            accumulate,
            a.data.as_ptr(),
            a.strides.1 as isize,
            a.strides.0 as isize,
            b.data.as_ptr(),
            b.strides.1 as isize,
            b.strides.0 as isize,
            T::ONE,
            T::ONE,
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_and_their_transposes() {
        let a: Vec<f64> = (0..6).map(f64::from).collect();
        let b: Vec<f64> = (0..6).map(|i| f64::from(i) - 2.0).collect();
        let mut out = [1.0; 4];
        product(ViewMut::new(&mut out, 2, 2), false, View::new(&a, 2, 3), View::new(&b, 3, 2));
        assert_eq!(out, [4.0, 7.0, 4.0, 16.0]);
        product(ViewMut::new(&mut out, 2, 2), true, View::new(&a, 3, 2).t(), View::new(&b, 2, 3).t());
        assert_eq!(out, [2.0, 23.0, -1.0, 38.0]);
        let mut gaps = [0.0; 7];
        product(ViewMut::rows(&mut gaps, 2, 2, 5), false, View::rows(&a, 2, 1, 4), View::new(&b[..2], 1, 2));
        assert_eq!(gaps, [0.0, 0.0, 0.0, 0.0, 0.0, -8.0, -4.0]);
    }

    #[test]
    fn tasks_make_the_bits_of_one_thread() {
        let numbers = |len: usize| -> Vec<f32> { (0..len).map(|i| ((i * 7919) % 101) as f32 * 0.02 - 1.0).collect() };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for (m, k, n) in [(200, 700, 65), (131, 1030, 96), (399, 96, 128), (130, 64, 65)] {
            let (a, b) = (numbers(m * k), numbers(k * n));
            let on = |threads: usize, turned: bool| {
                let mut out = vec![0.5f32; m * (n + 1)];
                let a = if turned { View::new(&a, k, m).t() } else { View::new(&a, m, k) };
                let out_view = ViewMut::rows(&mut out, m, n, n + 1);
                pool(threads).install(|| product(out_view, true, a, View::new(&b, k, n)));
                out
            };
            for turned in [false, true] {
                let one = on(1, turned);
                assert!(one.chunks(n + 1).all(|row| row.len() == n || row[n] == 0.5), "the gap is written");
                (2..6).for_each(|threads| assert_eq!(on(threads, turned), one, "{m} {k} {n} {threads} {turned}"));
            }
        }
    }

    #[test]
    fn nothing_is_read_beyond_a_slice() {
        let data = [0f32; 10];
        for bad in [(2, 6, 5), (3, 4, 4)] {
            assert!(std::panic::catch_unwind(|| View::rows(&data, bad.0, bad.1, bad.2)).is_err());
        }
        let _ = (View::rows(&data, 2, 5, 5), View::rows(&data, 0, 99, 9));
    }
}
