//! Numbers with intervals from few replicates.

use crate::rng::Rng;
use crate::stats::{mean, quantile_sorted, sorted, standard_deviation, student_quantile};

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Lower end of the interval; `NaN` where there is none.
    pub low: f64,
    /// Upper end of the interval; `NaN` where there is none.
    pub high: f64,
    /// What it rests on: replicates, pairs, points.
    pub n: usize,
}

impl Estimate {
    /// A value of which no interval is known.
    pub(super) fn bare(value: f64, n: usize) -> Self {
        Self { value, low: f64::NAN, high: f64::NAN, n }
    }

    /// A value `spread` to either side.
    pub(super) fn around(value: f64, spread: f64, n: usize) -> Self {
        Self { value, low: value - spread, high: value + spread, n }
    }

    /// Value and ends through a rising function.
    pub(super) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { value: f(self.value), low: f(self.low), high: f(self.high), n: self.n }
    }
}

/// Mean with Student's t interval of coverage 1 - `alpha`; no interval for fewer than two values.
pub(super) fn student(values: &[f64], alpha: f64) -> Estimate {
    let n = values.len();
    if n < 2 {
        return Estimate::bare(mean(values), n);
    }
    let t = student_quantile(1.0 - alpha / 2.0, n as f64 - 1.0);
    Estimate::around(mean(values), t * standard_deviation(values) / (n as f64).sqrt(), n)
}

/// Difference of the means of `a` and `b` with Welch's interval; no interval when one has fewer than two values.
pub(super) fn welch(a: &[f64], b: &[f64], alpha: f64) -> Estimate {
    let value = mean(a) - mean(b);
    let n = a.len().min(b.len());
    if n < 2 {
        return Estimate::bare(value, n);
    }
    let part = |v: &[f64]| standard_deviation(v).powi(2) / v.len() as f64;
    let (of_a, of_b) = (part(a), part(b));
    let variance = of_a + of_b;
    if variance == 0.0 {
        return Estimate::around(value, 0.0, n);
    }
    // Welch-Satterthwaite.
    let rest = |part: f64, v: &[f64]| part * part / (v.len() as f64 - 1.0);
    let degrees = variance * variance / (rest(of_a, a) + rest(of_b, b));
    Estimate::around(value, student_quantile(1.0 - alpha / 2.0, degrees) * variance.sqrt(), n)
}

/// Independent values that a series of correlated ones is worth: n (1 - r) / (1 + r) with r its correlation from one
/// value to the next, as if it were autoregressive of order one; at least 1.
pub(super) fn effective(residuals: &[f64]) -> f64 {
    let n = residuals.len() as f64;
    let centre = mean(residuals);
    let square: f64 = residuals.iter().map(|r| (r - centre).powi(2)).sum();
    let next: f64 = residuals.windows(2).map(|w| (w[0] - centre) * (w[1] - centre)).sum();
    if square == 0.0 {
        return n;
    }
    let r = (next / square).clamp(0.0, 0.99);
    (n * (1.0 - r) / (1.0 + r)).max(1.0)
}

/// Means over up to five neighbours on either side, as many on both, so that a slope makes no error.
pub(super) fn smooth(y: &[f64]) -> Vec<f64> {
    let n = y.len();
    let at = |i: usize| {
        let beside = 5.min(i).min(n - 1 - i);
        mean(&y[i - beside..=i + beside])
    };
    (0..n).map(at).collect()
}

/// The middle 1 - `alpha` of draws.
pub(super) fn middle(draws: &[f64], alpha: f64) -> (f64, f64) {
    let s = sorted(draws);
    (quantile_sorted(&s, alpha / 2.0), quantile_sorted(&s, 1.0 - alpha / 2.0))
}

/// Factors by which a standard deviation with `degrees` degrees of freedom may be too small or too large, and beside
/// each a source of normal numbers: draws of means whose spread is that of Student's t.
pub(super) fn t_draw(seed: u64, stream: &str, draw: u32, degrees: usize) -> (f64, Rng) {
    let mut rng = Rng::new(seed, stream, draw);
    let chi: f64 = (0..degrees).map(|_| rng.normal().powi(2)).sum();
    ((degrees as f64 / chi).sqrt(), rng)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_those_of_scipy() {
        // scipy.stats.t.interval(0.95, 2, 0.2, 0.1 / 3**0.5)
        let got = student(&[0.1, 0.2, 0.3], 0.05);
        assert!((got.low + 0.048_413_771).abs() < 1e-8 && (got.high - 0.448_413_771).abs() < 1e-8, "{got:?}");
        assert!(student(&[1.0], 0.05).low.is_nan());
        // scipy.stats.ttest_ind([3, 4, 5], [1, 1.5, 2.5, 2], equal_var=False).confidence_interval(0.95)
        let got = welch(&[3.0, 4.0, 5.0], &[1.0, 1.5, 2.5, 2.0], 0.05);
        assert!((got.value - 2.25).abs() < 1e-12, "{got:?}");
        assert!((got.low - 0.228_836).abs() < 1e-6 && (got.high - 4.271_164).abs() < 1e-6, "{got:?}");
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0], 0.05), Estimate::around(-1.0, 0.0, 2));
    }

    #[test]
    fn a_quantile_far_out_is_right() {
        // scipy.stats.t.ppf(1 - 0.05 / 40, 2), and 3 degrees.
        assert!((student_quantile(1.0 - 0.05 / 40.0, 2.0) - 19.962_480).abs() < 1e-5);
        assert!((student_quantile(1.0 - 0.05 / 40.0, 3.0) - 9.464_900).abs() < 1e-5);
    }

    #[test]
    fn correlated_values_are_worth_fewer() {
        let alternating: Vec<f64> = (0..50).map(|i| f64::from(i % 2)).collect();
        assert_eq!(effective(&alternating), 50.0);
        let slow: Vec<f64> = (0..50).map(|i| f64::from(i / 10)).collect();
        assert!(effective(&slow) < 5.0);
        // An autoregressive series with r = 0.5 is worth a third.
        let mut rng = Rng::new(0, "ar", 0);
        let mut last = 0.0;
        let series: Vec<f64> = (0..20_000)
            .map(|_| {
                last = 0.5 * last + rng.normal();
                last
            })
            .collect();
        assert!((effective(&series) / 20_000.0 - 1.0 / 3.0).abs() < 0.02);
    }
}
