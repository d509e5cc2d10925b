//! A run in its folder: begun or continued, logged, saved, evaluated, and entered in the run table.

use crate::events::{self, Event, Log, Reason};
use crate::folder::{self, Record};
use crate::guard::{Fault, NotFinite};
use crate::lock::Lock;
use crate::{Evaluation, Plan, Texts, TrainError, Trainer, checkpoint, row};
use kleiber_core::table::Table;
use kleiber_data::{Order, Part, Stream, StreamOptions, Tokenizer};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Failures to save in a row after which a run ends.
const MAX_SAVE_FAILURES: u32 = 3;
/// Step events of a run, about.
const STEP_EVENTS: u64 = 2000;

/// Where and how long.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// The run's folder.
    pub folder: PathBuf,
    /// Run table that the run is entered in.
    pub table: Option<PathBuf>,
    /// Ends the run after the step it is in, with a checkpoint.
    pub stop: Arc<AtomicBool>,
    /// Ends the run, with a checkpoint, after this time.
    pub limit: Option<Duration>,
    /// Keys that may differ from what the run was begun with; a prefix stands for all keys below it.
    pub allow_change: Vec<String>,
    /// Removes what is in the folder of an earlier run.
    pub force: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// Steps made.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Held-out loss.
    pub evaluation: Evaluation,
    /// Seconds of training, all parts of the run together.
    pub seconds: f64,
    /// Steps whose updates were left out.
    pub skipped: u64,
    /// Whether the run was finished before this call.
    pub already: bool,
}

/// Makes or continues the run of `plan` in its folder; `observe` is told everything that is logged.
///
/// # Errors
/// [`TrainError::Locked`], [`TrainError::Changed`], everything that can stop a step, and [`TrainError::Limit`] when
/// checkpoints cannot be saved again and again.
pub fn run(
    plan: &Plan,
    texts: &Texts,
    options: &RunOptions,
    observe: &mut dyn FnMut(&Event),
) -> Result<Outcome, TrainError> {
    // What cannot be trained leaves no trace.
    let trainer = trainer(plan, texts)?;
    std::fs::create_dir_all(&options.folder).map_err(folder::write_error(&options.folder))?;
    let lock = Lock::take(&options.folder)?;
    folder::tidy(&options.folder);
    if options.force {
        folder::clear(&options.folder)?;
    }
    if let Some(table) = &options.table {
        // Better now than after the training.
        Table::expect(table)?;
    }
    let record = Record::new(plan, texts);
    let changed = folder::check(plan, &record, options)?;
    folder::begin(plan, texts, &record, &options.folder)?;
    let log = Log::open(&options.folder.join(events::FILE))?;
    let mut run = Run::new(plan, texts, options, (record, trainer), log, observe, lock)?;
    if let Some(outcome) = run.finished()? {
        return Ok(outcome);
    }
    run.go(changed)
}

struct Run<'a> {
    plan: &'a Plan,
    options: &'a RunOptions,
    texts: &'a Texts,
    record: Record,
    trainer: Trainer,
    held_out: Stream,
    /// Bytes of text of each token.
    bytes: Vec<u32>,
    log: Log,
    observe: &'a mut dyn FnMut(&Event),
    /// Seconds of training before this call.
    before: f64,
    started: Instant,
    saved: Instant,
    /// Step of the newest whole checkpoint.
    saved_step: Option<u64>,
    failures: u32,
    rollbacks: u32,
    _lock: Lock,
}

impl<'a> Run<'a> {
    fn new(
        plan: &'a Plan,
        texts: &'a Texts,
        options: &'a RunOptions,
        (record, trainer): (Record, Trainer),
        log: Log,
        observe: &'a mut dyn FnMut(&Event),
        lock: Lock,
    ) -> Result<Self, TrainError> {
        let held_out = held_out(plan, texts)?;
        let now = Instant::now();
        Ok(Self {
            plan,
            options,
            trainer,
            held_out,
            bytes: token_bytes(&texts.tokenizer),
            texts,
            record,
            log,
            observe,
            before: 0.0,
            started: now,
            saved: now,
            saved_step: None,
            failures: 0,
            rollbacks: 0,
            _lock: lock,
        })
    }

