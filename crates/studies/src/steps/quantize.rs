//! `do = "quantize"`: what storing weights in few bits adds to the held-out loss of checkpoints.

use super::Step;
use crate::context::Progress;
use crate::{Context, StudyError};
use kleiber_compress::{Format, Scope, penalties, penalty_table};
use kleiber_core::table::Table;
use kleiber_train::{HeldOut, OpenRun};
use serde::Deserialize;
use std::collections::HashSet;
use std::path::Path;

/// Every checkpoint of every run in every format, on the held-out tokens of its run: a row for each, with the columns of
/// [`penalty_table`]; `run` is the name of the run as in the table of runs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Quantize {
    /// Table with the runs' `folder`.
    runs: String,
    /// Conditions on its rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Formats in turn.
    formats: Vec<FormatKeys>,
    /// Held-out tokens; as many as the run was evaluated on otherwise.
    tokens: Option<u64>,
    /// The embedding as well.
    #[serde(default)]
    embedding: bool,
    /// The output head as well.
    #[serde(default)]
    head: bool,
}

/// A format as [`Format::named`] takes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FormatKeys {
    /// Its name.
    name: String,
    /// Bits of a code.
    bits: Option<u32>,
    /// Weights that share a scale.
    group: Option<u32>,
}

impl Step for Quantize {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let (formats, scope) = (formats(&self.formats)?, Scope { embedding: self.embedding, head: self.head });
        let mut rows = Vec::new();
        each_run(context, &self.runs, &self.filter, self.tokens, |run, held_out| {
            rows.extend(penalties(run, held_out, &formats, scope)?);
            Ok(())
        })?;
        Ok(penalty_table(&rows)?)
    }
}

/// The formats of a step.
pub(super) fn formats(keys: &[FormatKeys]) -> Result<Vec<Format>, StudyError> {
    keys.iter().map(|k| Ok(Format::named(&k.name, k.bits, k.group)?)).collect()
}

/// Opens the runs of a table one after another, each once, with the first `tokens` that it held out.
pub(super) fn each_run(
    context: &Context<'_>,
    table: &str,
    filter: &[String],
    tokens: Option<u64>,
    mut work: impl FnMut(&OpenRun, &HeldOut) -> Result<(), StudyError>,
) -> Result<(), StudyError> {
    let folders = context.rows(table, &[], filter)?.labels("folder")?;
    let mut seen = HashSet::new();
    let folders: Vec<_> = folders.into_iter().filter(|folder| seen.insert(folder.clone())).collect();
    for (number, folder) in folders.iter().enumerate() {
        context.go_on()?;
        let tell = |stage| (context.tell)(Progress::Stage(stage));
        let run = OpenRun::open(Path::new(&**folder), &context.options.cache, &tell)?;
        let held_out = run.held_out()?.at_most(tokens.unwrap_or(u64::MAX));
        work(&run, &held_out)?;
        (context.tell)(Progress::Note(format!("{} ({} of {})", run.name(), number + 1, folders.len())));
    }
    Ok(())
}
