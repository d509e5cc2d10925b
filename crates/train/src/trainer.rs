//! Steps of a run.

use crate::{Schedule, TrainError};
use kleiber_data::{Batch as Rows, Stream};
use kleiber_models::{Batch, Decoder};
use kleiber_tensor::kernels::head::IGNORED;
use kleiber_tensor::optimizer::{AdamW, Settings};

/// How a run is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Sequences of a step.
    pub batch: usize,
    /// Sequences that are on the way at the same time; the gradients of their batches are averaged. 0 for all.
    pub micro_batch: usize,
    /// Learning rate.
    pub schedule: Schedule,
    /// Optimiser.
    pub adamw: Settings,
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Number of the step, the first is 1.
    pub step: u64,
    /// Tokens seen, this step included.
    pub tokens: u64,
    /// Mean loss of the step in nats per token, before its update.
    pub loss: f64,
    /// Norm of the gradient before clipping.
    pub norm: f64,
    /// Learning rate.
    pub rate: f64,
}

/// A run: the model, its optimiser, and where in the stream it is.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) decoder: Decoder,
    pub(crate) optimizer: AdamW,
    stream: Stream,
    options: Options,
    pub(crate) step: u64,
}

impl Trainer {
    /// A run at its beginning.
    ///
    /// # Errors
    /// [`TrainError::Option`] for options that do not fit each other.
    pub fn new(decoder: Decoder, stream: Stream, options: Options) -> Result<Self, TrainError> {
        options.schedule.check()?;
        let bad =
            |option, found: usize, expected: String| TrainError::Option { option, found: found.to_string(), expected };
        if options.batch == 0 {
            return Err(bad("batch", 0, "at least one sequence is needed".into()));
        }
        let context = stream.options().context;
        if context > decoder.config().context {
            let expected = format!("the model takes sequences of at most {} tokens", decoder.config().context);
            return Err(bad("context", context, expected));
        }
        let optimizer = AdamW::new(decoder.parameters().len());
        Ok(Self { decoder, optimizer, stream, options, step: 0 })
    }

    /// The model.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Steps made.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Tokens of a step.
    pub fn batch_tokens(&self) -> u64 {
        (self.options.batch * self.stream.options().context) as u64
    }

    /// Makes one step. The model is left as it was when this fails.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] for a loss or gradient that is not a number, [`TrainError::Data`].
    pub fn step(&mut self) -> Result<Report, TrainError> {
        let step = self.step + 1;
        let first = self.step * self.options.batch as u64;
        let micro = if self.options.micro_batch == 0 { self.options.batch } else { self.options.micro_batch };
        let (mut loss, mut counted, mut sums) = (0.0, 0.0, Vec::new());
        for start in (0..self.options.batch).step_by(micro) {
            let count = micro.min(self.options.batch - start);
            let rows = self.stream.batch(first + start as u64, count)?;
            let weight = rows.targets.iter().filter(|t| **t != IGNORED).count() as f64;
            let pass = self.decoder.pass(&batch(rows, self.masked()));
            loss += pass.loss * weight;
            counted += weight;
            accumulate(&mut sums, pass.gradients, weight);
        }
        let loss = loss / counted.max(1.0);
        if !loss.is_finite() {
            return Err(TrainError::NotFinite { step, what: "loss", value: loss });
        }
        average(&mut sums, counted);
        let norm = AdamW::norm(&sums);
        if !norm.is_finite() {
            return Err(TrainError::NotFinite { step, what: "gradient norm", value: norm });
        }
        let tokens = step * self.batch_tokens();
        let rate = self.options.schedule.rate(tokens, self.batch_tokens());
        self.optimizer.step(self.decoder.parameters_mut(), &sums, norm, rate, self.options.adamw);
        self.step = step;
        Ok(Report { step, tokens, loss, norm, rate })
    }

    /// Mean loss in nats per token over the first `sequences` of `stream`.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn evaluate(&self, stream: &Stream, sequences: u64) -> Result<f64, TrainError> {
        let (mut sum, mut counted) = (0.0, 0usize);
        let mut first = 0;
        while first < sequences {
            let count = (sequences - first).min(self.options.batch as u64);
            let rows = stream.batch(first, count as usize)?;
            let starts = stream.options().document_mask.then_some(rows.starts.as_slice());
            let losses = self.decoder.token_losses(&rows.inputs, &rows.targets, rows.batch, starts);
            sum += losses.iter().map(|l| f64::from(*l)).sum::<f64>();
            counted += rows.targets.iter().filter(|t| **t != IGNORED).count();
            first += count;
        }
        Ok(sum / counted.max(1) as f64)
    }

    fn masked(&self) -> bool {
        self.stream.options().document_mask
    }
}

fn batch(rows: Rows, masked: bool) -> Batch {
    Batch {
        inputs: rows.inputs.into(),
        targets: rows.targets.into(),
        sequences: rows.batch,
        starts: masked.then(|| rows.starts.into()),
        ids: None,
    }
}

/// Adds gradients of means, each weighted by the tokens it is the mean of.
fn accumulate(sums: &mut Vec<Option<Vec<f32>>>, gradients: Vec<Option<Vec<f32>>>, weight: f64) {
    let weight = weight as f32;
    if sums.is_empty() {
        *sums = gradients;
        sums.iter_mut().flatten().flatten().for_each(|g| *g *= weight);
        return;
    }
    for (sum, gradient) in sums.iter_mut().zip(gradients) {
        match (sum.as_mut(), gradient) {
            (Some(sum), Some(gradient)) => sum.iter_mut().zip(gradient).for_each(|(s, g)| *s += weight * g),
            (None, Some(gradient)) => *sum = Some(gradient.into_iter().map(|g| weight * g).collect()),
            _ => {}
        }
    }
}

fn average(sums: &mut [Option<Vec<f32>>], counted: f64) {
    let share = (1.0 / counted.max(1.0)) as f32;
    sums.iter_mut().flatten().flatten().for_each(|g| *g *= share);
}
