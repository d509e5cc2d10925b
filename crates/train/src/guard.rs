//! What a run does about losses and gradients that are not numbers, and about losses far above what they were.

use crate::TrainError;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// What happens to a step whose loss or gradient is not a number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotFinite {
    /// The run ends; the last checkpoint is intact.
    #[default]
    Stop,
    /// The step is left out and the run goes on with the next batch.
    Skip,
    /// The run goes back to its last checkpoint, leaves the batch out and lowers the learning rate.
    Rollback,
}

/// Settings of the guard.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardOptions {
    /// Losses and gradients that are not numbers.
    pub not_finite: NotFinite,
    /// Robust standard deviations above the median of the window from which a loss, or the logarithm of a gradient
    /// norm, is a spike whose step is left out; 0 leaves no step out.
    pub spike: f64,
    /// Accepted steps that the median is of.
    pub window: usize,
    /// Accepted steps before spikes are looked for.
    pub after: usize,
    /// Steps in a row that may be left out before the run ends.
    pub max_skips: u32,
    /// Times that a run goes back to a checkpoint before it ends.
    pub max_rollbacks: u32,
    /// Factor of the learning rate after each time.
    pub rollback_rate: f64,
}

impl Default for GuardOptions {
    fn default() -> Self {
        Self {
            not_finite: NotFinite::Stop,
            spike: 0.0,
            window: 128,
            after: 64,
            max_skips: 20,
            max_rollbacks: 3,
            rollback_rate: 0.5,
        }
    }
}

impl GuardOptions {
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        if !(self.spike >= 0.0 && self.spike.is_finite()) {
            return Err(TrainError::option(
                "train.guard.spike",
                self.spike,
                "a positive number, or 0 for none, is needed",
            ));
        }
        if self.spike > 0.0 && !(2..=self.window).contains(&self.after) {
            let expected = format!("from 2 to the window of {}", self.window);
            return Err(TrainError::option("train.guard.after", self.after, expected));
        }
        if !(self.rollback_rate > 0.0 && self.rollback_rate <= 1.0) {
            let expected = "a factor above 0 and at most 1 is needed";
            return Err(TrainError::option("train.guard.rollback_rate", self.rollback_rate, expected));
        }
        Ok(())
    }
}

/// Why a step was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The loss is not a number.
    Loss,
    /// The gradient norm is not a number.
    Gradient,
    /// The loss is far above what it was.
    LossSpike,
    /// The gradient norm is far above what it was.
    GradientSpike,
    /// It was left out before, and the run was continued from before it.
    Known,
}

impl Fault {
    /// In words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Loss => "the loss is not a number",
            Self::Gradient => "the gradient norm is not a number",
            Self::LossSpike => "the loss is far above what it was",
            Self::GradientSpike => "the gradient norm is far above what it was",
            Self::Known => "the batch was left out before",
        }
    }
}

/// Accepted losses and gradient norms, saved with a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Guard {
    losses: VecDeque<f64>,
    norms: VecDeque<f64>,
    /// Steps left out in a row.
    pub(crate) skipped: u32,
}

impl Guard {
    /// The fault of a step, if it has one. Rejected values never enter the window, so one of them costs one step.
    pub(crate) fn judge(&self, loss: f64, norm: f64, options: &GuardOptions) -> Option<Fault> {
        if !loss.is_finite() {
            return Some(Fault::Loss);
        }
        if !norm.is_finite() {
            return Some(Fault::Gradient);
        }
        if options.spike <= 0.0 || self.losses.len() < options.after.max(2) {
            return None;
        }
        if above(&self.losses, loss, options.spike) {
            return Some(Fault::LossSpike);
        }
        above(&self.norms, norm.max(f64::MIN_POSITIVE).ln(), options.spike).then_some(Fault::GradientSpike)
    }

    /// Takes an accepted step in.
    pub(crate) fn accept(&mut self, loss: f64, norm: f64, options: &GuardOptions) {
        self.skipped = 0;
        if options.spike <= 0.0 {
            return;
        }
        for (window, value) in [(&mut self.losses, loss), (&mut self.norms, norm.max(f64::MIN_POSITIVE).ln())] {
            window.push_back(value);
            while window.len() > options.window {
                window.pop_front();
            }
        }
    }
}

/// Whether a value is more than `limit` robust standard deviations above the median.
fn above(window: &VecDeque<f64>, value: f64, limit: f64) -> bool {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let median = middle(window.iter().copied().collect());
    let deviation = 1.4826 * middle(window.iter().map(|v| (v - median).abs()).collect());
    // A window without spread must not make a spike of rounding.
    value - median > limit * deviation.max(1e-3 * median.abs()).max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spikes_are_found_and_one_bad_value_costs_one_step() {
        let options = GuardOptions { spike: 6.0, after: 8, window: 16, ..GuardOptions::default() };
        let mut guard = Guard::default();
        let mut left_out = Vec::new();
        for step in 0..400u32 {
            let wave = 3.0 - 0.002 * f64::from(step) + 0.01 * f64::from(step % 7);
            let loss = if step == 111 { f64::NAN } else { wave + if step % 50 == 49 { 2.0 } else { 0.0 } };
            match guard.judge(loss, 1.0, &options) {
                Some(fault) => left_out.push((step, fault)),
                None => guard.accept(loss, 1.0, &options),
            }
        }
        let spikes = (0..8).map(|i| (50 * i + 49, Fault::LossSpike));
        let mut expected: Vec<(u32, Fault)> = spikes.chain([(111, Fault::Loss)]).collect();
        expected.sort_by_key(|(step, _)| *step);
        assert_eq!(left_out, expected);
    }

    #[test]
    fn nothing_is_a_spike_before_the_window_fills_or_without_a_limit() {
        let mut guard = Guard::default();
        let options = GuardOptions { spike: 6.0, after: 8, ..GuardOptions::default() };
        guard.accept(1.0, 1.0, &options);
        assert_eq!(guard.judge(100.0, 1.0, &options), None);
        let off = GuardOptions { spike: 0.0, ..options };
        assert_eq!(guard.judge(100.0, 1.0, &off), None);
        assert_eq!(guard.judge(1.0, f64::INFINITY, &off), Some(Fault::Gradient));
    }
}
