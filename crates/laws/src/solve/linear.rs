//! Weighted least squares with non-negative coefficients, for few columns: every active set is tried
//! in closed form, so the answer is exact and needs no iteration.

use nalgebra::{DMatrix, DVector};

/// Most columns (2^columns active sets are tried).
pub(crate) const MAX_COLUMNS: usize = 5;

/// Minimises sum_i (row_i . x - target_i)^2 with x >= 0, from the normal equations
/// `gram` = A^T A and `moment` = A^T b (columns scaled by the caller's data). Returns zeros when no
/// active set works.
pub(crate) fn nonnegative(gram: &DMatrix<f64>, moment: &DVector<f64>) -> DVector<f64> {
    let n = moment.len();
    // Unit diagonal: columns such as 1 and N^-alpha differ by many orders of magnitude.
    let scale: Vec<f64> = (0..n).map(|i| 1.0 / gram[(i, i)].max(f64::MIN_POSITIVE).sqrt()).collect();
    let g = DMatrix::from_fn(n, n, |i, j| gram[(i, j)] * scale[i] * scale[j]);
    let m = DVector::from_fn(n, |i, _| moment[i] * scale[i]);
    let mut best = (0.0, DVector::zeros(n));
    for set in (1usize..1 << n).rev() {
        let members: Vec<usize> = (0..n).filter(|i| set >> i & 1 == 1).collect();
        let k = members.len();
        let sub = DMatrix::from_fn(k, k, |i, j| g[(members[i], members[j])]);
        let rhs = DVector::from_fn(k, |i, _| m[members[i]]);
        let Some(cholesky) = sub.cholesky() else { continue };
        let x = cholesky.solve(&rhs);
        if x.iter().any(|v| *v < 0.0 || !v.is_finite()) {
            continue;
        }
        // The decrease of the sum of squares below b^T b.
        let gain = x.dot(&rhs);
        if gain > best.0 {
            let mut full = DVector::zeros(n);
            members.iter().zip(x.iter()).for_each(|(&i, v)| full[i] = v * scale[i]);
            best = (gain, full);
            if k == n {
                break;
            }
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solve(a: &[[f64; 2]], b: &[f64]) -> Vec<f64> {
        let a = DMatrix::from_fn(a.len(), 2, |i, j| a[i][j]);
        let b = DVector::from_row_slice(b);
        nonnegative(&a.tr_mul(&a), &a.tr_mul(&b)).iter().copied().collect()
    }

    #[test]
    fn interior_and_boundary_solutions() {
        let x = solve(&[[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], &[1.0, 3.0, 5.0]);
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 2.0).abs() < 1e-12);
        // A falling line: the slope is held at zero and the constant becomes the mean.
        let x = solve(&[[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], &[3.0, 2.0, 1.0]);
        assert!((x[0] - 2.0).abs() < 1e-12 && x[1] == 0.0);
        assert_eq!(solve(&[[1.0, 1.0]], &[-1.0]), [0.0, 0.0]);
    }
}
