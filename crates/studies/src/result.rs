//! What a run of a study leaves behind.

use crate::control::ControlOutcome;
use crate::judge::{Judged, Verdict};
use crate::study::{Header, Preset};
use serde::{Deserialize, Serialize};

/// Version of [`Outcome`].
pub const SCHEMA: &str = "kleiber.study/1";

/// What a run of a study found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The study.
    pub slug: String,
    /// What it says of itself.
    #[serde(flatten)]
    pub header: Header,
    /// What was found.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Each expectation.
    pub expectations: Vec<Judged>,
    /// What would explain a difference from the paper.
    pub further: Vec<Judged>,
    /// Each control.
    pub controls: Vec<ControlOutcome>,
    /// How much of it was run.
    pub preset: Preset,
    /// Seed.
    pub seed: u64,
    /// Seeds of repeated runs, where other than declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<u64>,
    /// Hash of the declaration.
    pub declaration: String,
    /// Every declaration under which it was run in this folder, the first first.
    pub declared: Vec<Declared>,
    /// Seconds of work, of runs that were found finished only the looking.
    pub seconds: f64,
    /// The date, as YYYY-MM-DD.
    pub date: String,
    /// Version of the program.
    pub version: String,
    /// The machine.
    pub machine: String,
    /// Threads.
    pub threads: usize,
}

/// A declaration under which a study was run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Declared {
    /// Seconds since 1970, before the first step.
    pub time: u64,
    /// Hash of the declaration.
    pub hash: String,
}
