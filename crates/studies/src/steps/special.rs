//! `do = "special"`: a function of the study.

use super::Step;
use crate::{Context, StudyError, special};
use kleiber_core::table::Table;
use serde::Deserialize;

/// A function of the study, in a file of its own.
#[derive(Debug, Deserialize)]
pub(super) struct Special {
    /// Its name, of [`special::registry`].
    function: String,
    /// What it is given.
    #[serde(flatten)]
    keys: toml::Table,
}

impl Step for Special {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        (special::function(&self.function)?.run)(&self.keys, context)
    }
}
