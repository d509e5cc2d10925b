//! `do = "join"`: columns of the matching rows of another table.

use super::Step;
use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;

/// The rows of `table` that have a match in `with`, with its columns under new names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    /// The rows that are kept.
    table: String,
    /// The table that is looked into.
    with: String,
    /// Conditions on the rows that are kept.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Conditions on the rows that are looked into.
    #[serde(default)]
    with_where: Vec<String>,
    /// Columns that must be equal.
    on: Vec<String>,
    /// Columns that are taken over, `new=old`.
    take: Vec<String>,
    /// New columns afterwards, `name=expression`.
    #[serde(default)]
    then: Vec<String>,
}

impl Step for Join {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let left = context.rows(&self.table, &[], &self.filter)?;
        let right = context.rows(&self.with, &[], &self.with_where)?;
        let joined = self.joined(&left, &right)?;
        let then = self.then.iter().try_fold(kleiber_core::table::Selection::new(), |s, m| s.map(m))?;
        Ok(then.apply(&joined)?)
    }
}

impl Join {
    fn joined(&self, left: &Table, right: &Table) -> Result<Table, StudyError> {
        let mut places: HashMap<Vec<Arc<str>>, usize> = HashMap::new();
        for (row, key) in self.keys(right)?.into_iter().enumerate() {
            if places.insert(key.clone(), row).is_some() {
                let why =
                    format!("two rows of `{}` have the same {}: {}", self.with, self.on.join(", "), key.join(", "));
                return Err(StudyError::refused(why, "add a column to `on`, or a condition to `with_where`"));
            }
        }
        let keys = self.keys(left)?;
        let matches: Vec<(usize, usize)> =
            keys.iter().enumerate().filter_map(|(row, key)| Some((row, *places.get(key)?))).collect();
        let mut joined = left.take(&matches.iter().map(|(row, _)| *row).collect::<Vec<_>>());
        let found = right.take(&matches.iter().map(|(_, place)| *place).collect::<Vec<_>>());
        for take in &self.take {
            let (new, old) = take.split_once('=').unwrap_or((take, take));
            let column = found.column(old.trim()).ok_or_else(|| right.missing(old.trim()))?;
            let cells: Cells = column.cells.clone();
            joined = joined.with_column(Column { name: new.trim().into(), cells })?;
        }
        Ok(joined)
    }

    fn keys(&self, table: &Table) -> Result<Vec<Vec<Arc<str>>>, StudyError> {
        let columns = self.on.iter().map(|name| Ok(table.labels(name)?)).collect::<Result<Vec<_>, StudyError>>()?;
        Ok((0..table.rows()).map(|row| columns.iter().map(|labels| labels[row].clone()).collect()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_find_their_match_and_ambiguity_is_named() {
        let join: Join =
            toml::from_str("table = \"a\"\nwith = \"b\"\non = [\"seed\"]\ntake = [\"base=loss\"]").unwrap();
        let left = Table::from_csv_text("a", "seed,loss\n0,3\n1,4\n2,5\n").unwrap();
        let right = Table::from_csv_text("b", "seed,loss\n1,1\n0,2\n").unwrap();
        let joined = join.joined(&left, &right).unwrap();
        assert_eq!(
            (joined.numbers("loss").unwrap(), joined.numbers("base").unwrap()),
            (vec![3.0, 4.0], vec![2.0, 1.0])
        );
        let twice = Table::from_csv_text("b", "seed,loss\n1,1\n1,2\n").unwrap();
        assert!(join.joined(&left, &twice).unwrap_err().to_string().contains("two rows of `b` have the same seed: 1"));
    }
}
