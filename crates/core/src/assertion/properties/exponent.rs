//! The exponent of a power law.

use super::{Declared, Property, PropertyInfo, check_each, keys, read, written};
use crate::assertion::columns::positive;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::assertion::replicated::replicated;
use crate::assertion::verdict::Truth;
use crate::stats::{line, mean, student_quantile};
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "exponent",
    about: "The slope of ln y in ln x lies between bounds, and the points lie on a line.",
    keys: keys::<Exponent>,
    read: read::<Exponent>,
};

/// `property = "exponent"`: of the least-squares line through (ln x, ln y).
///
/// The interval is Student's of a slope, with n - 2 degrees of freedom: exact for independent normal errors of ln y, and
/// wider than the noise where the points bend. A bootstrap of pairs would be too narrow on the five to ten sizes that such
/// tables have. With `by` the slope is taken of each replicate by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exponent {
    /// The size.
    pub x: String,
    /// What is a power of it.
    pub y: String,
    /// Least exponent.
    pub at_least: Option<f64>,
    /// Largest exponent.
    pub at_most: Option<f64>,
    /// Least R^2 of the line.
    pub straight: Option<f64>,
    /// Column that names the replicates.
    pub by: Option<String>,
    /// Whether every replicate must lie between the bounds, rather than their mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
}

/// The line through the logarithms.
struct Line {
    slope: f64,
    /// Standard error of the slope.
    error: f64,
    r_squared: f64,
    n: usize,
}

impl Exponent {
    fn line(&self, table: &Table) -> Result<Line, Stop> {
        let logarithms =
            |name: &str| -> Result<Vec<f64>, Stop> { Ok(positive(table, name)?.iter().map(|v| v.ln()).collect()) };
        let (x, y) = (logarithms(&self.x)?, logarithms(&self.y)?);
        let n = x.len();
        if x.iter().all(|v| *v == x[0]) {
            return undecided(format!("`{}` is the same in all rows", self.x));
        }
        let (slope, _, deviation) = line(&x, &y);
        let spread = |v: &[f64]| v.iter().map(|a| (a - mean(v)).powi(2)).sum::<f64>();
        // Two points are always on a line, with a deviation of 0/0.
        let rest = if n > 2 { deviation * deviation * (n as f64 - 2.0) } else { 0.0 };
        let error = deviation / spread(&x).sqrt();
        Ok(Line { slope, error, r_squared: 1.0 - rest / spread(&y), n })
    }
}

impl Declared for Exponent {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()?;
        if self.straight.is_some_and(|r| !(0.0..=1.0).contains(&r)) {
            return Err("`straight` is between 0 and 1".into());
        }
        if self.straight.is_some() && self.by.is_some() {
            return Err("`straight` has no place beside `by`: one line is through all rows".into());
        }
        check_each(self.each, self.by.as_deref())
    }
}

impl Property for Exponent {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn exact(&self) -> bool {
        self.each
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let statistic = format!("exponent of {} in {}", self.y, self.x);
        if let Some(by) = &self.by {
            let one = |rows: &Table| self.line(rows).map(|line| line.slope);
            return replicated(table, by, self.each, &statistic, self.accepted(), alpha, one);
        }
        let line = self.line(table)?;
        let says = format!("the {statistic} is {}", shown(line.slope));
        let estimate = if line.n > 2 {
            let t = student_quantile(1.0 - alpha / 2.0, line.n as f64 - 2.0);
            Estimate::around(line.slope, t * line.error, line.n)
        } else {
            Estimate::bare(line.slope, line.n)
        };
        let finding = Finding::new(statistic, says, estimate, "row", self.accepted());
        let bent = self.straight.filter(|least| line.n > 2 && line.r_squared < *least).map(|least| {
            (
                Truth::False,
                format!("the points bend, R^2 is {} where {} was claimed", shown(line.r_squared), shown(least)),
            )
        });
        let few = (line.n < 3).then(|| (Truth::Undecided, "two points are always on a line".to_string()));
        Ok(Finding { ruled: bent.or(few), ..finding })
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
    fn the_slope_has_students_interval() {
        let table = "n,loss\n1,10\n10,5\n100,2.6\n1000,1.2\n";
        let claim = "property = 'exponent'\nx = 'n'\ny = 'loss'";
        truths(table, claim, &["at_most = -0.2", "at_least = -0.1", "at_most = -0.3"]);
        // scipy.stats.linregress of the logarithms: slope and slope - t.ppf(0.975, 2) * stderr.
        let verdict = check(table, &format!("{claim}\nat_most = 0"));
        assert!((verdict.value + 0.304_645).abs() < 1e-6 && (verdict.low + 0.336_233).abs() < 1e-6, "{verdict:?}");
    }

    #[test]
    fn points_that_bend_are_no_power_law() {
        let table = "n,loss\n1,10\n10,5\n100,2.5\n1000,2.5\n10000,2.5\n";
        let claim = "property = 'exponent'\nx = 'n'\ny = 'loss'\nat_most = 0\nstraight = 0.97";
        let bent = check(table, claim);
        assert!(bent.truth == Truth::False && bent.why.contains("the points bend, R^2 is 0.781"), "{}", bent.why);
        let two = check(table, &format!("{claim}\nwhere = 'n < 100'"));
        assert!(two.truth == Truth::Undecided && two.why.ends_with("two points are always on a line"), "{}", two.why);
    }

    #[test]
    fn replicates_have_their_own_slopes() {
        let table = "seed,n,loss\n0,1,4\n0,100,2\n1,1,4\n1,100,1\n";
        let claim = "property = 'exponent'\nx = 'n'\ny = 'loss'\nby = 'seed'";
        // ln(1/2)/ln 100 = -0.150515 and twice that.
        assert!((check(table, &format!("{claim}\nat_most = 0")).value + 0.225_772).abs() < 1e-6);
        let each = check(table, &format!("{claim}\neach = true\nat_least = -0.2"));
        assert!((each.value + 2.0 * 0.150_515).abs() < 1e-6 && each.truth == Truth::False);
    }
}
