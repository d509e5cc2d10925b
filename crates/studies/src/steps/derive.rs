//! `do = "derive"`: new columns, and groups reduced to one row.

use super::Step;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::stats::{mean, median};
use kleiber_core::table::{Cells, Column, Table};
use serde::Deserialize;
use std::sync::Arc;

/// The rows of a table with new columns; with `by`, one row for each combination of those columns.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Derive {
    /// The rows; several tables are put under each other.
    table: OneOrMore,
    /// New columns, `name=column or expression`, in order.
    #[serde(default)]
    map: Vec<String>,
    /// Conditions on rows.
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Columns whose combinations are the rows.
    #[serde(default)]
    by: Vec<String>,
    /// What becomes of other columns: `new = "mean of old"`; with `by` only.
    #[serde(default)]
    reduce: IndexMap<String, String>,
    /// New columns of the reduced rows.
    #[serde(default)]
    then: Vec<String>,
}

/// One name or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Step for Derive {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let tables = match &self.table {
            OneOrMore::One(name) => std::slice::from_ref(name),
            OneOrMore::More(names) => names.as_slice(),
        };
        let rows = tables.iter().map(|name| context.rows(name, &self.map, &self.filter));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let Some(rows) = rows.into_iter().reduce(|above, below| above.stacked(&below)) else {
            return Err(StudyError::refused("no table is named", "give `table`"));
        };
        if self.by.is_empty() {
            return Ok(rows);
        }
        let reduced = self.reduced(context.step, &rows)?;
        let then = self.then.iter().try_fold(kleiber_core::table::Selection::new(), |s, m| s.map(m))?;
        Ok(then.apply(&reduced)?)
    }
}

impl Derive {
    fn reduced(&self, name: &str, rows: &Table) -> Result<Table, StudyError> {
        let keys = self.by.iter().map(|column| Ok(rows.labels(column)?)).collect::<Result<Vec<_>, StudyError>>()?;
        let mut groups: IndexMap<Vec<Arc<str>>, Vec<usize>> = IndexMap::new();
        for row in 0..rows.rows() {
            groups.entry(keys.iter().map(|labels| labels[row].clone()).collect()).or_default().push(row);
        }
        let mut columns = Vec::new();
        for by in &self.by {
            let first: Vec<usize> = groups.values().map(|group| group[0]).collect();
            let cells = rows.take(&first).column(by).ok_or_else(|| rows.missing(by))?.cells.clone();
            columns.push(Column { name: by.clone(), cells });
        }
        for (new, how) in &self.reduce {
            let (reduction, old) = reduction(how)?;
            let values = rows.numbers(old)?;
            let of = |group: &Vec<usize>| reduction(&group.iter().map(|&i| values[i]).collect::<Vec<_>>());
            columns.push(Column { name: new.clone(), cells: Cells::Number(groups.values().map(of).collect()) });
        }
        Ok(Table::new(name, columns)?)
    }
}

type Reduction = fn(&[f64]) -> f64;

/// `mean of loss` as a function and a column.
fn reduction(text: &str) -> Result<(Reduction, &str), StudyError> {
    let known: [(&str, Reduction); 7] = [
        ("mean", mean),
        ("median", median),
        ("min", |v| v.iter().copied().fold(f64::INFINITY, f64::min)),
        ("max", |v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
        ("sum", |v| v.iter().sum()),
        ("first", |v| v.first().copied().unwrap_or(f64::NAN)),
        ("last", |v| v.last().copied().unwrap_or(f64::NAN)),
    ];
    let found = text.split_once(" of ").and_then(|(how, column)| {
        known.iter().find(|(name, _)| *name == how.trim()).map(|(_, function)| (*function, column.trim()))
    });
    found.ok_or_else(|| {
        let names = known.map(|(name, _)| name).join(", ");
        StudyError::refused(format!("`{text}` reduces nothing"), format!("write `mean of loss`; there are {names}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_become_rows() {
        let text = "table = \"t\"\nby = [\"arm\"]\nreduce = { loss = \"mean of loss\", most = \"max of loss\" }";
        let derive: Derive = toml::from_str(text).unwrap();
        let rows = Table::from_csv_text("t", "arm,loss\nb,1\na,4\nb,3\n").unwrap();
        let reduced = derive.reduced("d", &rows).unwrap();
        assert_eq!(reduced.labels("arm").unwrap().iter().map(|l| l.to_string()).collect::<Vec<_>>(), ["b", "a"]);
        assert_eq!((reduced.numbers("loss").unwrap(), reduced.numbers("most").unwrap()), (vec![2.0, 4.0], vec![3.0, 4.0]));
        assert!(reduction("avg of loss").unwrap_err().to_string().contains("reduces nothing"));
        assert!(reduction("mean loss").is_err());
    }
}
