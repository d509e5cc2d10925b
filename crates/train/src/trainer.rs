//! Steps of a run.

use crate::evaluation::{Evaluation, evaluate};
use crate::guard::{Fault, Guard, GuardOptions, NotFinite};
use crate::{Schedule, TrainError};
use kleiber_data::{Batch as Rows, IGNORE, Stream};
use kleiber_models::{Batch, Decoder, Noise, Pass};
use kleiber_tensor::optimizer::{AdamW, Average, Settings};
use std::collections::BTreeSet;

/// How a run is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    /// Seed of what is drawn at random during training.
    pub seed: u64,
    /// Sequences of a step.
    pub batch: usize,
    /// Sequences that are on the way at the same time; the gradients of their batches are averaged. 0 for all.
    pub micro_batch: usize,
    /// Learning rate.
    pub schedule: Schedule,
    /// Optimiser.
    pub adamw: Settings,
    /// Share of numbers dropped from the embedding and from what layers add to the residual stream.
    pub dropout: f64,
    /// Tokens before anything is dropped (dropstage, Xue et al. 2023).
    pub dropout_start: u64,
    /// Share that the moving average of the parameters keeps in a step; 0 for no average.
    pub average: f64,
    /// Bad steps.
    pub guard: GuardOptions,
}

impl Options {
    /// `batch` sequences per step, everything else as usual.
    pub fn new(batch: usize, schedule: Schedule) -> Self {
        Self {
            seed: 0,
            batch,
            micro_batch: 0,
            schedule,
            adamw: Settings::default(),
            dropout: 0.0,
            dropout_start: 0,
            average: 0.0,
            guard: GuardOptions::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), TrainError> {
        self.schedule.check()?;
        let share = |option, value: f64| match (0.0..1.0).contains(&value) {
            true => Ok(()),
            false => Err(TrainError::option(option, value, "a share from 0 to below 1 is needed")),
        };
        share("train.dropout", self.dropout)?;
        share("train.ema", self.average)?;
        share("train.beta1", self.adamw.beta1)?;
        share("train.beta2", self.adamw.beta2)?;
        if self.batch == 0 {
            return Err(TrainError::option("train.batch_tokens", 0, "at least one sequence is needed"));
        }
        if self.adamw.clip.is_nan() || self.adamw.clip <= 0.0 {
            return Err(TrainError::option(
                "train.clip",
                self.adamw.clip,
                "a positive norm is needed; inf for no clipping",
            ));
        }
        if !(self.adamw.epsilon > 0.0 && self.adamw.epsilon.is_finite()) {
            return Err(TrainError::option("train.epsilon", self.adamw.epsilon, "a positive number is needed"));
        }
        self.guard.check()?;
        if !(self.adamw.decay >= 0.0 && self.adamw.decay.is_finite()) {
            return Err(TrainError::option("train.weight_decay", self.adamw.decay, "a number from 0 on is needed"));
        }
        Ok(())
    }
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
    /// Why its update was left out, when it was.
    pub skipped: Option<Fault>,
}

/// A run: the model, its optimiser, and where in the stream it is.
#[derive(Debug)]
pub struct Trainer {
    pub(crate) decoder: Decoder,
    pub(crate) optimizer: AdamW,
    pub(crate) average: Option<Average>,
    pub(crate) guard: Guard,
    stream: Stream,
    options: Options,
    pub(crate) step: u64,
    /// Steps whose batches are left out.
    known: BTreeSet<u64>,
    rate_factor: f64,
    /// Seconds of training, for the record.
    pub(crate) seconds: f64,
}

impl Trainer {
    /// A run at its beginning.
    ///
    /// # Errors
    /// [`TrainError::Option`] for options that do not fit each other.
    pub fn new(decoder: Decoder, stream: Stream, options: Options) -> Result<Self, TrainError> {
        kleiber_tensor::memory::keep_freed();
        options.check()?;
        let context = stream.options().context;
        if context > decoder.config().context {
            let expected = format!("the model takes sequences of at most {} tokens", decoder.config().context);
            return Err(TrainError::option("context", context, expected));
        }
        let optimizer = AdamW::new(decoder.parameters().len());
        let average = (options.average > 0.0).then(|| Average::new(options.average, decoder.parameters().values()));
        let (guard, known) = (Guard::default(), BTreeSet::new());
        Ok(Self { decoder, optimizer, average, guard, stream, options, step: 0, known, rate_factor: 1.0, seconds: 0.0 })
    }

    /// The model.
    pub fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The moving average of the parameters, when one is kept.
    pub fn average(&self) -> Option<&Average> {
        self.average.as_ref()
    }

    /// How the run is made.
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Steps made.
    pub fn step_count(&self) -> u64 {
        self.step
    }

    /// Seconds of training that the last checkpoint recorded.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Records seconds of training for the next checkpoint.
    pub fn set_seconds(&mut self, seconds: f64) {
        self.seconds = seconds;
    }

    /// Tokens of a step.
    pub fn batch_tokens(&self) -> u64 {
        (self.options.batch * self.stream.options().context) as u64
    }

    /// Leaves the batch of this step out when it comes, as it was when it came before.
    pub fn leave_out(&mut self, step: u64) {
        self.known.insert(step);
    }

    /// Multiplies all learning rates from here on.
    pub fn set_rate_factor(&mut self, factor: f64) {
        self.rate_factor = factor;
    }

