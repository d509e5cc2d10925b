//! One number of a column between bounds.

use super::{Declared, Property, PropertyInfo, check_each, keys, read, written};
use crate::assertion::columns::{curve, finite, numbers};
use crate::assertion::estimate::{Estimate, student};
use crate::assertion::finding::{Finding, Stop, shown};
use crate::assertion::range::Range;
use crate::assertion::replicated::replicated;
use crate::assertion::verdict::Truth;
use crate::stats::{mean, median, sorted};
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "bound",
    about: "A number of a column (mean, median, first, last, smallest, largest, or all of it) lies between bounds.",
    keys: keys::<Bound>,
    read: read::<Bound>,
};

/// `property = "bound"`.
///
/// Without `by` each row is a replicate: the mean has Student's interval, the median that of order statistics, and the
/// others are claims about these rows, without one. With `by` the number is taken of each replicate by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// Column.
    pub y: String,
    /// Which number of it.
    #[serde(default)]
    pub stat: Stat,
    /// Column that orders the rows, for `first` and `last`; otherwise they stand as in the table.
    pub x: Option<String>,
    /// Column that names the replicates.
    pub by: Option<String>,
    /// Whether every replicate must lie between the bounds, rather than their mean.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each: bool,
    /// Lower bound.
    pub at_least: Option<f64>,
    /// Upper bound.
    pub at_most: Option<f64>,
}

/// Which number of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stat {
    /// Mean.
    #[default]
    Mean,
    /// Median.
    Median,
    /// That of the first row.
    First,
    /// That of the last row.
    Last,
    /// Smallest.
    Min,
    /// Largest.
    Max,
    /// Every one: the share of rows between the bounds is 1.
    All,
    /// How many rows there are, whatever they hold.
    Rows,
}

impl Stat {
    fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Median => "median",
            Self::First => "first",
            Self::Last => "last",
            Self::Min => "smallest",
            Self::Max => "largest",
            Self::All => "share",
            Self::Rows => "number of rows with",
        }
    }

    fn of(self, values: &[f64]) -> f64 {
        let ends = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        match self {
            Self::Mean => mean(values),
            Self::Median => median(values),
            Self::First => values.first().copied().unwrap_or(f64::NAN),
            Self::Last => values.last().copied().unwrap_or(f64::NAN),
            Self::Min | Self::All => ends(f64::min),
            Self::Max => ends(f64::max),
            Self::Rows => values.len() as f64,
        }
    }
}

impl Bound {
    fn range(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn values(&self, table: &Table) -> Result<Vec<f64>, Stop> {
        match &self.x {
            _ if self.stat == Stat::Rows => Ok(numbers(table, &self.y)?),
            Some(x) => Ok(curve(table, x, &self.y)?.1),
            None => finite(table, &self.y),
        }
    }
}

impl Declared for Bound {
    fn check(&self) -> Result<(), String> {
        self.range().check()?;
        match (self.stat, &self.by) {
            (Stat::All, Some(_)) => Err("`by` has no place beside `stat = \"all\"`, which is about every row".into()),
            _ => check_each(self.each, self.by.as_deref()),
        }
    }
}

impl Property for Bound {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        if self.stat == Stat::All { Range::at_least(1.0) } else { self.range() }
    }