    /// The outcome of a run that was finished before.
    fn finished(&self) -> Result<Option<Outcome>, TrainError> {
        let events = events::read(&self.options.folder.join(events::FILE))?;
        let Some(Event::End { step, tokens, reason: Reason::Finished, evaluation, seconds }) = events.last() else {
            return Ok(None);
        };
        if *step != self.plan.steps {
            return Ok(None);
        }
        // The table may be a new one, or have lost the row.
        self.enter(*step, *tokens, *evaluation, *seconds)?;
        Ok(Some(Outcome {
            reason: Reason::Finished,
            step: *step,
            tokens: *tokens,
            evaluation: *evaluation,
            seconds: *seconds,
            skipped: self.skipped()?,
            already: true,
        }))
    }

    fn go(&mut self, changed: Vec<String>) -> Result<Outcome, TrainError> {
        self.honour_bad_batches()?;
        match self.restore()? {
            true => self.tell(Event::Resume { step: self.trainer.step_count(), changed })?,
            false => self.tell(Event::Start {
                run: folder::name(&self.options.folder),
                steps: self.plan.steps,
                tokens: self.plan.tokens(),
                params: self.plan.counts.params,
            })?,
        }
        if self.trainer.step_count() > self.plan.steps {
            let expected = format!("the run has made {} steps", self.trainer.step_count());
            return Err(TrainError::option("train.tokens", self.plan.tokens(), expected));
        }
        let mut window = Window::new(self.plan.steps);
        let every = self.plan.config.evaluate.every.value().unwrap_or(u64::MAX).max(1);
        let reason = loop {
            if self.trainer.step_count() >= self.plan.steps {
                break Reason::Finished;
            }
            if self.options.stop.load(Ordering::Relaxed) {
                break Reason::Interrupted;
            }
            if self.options.limit.is_some_and(|limit| self.started.elapsed() >= limit) {
                break Reason::Time;
            }
            let report = match self.trainer.step() {
                Ok(report) => report,
                Err(error) => {
                    self.roll_back(error)?;
                    window = Window::new(self.plan.steps);
                    continue;
                }
            };
            if let Some(fault) = report.skipped {
                let loss = report.loss.is_finite().then_some(report.loss);
                if fault != Fault::Known {
                    folder::note_bad_batch(&self.options.folder, report.step, fault.describe(), false)?;
                }
                self.tell(Event::Skip { step: report.step, fault, loss })?;
            }
            if let Some(event) = window.add(&report, self.trainer.batch_tokens(), self.seconds()) {
                self.tell(event)?;
            }
            if report.step.is_multiple_of(every) && report.step < self.plan.steps {
                self.evaluate_along(report.tokens)?;
            }
            self.save_when_due()?;
        };
        self.end(reason)
    }

    fn seconds(&self) -> f64 {
        self.before + self.started.elapsed().as_secs_f64()
    }

    fn tell(&mut self, event: Event) -> Result<(), TrainError> {
        self.log.append(&event)?;
        (self.observe)(&event);
        Ok(())
    }

    fn evaluate(&mut self) -> Result<Evaluation, TrainError> {
        self.trainer.evaluate(&self.held_out, held_out_sequences(self.plan, &self.held_out), &self.bytes)
    }

    fn evaluate_along(&mut self, tokens: u64) -> Result<(), TrainError> {
        let evaluation = self.evaluate()?;
        let step = self.trainer.step_count();
        self.tell(Event::Evaluate { step, tokens, evaluation })?;
        if self.plan.config.checkpoint.rows {
            self.enter(step, tokens, evaluation, self.seconds())?;
        }
        Ok(())
    }

    fn save_when_due(&mut self) -> Result<(), TrainError> {
        let (step, at) = (self.trainer.step_count(), &self.plan.config.checkpoint);
        let due = self.saved.elapsed().as_secs_f64() >= 60.0 * at.minutes;
        if step < self.plan.steps && (due || at.is_due(step)) {
            self.save()?;
        }
        Ok(())
    }

