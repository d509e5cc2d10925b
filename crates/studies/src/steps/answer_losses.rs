//! `do = "answer_losses"`: what the expected answers of tasks cost the checkpoints of runs.

use super::Step;
use super::asked::Asked;
use crate::{Context, StudyError};
use kleiber_core::table::Table;
use kleiber_evaluate::answer_losses;
use serde::Deserialize;

/// The nats of each expected answer: the columns of the run, `samples`, `task`, and those of [`answer_losses`], a row for each
/// example.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct AnswerLosses(Asked);

impl Step for AnswerLosses {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        self.0.each(context, &|model, task, questions| Ok(answer_losses(model, task, questions)?))
    }
}
