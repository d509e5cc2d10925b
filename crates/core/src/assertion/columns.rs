//! Columns as properties ask for them.

use super::finding::{Stop, counted, undecided};
use crate::CoreError;
use crate::table::{Table, recognise};
use std::sync::Arc;

/// The column `name`, by that name or by the usual names of what it means.
fn found<'a>(table: &'a Table, name: &'a str) -> &'a str {
    recognise(table, name).unwrap_or(name)
}

/// A column of numbers as it stands.
pub(super) fn numbers(table: &Table, name: &str) -> Result<Vec<f64>, CoreError> {
    table.numbers(found(table, name))
}

/// A column of numbers, all of them finite; undecided where there is no row, or one without a number: whether a run
/// without a value speaks for or against a claim is for `where` to say.
pub(super) fn finite(table: &Table, name: &str) -> Result<Vec<f64>, Stop> {
    let values = numbers(table, name)?;
    if values.is_empty() {
        return undecided("no row is left");
    }
    match values.iter().filter(|v| !v.is_finite()).count() {
        0 => Ok(values),
        bad => undecided(format!(
            "{} of {} {} no finite number in `{name}`",
            bad,
            counted(values.len(), "row"),
            if bad == 1 { "has" } else { "have" }
        )),
    }
}

/// As [`finite`], and above zero, for what is taken in logarithms.
pub(super) fn positive(table: &Table, name: &str) -> Result<Vec<f64>, Stop> {
    let values = finite(table, name)?;
    match values.iter().find(|v| **v <= 0.0) {
        None => Ok(values),
        Some(value) => undecided(format!("`{name}` holds {value}, which has no logarithm")),
    }
}

/// Labels of a column.
pub(super) fn labels(table: &Table, name: &str) -> Result<Vec<Arc<str>>, CoreError> {
    table.labels(found(table, name))
}

/// The table by the labels of `by`, or whole.
pub(super) fn replicates(table: &Table, by: Option<&str>) -> Result<Vec<(Arc<str>, Table)>, CoreError> {
    match by {
        Some(by) => table.group_by(found(table, by)),
        None => Ok(vec![("".into(), table.clone())]),
    }
}

/// x and y of one curve in the order of x, both finite. Of points at the same x the last stands: a run that went back
/// to a checkpoint logs steps again.
pub(super) fn curve(table: &Table, x: &str, y: &str) -> Result<(Vec<f64>, Vec<f64>), Stop> {
    let (x, y) = (finite(table, x)?, finite(table, y)?);
    let mut points: Vec<(f64, f64)> = x.into_iter().zip(y).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let last: Vec<(f64, f64)> = points.chunk_by(|a, b| a.0 == b.0).map(|same| same[same.len() - 1]).collect();
    Ok(last.into_iter().unzip())
}

/// Different x in rising order with the y found at each.
pub(super) fn levels(table: &Table, x: &str, y: &str) -> Result<Vec<(f64, Vec<f64>)>, Stop> {
    let (x, y) = (finite(table, x)?, finite(table, y)?);
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    Ok(order.chunk_by(|&a, &b| x[a] == x[b]).map(|rows| (x[rows[0]], rows.iter().map(|&i| y[i]).collect())).collect())
}
