//! What happens in a run, one JSON object per line of `events.jsonl`: the truth about a run that every view reads.

use crate::guard::Fault;
use crate::{Evaluation, TrainError};
use kleiber_core::CoreError;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Name of the file in a run's folder.
pub const FILE: &str = "events.jsonl";

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// The run began.
    Start {
        /// Name of the run.
        run: String,
        /// Steps that it will make.
        steps: u64,
        /// Tokens that it will see.
        tokens: u64,
        /// Parameters without embedding and head.
        params: u64,
    },
    /// The run goes on from a checkpoint; steps beyond it that were logged before are made again.
    Resume {
        /// Steps already made.
        step: u64,
        /// Keys of the configuration that changed.
        changed: Vec<String>,
    },
    /// Steps were made.
    Step {
        /// The last of them.
        step: u64,
        /// Tokens seen.
        tokens: u64,
        /// Mean loss since the previous such event, nats per token.
        loss: f64,
        /// Largest gradient norm since then.
        norm: f64,
        /// Learning rate.
        rate: f64,
        /// Speed since then.
        tokens_per_second: f64,
        /// Seconds of training so far.
        seconds: f64,
    },
    /// A step's update was left out.
    Skip {
        /// The step.
        step: u64,
        /// Why.
        fault: Fault,
        /// Its loss; nothing when it was not a number.
        loss: Option<f64>,
    },
    /// The run went back to a checkpoint.
    Rollback {
        /// The step that failed.
        step: u64,
        /// Steps made at the checkpoint.
        to: u64,
        /// Factor of all learning rates from there on.
        rate_factor: f64,
    },
    /// The loss on held-out text was measured.
    Evaluate {
        /// Steps made.
        step: u64,
        /// Tokens seen.
        tokens: u64,
        /// The result.
        evaluation: Evaluation,
    },
    /// A checkpoint was saved.
    Checkpoint {
        /// Steps made.
        step: u64,
        /// Time that it took.
        seconds: f64,
    },
    /// A checkpoint could not be saved; the run goes on.
    CheckpointFailed {
        /// Steps made.
        step: u64,
        /// Why.
        why: String,
    },
    /// A checkpoint could not be read; an older one is tried.
    CheckpointDamaged {
        /// The checkpoint.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The run ended.
    End {
        /// Steps made.
        step: u64,
        /// Tokens seen.
        tokens: u64,
        /// Why it ended.
        reason: Reason,
        /// Held-out loss.
        evaluation: Evaluation,
        /// Seconds of training.
        seconds: f64,
    },
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// All steps were made.
    Finished,
    /// It was asked to.
    Interrupted,
    /// Its time was over.
    Time,
}

impl Event {
    /// Steps made when it happened.
    pub fn step(&self) -> u64 {
        match self {
            Self::Start { .. } | Self::CheckpointDamaged { .. } => 0,
            Self::Rollback { to, .. } => *to,
            Self::Resume { step, .. }
            | Self::Step { step, .. }
            | Self::Skip { step, .. }
            | Self::Evaluate { step, .. }
            | Self::Checkpoint { step, .. }
            | Self::CheckpointFailed { step, .. }
            | Self::End { step, .. } => *step,
        }
    }
}

/// An event and when it happened.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// Seconds since 1970.
    time: f64,
    #[serde(flatten)]
    event: Event,
}

/// Appends events to a file.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Opens the file of a run; a last line that a kill cut short is removed.
    ///
    /// # Errors
    /// [`TrainError::Core`].
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let io = |source| CoreError::Io { path: path.into(), action: "write", source };
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path).map_err(io)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        if text.last().is_some_and(|b| *b != b'\n') {
            let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            file.set_len(whole as u64).map_err(io)?;
            file.seek(SeekFrom::End(0)).map_err(io)?;
        }
        Ok(Self { path: path.into(), file })
    }

    /// Appends an event.
    ///
    /// # Errors
    /// [`TrainError::Core`].
    pub fn append(&mut self, event: &Event) -> Result<(), TrainError> {
        let io = |source| CoreError::Io { path: self.path.clone(), action: "write", source };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
        let mut line = serde_json::to_vec(&Line { time, event: event.clone() }).map_err(|e| io(e.into()))?;
        line.push(b'\n');
        // One write, so that a kill cuts off a line's end at most.
        self.file.write_all(&line).map_err(io)?;
        if matches!(event, Event::Checkpoint { .. } | Event::End { .. }) {
            self.file.sync_data().map_err(io)?;
        }
        Ok(())
    }
}

/// The events of a run as if it had never been stopped: what a continued run made again is there once.
///
/// # Errors
/// [`TrainError::Core`] for a file that cannot be read; lines that are no events are overlooked.
pub fn read(path: &Path) -> Result<Vec<Event>, TrainError> {
    let mut events: Vec<Event> = Vec::new();
    for line in lines(path)? {
        if matches!(line.event, Event::Start { .. }) {
            events.clear();
        }
        if let Event::Resume { step, .. } | Event::Rollback { to: step, .. } = line.event {
            events.retain(|e| e.step() <= step && !matches!(e, Event::End { .. }));
        }
        events.push(line.event);
    }
    Ok(events)
}

/// When the run began, in seconds since 1970.
///
/// # Errors
/// [`TrainError::Core`] for a file that cannot be read.
pub fn begun(path: &Path) -> Result<Option<f64>, TrainError> {
    Ok(lines(path)?.iter().rfind(|line| matches!(line.event, Event::Start { .. })).map(|line| line.time))
}

fn lines(path: &Path) -> Result<Vec<Line>, TrainError> {
    let bytes = std::fs::read(path).map_err(|source| CoreError::Io { path: path.into(), action: "read", source })?;
    Ok(bytes.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: u64, loss: f64) -> Event {
        Event::Step { step, tokens: 10 * step, loss, norm: 1.0, rate: 0.1, tokens_per_second: 5.0, seconds: 1.0 }
    }

    #[test]
    fn a_cut_line_is_removed_and_repeated_steps_are_there_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let mut log = Log::open(&path).unwrap();
        for (n, loss) in [(1, 5.0), (2, 4.0), (3, 3.0)] {
            log.append(&step(n, loss)).unwrap();
        }
        drop(log);
        let mut text = std::fs::read(&path).unwrap();
        text.truncate(text.len() - 5);
        std::fs::write(&path, text).unwrap();
        let mut log = Log::open(&path).unwrap();
        log.append(&Event::Resume { step: 1, changed: Vec::new() }).unwrap();
        log.append(&step(2, 4.5)).unwrap();
        let events = read(&path).unwrap();
        assert_eq!(events, [step(1, 5.0), Event::Resume { step: 1, changed: Vec::new() }, step(2, 4.5)]);
    }
}
