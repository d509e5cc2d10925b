//! `do = "predict"`: rows predicted by a law that was fitted to others.

use super::Step;
use super::fit::Fitting;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::{Fit, Law};
use serde::Deserialize;

/// The rows that are held out, with columns `value`, `low`, `high`, `measured` and `relative_error`.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Predict(Fitting);

impl Step for Predict {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let (held, kept) = self.0.rows(context)?;
        let Some(held) = held.filter(|held| held.rows() > 0 && kept.rows() > 0) else {
            let why = format!("no rows of `{}` are held out, or all of them are", self.0.table);
            return Err(StudyError::refused(why, "give `held`, a condition on the rows that are predicted"));
        };
        beside(&held, &self.0.fit(&kept, context.options.seed)?)
    }
}

/// `rows` with what the law says of them.
fn beside(rows: &Table, fit: &Fit) -> Result<Table, StudyError> {
    let law = Law::of(fit)?;
    let info = law.info();
    let measured = rows.numbers(&info.response.name)?;
    let variables = info.variables.iter().map(|v| Ok((v.name.to_string(), rows.numbers(&v.name)?)));
    let variables = variables.collect::<Result<Vec<_>, StudyError>>()?;
    let at = |row| variables.iter().map(|(name, cells)| (name.clone(), cells[row])).collect::<IndexMap<_, _>>();
    let points: Vec<_> = (0..rows.rows()).map(at).collect();
    let said = fit.predict(&points, 0.95, true)?.predictions;
    let number = |of: &dyn Fn(usize) -> f64| Cells::Number((0..rows.rows()).map(of).collect());
    let value = |row: usize| if fit.is_ok() { said[row].value.unwrap_or(f64::NAN) } else { f64::NAN };
    let new = [
        ("value", number(&value)),
        ("low", number(&|row| said[row].low.unwrap_or(f64::NAN))),
        ("high", number(&|row| said[row].high.unwrap_or(f64::NAN))),
        ("measured", number(&|row| measured[row])),
        ("relative_error", number(&|row| (value(row) / measured[row] - 1.0).abs())),
    ];
    let with = |table: Table, (name, cells): (&str, Cells)| table.with_column(Column { name: name.into(), cells });
    Ok(new.into_iter().try_fold(rows.clone(), with)?)
}
