//! `do = "evaluate"`: what the checkpoints of runs answer to tasks.

use super::Step;
use super::asked::{Asked, own};
use crate::{Context, StudyError};
use kleiber_core::table::Table;
use kleiber_evaluate::{By, accuracy};
use serde::Deserialize;

/// Greedy answers: the columns of the run, `samples`, `task`, and those of [`accuracy`], a row for all examples or, with `by`,
/// for each `length`, number of `digits`, or `each` example.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub(super) struct Evaluate {
    asked: Asked,
    by: By,
}

impl TryFrom<toml::Table> for Evaluate {
    type Error = toml::de::Error;

    fn try_from(mut keys: toml::Table) -> Result<Self, Self::Error> {
        Ok(Self { by: own(&mut keys, "by")?.unwrap_or_default(), asked: keys.try_into()? })
    }
}

impl Step for Evaluate {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        self.asked.each(context, &|model, task, questions| Ok(accuracy(model, task, questions, self.by)?))
    }
}