    /// Saves; a failure is logged and the run goes on, unless it is one of several in a row.
    fn save(&mut self) -> Result<(), TrainError> {
        let begun = Instant::now();
        self.trainer.set_seconds(self.seconds());
        let saved = checkpoint::save(&mut self.trainer, &self.options.folder);
        self.saved = Instant::now();
        let step = self.trainer.step_count();
        match saved {
            Ok(_) => {
                self.failures = 0;
                self.saved_step = Some(step);
                self.tell(Event::Checkpoint { step, seconds: begun.elapsed().as_secs_f64() })?;
                folder::keep_newest(&self.options.folder, self.plan.config.checkpoint.keep.max(1) as usize);
                Ok(())
            }
            Err(error) => {
                self.failures += 1;
                self.tell(Event::CheckpointFailed { step, why: error.to_string() })?;
                if self.failures < MAX_SAVE_FAILURES {
                    return Ok(());
                }
                Err(TrainError::Limit {
                    what: format!("{} checkpoints in a row could not be saved: {error}", self.failures),
                })
            }
        }
    }

    /// Takes up the newest checkpoint that can be read; damaged ones are put aside.
    ///
    /// # Errors
    /// [`TrainError::Checkpoint`] when all are damaged, now or at an earlier call: to begin again is not for this function
    /// to decide.
    fn restore(&mut self) -> Result<bool, TrainError> {
        for path in checkpoint::complete(&self.options.folder).into_iter().rev() {
            match checkpoint::restore(&mut self.trainer, &path) {
                Ok(()) => {
                    self.before = self.trainer.seconds();
                    self.saved_step = Some(self.trainer.step_count());
                    return Ok(true);
                }
                Err(error @ TrainError::Checkpoint { .. }) => {
                    let aside = path.with_extension("bad");
                    let _ = std::fs::remove_dir_all(&aside);
                    std::fs::rename(&path, &aside).map_err(folder::write_error(&path))?;
                    self.tell(Event::CheckpointDamaged { path, why: error.to_string() })?;
                }
                Err(error) => return Err(error),
            }
        }
        match folder::put_aside(&self.options.folder).pop() {
            None => Ok(false),
            Some(path) => {
                let why = "no whole checkpoint is left; it was put aside as damaged".into();
                Err(TrainError::Checkpoint { path, why })
            }
        }
    }

    fn honour_bad_batches(&mut self) -> Result<(), TrainError> {
        let (steps, rollbacks) = folder::bad_batches(&self.options.folder)?;
        steps.into_iter().for_each(|step| self.trainer.leave_out(step));
        self.rollbacks = rollbacks;
        self.trainer.set_rate_factor(self.plan.options.guard.rollback_rate.powi(rollbacks as i32));
        Ok(())
    }

    /// Goes back to the last checkpoint, if the failure and the policy allow it.
    fn roll_back(&mut self, error: TrainError) -> Result<(), TrainError> {
        let guard = self.plan.options.guard;
        let TrainError::NotFinite { step, what, .. } = error else { return Err(error) };
        if guard.not_finite != NotFinite::Rollback || self.rollbacks >= guard.max_rollbacks {
            return Err(error);
        }
        folder::note_bad_batch(&self.options.folder, step, &format!("the {what} is not a number"), true)?;
        let before = self.before;
        self.trainer = trainer(self.plan, self.texts)?;
        self.honour_bad_batches()?;
        self.restore()?;
        // The time since that checkpoint was spent all the same.
        self.before = before;
        let rate_factor = guard.rollback_rate.powi(self.rollbacks as i32);
        self.tell(Event::Rollback { step, to: self.trainer.step_count(), rate_factor })
    }

    fn end(&mut self, reason: Reason) -> Result<Outcome, TrainError> {
        let evaluation = self.evaluate()?;
        let (step, tokens) = (self.trainer.step_count(), self.trainer.step_count() * self.trainer.batch_tokens());
        if self.saved_step != Some(step) {
            self.save()?;
        }
        if self.failures > 0 {
            return Err(TrainError::Limit { what: "the last checkpoint could not be saved".into() });
        }
        let seconds = self.seconds();
        if reason == Reason::Finished {
            self.enter(step, tokens, evaluation, seconds)?;
        }
        self.tell(Event::End { step, tokens, reason, evaluation, seconds })?;
        let skipped = self.skipped()?;
        Ok(Outcome { reason, step, tokens, evaluation, seconds, skipped, already: false })
    }

