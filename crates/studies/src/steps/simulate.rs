//! `do = "simulate"`: rows of a published law with noise.

use super::Step;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::Table;
use kleiber_laws::{Law, simulate};
use serde::Deserialize;

/// Rows of a law, each variable drawn evenly in logarithm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Simulate {
    /// A law of the catalogue, or a formula.
    law: String,
    /// Its coefficients.
    coefficients: IndexMap<String, f64>,
    /// Its variables with their ranges.
    ranges: IndexMap<String, [f64; 2]>,
    /// Rows.
    rows: usize,
    /// Standard deviation of the logarithm of the response.
    noise: f64,
}

impl Step for Simulate {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let names: Vec<&str> = self.ranges.keys().map(String::as_str).collect();
        let law = Law::parse(&self.law, &names, &[])?;
        let info = law.info();
        let missing = |what: &str, name: &str| {
            StudyError::refused(format!("{} needs the {what} `{name}`", self.law), format!("give it in `{what}s`"))
        };
        let of = |name: &str| self.coefficients.get(name).copied().ok_or_else(|| missing("coefficient", name));
        let coefficients = info.coefficients.iter().map(|c| of(&c.name)).collect::<Result<Vec<_>, _>>()?;
        let of = |name: &str| self.ranges.get(name).map(|r| (r[0], r[1])).ok_or_else(|| missing("range", name));
        let ranges = info.variables.iter().map(|v| of(&v.name)).collect::<Result<Vec<_>, _>>()?;
        Ok(simulate::scatter(&law, &coefficients, &ranges, self.rows, self.noise, context.options.seed))
    }
}
