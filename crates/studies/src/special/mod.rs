//! Steps that one study alone needs: each is a file and a line here.

mod data_pruning;
mod joint_law;
mod pass_until;
mod visual_assertions;

use crate::{Context, StudyError};
use kleiber_core::table::{Table, nearest};

/// A function of a study.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its name in declarations.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Makes the table from the keys of the step.
    pub run: fn(&toml::Table, &Context<'_>) -> Result<Table, StudyError>,
}

/// Every function.
pub fn registry() -> &'static [Function] {
    &[
        data_pruning::PERCEPTRONS,
        data_pruning::FRONTIER,
        data_pruning::DECODERS,
        joint_law::FUNCTION,
        pass_until::FUNCTION,
        visual_assertions::FUNCTION,
    ]
}

/// The function of a name, or what is near it.
pub(crate) fn function(name: &str) -> Result<Function, StudyError> {
    registry().iter().find(|f| f.name == name).copied().ok_or_else(|| {
        let names: Vec<&str> = registry().iter().map(|f| f.name).collect();
        let hint = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", names.join(", ")),
        };
        StudyError::refused(format!("no function `{name}`"), hint)
    })
}
