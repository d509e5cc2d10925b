//! `do = "compare"`: laws by their errors on held-out rows.

use super::Step;
use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::compare::{Candidate, compare};
use kleiber_laws::{Law, Options};
use serde::Deserialize;

/// Laws by their errors: columns `law`, `error` (mean), `worst`, `coefficients`, `status`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Compare {
    /// The rows.
    table: String,
    /// Laws or formulas.
    laws: Vec<String>,
    /// Conditions on the rows that are held out, or `rolling`.
    held: String,
    /// Columns that are mapped first.
    #[serde(default)]
    map: Vec<String>,
    /// Conditions on all rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Whether a law with reasons against it is judged all the same.
    #[serde(default)]
    force: bool,
}

impl Step for Compare {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let rows = context.rows(&self.table, &self.map, &self.filter)?;
        let columns: Vec<&str> = rows.columns().iter().map(|c| c.name.as_str()).collect();
        let laws = self.laws.iter().map(|law| Law::parse(law, &columns, &[])).collect::<Result<Vec<_>, _>>()?;
        let options = Options {
            holdout: Some(self.held.clone()),
            force: self.force,
            bootstrap: 0,
            influence: false,
            seed: context.options.seed,
            ..Options::default()
        };
        let found = compare(&rows, &laws, &options)?.laws;
        // In the order in which they were asked for, under the names that were given.
        let of = |law: &Law| found.iter().find(|c| c.law == law.info().name);
        let candidates: Vec<Option<&Candidate>> = laws.iter().map(of).collect();
        let number = |of: &dyn Fn(&Candidate) -> Option<f64>| {
            Cells::Number(candidates.iter().map(|c| c.and_then(of).unwrap_or(f64::NAN)).collect())
        };
        let status = |c: &Option<&Candidate>| c.map_or("unknown".into(), |c| format!("{:?}", c.status).to_lowercase());
        let columns = [
            ("law", Cells::Text(self.laws.iter().map(|l| l.as_str().into()).collect())),
            ("error", number(&|c| c.holdout_mean_abs_rel_error)),
            ("worst", number(&|c| c.holdout_max_abs_rel_error)),
            ("coefficients", number(&|c| Some(c.coefficients as f64))),
            ("status", Cells::Text(candidates.iter().map(|c| status(c).into()).collect())),
        ];
        let column = |(name, cells): (&str, Cells)| Column { name: name.into(), cells };
        Ok(Table::new(context.step, columns.map(column).to_vec())?)
    }
}
