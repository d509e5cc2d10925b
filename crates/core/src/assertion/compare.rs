//! Two groups of rows beside each other.

use super::columns::{finite, labels, positive};
use super::estimate::{Estimate, student, welch};
use super::finding::{Stop, undecided};
use super::label::Label;
use crate::stats::mean;
use crate::table::Table;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is compared: column `y` where `group` is `a` and where it is `b`.
pub(super) struct Comparison<'a> {
    pub(super) y: &'a str,
    pub(super) group: &'a str,
    pub(super) a: &'a Label,
    pub(super) b: &'a Label,
    /// The column whose equal labels make pairs.
    pub(super) paired: Option<&'a str>,
    /// Whether logarithms are compared.
    pub(super) logarithms: bool,
}

impl Comparison<'_> {
    /// Mean of `a` less that of `b`, and what it rests on: pairs with Student's t of their differences, otherwise rows
    /// with Welch's interval.
    pub(super) fn measure(&self, table: &Table, alpha: f64) -> Result<(Estimate, String), Stop> {
        let groups = labels(table, self.group)?;
        let of = |label: &Label| -> Vec<usize> { (0..groups.len()).filter(|&i| label.is(&groups[i])).collect() };
        let mut sides = Vec::new();
        for label in [self.a, self.b] {
            let rows = table.take(&of(label));
            if rows.rows() == 0 {
                return undecided(format!("no row has {label} in `{}`, which holds {}", self.group, some(&groups)));
            }
            let mut values = if self.logarithms { positive(&rows, self.y)? } else { finite(&rows, self.y)? };
            if self.logarithms {
                values.iter_mut().for_each(|v| *v = v.ln());
            }
            sides.push((rows, values));
        }
        let [(a_rows, a), (b_rows, b)] = &sides[..] else { unreachable!("two labels") };
        let Some(paired) = self.paired else {
            return Ok((welch(a, b, alpha), format!("{} and {} rows", a.len(), b.len())));
        };
        let (a, b) = (means(a_rows, paired, a)?, means(b_rows, paired, b)?);
        let differences: Vec<f64> = a.iter().filter_map(|(label, value)| Some(value - b.get(label)?)).collect();
        let n = differences.len();
        if n == 0 {
            return undecided(format!("no `{paired}` has rows of both {} and {}", self.a, self.b));
        }
        let lone = a.len() + b.len() - 2 * n;
        let pairs = if n == 1 { "1 pair".to_string() } else { format!("{n} pairs") };
        let count = if lone == 0 { pairs } else { format!("{pairs}, {lone} without a partner left out") };
        Ok((student(&differences, alpha), count))
    }
}

/// Mean of the values at each label.
fn means(rows: &Table, column: &str, values: &[f64]) -> Result<BTreeMap<Arc<str>, f64>, Stop> {
    let mut found: BTreeMap<Arc<str>, Vec<f64>> = BTreeMap::new();
    for (label, value) in labels(rows, column)?.into_iter().zip(values) {
        found.entry(label).or_default().push(*value);
    }
    Ok(found.into_iter().map(|(label, values)| (label, mean(&values))).collect())
}

/// A few of the labels that occur.
fn some(labels: &[Arc<str>]) -> String {
    let mut seen: Vec<&str> = Vec::new();
    for label in labels {
        if !seen.contains(&label.as_ref()) {
            if seen.len() == 6 {
                return seen.join(", ") + " and more";
            }
            seen.push(label);
        }
    }
    if seen.is_empty() { "nothing".into() } else { seen.join(", ") }
}
