//! Least squares on domain shares, with their square roots or without.

use super::Points;
use crate::LawError;
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// `L = b + sum_i a_i w_i`, or `L = b + sum_i (a_i w_i + r_i sqrt(w_i))`.
///
/// Shares add up to one, so the constant is a sum of the others: the coefficients are those of least norm, and none of them alone
/// is the effect of its domain. Predictions do not depend on that choice.
#[derive(Debug, Clone, PartialEq)]
pub struct Linear {
    constant: f64,
    shares: Vec<f64>,
    roots: Vec<f64>,
}

impl Linear {
    /// Least squares; `roots` adds the square root of every share.
    ///
    /// # Errors
    /// [`LawError::Request`] when the singular values cannot be found.
    pub fn fit(x: &Points, y: &[f64], roots: bool) -> Result<Self, LawError> {
        let m = x.width();
        let design = DMatrix::from_fn(x.len(), 1 + m + if roots { m } else { 0 }, |i, j| match j {
            0 => 1.0,
            j if j <= m => x.row(i)[j - 1],
            j => x.row(i)[j - 1 - m].max(0.0).sqrt(),
        });
        let solution = least_norm(design, y)?;
        let (shares, roots) = (solution[1..=m].to_vec(), solution[m + 1..].to_vec());
        Ok(Self { constant: solution[0], shares, roots })
    }

    /// The value at a mixture.
    pub fn predict(&self, shares: &[f64]) -> f64 {
        let dot = |c: &[f64], f: &dyn Fn(f64) -> f64| c.iter().zip(shares).map(|(c, w)| c * f(*w)).sum::<f64>();
        self.constant + dot(&self.shares, &|w| w) + dot(&self.roots, &|w| w.max(0.0).sqrt())
    }
}

/// The solution of least squares that has the least norm.
pub(super) fn least_norm(design: DMatrix<f64>, y: &[f64]) -> Result<Vec<f64>, LawError> {
    let largest = design.nrows().max(design.ncols()) as f64;
    let unsolved = || LawError::Request("the regression has no solution: are all shares and losses finite?".into());
    if design.iter().chain(y).any(|v| !v.is_finite()) {
        return Err(unsolved());
    }
    // Eigenvectors of the normal matrix rather than singular values of the design: where columns add up to another one, the
    // latter came out wrong by a constant.
    let target = design.tr_mul(&DVector::from_column_slice(y));
    let normal = SymmetricEigen::try_new(design.tr_mul(&design), f64::EPSILON, 0).ok_or_else(unsolved)?;
    let smallest = normal.eigenvalues.max() * largest * 8.0 * f64::EPSILON;
    let mut parts = normal.eigenvectors.tr_mul(&target);
    for (part, value) in parts.iter_mut().zip(&normal.eigenvalues) {
        *part = if *value > smallest { *part / value } else { 0.0 };
    }
    let solved = normal.eigenvectors * parts;
    Ok(solved.iter().copied().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_that_add_up_to_one_are_no_obstacle() {
        let shares = [0.0, 0.09, 0.25, 0.36, 0.64, 0.81, 1.0];
        let x = Points::new(2, shares.iter().flat_map(|&w| [w, 1.0 - w]).collect());
        let linear: Vec<f64> = shares.iter().map(|w| 2.0 + 3.0 * w).collect();
        let fit = Linear::fit(&x, &linear, false).unwrap();
        assert!((fit.predict(&[0.5, 0.5]) - 3.5).abs() < 1e-12, "{fit:?}");
        let bent: Vec<f64> = shares.iter().map(|w| 5.0 - w.sqrt() + 2.0 * w).collect();
        let fit = Linear::fit(&x, &bent, true).unwrap();
        assert!((fit.predict(&[0.49, 0.51]) - (5.0 - 0.7 + 0.98)).abs() < 1e-12, "{fit:?}");
        assert!((Linear::fit(&x, &bent, false).unwrap().predict(&[0.0, 1.0]) - 5.0).abs() > 0.05);
        assert!(Linear::fit(&x, &[f64::NAN; 7], false).is_err());
        // Evenly spread shares, of which singular values gave a constant of 2.89 instead of 3.
        let spread: Vec<f64> = (0..20).map(|i| f64::from(i) / 19.0).collect();
        let x = Points::new(2, spread.iter().flat_map(|&w| [w, 1.0 - w]).collect());
        let falling: Vec<f64> = spread.iter().map(|w| 3.0 - w).collect();
        let fit = Linear::fit(&x, &falling, false).unwrap();
        assert!((fit.predict(&[0.1, 0.9]) - 2.9).abs() < 1e-12, "{fit:?}");
    }
}
