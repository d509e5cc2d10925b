//! `do = "table"`: rows as they are written.

use super::Step;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use serde::Deserialize;
use toml::Value;

/// Rows as they are written, such as published numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Literal {
    /// Columns and their cells, all numbers or all texts.
    columns: IndexMap<String, Vec<Value>>,
}

impl Step for Literal {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let column = |(name, cells): (&String, &Vec<Value>)| {
            let number = |v: &Value| v.as_float().or_else(|| v.as_integer().map(|i| i as f64));
            let cells = match cells.iter().map(number).collect::<Option<Vec<f64>>>() {
                Some(numbers) => Cells::Number(numbers),
                None => {
                    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_string).into();
                    Cells::Text(cells.iter().map(text).collect())
                }
            };
            Column { name: name.clone(), cells }
        };
        Ok(Table::new(context.step, self.columns.iter().map(column).collect())?)
    }
}
