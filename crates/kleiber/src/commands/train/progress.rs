//! A line of progress: one that moves on a terminal, one now and then elsewhere.

use super::show::duration;
use crate::commands::bar::Bar;
use kleiber_core::process::memory;
use kleiber_core::units::format_quantity;
use kleiber_train::Event;

/// Shows the events of a run on stderr.
pub(crate) struct Progress {
    steps: u64,
    tokens: u64,
    bar: Bar,
}

impl Progress {
    /// For a run of so many steps and tokens.
    pub(crate) fn new(steps: u64, tokens: u64) -> Self {
        Self { steps, tokens, bar: Bar::new(steps, "{bar:24} {pos}/{len} {msg}") }
    }

    /// Shows an event.
    pub(crate) fn event(&mut self, event: &Event) {
        match event {
            Event::Step { step, tokens, loss, rate, tokens_per_second, .. } => {
                let left = self.tokens.saturating_sub(*tokens) as f64 / tokens_per_second.max(1e-9);
                let memory = memory().map_or(String::new(), |m| format!(", {} MiB", m >> 20));
                let speed = format_quantity(tokens_per_second.round());
                let text =
                    format!("loss {loss:.4}, rate {rate:.2e}, {speed} tokens/s, {} left{memory}", duration(left));
                let steps = self.steps;
                self.bar.progress(*step, text, *step == steps, |text| format!("step {step}/{steps}: {text}"));
            }
            other => {
                if let Some(line) = line(other) {
                    self.bar.say(&line);
                }
            }
        }
    }
}

/// An event that is not a step, in a line; nothing for those that say no news.
pub(crate) fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Resume { step, changed } if changed.is_empty() => format!("continuing after step {step}"),
        Event::Resume { step, changed } => format!("continuing after step {step}; changed: {}", changed.join(", ")),
        Event::Skip { step, fault, .. } => format!("step {step} left out: {}", fault.describe()),
        Event::Rollback { step, to, rate_factor } => {
            format!("step {step} failed; back to step {to}, learning rate times {rate_factor}")
        }
        Event::Evaluate { step, evaluation, .. } => {
            let bpb = evaluation.bpb.map_or(String::new(), |b| format!(", {b:.4} bits/byte"));
            format!("step {step}: held-out loss {:.4}{bpb}", evaluation.loss)
        }
        Event::CheckpointFailed { step, why } => format!("warning: step {step} could not be saved: {why}"),
        Event::CheckpointDamaged { why, .. } => format!("warning: {why}; trying an older one"),
        _ => return None,
    })
}
