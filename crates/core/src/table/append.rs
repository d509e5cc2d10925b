//! Rows added to a table on disk by many writers.

use super::{Cells, Column, Table};
use crate::CoreError;
use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

impl Table {
    /// The rows of both tables one after another; cells of columns that only one has are empty in the other's rows.
    /// A column that is text in one is text in the result.
    pub fn stacked(&self, below: &Self) -> Self {
        let names = self.columns.iter().chain(below.columns.iter().filter(|c| self.column(&c.name).is_none()));
        let columns = names.map(|column| {
            let parts = [(self, self.column(&column.name)), (below, below.column(&column.name))];
            let text = parts.iter().any(|(_, c)| matches!(c.map(|c| &c.cells), Some(Cells::Text(_))));
            let cells = if text {
                Cells::Text(parts.iter().flat_map(|(table, column)| texts(table, *column)).collect())
            } else {
                Cells::Number(parts.iter().flat_map(|(table, column)| numbers(table, *column)).collect())
            };
            Column { name: column.name.clone(), cells }
        });
        let columns: Vec<Column> = columns.collect();
        let origin = (1..=(self.rows() + below.rows()) as u64).collect();
        Self { source: self.source.clone(), columns, origin, renamed: Vec::new() }
    }

    /// Whether rows can be entered in the table at `path`: its extension is that of a format, and what is there is a
    /// table.
    ///
    /// # Errors
    /// [`CoreError::UnknownFormat`] and those of [`Table::read`].
    pub fn expect(path: &Path) -> Result<(), CoreError> {
        super::write::format(path)?;
        if path.exists() { Self::read(path).map(drop) } else { Ok(()) }
    }

    /// Adds `rows` to the table at `path`, which need not exist; rows there with the same text in column `key` are
    /// replaced. Writers wait for each other, and a kill leaves the old table or the new one.
    ///
    /// # Errors
    /// Those of [`Table::read`] and [`Table::write`]; [`CoreError::MissingColumn`] when `rows` has no column `key`.
    pub fn enter(path: &Path, rows: &Self, key: &str) -> Result<(), CoreError> {
        let mut lock = path.file_name().unwrap_or_default().to_os_string();
        lock.push(".lock");
        let lock = path.with_file_name(lock);
        let io = |source| CoreError::Io { path: lock.clone(), action: "write", source };
        if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        let held = OpenOptions::new().write(true).create(true).truncate(false).open(&lock).map_err(io)?;
        held.lock().map_err(io)?;
        let new = rows.labels(key)?;
        let table = if path.exists() {
            let old = Self::read(path)?;
            let kept = match old.labels(key) {
                Ok(labels) => (0..old.rows()).filter(|&i| !new.contains(&labels[i])).collect(),
                Err(_) => (0..old.rows()).collect::<Vec<_>>(),
            };
            old.take(&kept).stacked(rows)
        } else {
            rows.clone()
        };
        table.write(path)
    }
}

fn texts(table: &Table, column: Option<&Column>) -> Vec<Arc<str>> {
    (0..table.rows()).map(|row| column.map_or_else(|| "".into(), |c| c.cells.text(row).into())).collect()
}

fn numbers(table: &Table, column: Option<&Column>) -> Vec<f64> {
    match column.map(|c| &c.cells) {
        Some(Cells::Number(values)) => values.clone(),
        _ => vec![f64::NAN; table.rows()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Table::from_csv_text("t.csv", text).unwrap()
    }

    #[test]
    fn rows_come_below_and_what_is_missing_is_empty() {
        let both = table("run,loss\na,3\n").stacked(&table("run,tokens,loss\nb,10,x\n"));
        let cells = |name: &str| both.labels(name).unwrap().iter().map(|l| l.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (cells("run"), cells("loss"), cells("tokens")),
            (vec!["a".into(), "b".into()], vec!["3".into(), "x".into()], vec![String::new(), "10".into()],)
        );
        assert!(both.numbers("tokens").unwrap()[0].is_nan());
    }

    #[test]
    fn a_row_entered_twice_is_there_once_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["runs.csv", "runs.jsonl", "runs.parquet"] {
            let path = folder.path().join("new").join(name);
            Table::enter(&path, &table("run,loss\na,3\n"), "run").unwrap();
            Table::enter(&path, &table("run,loss,seed\nb,2,1\n"), "run").unwrap();
            Table::enter(&path, &table("run,loss\na,2.5\n"), "run").unwrap();
            let read = Table::read(&path).unwrap();
            let runs: Vec<String> = read.labels("run").unwrap().iter().map(|l| l.to_string()).collect();
            assert_eq!((runs, read.numbers("loss").unwrap()), (vec!["b".into(), "a".into()], vec![2.0, 2.5]), "{name}");
        }
    }

    #[test]
    fn writers_wait_for_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        std::thread::scope(|scope| {
            for i in 0..8 {
                let path = &path;
                scope.spawn(move || Table::enter(path, &table(&format!("run,loss\nr{i},{i}\n")), "run").unwrap());
            }
        });
        assert_eq!(Table::read(&path).unwrap().rows(), 8);
    }
}
