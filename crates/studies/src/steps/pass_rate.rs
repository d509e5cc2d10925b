//! `do = "pass_rate"`: how often drawn answers of checkpoints are right.

use super::Step;
use super::asked::{Asked, own};
use crate::{Context, StudyError};
use kleiber_core::table::Table;
use kleiber_evaluate::{Drawing, pass_rate};
use serde::Deserialize;

/// Draws until enough pass: the columns of the run, `samples`, `task`, and those of [`pass_rate`], a row for each example.
#[derive(Debug, Deserialize)]
#[serde(try_from = "toml::Table")]
pub(super) struct PassRate {
    asked: Asked,
    drawing: Drawing,
}

impl TryFrom<toml::Table> for PassRate {
    type Error = toml::de::Error;

    fn try_from(mut keys: toml::Table) -> Result<Self, Self::Error> {
        let usual = Drawing::default();
        let drawing = Drawing {
            passes: own(&mut keys, "passes")?.unwrap_or(usual.passes),
            cap: own(&mut keys, "cap")?.unwrap_or(usual.cap),
            temperature: own(&mut keys, "temperature")?.unwrap_or(usual.temperature),
            ..usual
        };
        Ok(Self { drawing, asked: keys.try_into()? })
    }
}

impl Step for PassRate {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let drawing = Drawing { seed: context.options.seed, ..self.drawing };
        self.asked.each(context, &|model, task, questions| Ok(pass_rate(model, task, questions, &drawing)?))
    }
}
