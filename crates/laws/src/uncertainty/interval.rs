//! From draws to intervals: percentile and bias-corrected accelerated (BCa, Efron 1987).

use crate::LawError;
use kleiber_core::stats::{normal_cdf, normal_quantile, quantile_sorted, sorted};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// How an interval is made from bootstrap draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntervalKind {
    /// Quantiles of the draws.
    #[default]
    Percentile,
    /// Quantiles corrected for the bias and skewness of the draws.
    Bca,
    /// Where the objective, others re-fitted, rises beyond the likelihood-ratio threshold.
    Profile,
}

impl IntervalKind {
    /// Name on the command line and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percentile => "percentile",
            Self::Bca => "bca",
            Self::Profile => "profile",
        }
    }
}

impl FromStr for IntervalKind {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        [Self::Percentile, Self::Bca, Self::Profile].into_iter().find(|k| k.name() == text).ok_or_else(|| {
            LawError::Option { option: "interval", found: text.into(), expected: "percentile, bca or profile".into() }
        })
    }
}

/// Fewest draws that give an interval.
pub(crate) const FEWEST: usize = 20;

/// Quantiles of the draws at (1 - level)/2 and (1 + level)/2; `None` with too few finite draws.
pub(crate) fn percentile(draws: &[f64], level: f64) -> Option<(f64, f64)> {
    let draws = sorted(draws);
    (draws.len() >= FEWEST).then(|| {
        let tail = 0.5 * (1.0 - level);
        (quantile_sorted(&draws, tail), quantile_sorted(&draws, 1.0 - tail))
    })
}

/// BCa interval. `jackknife` holds the value with each row (or cluster) left out, exactly or to first
/// order; only its skewness matters.
pub(crate) fn bca(draws: &[f64], value: f64, jackknife: &[f64], level: f64) -> Option<(f64, f64)> {
    let draws = sorted(draws);
    if draws.len() < FEWEST {
        return None;
    }
    let below = draws.iter().filter(|d| **d < value).count() as f64
        + 0.5 * draws.iter().filter(|d| **d == value).count() as f64;
    let share = (below / draws.len() as f64).clamp(0.5 / draws.len() as f64, 1.0 - 0.5 / draws.len() as f64);
    let bias = normal_quantile(share);
    let mean = jackknife.iter().sum::<f64>() / jackknife.len().max(1) as f64;
    let (square, cube) =
        jackknife.iter().fold((0.0, 0.0), |(s, c), j| (s + (mean - j).powi(2), c + (mean - j).powi(3)));
    let acceleration = if square > 0.0 { cube / (6.0 * square.powf(1.5)) } else { 0.0 };
    let adjusted = |p: f64| {
        let z = bias + normal_quantile(p);
        normal_cdf(bias + z / (1.0 - acceleration * z))
    };
    let tail = 0.5 * (1.0 - level);
    Some((quantile_sorted(&draws, adjusted(tail)), quantile_sorted(&draws, adjusted(1.0 - tail))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symmetric_draws_give_the_same_interval_either_way() {
        let draws: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
        let (low, high) = percentile(&draws, 0.9).unwrap();
        assert!((low - 0.05).abs() < 1e-12 && (high - 0.95).abs() < 1e-12);
        let jackknife = [0.4, 0.6];
        let (low, high) = bca(&draws, 0.5, &jackknife, 0.9).unwrap();
        assert!((low - 0.05).abs() < 2e-3 && (high - 0.95).abs() < 2e-3);
        assert!(percentile(&draws[..10], 0.9).is_none());
    }

    #[test]
    fn a_value_above_the_median_of_its_draws_moves_the_interval_up() {
        let draws: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0).collect();
        let (low, high) = bca(&draws, 0.6, &[0.5], 0.9).unwrap();
        // bias = 0.2533; limits at Phi(2*0.2533 -+ 1.6449) = 0.1275, 0.9843
        assert!((low - 0.1275).abs() < 2e-3 && (high - 0.9843).abs() < 2e-3, "{low} {high}");
    }
}
