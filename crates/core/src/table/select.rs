//! Column mapping and row selection: `--map NAME=COLUMN|EXPRESSION` and `--where EXPRESSION`.

use super::{Cells, Column, Table};
use crate::CoreError;
use crate::expr::{Expr, Value};
use std::sync::Arc;

/// Mappings applied in order, then the condition.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    maps: Vec<(String, String)>,
    conditions: Vec<(String, Expr)>,
}

impl Selection {
    /// Nothing mapped, every row kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `name=right`, where the right side is a column's name as it stands in the file, spaces
    /// allowed, or an expression over columns and names mapped before.
    ///
    /// # Errors
    /// [`CoreError::Expression`] when there is no `=` or no name. The right side is read when the
    /// columns are known.
    pub fn map(mut self, definition: &str) -> Result<Self, CoreError> {
        let fail = |why: &str| CoreError::Expression { text: definition.into(), why: why.into() };
        let (name, right) =
            definition.split_once('=').ok_or_else(|| fail("a mapping is NAME=COLUMN or NAME=EXPRESSION"))?;
        let (name, right) = (name.trim(), right.trim());
        if name.is_empty() || right.is_empty() {
            return Err(fail("a mapping is NAME=COLUMN or NAME=EXPRESSION"));
        }
        self.maps.push((name.into(), right.into()));
        Ok(self)
    }

    /// Keeps only rows for which `condition` is true (all conditions, when there are several).
    ///
    /// # Errors
    /// [`CoreError::Expression`] when the text cannot be parsed.
    pub fn filter(mut self, condition: &str) -> Result<Self, CoreError> {
        self.conditions.push((condition.into(), Expr::parse(condition)?));
        Ok(self)
    }

    /// Applies mappings, then conditions.
    ///
    /// # Errors
    /// [`CoreError::MissingColumn`] for a name in neither the file nor the mappings, or
    /// [`CoreError::Expression`] for a condition that is not true or false.
    pub fn apply(&self, table: &Table) -> Result<Table, CoreError> {
        let mut table = table.clone();
        for (name, right) in &self.maps {
            let cells = match table.column(right) {
                Some(column) => column.cells.clone(),
                None => computed(&table, right)?,
            };
            let renamed = table.column(right).is_some().then(|| table.name_in_file(right).to_string());
            table = table.with_column(Column { name: name.clone(), cells })?;
            table.renamed.retain(|(new, _)| new != name);
            table.renamed.extend(renamed.map(|old| (name.clone(), old)));
        }
        for (text, condition) in &self.conditions {
            let rows = matching(&table, text, condition)?;
            table = table.take(&rows);
        }
        Ok(table)
    }

    /// What was mapped, as `(name, right side)`.
    pub fn maps(&self) -> &[(String, String)] {
        &self.maps
    }
}

/// Indices of the rows for which `condition` is true.
pub(crate) fn matching(table: &Table, text: &str, condition: &Expr) -> Result<Vec<usize>, CoreError> {
    let mut rows = Vec::new();
    for (row, value) in values(table, text, condition)?.into_iter().enumerate() {
        match value {
            Value::Bool(true) => rows.push(row),
            Value::Bool(false) => {}
            _ => {
                let why = "it must be true or false on each row, such as loss<5".into();
                return Err(CoreError::Expression { text: text.into(), why });
            }
        }
    }
    Ok(rows)
}

impl Table {
    /// The rows that satisfy `condition` and those that do not, as two tables.
    ///
    /// # Errors
    /// As [`Selection::apply`].
    pub fn partition(&self, condition: &str) -> Result<(Self, Self), CoreError> {
        let inside = matching(self, condition, &Expr::parse(condition)?)?;
        let mut keep = vec![false; self.rows()];
        inside.iter().for_each(|&i| keep[i] = true);
        let outside: Vec<usize> = (0..self.rows()).filter(|&i| !keep[i]).collect();
        Ok((self.take(&inside), self.take(&outside)))
    }
}

fn computed(table: &Table, text: &str) -> Result<Cells, CoreError> {
    let parsed = Expr::parse(text).map_err(|error| {
        // A bare name that is no column and no expression was most likely meant as a column.
        if text.contains(|c: char| "+*/^()<>=&|".contains(c)) { error } else { table.missing(text) }
    })?;
    if let Expr::Text(label) = &parsed {
        return Ok(Cells::Text(vec![label.clone(); table.rows()]));
    }
    let number = |value: Value| match value {
        Value::Number(n) => Ok(n),
        Value::Bool(b) => Ok(f64::from(u8::from(b))),
        Value::Text(t) => {
            Err(CoreError::Expression { text: text.into(), why: format!("it gives the text \"{t}\", not a number") })
        }
    };
    let numbers: Result<Vec<f64>, CoreError> = values(table, text, &parsed)?.into_iter().map(number).collect();
    Ok(Cells::Number(numbers?))
}