    /// Makes one step. The model is left as it was when this fails, or when the step is left out.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] for a loss or gradient that is not a number unless such steps are left out,
    /// [`TrainError::Skips`] after too many of them in a row, [`TrainError::Data`].
    pub fn step(&mut self) -> Result<Report, TrainError> {
        let step = self.step + 1;
        let tokens = step * self.batch_tokens();
        // A step has the rate of its middle, so that neither the first nor the last has none.
        let middle = tokens - self.batch_tokens() / 2;
        let rate = self.rate_factor * self.options.schedule.rate(middle, self.batch_tokens());
        let mut report = Report { step, tokens, loss: f64::NAN, norm: f64::NAN, rate, skipped: None };
        if self.known.contains(&step) {
            report.skipped = Some(Fault::Known);
            return self.skip(report);
        }
        let Pass { loss, gradients } = self.gradients(step)?;
        let norm = AdamW::norm(&gradients);
        (report.loss, report.norm) = (loss, norm);
        report.skipped = self.guard.judge(loss, norm, &self.options.guard);
        match report.skipped {
            Some(Fault::Loss) if self.options.guard.not_finite != NotFinite::Skip => {
                Err(TrainError::NotFinite { step, what: "loss", value: loss })
            }
            Some(Fault::Gradient) if self.options.guard.not_finite != NotFinite::Skip => {
                Err(TrainError::NotFinite { step, what: "gradient norm", value: norm })
            }
            Some(_) => self.skip(report),
            None => {
                self.guard.accept(loss, norm, &self.options.guard);
                self.optimizer.step(self.decoder.parameters_mut(), &gradients, norm, rate, self.options.adamw);
                if let Some(average) = &mut self.average {
                    average.take(self.decoder.parameters().values(), step);
                }
                self.step = step;
                Ok(report)
            }
        }
    }

    fn skip(&mut self, report: Report) -> Result<Report, TrainError> {
        self.guard.skipped += 1;
        if self.guard.skipped > self.options.guard.max_skips {
            return Err(TrainError::Skips { step: report.step, count: self.guard.skipped });
        }
        self.step = report.step;
        Ok(report)
    }

    /// Mean loss of a step's batch and its gradients.
    fn gradients(&self, step: u64) -> Result<Pass, TrainError> {
        let (all, first) = (self.options.batch, (step - 1) * self.options.batch as u64);
        let micro = if self.options.micro_batch == 0 { all } else { self.options.micro_batch.min(all) };
        let (mut loss, mut counted, mut sums) = (0.0, 0.0, Vec::new());
        for start in (0..all).step_by(micro) {
            let rows = self.stream.batch(first + start as u64, micro.min(all - start))?;
            let weight = rows.targets.iter().filter(|t| **t != IGNORE).count() as f64;
            let pass = self.decoder.pass(&self.batch(rows, step, start as u64));
            if micro == all {
                return Ok(pass);
            }
            loss += pass.loss * weight;
            counted += weight;
            accumulate(&mut sums, pass.gradients, weight);
        }
        let share = (1.0 / f64::max(counted, 1.0)) as f32;
        sums.iter_mut().flatten().flatten().for_each(|g| *g *= share);
        Ok(Pass { loss: loss / f64::max(counted, 1.0), gradients: sums })
    }

    fn batch(&self, rows: Rows, step: u64, first: u64) -> Batch {
        let begun = (step - 1) * self.batch_tokens() >= self.options.dropout_start;
        let dropout = if begun { self.options.dropout } else { 0.0 };
        Batch {
            inputs: rows.inputs.into(),
            targets: rows.targets.into(),
            sequences: rows.batch,
            starts: self.stream.options().document_mask.then(|| rows.starts.into()),
            // Steps beyond 2^32 would repeat their masks.
            noise: Some(Noise { seed: self.options.seed, step: step as u32, first, dropout }),
        }
    }

    /// Loss over the first `sequences` of `stream`, of the averaged parameters when an average is kept. `bytes` holds
    /// the bytes of text of each token, for bits per byte.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn evaluate(&mut self, stream: &Stream, sequences: u64, bytes: &[u32]) -> Result<Evaluation, TrainError> {
        self.exchange();
        let result = evaluate(&self.decoder, stream, sequences, self.options.batch.min(32), bytes);
        self.exchange();
        result
    }

    /// Puts the average in the place of the parameters and these in its place.
    pub(crate) fn exchange(&mut self) {
        if let Some(average) = &mut self.average {
            self.decoder.parameters_mut().values_mut().swap_with_slice(&mut average.values);
        }
    }
}

/// Adds gradients of means, each weighted by the tokens it is the mean of.
fn accumulate(sums: &mut Vec<Option<Vec<f32>>>, gradients: Vec<Option<Vec<f32>>>, weight: f64) {
    let weight = weight as f32;
    sums.resize_with(gradients.len(), || None);
    for (sum, gradient) in sums.iter_mut().zip(gradients) {
        match (sum.as_mut(), gradient) {
            (Some(sum), Some(gradient)) => sum.iter_mut().zip(gradient).for_each(|(s, g)| *s += weight * g),
            (None, Some(mut gradient)) => {
                gradient.iter_mut().for_each(|g| *g *= weight);
                *sum = Some(gradient);
            }
            (_, None) => {}
        }
    }
}
