//! `do = "fit"`: a law's coefficients with intervals.

use super::Step;
use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::{Estimate, Fit, Law, Options};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Which law is fitted to which rows; what the steps that fit have in common.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fitting {
    /// The rows.
    pub(super) table: String,
    /// Conditions on them.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Condition on the rows that are held out.
    pub(super) held: Option<String>,
    /// A law of the catalogue, or a formula.
    law: String,
    /// Columns that are mapped first, `name=column or expression`.
    #[serde(default)]
    map: Vec<String>,
    /// Coefficients that are known.
    #[serde(default)]
    fixed: BTreeMap<String, f64>,
    /// Column whose equal values are drawn together.
    cluster: Option<String>,
    /// Draws of the intervals.
    bootstrap: Option<usize>,
    /// Whether a fit with reasons against it is used all the same.
    #[serde(default)]
    force: bool,
}

impl Fitting {
    /// The rows that are held out and those that are fitted.
    pub(super) fn rows(&self, context: &Context<'_>) -> Result<(Option<Table>, Table), StudyError> {
        let rows = context.rows(&self.table, &self.map, &self.filter)?;
        Ok(match &self.held {
            Some(condition) => {
                let (held, kept) = rows.partition(condition)?;
                (Some(held), kept)
            }
            None => (None, rows),
        })
    }

    /// The fit to `rows`.
    pub(super) fn fit(&self, rows: &Table, seed: u64) -> Result<Fit, StudyError> {
        let columns: Vec<&str> = rows.columns().iter().map(|c| c.name.as_str()).collect();
        let usual = Options::default();
        let options = Options {
            fixed: self.fixed.iter().map(|(name, value)| (name.clone(), *value)).collect(),
            cluster: self.cluster.clone(),
            bootstrap: self.bootstrap.unwrap_or(usual.bootstrap),
            force: self.force,
            seed,
            influence: false,
            ..usual
        };
        Ok(Law::parse(&self.law, &columns, &[])?.fit(rows, &options)?)
    }
}

/// A law's coefficients: columns `coefficient`, `value`, `low`, `high`, `status`, `reason`; derived quantities are rows, too.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct FitStep(Fitting);

impl Step for FitStep {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let (_, rows) = self.0.rows(context)?;
        coefficients(context.step, &self.0.fit(&rows, context.options.seed)?)
    }
}

fn coefficients(name: &str, fit: &Fit) -> Result<Table, StudyError> {
    let all: Vec<(&String, &Estimate)> = fit.coefficients.iter().chain(&fit.derived).collect();
    let number = |of: &dyn Fn(&Estimate) -> Option<f64>| {
        Cells::Number(all.iter().map(|(_, e)| if fit.is_ok() { of(e).unwrap_or(f64::NAN) } else { f64::NAN }).collect())
    };
    let status = if fit.is_ok() { "ok" } else { "refused" };
    let reason = fit.reasons.first().map_or_else(String::new, |r| r.message.clone());
    let same = |text: &str| Cells::Text(vec![text.into(); all.len()]);
    let columns = [
        ("coefficient", Cells::Text(all.iter().map(|(name, _)| name.as_str().into()).collect())),
        ("value", number(&|e| e.value)),
        ("low", number(&|e| e.low)),
        ("high", number(&|e| e.high)),
        ("status", same(status)),
        ("reason", same(&reason)),
    ];
    let column = |(name, cells): (&str, Cells)| Column { name: name.into(), cells };
    Ok(Table::new(name, columns.map(column).to_vec())?)
}
