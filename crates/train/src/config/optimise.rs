//! `[train]`: how it is learned.

use super::{Auto, QuantiseConfig, TokenBudget};
use crate::guard::GuardOptions;
use crate::{Decay, Kind, Schedule};
use kleiber_laws::hyperparameters::POWER_SCHEDULE;
use kleiber_tensor::Device;
use serde::{Deserialize, Serialize};

/// Which schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// The peak to the end.
    Constant,
    /// Half a cosine.
    Cosine,
    /// A straight line.
    Linear,
    /// Warm-up, stable, decay.
    #[default]
    Wsd,
    /// A power of the tokens seen.
    Power,
}

/// How it is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Where it is computed.
    pub device: Device,
    /// Tokens to train on.
    pub tokens: TokenBudget,
    /// Tokens of a step.
    pub batch_tokens: Auto<u64>,
    /// Sequences on the way at the same time, to save memory; 0 for all of a step.
    pub micro_batch: u64,
    /// Largest learning rate.
    pub lr: Auto<f64>,
    /// What the rate does over the run.
    pub schedule: ScheduleKind,
    /// Tokens over which the rate rises.
    pub warmup: Auto<u64>,
    /// Share of the tokens over which it falls at the end (wsd, power).
    pub decay_share: f64,
    /// How it falls (wsd, power).
    pub decay: Decay,
    /// Share of the peak that is left at the end.
    pub floor: f64,
    /// Factor of the power schedule, for batches counted in tokens.
    pub power_a: f64,
    /// Exponent of the power schedule.
    pub power_b: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay of matrices.
    pub weight_decay: f64,
    /// Largest gradient norm.
    pub clip: f64,
    /// Share of numbers dropped.
    pub dropout: f64,
    /// Tokens before any is dropped.
    pub dropout_start: u64,
    /// Share that the moving average of the parameters keeps in a step; 0 for none.
    pub ema: f64,
    /// Arrays with other rates or decays.
    pub groups: Vec<GroupRule>,
    /// Bad steps.
    pub guard: GuardOptions,
    /// Numbers of few bits in the products of projections.
    #[serde(default, skip_serializing_if = "QuantiseConfig::is_off")]
    pub quantise: QuantiseConfig,
}

/// Rates and decays of the arrays whose name holds a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupRule {
    /// Text in the name, such as `embedding` or `mlp.down`.
    pub name: String,
    /// Factor of the learning rate.
    #[serde(default = "one")]
    pub rate: f64,
    /// Factor of the weight decay; that of the array otherwise.
    pub decay: Option<f64>,
}

pub(super) fn one() -> f64 {
    1.0
}

impl Default for TrainConfig {
    fn default() -> Self {
        let adamw = kleiber_tensor::optimizer::Settings::default();
        Self {
            device: Device::Cpu,
            tokens: TokenBudget::Auto,
            batch_tokens: Auto::Auto,
            micro_batch: 0,
            lr: Auto::Auto,
            schedule: ScheduleKind::Wsd,
            warmup: Auto::Auto,
            decay_share: 0.2,
            decay: Decay::Linear,
            floor: 0.0,
            power_a: POWER_SCHEDULE[0],
            power_b: POWER_SCHEDULE[2],
            beta1: adamw.beta1,
            beta2: adamw.beta2,
            epsilon: adamw.epsilon,
            weight_decay: adamw.decay,
            clip: adamw.clip,
            dropout: 0.0,
            dropout_start: 0,
            ema: 0.0,
            groups: Vec::new(),
            guard: GuardOptions::default(),
            quantise: QuantiseConfig::default(),
        }
    }
}

impl TrainConfig {
    /// The schedule with this peak, over `total` tokens.
    pub(crate) fn schedule(&self, peak: f64, warmup: u64, total: u64) -> Schedule {
        let (decay_share, decay) = (self.decay_share, self.decay);
        let kind = match self.schedule {
            ScheduleKind::Constant => Kind::Constant,
            ScheduleKind::Cosine => Kind::Cosine,
            ScheduleKind::Linear => Kind::Linear,
            ScheduleKind::Wsd => Kind::Wsd { decay_share, decay },
            ScheduleKind::Power => Kind::Power { a: self.power_a, b: self.power_b, decay_share, decay },
        };
        Schedule { kind, peak, floor: self.floor, warmup, total }
    }
}
