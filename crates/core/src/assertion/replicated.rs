//! One number per replicate, and what is claimed of the numbers.

use super::columns::replicates;
use super::estimate::{Estimate, student};
use super::finding::{Finding, Stop, shown};
use super::range::Range;
use crate::table::Table;

/// Measures each replicate by itself.
///
/// With `each`, every one of them must lie in the range, which is a claim about these replicates and has no interval; the
/// one farthest out is shown. Otherwise their mean is claimed, with Student's t. `statistic` is "last loss" and the like.
pub(super) fn replicated(
    table: &Table,
    by: &str,
    each: bool,
    statistic: &str,
    accepted: Range,
    alpha: f64,
    one: impl Fn(&Table) -> Result<f64, Stop>,
) -> Result<Finding, Stop> {
    let mut values = Vec::new();
    for (label, rows) in replicates(table, Some(by))? {
        let value = one(&rows).map_err(|stop| match stop {
            Stop::Undecided(why) => Stop::Undecided(format!("{by} {label}: {why}")),
            error => error,
        })?;
        values.push((label, value));
    }
    let n = values.len();
    let Some((label, worst)) = values.iter().max_by(|a, b| accepted.excess(a.1).total_cmp(&accepted.excess(b.1)))
    else {
        return Err(Stop::Undecided("no row is left".into()));
    };
    if each {
        let says = format!("the {statistic} of {by} {label} is {}", shown(*worst));
        let finding = Finding::new(statistic, says, Estimate::bare(*worst, n), "replicate", accepted).exact();
        return Ok(Finding { count: format!("the farthest out of {}", finding.count), ..finding });
    }
    let numbers: Vec<f64> = values.iter().map(|v| v.1).collect();
    let estimate = student(&numbers, alpha);
    let says = format!("the {statistic} is {}", shown(estimate.value));
    Ok(Finding::new(statistic, says, estimate, "replicate", accepted))
}