    fn enter(&self, step: u64, tokens: u64, evaluation: Evaluation, seconds: f64) -> Result<(), TrainError> {
        let Some(table) = &self.options.table else { return Ok(()) };
        let last = step == self.plan.steps;
        let skipped = self.skipped()?;
        let name = folder::name(&self.options.folder);
        let name = if last { name } else { format!("{name}@{step}") };
        let row = row::row(&name, self.plan, &self.record, row::Point { step, tokens, evaluation, seconds, skipped });
        Ok(Table::enter(table, &row, "run")?)
    }

    /// Steps left out so far.
    fn skipped(&self) -> Result<u64, TrainError> {
        Ok(folder::bad_batches(&self.options.folder)?.0.len() as u64)
    }
}

/// A run at its beginning.
fn trainer(plan: &Plan, texts: &Texts) -> Result<Trainer, TrainError> {
    Trainer::new(plan.model()?, stream(plan, texts)?, plan.options)
}

/// The sequences of a run.
pub(crate) fn stream(plan: &Plan, texts: &Texts) -> Result<Stream, TrainError> {
    let mut part = Part::new(texts.train.clone(), 1.0);
    part.unique_tokens = plan.config.data.unique_tokens.value();
    let parts = std::iter::once(part).chain(texts.mixed.iter().cloned()).collect();
    Ok(Stream::mixture(parts, stream_options(plan, texts)?)?)
}

/// The sequences that are held out.
pub(crate) fn held_out(plan: &Plan, texts: &Texts) -> Result<Stream, TrainError> {
    let options = StreamOptions { order: Order::Sequential, ..stream_options(plan, texts)? };
    Ok(Stream::new(texts.validation.clone(), options)?)
}

/// How many of them are evaluated; a held-out text that is shorter is read once.
pub(crate) fn held_out_sequences(plan: &Plan, held_out: &Stream) -> u64 {
    let wanted = plan.config.evaluate.tokens.div_ceil(held_out.options().context as u64);
    wanted.clamp(1, held_out.epoch_len(0).max(1))
}

fn stream_options(plan: &Plan, texts: &Texts) -> Result<StreamOptions, TrainError> {
    let data = &plan.config.data;
    let (layout, document_mask) = (data.layout, data.document_mask);
    let loss_after = texts.tokenizer.encode(&data.loss_after)?;
    let usual = StreamOptions::new(plan.decoder.context, plan.config.seed);
    Ok(StreamOptions { layout, document_mask, loss_after, ..usual })
}

/// Bytes of text of each token, 0 for tokens that stand for no text.
pub fn token_bytes(tokenizer: &Tokenizer) -> Vec<u32> {
    (0..tokenizer.vocab() as u32).map(|token| tokenizer.bytes_of(&[token]) as u32).collect()
}

/// Steps since the last step event.
struct Window {
    every: u64,
    count: u64,
    losses: f64,
    taken: u64,
    norm: f64,
    since: Instant,
}

impl Window {
    fn new(steps: u64) -> Self {
        Self {
            every: steps.div_ceil(STEP_EVENTS).max(1),
            count: 0,
            losses: 0.0,
            taken: 0,
            norm: 0.0,
            since: Instant::now(),
        }
    }

    fn add(&mut self, report: &crate::Report, batch_tokens: u64, seconds: f64) -> Option<Event> {
        self.count += 1;
        if report.skipped.is_none() {
            self.losses += report.loss;
            self.norm = self.norm.max(report.norm);
            self.taken += 1;
        }
        if self.count < self.every || self.taken == 0 {
            return None;
        }
        let elapsed = self.since.elapsed().as_secs_f64().max(1e-9);
        let event = Event::Step {
            step: report.step,
            tokens: report.tokens,
            loss: self.losses / self.taken as f64,
            norm: self.norm,
            rate: report.rate,
            tokens_per_second: (self.count * batch_tokens) as f64 / elapsed,
            seconds,
        };
        (self.count, self.losses, self.taken, self.norm, self.since) = (0, 0.0, 0, 0.0, Instant::now());
        Some(event)
    }
}
