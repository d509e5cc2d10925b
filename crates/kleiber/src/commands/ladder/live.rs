//! What a ladder shows while it works: one line per finished run with the law as it stands, and how far all of it is.

use super::plan::Run;
use crate::commands::bar::Bar;
use crate::commands::train::duration;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_sweep::ladder::{Forecast, Phase, Progress};
use kleiber_sweep::{Job, Update};
use kleiber_train::{Event, Outcome};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Shows what happens on stderr.
pub(super) struct Live {
    quiet: bool,
    state: Mutex<State>,
}

struct State {
    bar: Bar,
    jobs: Vec<Known>,
    phase: Phase,
    /// FLOP of all rungs and the target.
    all: f64,
    /// FLOP of phases that are over.
    before: f64,
    begun: Instant,
    /// FLOP that were made before this call.
    found: f64,
}

struct Known {
    label: String,
    params: u64,
    flops_per_token: f64,
    tokens: u64,
    at: u64,
    speed: f64,
}

impl Live {
    pub(super) fn new(runs: &[Run], quiet: bool) -> Self {
        let state = State {
            bar: Bar::new(1000, "{bar:24} {msg}"),
            jobs: Vec::new(),
            phase: Phase::Search,
            all: runs.iter().map(|run| run.plan.flops()).sum(),
            before: 0.0,
            begun: Instant::now(),
            found: 0.0,
        };
        Self { quiet, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Shows it.
    pub(super) fn tell(&self, progress: &Progress<'_>) {
        if self.quiet {
            return;
        }
        let mut state = self.state();
        match progress {
            Progress::Phase { phase, jobs } => state.begin(*phase, jobs),
            Progress::Update(Update::End { job, result: Ok(outcome) }) => state.end(*job, outcome),
            Progress::Update(Update::End { job, result: Err(error) }) => {
                let line = format!("{}: failed: {error}", state.jobs[*job].label);
                state.bar.say(&line);
            }
            Progress::Update(Update::Event { job, event: Event::Step { tokens, tokens_per_second, .. } }) => {
                state.step(*job, *tokens, *tokens_per_second);
            }
            Progress::Update(_) => {}
            Progress::Factor(factor) => {
                let line = format!("learning rate: {} times the default of each size", format_significant(*factor, 3));
                state.bar.say(&line);
            }
            Progress::Forecast(forecast) => state.bar.say(&as_it_stands(forecast)),
            Progress::Written(prediction) => {
                let line = format!("the prediction is written down as {}", &prediction.hash[..12]);
                state.bar.say(&line);
            }
        }
    }
}

impl State {
    fn begin(&mut self, phase: Phase, jobs: &[Job]) {
        if self.phase == Phase::Rungs {
            self.before = self.done();
        }
        self.phase = phase;
        let known = |job: &Job| Known {
            label: job.label.clone(),
            params: job.plan.counts.params,
            flops_per_token: job.plan.counts.flops_per_token as f64,
            tokens: job.plan.tokens(),
            at: 0,
            speed: 0.0,
        };
        self.jobs = jobs.iter().map(known).collect();
        let name = match phase {
            Phase::Search => "search for the learning rate on the smallest size",
            Phase::Rungs => "rungs",
            Phase::Batches => "batches of several sizes",
            Phase::Target => "target",
        };
        self.bar.say(&format!("{name}: {} runs", jobs.len()).replace(": 1 runs", ""));
    }

    /// FLOP made so far, without the search and the batches.
    fn done(&self) -> f64 {
        let here: f64 = self.jobs.iter().map(|job| job.at as f64 * job.flops_per_token).sum();
        self.before + if matches!(self.phase, Phase::Search | Phase::Batches) { 0.0 } else { here }
    }

    fn end(&mut self, index: usize, outcome: &Outcome) {
        let job = &mut self.jobs[index];
        if outcome.already {
            self.found += (job.tokens - job.at) as f64 * job.flops_per_token;
        }
        (job.at, job.speed) = (outcome.tokens, 0.0);
        let speed = outcome.tokens as f64 / outcome.seconds.max(1e-9);
        let how = if outcome.already { "found".into() } else { format!("{} tokens/s", format_quantity(speed.round())) };
        let line = format!(
            "  {:<22} {:>8} params {:>8} tokens  loss {:.4}  {how}",
            job.label,
            job.params,
            format_quantity(outcome.tokens as f64),
            outcome.evaluation.loss
        );
        self.bar.say(&line);
    }

    fn step(&mut self, index: usize, tokens: u64, speed: f64) {
        let job = &mut self.jobs[index];
        (job.at, job.speed) = (tokens, speed);
        let share = self.done() / self.all;
        let made = self.done() - self.found;
        let left = self.begun.elapsed().as_secs_f64() * (self.all - self.done()) / made.max(1.0);
        let running = self.jobs.iter().filter(|j| j.speed > 0.0 && j.at < j.tokens);
        let running: Vec<String> =
            running.map(|j| format!("{} at {:.0}%", j.label, 100.0 * j.at as f64 / j.tokens as f64)).collect();
        let mut text = format!("{:.0}% of the ladder", 100.0 * share);
        if self.phase != Phase::Search && made > 0.01 * self.all {
            text.push_str(&format!(", about {} left", duration(left)));
        }
        text.push_str(&format!("; {}", running.join(", ")));
        self.bar.progress((1000.0 * share) as u64, text, false, str::to_string);
    }
}

fn as_it_stands(forecast: &Forecast) -> String {
    let claim = &forecast.claim;
    format!(
        "  {} on {} rungs says {:.4} for the target, {:.0}% between {:.4} and {:.4}",
        claim.law,
        forecast.fit.rows,
        claim.value,
        100.0 * claim.level,
        claim.low,
        claim.high
    )
}