fn values(table: &Table, text: &str, expression: &Expr) -> Result<Vec<Value>, CoreError> {
    enum View {
        Numbers(Vec<f64>),
        Text(Vec<Arc<str>>),
    }
    let mut views: Vec<(&str, View)> = Vec::new();
    for name in expression.names() {
        if let Some(numbers) = derived(table, name) {
            views.push((name, View::Numbers(numbers)));
            continue;
        }
        let column = table.column(name).map(|c| c.name.as_str()).or_else(|| super::recognise(table, name));
        let column = column.ok_or_else(|| table.missing(name))?;
        let view = match (table.numbers(column), table.column(column).map(|c| &c.cells)) {
            (Ok(v), _) => View::Numbers(v),
            (Err(_), Some(Cells::Text(v))) => View::Text(v.clone()),
            (Err(e), _) => return Err(e),
        };
        views.push((name, view));
    }
    let value = |row: usize| {
        let lookup = |name: &str| {
            views.iter().find(|(n, _)| *n == name).map(|(_, view)| match view {
                View::Numbers(v) => Value::Number(v[row]),
                View::Text(v) => {
                    super::read::number(&v[row]).map_or_else(|| Value::Text(v[row].clone()), Value::Number)
                }
            })
        };
        expression.evaluate(&lookup).map_err(|why| CoreError::Expression {
            text: text.into(),
            why: format!("{why} (row {} of {})", table.origin(row), table.source()),
        })
    };
    (0..table.rows()).map(value).collect()
}

/// Compute and tokens per parameter, for tables that hold params and tokens but not these.
fn derived(table: &Table, name: &str) -> Option<Vec<f64>> {
    if super::recognise(table, name).is_some() {
        return None;
    }
    let numbers = |name: &str| super::recognise(table, name).and_then(|c| table.numbers(c).ok());
    let join: fn(f64, f64) -> f64 = match name {
        "flops" => |n, d| 6.0 * n * d,
        "multiplier" => |n, d| d / n,
        _ => return None,
    };
    Some(numbers("params")?.into_iter().zip(numbers("tokens")?).map(|(n, d)| join(n, d)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table::from_csv_text("t.csv", "model size,flops,loss,corpus\n10,600,3,c4\n20,1200,x,c4\n30,3600,2,pile\n")
            .unwrap()
    }

    #[test]
    fn maps_see_file_columns_and_earlier_names() {
        let selection = Selection::new().map("params=model size").unwrap().map("tokens=flops/(6*params)").unwrap();
        let mapped = selection.apply(&table()).unwrap();
        assert_eq!(mapped.numbers("tokens").unwrap(), [10.0, 10.0, 20.0]);
        let labelled = Selection::new().map("family='gpt'").unwrap().apply(&table()).unwrap();
        assert_eq!(labelled.labels("family").unwrap()[2].as_ref(), "gpt");
    }

    #[test]
    fn where_drops_a_bad_cell_before_anything_asks_for_numbers() {
        let kept = Selection::new().filter("loss<5 && corpus==\"c4\"").unwrap().apply(&table()).unwrap();
        assert_eq!(kept.numbers("loss").unwrap(), [3.0]);
        let sizes = Table::from_csv_text("t.csv", "N,D\n10,100\n20,100\n").unwrap();
        let large = Selection::new().filter("flops > 1e4 && multiplier == 5").unwrap().apply(&sizes).unwrap();
        assert_eq!(large.numbers("N").unwrap(), [20.0]);
        let (inside, outside) = table().partition("flops > 1k").unwrap();
        assert_eq!((inside.rows(), outside.rows(), outside.origin(0)), (2, 1, 1));
    }

    #[test]
    fn mistakes_are_named() {
        let apply = |s: Result<Selection, CoreError>| s.unwrap().apply(&table()).unwrap_err().to_string();
        assert!(apply(Selection::new().map("params=model siz")).contains("no column `model siz`"));
        assert!(apply(Selection::new().map("params=nope*2")).contains("no column `nope`"));
        assert!(apply(Selection::new().filter("flops+1")).contains("true or false"));
        assert!(apply(Selection::new().filter("corpus && loss")).contains("row 1 of t.csv"));
        assert!(Selection::new().map("params").is_err());
    }
}
