//! `do = "prune"`: runs whose smallest weights are taken out.

use super::Step;
use crate::{Context, StudyError};
use kleiber_compress::{Scope, prune};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_core::{CoreError, atomic};
use kleiber_models::checkpoint;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const TOKENIZER: &str = "tokenizer.json";

/// The rows of runs with their last checkpoints pruned: `folder` is that of the pruned model, `params` counts the weights that
/// are left, `sparsity` is the share that was taken out, `parent` the folder of the run.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Prune {
    /// Table with the runs' `folder` and `params`.
    runs: String,
    /// Conditions on its rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Share of each matrix of the blocks that is taken out.
    sparsity: f64,
}

impl Step for Prune {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let rows = context.rows(&self.runs, &[], &self.filter)?;
        let (folders, mut params) = (rows.labels("folder")?, rows.numbers("params")?);
        let mut pruned = Vec::new();
        for (folder, params) in folders.iter().zip(&mut params) {
            context.go_on()?;
            let (path, removed) = self.pruned(Path::new(&**folder))?;
            pruned.push(path.display().to_string().into());
            *params -= removed as f64;
        }
        let columns = [
            ("parent", Cells::Text(folders)),
            ("folder", Cells::Text(pruned)),
            ("params", Cells::Number(params)),
            ("sparsity", Cells::Number(vec![self.sparsity; rows.rows()])),
        ];
        let with = |table: Table, (name, cells): (&str, Cells)| table.with_column(Column { name: name.into(), cells });
        Ok(columns.into_iter().try_fold(rows, with)?)
    }
}

impl Prune {
    /// Prunes the last checkpoint of a run; gives the folder beside the run's and how many weights are gone.
    fn pruned(&self, run: &Path) -> Result<(PathBuf, usize), StudyError> {
        let step = kleiber_train::checkpoint::newest(run).ok_or_else(|| {
            StudyError::refused(format!("{}: holds no checkpoint", run.display()), "let the run go on to its end")
        })?;
        let loaded = checkpoint::read(&step).map_err(kleiber_train::TrainError::from)?;
        let small = prune(&loaded.decoder, self.sparsity, Scope::default())?;
        let mut name = run.file_name().unwrap_or_default().to_os_string();
        name.push(format!("-pruned-{}", self.sparsity));
        let out = run.with_file_name(name);
        let end = loaded.ends.first().copied();
        atomic::folder(&out, |scratch| -> Result<(), StudyError> {
            checkpoint::write(&small.decoder, end, scratch).map_err(kleiber_train::TrainError::from)?;
            let (from, to) = (step.join(TOKENIZER), scratch.join(TOKENIZER));
            let copied = std::fs::copy(&from, to);
            copied.map_err(|source| CoreError::Io { path: from, action: "copy", source })?;
            Ok(())
        })?;
        Ok((out, small.removed))
    }
}
