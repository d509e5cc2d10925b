//! Learning rate, batch and decay of a run from its size: the published laws as functions, and scaling from a tuned run.

use crate::LawError;
use serde::Serialize;

/// Factor and exponents of parameters and tokens of the step law's rate (Li et al. 2025, eq. 1).
pub const STEP_RATE: [f64; 3] = [1.79, -0.713, 0.307];
/// Factor and exponent of tokens of the step law's batch in tokens (Li et al. 2025, eq. 1).
pub const STEP_BATCH: [f64; 2] = [0.58, 0.571];
/// Factor and exponents of batch and tokens seen of the power schedule (Shen et al. 2024), for batches in tokens: the
/// paper's 4 is for batches in sequences of 4,096.
pub const POWER_SCHEDULE: [f64; 3] = [4.0 / 4096.0, 1.0, -0.51];
/// The cap of the power schedule, for rates under muP.
pub const POWER_CAP: f64 = 0.02;
/// Exponent with which the best batch grows with tokens (Bergsma et al. 2025, Power Lines).
pub const POWER_LINES: f64 = 0.383;

/// Peak rate of AdamW for parameters without embeddings and tokens, by the step law.
pub fn step_rate(params: f64, tokens: f64) -> f64 {
    STEP_RATE[0] * params.powf(STEP_RATE[1]) * tokens.powf(STEP_RATE[2])
}

/// Tokens of a step for a run of so many tokens, by the step law.
pub fn step_batch(tokens: f64) -> f64 {
    STEP_BATCH[0] * tokens.powf(STEP_BATCH[1])
}

/// Rate of the power schedule after `seen` tokens, for a batch in tokens: `min(cap, a batch seen^b)`. At zero tokens it
/// is the cap.
pub fn power_schedule(batch_tokens: f64, seen: f64) -> f64 {
    let [a, c, b] = POWER_SCHEDULE;
    (a * batch_tokens.powf(c) * seen.powf(b)).min(POWER_CAP)
}

/// A run whose rate and batch were tuned.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tuned {
    /// Training tokens.
    pub tokens: f64,
    /// Tokens per step.
    pub batch: f64,
    /// Peak rate.
    pub lr: f64,
    /// Decoupled weight decay of AdamW, when it was tuned too.
    pub decay: Option<f64>,
}

impl Tuned {
    /// The same model trained on `tokens`, by the rules of Bergsma et al. 2025: the batch grows with `tokens^0.383`, the
    /// rate with the root of the batch, and the decay keeps the timescale `batch / (lr decay tokens)`. A batch may be
    /// given instead of the best one.
    ///
    /// # Errors
    /// [`LawError::Request`] unless every size is positive.
    pub fn scaled(&self, tokens: f64, batch: Option<f64>) -> Result<Self, LawError> {
        let given = [self.tokens, self.batch, self.lr, tokens, batch.unwrap_or(1.0), self.decay.unwrap_or(1.0)];
        if given.iter().any(|v| !(*v > 0.0 && v.is_finite())) {
            return Err(LawError::Request("a tuned run needs positive tokens, batch, lr and decay".into()));
        }
        let batch = batch.unwrap_or(self.batch * (tokens / self.tokens).powf(POWER_LINES));
        let lr = self.lr * (batch / self.batch).sqrt();
        let decay = self.decay.map(|d| d * (batch / self.batch) * (self.lr / lr) * (self.tokens / tokens));
        Ok(Self { tokens, batch, lr, decay })
    }

    /// The timescale of AdamW in shares of the run: `batch / (lr decay tokens)`.
    pub fn timescale(&self) -> Option<f64> {
        self.decay.map(|d| self.batch / (self.lr * d * self.tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Law;

    #[test]
    fn functions_are_the_presets() {
        let at = |law: &str, preset: &str, x: &[f64]| {
            let law = Law::named(law).unwrap();
            let set = law.info().published.presets.iter().find(|p| p.name == preset).unwrap();
            law.predict(set.coefficients, x)
        };
        let same = |a: f64, b: f64| assert!((a / b - 1.0).abs() < 1e-12, "{a} {b}");
        same(step_rate(1e9, 1e11), at("rate", "rate/step-law", &[1e9, 1e11]));
        same(step_batch(1e11), at("batch", "batch/step-law", &[1e11]));
        same(power_schedule(4096.0 * 1024.0, 1e12), at("rate-batch", "rate-batch/power", &[4096.0 * 1024.0, 1e12]));
        // A step of 2,048 tokens: 1.74e-3 after a million tokens, ten-fold less than batches taken for sequences would give.
        same(power_schedule(2048.0, 1e6), 2.0 * 1e6f64.powf(-0.51));
        assert_eq!((power_schedule(2048.0, 0.0), power_schedule(1e7, 1e6)), (POWER_CAP, POWER_CAP));
    }

    #[test]
    fn a_tuned_run_scales_and_keeps_its_timescale() {
        // Sixteen times the tokens: 16^0.383 = 2.892 the batch, 1.7006 the rate.
        let small = Tuned { tokens: 1e9, batch: 5e5, lr: 0.02, decay: Some(0.1) };
        let large = small.scaled(1.6e10, None).unwrap();
        assert!((large.batch / 1.445_9e6 - 1.0).abs() < 1e-3 && (large.lr / 0.034_01 - 1.0).abs() < 1e-3, "{large:?}");
        assert!((large.timescale().unwrap() / small.timescale().unwrap() - 1.0).abs() < 1e-12);
        // The rule of nanochat: decay times the root of the batches' ratio over the tokens' ratio.
        assert!((large.decay.unwrap() / (0.1 * 2.892f64.sqrt() / 16.0) - 1.0).abs() < 1e-3);
        let twice = small.scaled(1e9, Some(1e6)).unwrap();
        assert!((twice.lr / 0.02 - 2f64.sqrt()).abs() < 1e-12);
        assert!(small.scaled(0.0, None).is_err() && small.scaled(1e9, Some(f64::NAN)).is_err());
    }
}
