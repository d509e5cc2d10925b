//! `do = "shift"`: how far formats move what a model draws at temperatures.

use super::Step;
use super::quantize::{FormatKeys, each_run, formats};
use crate::{Context, StudyError};
use kleiber_compress::Scope;
use kleiber_compress::tempered::shift_table;
use kleiber_core::table::{Cells, Column, Table};
use serde::Deserialize;

/// The last checkpoint of every run in every format beside itself at every temperature: the columns of [`shift_table`] with
/// `run` and `seed`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shift {
    /// Table with the runs' `folder`.
    runs: String,
    /// Conditions on its rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Formats in turn.
    formats: Vec<FormatKeys>,
    /// Temperatures in turn.
    temperatures: Vec<f64>,
    /// Held-out tokens behind which is drawn; as many as the run was evaluated on otherwise.
    tokens: Option<u64>,
}

impl Step for Shift {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let formats = formats(&self.formats)?;
        let mut all: Option<Table> = None;
        each_run(context, &self.runs, &self.filter, self.tokens, |run, held_out| {
            let last = run.checkpoints().pop();
            let last = last.ok_or_else(|| {
                StudyError::refused(format!("{}: holds no checkpoint", run.name()), "let the run go on to its end")
            })?;
            let table = shift_table(&last.decoder()?, held_out, &formats, Scope::default(), &self.temperatures)?;
            let rows = table.rows();
            let name = Column { name: "run".into(), cells: Cells::Text(vec![run.name().into(); rows]) };
            let seed = Column { name: "seed".into(), cells: Cells::Number(vec![run.plan.config.seed as f64; rows]) };
            let table = table.with_column(name)?.with_column(seed)?;
            all = Some(all.take().map_or(table.clone(), |above| above.stacked(&table)));
            Ok(())
        })?;
        all.ok_or_else(|| StudyError::refused(format!("`{}` has no runs", self.runs), "loosen `where`"))
    }
}
