//! Learning rates as functions of the tokens seen, so that resuming or changing the batch changes nothing by itself.

use crate::TrainError;
use serde::{Deserialize, Serialize};

/// What happens after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Kind {
    /// The peak to the end.
    Constant,
    /// Half a cosine from the peak to the floor.
    Cosine,
    /// A straight line from the peak to the floor.
    Linear,
    /// The peak, then a decay over the last share of the tokens (warm-up, stable, decay; Hu et al. 2024).
    Wsd {
        /// Share of all tokens that decays.
        decay_share: f64,
        /// Shape of the decay.
        decay: Decay,
    },
    /// Power scheduler (Shen et al. 2024): `min(peak, a * batch_tokens * n^b)` after `n` tokens, then a decay.
    Power {
        /// Rate for one token of batch after one token of training; the paper's a = 4 counts sequences of 4096
        /// tokens, so 4 / 4096 here.
        a: f64,
        /// Exponent, negative.
        b: f64,
        /// Share of all tokens that decays.
        decay_share: f64,
        /// Shape of the decay.
        decay: Decay,
    },
}

/// Shape of a decay from 1 to 0 (or to the floor).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// Straight.
    #[default]
    Linear,
    /// 1 - sqrt(progress).
    Sqrt,
    /// Half a cosine.
    Cosine,
}

/// A learning rate for every point of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What happens after the warm-up.
    pub kind: Kind,
    /// Largest rate.
    pub peak: f64,
    /// Share of the peak that is left at the end.
    pub floor: f64,
    /// Tokens of linear warm-up.
    pub warmup: u64,
    /// Tokens of the whole run.
    pub total: u64,
}

impl Schedule {
    /// Whether the numbers make sense.
    ///
    /// # Errors
    /// [`TrainError::Option`].
    pub fn check(&self) -> Result<(), TrainError> {
        let bad = |option, found: f64, expected: &str| Err(TrainError::option(option, found, expected));
        if !(self.peak > 0.0 && self.peak.is_finite()) {
            return bad("train.lr", self.peak, "a positive learning rate is needed");
        }
        if !(0.0..=1.0).contains(&self.floor) {
            return bad("train.floor", self.floor, "a share between 0 and 1 is needed");
        }
        if self.total == 0 || self.warmup > self.total {
            return bad("train.warmup", self.warmup as f64, "it must fit into the tokens of the run");
        }
        match self.kind {
            Kind::Wsd { decay_share, .. } | Kind::Power { decay_share, .. } if !(0.0..=1.0).contains(&decay_share) => {
                bad("train.decay_share", decay_share, "a share between 0 and 1 is needed")
            }
            Kind::Power { a, .. } if !(a > 0.0 && a.is_finite()) => {
                bad("train.power_a", a, "a positive factor is needed")
            }
            Kind::Power { b, .. } if !(b < 0.0 && b.is_finite()) => {
                bad("train.power_b", b, "a negative exponent is needed")
            }
            _ => Ok(()),
        }
    }

    /// Rate of the step that ends after `seen` tokens, with `batch` tokens in it.
    pub fn rate(&self, seen: u64, batch: u64) -> f64 {
        let (n, total, warmup) = (seen.max(1) as f64, self.total as f64, self.warmup as f64);
        let floor = |share: f64| self.floor + (1.0 - self.floor) * share.clamp(0.0, 1.0);
        let progress = ((n - warmup) / (total - warmup).max(1.0)).clamp(0.0, 1.0);
        let tail = |share: f64, decay: Decay| {
            let start = total * (1.0 - share);
            let at = if n <= start { 0.0 } else { (n - start) / (total - start).max(1.0) };
            floor(decay.left(at.clamp(0.0, 1.0)))
        };
        let after = |n: f64| match self.kind {
            Kind::Constant => self.peak,
            Kind::Cosine => self.peak * floor(Decay::Cosine.left(progress)),
            Kind::Linear => self.peak * floor(Decay::Linear.left(progress)),
            Kind::Wsd { decay_share, decay } => self.peak * tail(decay_share, decay),
            Kind::Power { a, b, decay_share, decay } => {
                // The decay starts from the rate at its first token.
                let stable = n.min(total * (1.0 - decay_share));
                (a * batch as f64 * stable.max(1.0).powf(b)).min(self.peak) * tail(decay_share, decay)
            }
        };
        if n < warmup { n / warmup * after(warmup) } else { after(n) }
    }
}

impl Decay {
    fn left(self, progress: f64) -> f64 {
        match self {
            Self::Linear => 1.0 - progress,
            Self::Sqrt => 1.0 - progress.sqrt(),
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(kind: Kind, floor: f64) -> Schedule {
        Schedule { kind, peak: 0.01, floor, warmup: 100, total: 1100 }
    }

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} instead of {want}");
    }

    #[test]
    fn warm_up_rises_in_a_line_and_every_kind_ends_where_it_says() {
        for kind in [Kind::Constant, Kind::Cosine, Kind::Linear, Kind::Wsd { decay_share: 0.2, decay: Decay::Sqrt }] {
            close(at(kind, 0.1).rate(50, 10), 0.005);
            close(at(kind, 0.1).rate(100, 10), 0.01);
        }
        close(at(Kind::Constant, 0.1).rate(1100, 10), 0.01);
        for kind in [Kind::Cosine, Kind::Linear, Kind::Wsd { decay_share: 0.2, decay: Decay::Linear }] {
            close(at(kind, 0.1).rate(1100, 10), 0.001);
            close(at(kind, 0.1).rate(5000, 10), 0.001);
        }
        close(at(Kind::Cosine, 0.0).rate(600, 10), 0.005);
        close(at(Kind::Linear, 0.0).rate(850, 10), 0.0025);
        close(at(Kind::Wsd { decay_share: 0.5, decay: Decay::Linear }, 0.0).rate(825, 10), 0.005);
    }

    #[test]
    fn the_power_scheduler_has_the_papers_anchors() {
        // 1024 sequences of 4096 tokens: 3.1e-3 after 1T tokens, 9.6e-4 after 10T, the cap before 2.6e10.
        let kind = Kind::Power { a: 4.0 / 4096.0, b: -0.51, decay_share: 0.1, decay: Decay::Linear };
        let schedule = Schedule { kind, peak: 0.02, floor: 0.0, warmup: 1_000_000_000, total: 100_000_000_000_000 };
        let batch = 1024 * 4096;
        assert!((schedule.rate(1_000_000_000_000, batch) / 3.1e-3 - 1.0).abs() < 0.01);
        assert!((schedule.rate(10_000_000_000_000, batch) / 9.6e-4 - 1.0).abs() < 0.01);
        close(schedule.rate(20_000_000_000, batch), 0.02);
        // Linear in the batch, and zero at the end.
        close(schedule.rate(1 << 43, batch / 2) * 2.0, schedule.rate(1 << 43, batch));
        close(schedule.rate(100_000_000_000_000, batch), 0.0);
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(at(Kind::Constant, 2.0).check().is_err());
        assert!(Schedule { warmup: 2000, ..at(Kind::Constant, 0.0) }.check().is_err());
        assert!(Schedule { peak: f64::NAN, ..at(Kind::Constant, 0.0) }.check().is_err());
        let power = |a, b| at(Kind::Power { a, b, decay_share: 0.1, decay: Decay::Linear }, 0.0);
        assert!(
            power(1.0, 0.1).check().is_err() && power(-1.0, -0.5).check().is_err() && power(1.0, -0.5).check().is_ok()
        );
    }
}
