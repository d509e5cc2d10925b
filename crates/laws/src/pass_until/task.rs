//! The pass rate of a task: the mean over its instances.

use super::PassCount;
use crate::LawError;
use kleiber_core::stats::gamma_quantile;
use serde::Serialize;

/// Instances that pass less often than this are hard.
const HARD: f64 = 1e-3;

/// The mean pass rate of a task's instances at one model size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TaskRate {
    /// Instances.
    pub instances: usize,
    /// Mean of the unbiased estimates.
    pub rate: f64,
    /// Mean of passes over draws, as the paper has it; too high.
    pub likeliest: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Standard deviation of `rate` over repetitions of the draws, the instances staying the same.
    pub deviation: f64,
    /// Instances that reached the cap.
    pub censored: usize,
    /// Share of instances below a pass in 1000 draws.
    pub hard: f64,
    /// `(sum of p)^2 / sum of p^2`: how many equal instances would give the mean; a few easy ones often make it.
    pub effective: f64,
    /// All draws: multiply by tokens per draw for the cost.
    pub draws: u64,
}

impl TaskRate {
    /// The task's rate at a level such as .95. The ends are quantiles of gamma distributions with the mean and variance
    /// of the estimate, the upper one as if the heaviest instance had passed once more (Fay and Feuer 1997, for
    /// weighted sums of rare counts).
    ///
    /// # Errors
    /// [`LawError::Request`] for no counts, or counts that stopped at their first pass: those have no unbiased estimate.
    pub fn of(counts: &[PassCount], level: f64) -> Result<Self, LawError> {
        if counts.is_empty() || !(0.5..1.0).contains(&level) {
            return Err(LawError::Request("a task needs at least one instance and a level between .5 and 1".into()));
        }
        if counts.iter().any(|c| !c.censored && c.passes < 2) {
            return Err(LawError::Request(
                "draws that stop at their first pass have no unbiased mean (1/K is too high by about ln(1/p)); draw until two pass".into(),
            ));
        }
        let n = counts.len() as f64;
        let mean = |of: &dyn Fn(&PassCount) -> f64| counts.iter().map(of).sum::<f64>() / n;
        let (rate, square) = (mean(&PassCount::unbiased), mean(&|c| c.unbiased().powi(2)));
        let variance = mean(&PassCount::variance) / n;
        let heaviest = counts.iter().map(|c| 1.0 / (n * (c.draws as f64 - 1.0).max(1.0))).fold(0.0, f64::max);
        let tail = 0.5 * (1.0 - level);
        let quantile = |q: f64, mean: f64, variance: f64| gamma_quantile(q, mean * mean / variance) * variance / mean;
        let low = match () {
            () if rate == 0.0 => 0.0,
            () if variance == 0.0 => rate,
            () => quantile(tail, rate, variance),
        };
        let high = quantile(1.0 - tail, rate + heaviest, variance + heaviest * heaviest).min(1.0);
        Ok(Self {
            instances: counts.len(),
            rate,
            likeliest: mean(&PassCount::likeliest),
            low,
            high,
            deviation: variance.sqrt(),
            censored: counts.iter().filter(|c| c.censored).count(),
            hard: mean(&|c| f64::from(u8::from(c.unbiased() < HARD))),
            effective: if square > 0.0 { n * rate * rate / square } else { 0.0 },
            draws: counts.iter().map(|c| c.draws).sum(),
        })
    }
}
