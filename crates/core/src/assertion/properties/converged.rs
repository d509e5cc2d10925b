//! A curve that came down.

use super::{Declared, Property, PropertyInfo, check_each, check_share, keys, read, written};
use crate::assertion::columns::curve;
use crate::assertion::estimate::{Estimate, effective, smooth};
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::assertion::replicated::replicated;
use crate::stats::{mean, standard_deviation, student_quantile};
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "converged",
    about: "A curve is lower over its last share than over its first.",
    keys: keys::<Converged>,
    read: read::<Converged>,
};

/// `property = "converged"`: mean of `y` over the first share of the range of `x`, less that over the last. Shares of x, not
/// of rows, so that the claim outlives a change of how often is logged.
///
/// The interval of one curve is from its noise, which is what is left of it around means of eleven neighbours; an end is worth
/// as many independent points as the autocorrelation of the noise leaves. With `by` the drop is taken of each replicate by
/// itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Converged {
    /// Column along which: steps, tokens.
    pub x: String,
    /// Column that comes down.
    pub y: String,
    /// Share of the range of x at either end.
    #[serde(default = "tenth")]
    pub share: f64,
    /// Least drop; more than 0 otherwise.
    pub at_least: Option<f64>,
    /// Column that names the replicates.
    pub by: Option<String>,
    /// Whether every replicate must come down so far, rather than their mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}

fn tenth() -> f64 {
    0.1
}

impl Converged {
    /// y over the first and the last share.
    fn ends(&self, x: &[f64], y: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Stop> {
        let (from, to) = (x[0], x[x.len() - 1]);
        if from == to {
            return undecided(format!("`{}` is the same in all rows", self.x));
        }
        let width = self.share * (to - from);
        let pick = |keep: &dyn Fn(f64) -> bool| x.iter().zip(y).filter(|(x, _)| keep(**x)).map(|(_, y)| *y).collect();
        Ok((pick(&|x| x <= from + width), pick(&|x| x >= to - width)))
    }
}

impl Declared for Converged {
    fn check(&self) -> Result<(), String> {
        check_share(self.share)?;
        check_each(self.each, self.by.as_deref())
    }
}

impl Property for Converged {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        self.at_least.map_or(Range::above(0.0), Range::at_least)
    }

    fn exact(&self) -> bool {
        self.each
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let statistic = format!("drop of {} from first to last {}%", self.y, shown(100.0 * self.share));
        if let Some(by) = &self.by {
            let one = |rows: &Table| {
                let (x, y) = curve(rows, &self.x, &self.y)?;
                self.ends(&x, &y).map(|(first, last)| mean(&first) - mean(&last))
            };
            return replicated(table, by, self.each, &statistic, self.accepted(), alpha, one);
        }
        let (x, y) = curve(table, &self.x, &self.y)?;
        let (first, last) = self.ends(&x, &y)?;
        if first.len() < 3 || last.len() < 3 {
            return undecided(format!(
                "the ends of the curve hold {} and {} points; three each are needed, so widen `share` or give `by`",
                first.len(),
                last.len()
            ));
        }
        let noise: Vec<f64> = smooth(&y).iter().zip(&y).map(|(smooth, y)| y - smooth).collect();
        let worth = effective(&noise).max(2.0);
        let points = |v: &[f64]| v.len() as f64 * worth / y.len() as f64;
        let error = standard_deviation(&noise) * (1.0 / points(&first) + 1.0 / points(&last)).sqrt();
        let spread = student_quantile(1.0 - alpha / 2.0, worth - 1.0) * error;
        let estimate = Estimate::around(mean(&first) - mean(&last), spread, first.len() + last.len());
        let says = format!("the {statistic} is {}", shown(estimate.value));
        Ok(Finding::new(statistic, says, estimate, "point", self.accepted()))
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};
    use crate::assertion::verdict::Truth;

    #[test]
    fn ends_of_a_curve_are_compared() {
        let loss = |i: i32| 2.0 + 3.0 / f64::from(i + 1) + 0.01 * f64::from(i % 2);
        let rows: String = (0..100).map(|i| format!("{i},{}\n", loss(i))).collect();
        let table = format!("step,loss\n{rows}");
        let claim = "property = 'converged'\nx = 'step'\ny = 'loss'";
        truths(&table, claim, &["", "at_least = 4", "at_least = 0.84"]);
        let verdict = check(&table, claim);
        // Means of 3/(i+1) over 0..=9 and 90..=99 (89.1 and more): 0.878690 and 0.031442.
        assert!((verdict.value - 0.847_248).abs() < 1e-6, "{verdict:?}");
        let up = table.lines().rev().enumerate();
        let up: String = up
            .map(
                |(i, l)| {
                    if l.starts_with('s') { String::new() } else { format!("{i},{}\n", l.split(',').nth(1).unwrap()) }
                },
            )
            .collect();
        assert_eq!(check(&format!("step,loss\n{up}"), claim).truth, Truth::False);
        assert_eq!(check("step,loss\n1,3\n2,2\n", claim).truth, Truth::Undecided);
    }

    #[test]
    fn replicates_come_down_together_or_each() {
        let table = "seed,step,loss\n0,0,5\n0,1,3\n1,0,5\n1,1,4\n2,0,5\n2,1,5.5\n";
        let claim = "property = 'converged'\nx = 'step'\ny = 'loss'\nby = 'seed'";
        assert_eq!((check(table, claim).value, check(table, claim).truth), (2.5 / 3.0, Truth::Undecided));
        let each = check(table, &format!("{claim}\neach = true"));
        assert_eq!((each.value, each.truth), (-0.5, Truth::False));
    }
}
