//! The run table: one row per training run (or checkpoint), one column per quantity. Whatever builds
//! or measures a model appends to it, whatever predicts reads it.
//!
//! Reading never guesses a value: a cell that is not a number keeps its column as text, and the
//! first question for numbers names that cell.

mod append;
mod columns;
mod exports;
pub mod parquet_pages;
mod read;
mod read_json;
mod read_parquet;
mod select;
mod write;

pub use columns::{CANONICAL, CanonicalColumn, canonical, recognise};
pub use select::Selection;

use crate::{CoreError, units};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

/// Version of the canonical columns, written into Parquet files.
pub const SCHEMA: &str = "kleiber.runs/1";

/// A table of runs held in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    source: String,
    columns: Vec<Column>,
    /// Row numbers in the source, the first data row is 1; kept through filters for messages.
    origin: Vec<u64>,
    /// Columns that were renamed by a mapping: (new name, name in the file).
    renamed: Vec<(String, String)>,
}

/// One named column.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// The name as it stands in the file, or the canonical name after mapping.
    pub name: String,
    /// The cells, one per row.
    pub cells: Cells,
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cells {
    /// Numbers; an empty cell is `NaN`.
    Number(Vec<f64>),
    /// Text as it stands in the file.
    Text(Vec<Arc<str>>),
}

impl Cells {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Number(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// Whether there is no cell.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn take(&self, rows: &[usize]) -> Self {
        match self {
            Self::Number(v) => Self::Number(rows.iter().map(|&i| v[i]).collect()),
            Self::Text(v) => Self::Text(rows.iter().map(|&i| v[i].clone()).collect()),
        }
    }

    /// The cell as text, as written in files.
    pub fn text(&self, row: usize) -> String {
        match self {
            Self::Number(v) if v[row].is_nan() => String::new(),
            Self::Number(v) => format!("{}", v[row]),
            Self::Text(v) => v[row].to_string(),
        }
    }
}

impl Table {
    /// A table from columns of equal length, for runs that live in memory.
    ///
    /// # Errors
    /// [`CoreError::DuplicateColumn`], or [`CoreError::Malformed`] for columns of unequal length.
    pub fn new(source: &str, columns: Vec<Column>) -> Result<Self, CoreError> {
        let rows = columns.first().map_or(0, |c| c.cells.len());
        for (position, column) in columns.iter().enumerate() {
            if let Some(first) = columns[..position].iter().position(|c| c.name == column.name) {
                return Err(CoreError::DuplicateColumn {
                    source_name: source.into(),
                    column: column.name.clone(),
                    first: first + 1,
                    second: position + 1,
                });
            }
            if column.cells.len() != rows {
                return Err(CoreError::Malformed {
                    source_name: source.into(),
                    line: 0,
                    found: format!("{} cells in column `{}`", column.cells.len(), column.name),
                    expected: format!("{rows} as in the first column"),
                });
            }
        }
        Ok(Self { source: source.into(), columns, origin: (1..=rows as u64).collect(), renamed: Vec::new() })
    }