    fn exact(&self) -> bool {
        self.each || (self.by.is_none() && !matches!(self.stat, Stat::Mean | Stat::Median))
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let statistic = format!("{} {}", self.stat.name(), self.y);
        if let Some(by) = &self.by {
            let one = |rows: &Table| self.values(rows).map(|values| self.stat.of(&values));
            return replicated(table, by, self.each, &statistic, self.range(), alpha, one);
        }
        let values = self.values(table)?;
        let n = values.len();
        let says = |value: f64| format!("the {statistic} is {}", shown(value));
        Ok(match self.stat {
            Stat::All => {
                let range = self.range();
                let share = values.iter().filter(|v| range.holds(**v)).count() as f64 / n as f64;
                let says = format!("{}% of {} is {range}", shown(100.0 * share), self.y);
                let statistic = format!("share of rows with {} {range}", self.y);
                let finding = Finding::new(statistic, says, Estimate::bare(share, n), "row", self.accepted()).exact();
                Finding { claim: Some("all"), ..finding }
            }
            Stat::Mean => {
                let estimate = student(&values, alpha);
                Finding::new(&statistic, says(estimate.value), estimate, "row", self.range())
            }
            Stat::Median => {
                let estimate = order_statistics(&values, alpha);
                let finding = Finding::new(&statistic, says(estimate.value), estimate, "row", self.range());
                let none = estimate.low.is_nan();
                let why = "so few rows give a median no interval, a mean would have one".to_string();
                Finding { ruled: none.then_some((Truth::Undecided, why)), ..finding }
            }
            stat => {
                let value = stat.of(&values);
                Finding::new(&statistic, says(value), Estimate::bare(value, n), "row", self.range()).exact()
            }
        })
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

/// The median between the k-th smallest and the k-th largest value, k as large as the coverage allows: the number of values
/// below the true median is binomial with one half, whatever the distribution.
fn order_statistics(values: &[f64], alpha: f64) -> Estimate {
    let sorted = sorted(values);
    let n = sorted.len();
    let (mut k, mut tail, mut term) = (0, 0.0, 0.5f64.powi(n as i32));
    while k < n / 2 && tail + term <= alpha / 2.0 {
        tail += term;
        term *= (n - k) as f64 / (k + 1) as f64;
        k += 1;
    }
    match k {
        0 => Estimate::bare(median(&sorted), n),
        k => Estimate { value: median(&sorted), low: sorted[k - 1], high: sorted[n - k], n },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::tests::{check, truths};

    #[test]
    fn means_are_decided_by_their_interval() {
        let table = "seed,acc\n0,0.1\n1,0.2\n2,0.3\n";
        // Interval -0.0484 to 0.4484.
        truths(table, "property = 'bound'\ny = 'acc'", &["at_least = -0.1", "at_least = 0.5", "at_least = 0.1"]);
        let verdict = check(table, "property = 'bound'\ny = 'acc'\nat_most = 0.5");
        assert_eq!(verdict.why, "the mean acc is 0.2 (95% interval -0.0484 to 0.448, 3 rows); at most 0.5 was claimed");
        assert_eq!((verdict.n, verdict.accepted.as_str()), (3, "at most 0.5"));
    }

    #[test]
    fn other_numbers_are_about_the_rows() {
        let table = "step,loss\n2,3\n1,5\n3,4\n";
        let claim = "property = 'bound'\ny = 'loss'\nat_most = 4";
        let value = |stat: &str| check(table, &format!("{claim}\nstat = '{stat}'")).value;
        let got = ["first", "last", "min", "max", "all", "rows"].map(value);
        assert_eq!(got, [3.0, 4.0, 3.0, 5.0, 2.0 / 3.0, 3.0]);
        assert_eq!(check(table, &format!("{claim}\nstat = 'first'\nx = 'step'")).value, 5.0);
        let all = check(table, &format!("{claim}\nstat = 'all'"));
        assert_eq!((all.truth, all.low.is_nan()), (Truth::False, true));
        assert!(all.why.starts_with("66.7% of loss is at most 4 (3 rows); all was claimed"), "{}", all.why);
    }

    #[test]
    fn a_median_of_six_lies_between_its_ends() {
        // 2 * 0.5^6 = 0.031 is less than 0.05, 2 * 0.5^5 = 0.0625 is not.
        let six = order_statistics(&[6.0, 1.0, 2.0, 3.0, 4.0, 5.0], 0.05);
        assert_eq!((six.value, six.low, six.high), (3.5, 1.0, 6.0));
        assert!(order_statistics(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.05).low.is_nan());
        // scipy.stats.binom.cdf(5, 20, 0.5) = 0.0207, of 6 values 0.0577: the sixth from either end.
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        let got = order_statistics(&twenty, 0.05);
        assert_eq!((got.low, got.high), (6.0, 15.0));
        let few = check("loss\n1\n2\n3\n", "property = 'bound'\ny = 'loss'\nstat = 'median'\nat_most = 9");
        assert_eq!(few.truth, Truth::Undecided);
    }

    #[test]
    fn replicates_are_averaged_or_each_for_itself() {
        let table = "seed,loss\n0,9\n0,3\n1,9\n1,4\n2,9\n2,5\n";
        let claim = "property = 'bound'\ny = 'loss'\nstat = 'last'\nby = 'seed'\nat_most = 4.5";
        let mean = check(table, claim);
        assert_eq!((mean.value, mean.n, mean.truth), (4.0, 3, Truth::Undecided));
        let each = check(table, &format!("{claim}\neach = true"));
        assert_eq!((each.value, each.truth), (5.0, Truth::False));
        assert_eq!(
            each.why,
            "the last loss of seed 2 is 5 (the farthest out of 3 replicates); at most 4.5 was claimed"
        );
    }

    #[test]
    fn a_row_without_a_number_leaves_it_open() {
        let verdict = check("loss\n1\n\"\"\n2\n", "property = 'bound'\ny = 'loss'\nat_most = 9");
        assert_eq!(verdict.truth, Truth::Undecided);
        assert_eq!(verdict.why, "1 of 3 rows has no finite number in `loss`");
    }
}
