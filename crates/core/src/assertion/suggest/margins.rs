//! The values that a number is expected to have in a new run.

use super::runs::{Kind, Run, Runs};
use crate::assertion::estimate::{effective, smooth};
use crate::rng::Rng;
use crate::stats::{line, mean, standard_deviation, student_quantile};

/// Draws of a block bootstrap.
const DRAWS: u32 = 200;
/// By what the noise within a run is widened where it has to stand for that between runs.
pub(super) const WIDENED: f64 = 3.0;
/// Least margin, as a share of the number: runs that do not differ at all say nothing of those of another machine or version.
const LEAST: f64 = 1e-3;
/// Longest block, as a share of a curve.
const LONGEST: usize = 8;

/// A prediction interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Band {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Band {
    /// The band in round numbers that hold it: three digits of its width.
    pub(super) fn outward(self) -> Self {
        let width = (self.high - self.low).max(1e-9 * self.high.abs().max(self.low.abs())).max(f64::MIN_POSITIVE);
        let digits = 2 - width.log10().floor() as i32;
        // Multiplying by an exact power of ten and dividing by it gives the number that prints in so many digits.
        let grid = |v: f64, round: fn(f64) -> f64| match digits {
            0..=300 => round(v * 10f64.powi(digits)) / 10f64.powi(digits),
            _ => round(v / 10f64.powi(-digits)) * 10f64.powi(-digits),
        };
        Self { low: grid(self.low, f64::floor), high: grid(self.high, f64::ceil) }
    }
}

/// What `of` gives for a new run, with probability 1 - `alpha`.
///
/// With several runs, mean -+ t s sqrt(1 + 1/S), the prediction interval of one more; a mean over several more lies in it
/// the more surely. With a single run the noise of the number is that of a moving-block bootstrap of the residuals around the
/// smooth curve, [`WIDENED`], for nothing is known of what differs between seeds; the residuals of a ladder are those around its
/// power law.
pub(super) fn band(runs: &Runs, alpha: f64, of: &dyn Fn(&Run) -> f64) -> Band {
    let values: Vec<f64> = runs.runs.iter().map(of).collect();
    let count = values.len() as f64;
    let (centre, spread) = match &runs.runs[..] {
        [only] => {
            let (deviation, blocks) = blockwise(only, runs.kind, of);
            let t = student_quantile(1.0 - alpha / 2.0, blocks - 1.0);
            (values[0], WIDENED * t * deviation * 2f64.sqrt())
        }
        _ => {
            let t = student_quantile(1.0 - alpha / 2.0, count - 1.0);
            (mean(&values), t * standard_deviation(&values) * (1.0 + 1.0 / count).sqrt())
        }
    };
    let spread = spread.max(LEAST * centre.abs());
    Band { low: centre - spread, high: centre + spread }.outward()
}

/// Standard deviation of `of` over curves whose residuals are drawn in blocks, and how many blocks fill a curve.
fn blockwise(run: &Run, kind: Kind, of: &dyn Fn(&Run) -> f64) -> (f64, f64) {
    let fitted = if kind == Kind::Ladder { power_law(run) } else { smooth(&run.y) };
    let residuals: Vec<f64> = fitted.iter().zip(&run.y).map(|(fitted, y)| y - fitted).collect();
    let n = residuals.len();
    let worth = if kind == Kind::Ladder { n as f64 } else { effective(&residuals) };
    let length = ((n as f64 / worth).ceil() as usize).clamp(1, (n / LONGEST).max(1));
    let draw = |step: u32| {
        let mut rng = Rng::new(0, "blocks", step);
        let mut drawn = Vec::with_capacity(n + length);
        while drawn.len() < n {
            let start = rng.below(n - length + 1);
            drawn.extend_from_slice(&residuals[start..start + length]);
        }
        let y = fitted.iter().zip(&drawn).map(|(fitted, residual)| fitted + residual).collect();
        of(&Run { y, ..run.clone() })
    };
    let values: Vec<f64> = (0..DRAWS).map(draw).collect();
    (standard_deviation(&values), (n as f64 / length as f64).max(2.0))
}

/// The least-squares line of y in x, through logarithms where all have one.
fn power_law(run: &Run) -> Vec<f64> {
    let positive = run.x.iter().chain(&run.y).all(|v| *v > 0.0);
    let taken = |v: &[f64]| v.iter().map(|v| if positive { v.ln() } else { *v }).collect::<Vec<f64>>();
    let (slope, intercept, _) = line(&taken(&run.x), &taken(&run.y));
    let back = |v: f64| if positive { v.exp() } else { v };
    taken(&run.x).iter().map(|x| back(intercept + slope * x)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(values: &[f64]) -> Runs {
        let run = |v: &f64| Run { label: "".into(), x: vec![1.0], y: vec![*v], rows: 1 };
        Runs { runs: values.iter().map(run).collect(), kind: Kind::Ladder }
    }

    #[test]
    fn a_new_run_is_expected_within_students_band() {
        // scipy.stats.t.ppf(0.975, 2) * 0.1 * sqrt(4/3) = 0.496828.
        let got = band(&runs(&[0.1, 0.2, 0.3]), 0.05, &|run| run.y[0]);
        assert_eq!(got, Band { low: -0.297, high: 0.697 });
        // Runs that are the same leave a thousandth.
        assert_eq!(band(&runs(&[3.0; 4]), 0.05, &|run| run.y[0]), Band { low: 2.997, high: 3.003 });
    }

    #[test]
    fn numbers_are_rounded_away_from_the_band() {
        let round = |low, high| Band { low, high }.outward();
        assert_eq!(round(1.23456, 1.24567), Band { low: 1.2345, high: 1.2457 });
        assert_eq!(round(3_141.0, 92_653.0), Band { low: 3_100.0, high: 92_700.0 });
        let point = round(2.0, 2.0);
        assert!(point.low <= 2.0 && point.high >= 2.0 && point.high - point.low < 1e-8);
    }

    #[test]
    fn one_run_is_widened() {
        let mut rng = Rng::new(5, "noise", 0);
        let y: Vec<f64> = (0..400).map(|_| 3.0 + 0.1 * rng.normal()).collect();
        let x: Vec<f64> = (0..400).map(f64::from).collect();
        let one = Runs { runs: vec![Run { label: "".into(), rows: 400, x, y }], kind: Kind::Curves };
        let got = band(&one, 0.05, &|run| mean(&run.y));
        // Standard error 0.1 / 20 = 0.005; t near 1.97, times 3 sqrt(2): 0.042 to either side.
        assert!((0.03..0.055).contains(&((got.high - got.low) / 2.0)), "{got:?}");
    }
}
