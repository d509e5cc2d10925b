//! What the checkpoints of runs are asked: what the steps that put questions have in common.

use super::beside;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::tasks::{Fold, PREFIX, Task, TaskSpec};
use kleiber_evaluate::{Model, Questions};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;
use toml::Value;

/// Questions of a kind where nothing else is said.
const COUNT: u64 = 300;

/// Runs, and the questions that each of them is asked. Either `tasks` names them, or each run is asked what it was trained on
/// (its `corpus`), as it is or changed as `questions` says.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Runs, by their column `folder`.
    table: String,
    /// Conditions on them.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Tasks by the name that they have in the table, as `data.source` names them; `count` and `seed` are of the questions.
    #[serde(default)]
    tasks: IndexMap<String, String>,
    /// Changes of the task that a run was trained on, by the name that they have in the table; none for `{}`.
    #[serde(default)]
    questions: IndexMap<String, toml::Table>,
    /// Number of questions of each change.
    count: Option<u64>,
}

/// Asks a model a task's questions.
type Measure<'a> = dyn Fn(&Model, &dyn Task, &Questions) -> Result<Table, StudyError> + 'a;

impl Asked {
    /// The rows that `measure` finds for each run and task: the columns of the run, `samples` (examples that it was trained on,
    /// where that is a task), the name in `task`, and what was found.
    pub(super) fn each(&self, context: &Context<'_>, measure: &Measure<'_>) -> Result<Table, StudyError> {
        if self.tasks.is_empty() == self.questions.is_empty() {
            return Err(StudyError::refused("nothing is asked, or both ways", "give `tasks` or `questions`"));
        }
        if !self.tasks.is_empty() && self.count.is_some() {
            return Err(StudyError::refused("`tasks` have their own `count`", "write it into them: copy?count=500"));
        }
        let runs = context.rows(&self.table, &[], &self.filter)?;
        let (folders, trained) = (runs.labels("folder")?, runs.labels("corpus")?);
        let mut all: Option<Table> = None;
        for (row, (folder, trained)) in folders.iter().zip(&trained).enumerate() {
            let model = Model::load(Path::new(&**folder))?;
            let own = trained.starts_with(PREFIX).then(|| TaskSpec::parse(trained)).transpose()?;
            let samples = own.as_ref().map_or(f64::NAN, |own| own.count as f64);
            for (name, spec) in self.specs(own.as_ref(), context)? {
                context.go_on()?;
                let questions = Questions { count: spec.count, fold: Fold::Test, seed: spec.seed, fresh: true };
                let found = measure(&model, &*spec.task()?, &questions)?;
                let cells = Cells::Number(vec![samples; found.rows()]);
                let found = found.with_column(Column { name: "samples".into(), cells })?;
                let rows = beside(&runs, row, ("task", name), &found)?;
                all = Some(all.map_or(rows.clone(), |above| above.stacked(&rows)));
            }
        }
        all.ok_or_else(|| StudyError::refused(format!("`{}` has no rows left", self.table), "loosen `where`"))
    }

    fn specs(&self, own: Option<&TaskSpec>, context: &Context<'_>) -> Result<Vec<(&str, TaskSpec)>, StudyError> {
        if self.questions.is_empty() {
            return self.tasks.iter().map(|(name, task)| Ok((name.as_str(), TaskSpec::parse(task)?))).collect();
        }
        let own = own.ok_or_else(|| {
            StudyError::refused(format!("the runs of `{}` were trained on no task", self.table), "name `tasks`")
        })?;
        let changed = |change: &toml::Table| {
            let mut spec = TaskSpec { count: self.count.unwrap_or(COUNT), seed: context.options.seed, ..own.clone() };
            // What TOML can say, JSON can.
            spec.set(serde_json::to_value(change).unwrap_or_default());
            spec
        };
        Ok(self.questions.iter().map(|(name, change)| (name.as_str(), changed(change))).collect())
    }
}

/// Takes a key of a step's own out of those that it shares.
pub(super) fn own<T: DeserializeOwned>(keys: &mut toml::Table, key: &str) -> Result<Option<T>, toml::de::Error> {
    keys.remove(key).map(Value::try_into).transpose()
}
