//! The exponential mixing law (Ye et al. 2024, arXiv 2403.16952, eq. 7).

use super::Points;
use super::linear::least_norm;
use crate::LawError;
use nalgebra::{DMatrix, DVector};

/// `L = c + exp(sum_i t_i w_i)`.
///
/// The paper writes `c + k exp(..)`. Where shares add up to one, `k` is no coefficient of its own: `ln k` added to every `t_i`
/// says the same, so it is left out, and only differences between two `t_i` mean something.
#[derive(Debug, Clone, PartialEq)]
pub struct Exponential {
    floor: f64,
    rates: Vec<f64>,
}

/// Floors to start from, in spreads of the loss below its minimum.
const FLOORS: [f64; 6] = [0.02, 0.1, 0.3, 1.0, 3.0, 10.0];
const STEPS: usize = 200;

impl Exponential {
    /// Least squares by Levenberg and Marquardt from several floors; the first of equally good ends is taken.
    ///
    /// # Errors
    /// [`LawError::Request`] when the loss does not vary, or nothing finite is found.
    pub fn fit(x: &Points, y: &[f64]) -> Result<Self, LawError> {
        let low = y.iter().copied().fold(f64::INFINITY, f64::min);
        let spread = y.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
        if !(spread > 0.0 && spread.is_finite()) {
            return Err(LawError::Request("the exponential law needs finite losses that differ".into()));
        }
        let mut best: Option<(f64, Self)> = None;
        for below in FLOORS {
            let floor = low - below * spread;
            let logs: Vec<f64> = y.iter().map(|y| (y - floor).ln()).collect();
            let design = DMatrix::from_fn(x.len(), x.width(), |i, j| x.row(i)[j]);
            let mut law = Self { floor, rates: least_norm(design, &logs)? };
            let squares = law.improve(x, y);
            if squares.is_finite() && best.as_ref().is_none_or(|(s, _)| squares < *s) {
                best = Some((squares, law));
            }
        }
        let nothing = || LawError::Request("the exponential law does not fit these losses; try --method sqrt".into());
        Ok(best.ok_or_else(nothing)?.1)
    }

    /// The value at a mixture.
    pub fn predict(&self, shares: &[f64]) -> f64 {
        self.floor + self.power(shares)
    }

    fn power(&self, shares: &[f64]) -> f64 {
        self.rates.iter().zip(shares).map(|(t, w)| t * w).sum::<f64>().exp()
    }

    fn squares(&self, x: &Points, y: &[f64]) -> f64 {
        x.iter().zip(y).map(|(row, y)| (self.predict(row) - y).powi(2)).sum()
    }

    /// Steps downhill until they no longer help; the sum of squares at the end.
    fn improve(&mut self, x: &Points, y: &[f64]) -> f64 {
        let n = 1 + self.rates.len();
        let (mut squares, mut damping) = (self.squares(x, y), 1e-3);
        for _ in 0..STEPS {
            let (mut gram, mut moment) = (DMatrix::zeros(n, n), DVector::zeros(n));
            for (row, y) in x.iter().zip(y) {
                let power = self.power(row);
                let slope = DVector::from_fn(n, |i, _| if i == 0 { 1.0 } else { power * row[i - 1] });
                gram.ger(1.0, &slope, &slope, 1.0);
                moment.axpy(y - self.floor - power, &slope, 1.0);
            }
            let largest = gram.diagonal().max();
            let before = squares;
            while damping < 1e12 {
                let mut damped = gram.clone();
                (0..n).for_each(|i| damped[(i, i)] += damping * (gram[(i, i)] + 1e-12 * largest));
                let step = damped.cholesky().map(|c| c.solve(&moment));
                let next = step.map(|step| Self {
                    floor: self.floor + step[0],
                    rates: self.rates.iter().zip(step.iter().skip(1)).map(|(t, s)| t + s).collect(),
                });
                let reached = next.as_ref().map_or(f64::INFINITY, |next| next.squares(x, y));
                if let Some(next) = next.filter(|_| reached < squares) {
                    (*self, squares) = (next, reached);
                    damping = (damping / 5.0).max(1e-12);
                    break;
                }
                damping *= 4.0;
            }
            if before - squares <= 1e-12 * before {
                break;
            }
        }
        squares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::Dirichlet;
    use kleiber_core::rng::Rng;

    #[test]
    fn a_known_law_is_found_to_its_floor() {
        let truth = Exponential { floor: 2.1, rates: vec![0.4, -0.9, 0.1] };
        let source = Dirichlet::new(&[1.0, 1.0, 1.0]);
        let mut values = vec![0.0; 3 * 40];
        let mut rng = Rng::new(5, "exponential", 0);
        values.chunks_exact_mut(3).for_each(|row| source.sample(&mut rng, row));
        let x = Points::new(3, values);
        let y: Vec<f64> = x.iter().map(|w| truth.predict(w)).collect();
        let fit = Exponential::fit(&x, &y).unwrap();
        assert!((fit.floor - 2.1).abs() < 1e-5, "{fit:?}");
        assert!(fit.rates.iter().zip(&truth.rates).all(|(a, b)| (a - b).abs() < 1e-4), "{fit:?}");
        assert!((fit.predict(&[0.2, 0.3, 0.5]) - (2.1 + (0.08f64 - 0.27 + 0.05).exp())).abs() < 1e-7);
        assert!(Exponential::fit(&x, &[3.0; 40]).is_err());
    }
}
