//! A line of progress on stderr: one that moves on a terminal, one now and then elsewhere.

use crate::output::write_stderr;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Time between lines that are not on a terminal.
const BETWEEN: Duration = Duration::from_secs(10);

/// Shows how far something is, and what happens meanwhile.
pub(crate) struct Bar {
    bar: Option<ProgressBar>,
    last: Option<Instant>,
}

impl Bar {
    /// For something of `length`; `template` is what the terminal shows.
    pub(crate) fn new(length: u64, template: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
            // Templates are constants: they can be read.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or(ProgressStyle::default_bar()));
            bar
        });
        Self { bar, last: None }
    }

    /// Shows `text` at a position; elsewhere than on a terminal as `line` makes it, now and then or when it is `due`.
    pub(crate) fn progress(&mut self, position: u64, text: String, due: bool, line: impl FnOnce(&str) -> String) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(text);
            }
            None if due || self.last.is_none_or(|last| last.elapsed() >= BETWEEN) => {
                write_stderr(&line(&text));
                self.last = Some(Instant::now());
            }
            None => {}
        }
    }

    /// A line of its own.
    pub(crate) fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| write_stderr(line)),
            None => write_stderr(line),
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
