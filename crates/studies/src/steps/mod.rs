//! What studies are made of: each kind of step is one file and one line here.

mod answer_losses;
mod asked;
mod compare;
mod density;
mod derive;
mod evaluate;
mod fit;
mod join;
mod ladder;
mod losses;
mod pass_rate;
mod predict;
mod prune;
mod quantize;
mod shift;
mod simulate;
mod special;
mod sweep;
mod table;

use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table, nearest};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// A step: it makes a table of those before.
pub trait Step: Debug + Send + Sync {
    /// Makes the table.
    ///
    /// # Errors
    /// [`StudyError`].
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError>;
}

/// A kind of step.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// `do` in a declaration.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Reads its keys.
    pub read: fn(toml::Table) -> Result<Box<dyn Step>, String>,
}

/// Every kind of step.
pub fn registry() -> &'static [Kind] {
    &[
        Kind {
            name: "answer_losses",
            about: "what the expected answers of tasks cost checkpoints",
            read: read::<answer_losses::AnswerLosses>,
        },
        Kind { name: "compare", about: "laws by their errors on held-out rows", read: read::<compare::Compare> },
        Kind { name: "density", about: "models by the size of a reference family", read: read::<density::DensityStep> },
        Kind { name: "derive", about: "new columns, and groups reduced to one row", read: read::<derive::Derive> },
        Kind { name: "evaluate", about: "answers of checkpoints to tasks", read: read::<evaluate::Evaluate> },
        Kind { name: "fit", about: "a law's coefficients with intervals", read: read::<fit::FitStep> },
        Kind { name: "join", about: "columns of the matching rows of another table", read: read::<join::Join> },
        Kind { name: "ladder", about: "a ladder: prediction and measurement", read: read::<ladder::LadderStep> },
        Kind { name: "losses", about: "losses of checkpoints on other texts", read: read::<losses::Losses> },
        Kind { name: "pass_rate", about: "draws until enough answers pass", read: read::<pass_rate::PassRate> },
        Kind { name: "predict", about: "rows predicted by a law fitted to others", read: read::<predict::Predict> },
        Kind { name: "prune", about: "runs without their smallest weights", read: read::<prune::Prune> },
        Kind {
            name: "quantize",
            about: "what few bits add to the loss of checkpoints",
            read: read::<quantize::Quantize>,
        },
        Kind { name: "shift", about: "what few bits do to draws at temperatures", read: read::<shift::Shift> },
        Kind { name: "simulate", about: "rows of a published law with noise", read: read::<simulate::Simulate> },
        Kind { name: "special", about: "a function of the study", read: read::<special::Special> },
        Kind { name: "sweep", about: "training runs", read: read::<sweep::Sweep> },
        Kind { name: "table", about: "rows as they are written", read: read::<table::Literal> },
    ]
}

/// The kind of a name, or what is near it.
pub(crate) fn kind(name: &str) -> Result<&'static Kind, String> {
    registry().iter().find(|kind| kind.name == name).ok_or_else(|| {
        let names: Vec<&str> = registry().iter().map(|k| k.name).collect();
        match nearest(name, &names) {
            Some(near) => format!("no step `{name}`; did you mean `{near}`?"),
            None => format!("no step `{name}`; the steps are {}", names.join(", ")),
        }
    })
}

fn read<T: Step + DeserializeOwned + 'static>(keys: toml::Table) -> Result<Box<dyn Step>, String> {
    let step: T = keys.try_into().map_err(|e: toml::de::Error| e.to_string().trim_end().to_string())?;
    Ok(Box::new(step))
}

/// Rows that were found for row `row` of `runs`: its columns and a name before theirs, which take their place where both have
/// one.
fn beside(runs: &Table, row: usize, (key, name): (&str, &str), found: &Table) -> Result<Table, StudyError> {
    let same = |cells: &Cells| match cells {
        Cells::Number(v) => Cells::Number(vec![v[row]; found.rows()]),
        Cells::Text(v) => Cells::Text(vec![v[row].clone(); found.rows()]),
    };
    let of_run = runs.columns().iter().filter(|c| found.column(&c.name).is_none() && c.name != key);
    let mut columns: Vec<Column> = of_run.map(|c| Column { name: c.name.clone(), cells: same(&c.cells) }).collect();
    columns.push(Column { name: key.into(), cells: Cells::Text(vec![name.into(); found.rows()]) });
    columns.extend(found.columns().iter().cloned());
    Ok(Table::new(found.source(), columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_is_in_order_and_knows_its_names() {
        let names: Vec<&str> = registry().iter().map(|k| k.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(names, sorted);
        assert!(names.iter().all(|name| kind(name).is_ok()));
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/studies.md");
        let page = std::fs::read_to_string(page).unwrap();
        assert!(names.iter().all(|name| page.contains(&format!("`{name}`"))), "docs/studies.md lists every step");
        assert_eq!(kind("swep").unwrap_err(), "no step `swep`; did you mean `sweep`?");
    }
}