    /// Convenience for tables of numbers: `Table::from_numbers("t", &[("params", &n), ...])`.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn from_numbers(source: &str, columns: &[(&str, &[f64])]) -> Result<Self, CoreError> {
        let columns = columns.iter().map(|(name, v)| Column { name: (*name).into(), cells: Cells::Number(v.to_vec()) });
        Self::new(source, columns.collect())
    }

    /// Reads a `.csv`, `.tsv`, `.jsonl`, `.json` or `.parquet` file by its extension.
    ///
    /// # Errors
    /// Any [`CoreError`] of the readers; the input is treated as hostile, nothing panics.
    pub fn read(path: &Path) -> Result<Self, CoreError> {
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
        let table = match extension.as_str() {
            "parquet" | "pq" => read_parquet::read(path)?,
            "csv" | "tsv" | "txt" => read::delimited(path)?,
            "jsonl" | "ndjson" | "json" => read_json::json(path)?,
            _ => return Err(CoreError::UnknownFormat { path: path.into(), extension }),
        };
        exports::unfold(table, path)
    }

    /// Reads delimited text, JSON Lines or a JSON array that is already in memory, told apart by its first
    /// character; `source` names it in messages.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_text(source: &str, bytes: &[u8]) -> Result<Self, CoreError> {
        let table = match bytes.trim_ascii_start().first() {
            Some(b'{' | b'[') => read_json::json_text(source, bytes)?,
            _ => read::delimited_text(source, bytes)?,
        };
        exports::unfold(table, Path::new(source))
    }

    /// Reads delimited text that is already in memory; `source` names it in messages.
    ///
    /// # Errors
    /// As [`Table::read`].
    pub fn from_csv_text(source: &str, text: &str) -> Result<Self, CoreError> {
        read::delimited_text(source, text.as_bytes())
    }

    /// Writes the table by the extension of `path`, atomically.
    ///
    /// # Errors
    /// [`CoreError::UnknownFormat`] or [`CoreError::Io`].
    pub fn write(&self, path: &Path) -> Result<(), CoreError> {
        write::write(self, path)
    }

    /// The file name or other label of the table.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.origin.len()
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this exact name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// What the file calls a column that a mapping renamed; the name itself for all others.
    pub fn name_in_file<'a>(&'a self, column: &'a str) -> &'a str {
        self.renamed.iter().rev().find(|(new, _)| new == column).map_or(column, |(_, old)| old)
    }

    /// Row number in the source of row `index` of this table, the first data row is 1.
    pub fn origin(&self, index: usize) -> u64 {
        self.origin[index]
    }

    /// The column `name` as numbers; text cells may carry units (`70M`). Empty cells are `NaN`.
    ///
    /// # Errors
    /// [`CoreError::MissingColumn`], or [`CoreError::Cell`] at the first cell that is not a number.
    pub fn numbers(&self, name: &str) -> Result<Vec<f64>, CoreError> {
        let column = self.column(name).ok_or_else(|| self.missing(name))?;
        let cells = match &column.cells {
            Cells::Number(v) => return Ok(v.clone()),
            Cells::Text(v) => v,
        };
        let read = |(row, text): (usize, &Arc<str>)| {
            read::number(text).or_else(|| units::parse_quantity(text)).ok_or_else(|| CoreError::Cell {
                source_name: self.source.clone(),
                row: self.origin[row],
                column: name.into(),
                found: format!("\"{}\"", text.chars().take(60).collect::<String>()),
                expected: if grouped(text) { "a number without commas, such as 1300.5" } else { "a number" }.into(),
            })
        };
        cells.iter().enumerate().map(read).collect()
    }

    /// The column `name` as labels: text as it stands, numbers printed.
    ///
    /// # Errors
    /// [`CoreError::MissingColumn`].
    pub fn labels(&self, name: &str) -> Result<Vec<Arc<str>>, CoreError> {
        let column = self.column(name).ok_or_else(|| self.missing(name))?;
        Ok(match &column.cells {
            Cells::Text(v) => v.clone(),
            Cells::Number(_) => (0..self.rows()).map(|i| column.cells.text(i).into()).collect(),
        })
    }

    /// The rows of these indices, in this order.
    pub fn take(&self, rows: &[usize]) -> Self {
        Self {
            source: self.source.clone(),
            columns: self.columns.iter().map(|c| Column { name: c.name.clone(), cells: c.cells.take(rows) }).collect(),
            origin: rows.iter().map(|&i| self.origin[i]).collect(),
            renamed: self.renamed.clone(),
        }
    }

    /// Adds or replaces a column.
    ///
    /// # Errors
    /// As [`Table::new`], when the length differs.
    pub fn with_column(&self, column: Column) -> Result<Self, CoreError> {
        let mut columns = self.columns.clone();
        match columns.iter_mut().find(|c| c.name == column.name) {
            Some(place) => *place = column,
            None => columns.push(column),
        }
        let (origin, renamed) = (self.origin.clone(), self.renamed.clone());
        Ok(Self { origin, renamed, ..Self::new(&self.source, columns)? })
    }

    /// The table split by the labels of `name`, groups in order of first appearance.
    ///
    /// # Errors
    /// [`CoreError::MissingColumn`].
    pub fn group_by(&self, name: &str) -> Result<Vec<(Arc<str>, Self)>, CoreError> {
        let labels = self.labels(name)?;
        let mut seen = HashSet::new();
        let order: Vec<Arc<str>> = labels.iter().filter(|l| seen.insert((*l).clone())).cloned().collect();
        Ok(order
            .into_iter()
            .map(|label| {
                let rows: Vec<usize> = (0..self.rows()).filter(|&i| labels[i] == label).collect();
                (label, self.take(&rows))
            })
            .collect())
    }

    /// The error for a column that is not there, with the nearest name.
    pub fn missing(&self, name: &str) -> CoreError {
        let mut names: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        // `Loss (nats)` or `loss_c4` is nearer to `loss` than any other word of four letters.
        let plain = columns::plain(name);
        let alike = |column: &&str| plain.len() > 2 && columns::plain(column).contains(&plain);
        names.sort_by_key(|column| !alike(column));
        let nearest = names.iter().copied().find(alike).or_else(|| nearest(name, &names)).map(str::to_string);
        let mut available = names
            .iter()
            .take(20)
            .map(|n| format!("`{}`", n.chars().take(60).collect::<String>()))
            .collect::<Vec<_>>()
            .join(", ");
        if names.len() > 20 {
            available.push_str(&format!(" and {} more", names.len() - 20));
        }
        CoreError::MissingColumn { source_name: self.source.clone(), column: name.into(), nearest, available }
    }
}

