//! A curve that has levelled off.

use super::{Declared, Property, PropertyInfo, check_each, check_share, keys, read, written};
use crate::assertion::columns::curve;
use crate::assertion::estimate::{Estimate, effective};
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::assertion::replicated::replicated;
use crate::stats::{line, mean, student_quantile};
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "plateau",
    about: "Over its last share a curve changes by less than a given amount.",
    keys: keys::<Plateau>,
    read: read::<Plateau>,
};

/// `property = "plateau"`: the change of the least-squares line over the last share of the range of `x`. It is true when
/// the whole interval of the change is within the amount, so that noise does not pass for a plateau.
///
/// The interval of one curve is that of a slope whose residuals are worth as many points as their autocorrelation leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plateau {
    /// Column along which: steps, tokens.
    pub x: String,
    /// Column that levels off.
    pub y: String,
    /// Largest change either way, in units of `y`.
    pub within: f64,
    /// Share of the range of x.
    #[serde(default = "fifth")]
    pub share: f64,
    /// Column that names the replicates.
    pub by: Option<String>,
    /// Whether every replicate must have levelled off, rather than their mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}

fn fifth() -> f64 {
    0.2
}

impl Plateau {
    /// The last share of the curve.
    fn tail(&self, table: &Table) -> Result<(Vec<f64>, Vec<f64>), Stop> {
        let (x, y) = curve(table, &self.x, &self.y)?;
        let (from, to) = (x[0], x[x.len() - 1]);
        let start = x.iter().position(|x| *x >= to - self.share * (to - from)).unwrap_or(0);
        match x.len() - start {
            0..3 => {
                undecided(format!("the last {}% of the curve hold fewer than three points", shown(100.0 * self.share)))
            }
            _ => Ok((x[start..].to_vec(), y[start..].to_vec())),
        }
    }
}

/// Change of the line from the first to the last x.
fn change(x: &[f64], y: &[f64]) -> f64 {
    line(x, y).0 * (x[x.len() - 1] - x[0])
}

impl Declared for Plateau {
    fn check(&self) -> Result<(), String> {
        check_share(self.share)?;
        if !(self.within > 0.0 && self.within.is_finite()) {
            return Err(format!("`within` is more than 0, found {}", self.within));
        }
        check_each(self.each, self.by.as_deref())
    }
}

impl Property for Plateau {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(Some(-self.within), Some(self.within))
    }

    fn exact(&self) -> bool {
        self.each
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let statistic = format!("change of {} over the last {}%", self.y, shown(100.0 * self.share));
        if let Some(by) = &self.by {
            let one = |rows: &Table| self.tail(rows).map(|(x, y)| change(&x, &y));
            return replicated(table, by, self.each, &statistic, self.accepted(), alpha, one);
        }
        let (x, y) = self.tail(table)?;
        let n = x.len();
        let (slope, intercept, deviation) = line(&x, &y);
        let residuals: Vec<f64> = x.iter().zip(&y).map(|(x, y)| y - intercept - slope * x).collect();
        let worth = effective(&residuals).max(3.0);
        let sxx: f64 = x.iter().map(|v| (v - mean(&x)).powi(2)).sum();
        let error = deviation * (n as f64 / worth / sxx).sqrt();
        let spread = student_quantile(1.0 - alpha / 2.0, worth - 2.0) * error * (x[n - 1] - x[0]);
        let estimate = Estimate::around(change(&x, &y), spread, n);
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

    #[test]
    fn the_change_of_the_tail_is_measured() {
        // Down to 2 at step 80, flat with noise of +-0.01 in turns behind it.
        let rows: String = (0..=100)
            .map(|i| format!("{i},{}\n", 2.0 + 0.05 * f64::from((80 - i).max(0)) + 0.01 * f64::from(i % 2)))
            .collect();
        let table = format!("step,loss\n{rows}");
        let claim = "property = 'plateau'\nx = 'step'\ny = 'loss'";
        truths(&table, claim, &["within = 0.05", "within = 0.5\nshare = 0.5\nwhere = 'step <= 80'", "within = 0.001"]);
        assert!(check(&table, &format!("{claim}\nwithin = 0.05")).value.abs() < 1e-9);
        let seeds = "seed,step,loss\n0,0,9\n0,8,3\n0,9,3\n0,10,3\n1,0,9\n1,8,3\n1,9,3.1\n1,10,3.2\n";
        let by = check(seeds, "property = 'plateau'\nx = 'step'\ny = 'loss'\nwithin = 0.3\nby = 'seed'");
        assert!((by.value - 0.1).abs() < 1e-12 && by.truth.to_string() == "undecided", "{by:?}");
        let claim = "property = 'plateau'\nx = 'step'\ny = 'loss'\nwithin = 0.15\nby = 'seed'\neach = true";
        let each = check(seeds, claim);
        assert!((each.value - 0.2).abs() < 1e-12 && each.truth.to_string() == "false", "{each:?}");
    }
}
