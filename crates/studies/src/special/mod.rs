//! Steps that one study alone needs: each is a file and a line here.

mod data_pruning;
mod entropy;
mod joint_law;
mod knowledge;
mod mixture;
mod pass_until;
mod projektor;
mod visual_assertions;

use crate::{Context, StudyError};
use kleiber_core::table::{Table, nearest};
use serde::de::DeserializeOwned;

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
        data_pruning::DECODERS,
        data_pruning::FRONTIER,
        data_pruning::PERCEPTRONS,
        entropy::FUNCTION,
        joint_law::FUNCTION,
        knowledge::FUNCTION,
        mixture::CHOSEN,
        mixture::REGRESSION,
        mixture::RUNS,
        pass_until::FUNCTION,
        projektor::ERRORS,
        projektor::PROJECTIONS,
        projektor::RUNS,
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

/// The keys of a function.
fn keys<T: DeserializeOwned>(keys: &toml::Table) -> Result<T, StudyError> {
    keys.clone().try_into().map_err(|e: toml::de::Error| {
        StudyError::refused(e.to_string().trim_end().to_string(), "the keys of a function stand in its file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use indexmap::IndexMap;

    /// The table that a function makes of keys in TOML, without tables before it.
    pub(super) fn table(name: &str, text: &str) -> Table {
        with(name, text, &IndexMap::new())
    }

    /// The same with tables before it.
    pub(super) fn with(name: &str, text: &str, tables: &IndexMap<String, Table>) -> Table {
        let options = Options::of_tests(None);
        let context = Context { options: &options, step: "step", tables, tell: &|_| () };
        (function(name).unwrap().run)(&toml::from_str(text).unwrap(), &context).unwrap()
    }

    #[test]
    fn unknown_functions_name_the_nearest() {
        let names: std::collections::HashSet<&str> = registry().iter().map(|f| f.name).collect();
        assert_eq!(names.len(), registry().len());
        assert!(function("known-entropi").err().unwrap().hint().contains("known-entropy"));
    }
}
