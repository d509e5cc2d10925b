//! `do = "evaluate"`: what the checkpoints of runs answer to tasks.

use super::{Step, beside};
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::Table;
use kleiber_data::tasks::{Fold, TaskSpec};
use kleiber_evaluate::{By, Model, Questions, accuracy};
use serde::Deserialize;
use std::path::Path;

/// Greedy answers of each run to test examples of each task: the columns of the run, `task`, and those of
/// [`kleiber_evaluate::accuracy`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evaluate {
    /// Runs, by their column `folder`.
    table: String,
    /// Conditions on them.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Tasks by the name that they have in the table, as `data.source` names them; `count` and `seed` are of the questions.
    tasks: IndexMap<String, String>,
    /// What a row is.
    #[serde(default)]
    by: By,
}

impl Step for Evaluate {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let runs = context.rows(&self.table, &[], &self.filter)?;
        let mut all: Option<Table> = None;
        for (row, folder) in runs.labels("folder")?.iter().enumerate() {
            let model = Model::load(Path::new(&**folder))?;
            for (name, task) in &self.tasks {
                context.go_on()?;
                let spec = TaskSpec::parse(task)?;
                let questions = Questions { count: spec.count, fold: Fold::Test, seed: spec.seed, fresh: true };
                let rows = accuracy(&model, &*spec.task()?, &questions, self.by)?;
                let rows = beside(&runs, row, ("task", name), &rows)?;
                all = Some(all.map_or(rows.clone(), |above| above.stacked(&rows)));
            }
        }
        all.ok_or_else(|| StudyError::refused(format!("`{}` has no rows, or no tasks are named", self.table), "give both"))
    }
}