/// Whether a cell is a number but for commas: thousands separators, or a decimal comma.
fn grouped(text: &str) -> bool {
    text.contains(',') && text.replace(',', "").trim().parse::<f64>().is_ok()
}

/// The candidate closest to `name`, when it is close enough to be a slip of the pen.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |c: &&str| (edit_distance(&name, &c.to_lowercase()), c.len());
    let best = candidates.iter().filter(|c| c.len() <= 64).min_by_key(|c| distance(c))?;
    (distance(best).0 <= name.chars().count().div_ceil(3).max(1)).then_some(*best)
}

fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Table {
        Table::from_csv_text("t.csv", "N,loss,corpus\n70M,3.4,c4\n140M,abc,rpj\n1B,2.9,c4\n").unwrap()
    }

    #[test]
    fn numbers_name_the_first_bad_cell_by_its_place_in_the_file() {
        let table = sample().take(&[1, 2]);
        let error = table.numbers("loss").unwrap_err().to_string();
        assert_eq!(error, "t.csv, row 2, column `loss`: found \"abc\", expected a number");
        assert_eq!(sample().numbers("N").unwrap(), [7e7, 1.4e8, 1e9]);
    }

    #[test]
    fn groups_keep_order_and_rows() {
        let groups = sample().group_by("corpus").unwrap();
        let names: Vec<&str> = groups.iter().map(|(l, _)| l.as_ref()).collect();
        assert_eq!(names, ["c4", "rpj"]);
        assert_eq!((groups[0].1.rows(), groups[0].1.origin(1)), (2, 3));
    }

    #[test]
    fn a_missing_column_suggests_the_nearest() {
        match sample().numbers("los").unwrap_err() {
            CoreError::MissingColumn { nearest, .. } => assert_eq!(nearest.as_deref(), Some("loss")),
            other => panic!("{other}"),
        }
        assert_eq!(nearest("zebra", &["loss", "params"]), None);
    }
}
