//! What a run will cost before it starts: memory by part, FLOP, and time from a short calibration.

use crate::{GuardOptions, Kind, Options, Plan, Schedule, Texts, TrainError, Trainer, run};
use kleiber_models::DecoderConfig;
use kleiber_tensor::kernels::head;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// Bytes of a number.
const F32: u64 = 4;
/// What the program holds before a run: code, tables, threads.
const PROGRAM: u64 = 40 << 20;

/// Bytes that a run holds at its peak, by part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Parameters, and their average when one is kept.
    pub parameters: u64,
    /// Gradients; twice when they are summed over micro-batches.
    pub gradients: u64,
    /// Moments of the optimiser.
    pub moments: u64,
    /// What layers keep for the way back.
    pub activations: u64,
    /// What exists only for a moment: logits, gradients of activations.
    pub transient: u64,
    /// Program and text.
    pub other: u64,
}

impl Memory {
    /// The estimate for a plan; `text` are the bytes of its token stores.
    pub fn estimate(plan: &Plan, text: u64) -> Self {
        let (decoder, options) = (&plan.decoder, &plan.options);
        let params = plan.counts.params_total * F32;
        let split = options.micro_batch > 0 && options.micro_batch < options.batch;
        let sequences = if split { options.micro_batch } else { options.batch } as u64;
        let rows = sequences * decoder.context as u64;
        let layers = (decoder.layers + decoder.encoder_layers) as u64;
        Self {
            parameters: params * if options.average > 0.0 { 2 } else { 1 },
            gradients: params * if split { 2 } else { 1 },
            moments: 2 * params,
            activations: rows
                * F32
                * (layers * kept_per_token(decoder) + kept_across(decoder) + 2 * decoder.width as u64),
            transient: rows * F32 * (passing_per_token(decoder) + rounded_per_token(plan))
                + (head::ROWS as u64).min(rows) * decoder.vocab as u64 * F32,
            other: PROGRAM + text.min(plan.tokens() * 4),
        }
    }

    /// All parts.
    pub fn total(&self) -> u64 {
        self.named().iter().map(|(_, bytes)| bytes).sum()
    }

    /// The parts with their names.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("parameters", self.parameters),
            ("gradients", self.gradients),
            ("optimiser", self.moments),
            ("activations", self.activations),
            ("transient", self.transient),
            ("program and text", self.other),
        ]
    }
}

/// Numbers that a block keeps of each token: the two states that enter its halves, both normed, queries with keys and
/// values, what attention gives with one logarithm per head, and the hidden layer before and after its activation; where
/// experts are chosen, three copies of the state on its way to them and back, and the scores of the choice.
fn kept_per_token(decoder: &DecoderConfig) -> u64 {
    let (width, hidden) = (decoder.width as u64, decoder.hidden() as u64);
    let (packed, gates) = (decoder.packed_width() as u64, decoder.gates() as u64);
    let routed = if decoder.experts > 1 { 3 * width + 4 * decoder.experts as u64 } else { 0 };
    4 * width + packed + width + decoder.heads as u64 + (gates + 1) * hidden + routed
}

/// Numbers of a pair of tokens that attention to an encoder keeps in all blocks: the state, normed, queries, keys, values,
/// and what it gives with one logarithm per head.
fn kept_across(decoder: &DecoderConfig) -> u64 {
    let block = 3 * decoder.width + decoder.packed_width() + decoder.heads;
    if decoder.encoder_layers > 0 { (decoder.layers * block) as u64 } else { 0 }
}

/// Numbers of each token that exist at once on the way back through the feed-forward layer: gradients of its output, of
/// the hidden layer after and before the activation, and of the state.
fn passing_per_token(decoder: &DecoderConfig) -> u64 {
    2 * decoder.width as u64 + (decoder.gates() as u64 + 1) * decoder.hidden() as u64
}

/// Numbers of each token that exist at once as rounded copies of a product's operands.
fn rounded_per_token(plan: &Plan) -> u64 {
    let (decoder, quantise) = (&plan.decoder, &plan.config.train.quantise);
    if quantise.is_off() { 0 } else { (decoder.gates() * decoder.hidden() + decoder.width) as u64 }
}

/// Speed of a plan on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Speed {
    /// Training tokens per second.
    pub tokens_per_second: f64,
    /// Steps that were timed.
    pub steps: u32,
}

/// Trains the plan's model on the beginning of its text for about `time` and says how fast that was; the first step is
/// not counted.
///
/// # Errors
/// As a run's.
pub fn calibrate(plan: &Plan, texts: &Texts, time: Duration) -> Result<Speed, TrainError> {
    // A rate that changes nothing: how fast it goes must not depend on whether it goes well.
    let schedule = Schedule { kind: Kind::Constant, peak: f64::MIN_POSITIVE, floor: 0.0, warmup: 0, total: u64::MAX };
    let options = Options { schedule, guard: GuardOptions::default(), ..plan.options };
    let mut trainer = Trainer::new(plan.model()?, run::stream(plan, texts)?, options)?;
    trainer.step()?;
    let begun = Instant::now();
    let mut steps = 0;
    while steps == 0 || begun.elapsed() < time {
        trainer.step()?;
        steps += 1;
    }
    let tokens = u64::from(steps) * trainer.batch_tokens();
    Ok(Speed { tokens_per_second: tokens as f64 / begun.elapsed().as_secs_f64(), steps })
}
