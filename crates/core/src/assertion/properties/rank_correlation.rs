//! How far two columns agree in order.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::finite;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::rank::spearman;
use crate::stats::normal_quantile;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "rank_correlation",
    about: "Spearman's rank correlation of two columns lies between bounds.",
    keys: keys::<RankCorrelation>,
    read: read::<RankCorrelation>,
};

/// `property = "rank_correlation"`, with the interval of Bonett and Wright 2000: normal in atanh(rho), of variance
/// (1 + rho^2 / 2) / (n - 3). A perfect correlation stands for one half way to the next value that n rows can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RankCorrelation {
    /// One column.
    pub x: String,
    /// The other.
    pub y: String,
    /// Least correlation.
    pub at_least: Option<f64>,
    /// Largest correlation.
    pub at_most: Option<f64>,
}

impl Declared for RankCorrelation {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()
    }
}

impl Property for RankCorrelation {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let (x, y) = (finite(table, &self.x)?, finite(table, &self.y)?);
        let n = x.len();
        if n < 4 {
            return undecided(format!("{n} rows are too few for an interval of a correlation; 4 are needed"));
        }
        let rho = spearman(&x, &y);
        if rho.is_nan() {
            return undecided(format!("`{}` or `{}` is the same in all rows", self.x, self.y));
        }
        let size = n as f64;
        let most = 1.0 - 6.0 / (size.powi(3) - size);
        let inside = rho.clamp(-most, most);
        let spread = normal_quantile(1.0 - alpha / 2.0) * ((1.0 + inside * inside / 2.0) / (size - 3.0)).sqrt();
        let estimate = Estimate {
            value: rho,
            low: (inside.atanh() - spread).tanh(),
            high: if rho == inside {
                (inside.atanh() + spread).tanh()
            } else {
                (inside.atanh() + spread).tanh().max(rho)
            },
            n,
        };
        let says = format!("the rank correlation of {} with {} is {}", self.y, self.x, shown(rho));
        let statistic = format!("rank correlation of {} with {}", self.y, self.x);
        Ok(Finding::new(statistic, says, estimate, "row", self.accepted()))
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};

    #[test]
    fn the_interval_is_bonett_and_wrights() {
        // scipy.stats.spearmanr: 0.6585365854 (as in `rank`); atanh 0.790225, spread 1.959964 sqrt((1 + rho^2/2)/5) = 0.966894.
        let table = "x,y\n1,2\n2,1\n2,4\n3,4\n5,3\n4,7\n4,8\n9,8\n";
        let claim = "property = 'rank_correlation'\nx = 'x'\ny = 'y'";
        truths(table, claim, &["at_least = -0.2", "at_most = -0.2", "at_least = 0.5"]);
        let verdict = check(table, &format!("{claim}\nat_least = 0"));
        assert!((verdict.value - 0.658_536_585).abs() < 1e-9, "{verdict:?}");
        assert!((verdict.low + 0.174_854).abs() < 1e-6 && (verdict.high - 0.942_180).abs() < 1e-6, "{verdict:?}");
    }

    #[test]
    fn a_perfect_order_of_few_rows_is_not_certain() {
        let claim = "property = 'rank_correlation'\nx = 'x'\ny = 'y'\nat_least = 0.5";
        let four = check("x,y\n1,1\n2,2\n3,3\n4,4\n", claim);
        assert!(four.low < 0.0 && four.value == 1.0 && four.truth.to_string() == "undecided", "{four:?}");
        let rows: String = (0..10).map(|i| format!("{i},{i}\n")).collect();
        assert_eq!(check(&format!("x,y\n{rows}"), claim).truth.to_string(), "true");
        assert_eq!(check("x,y\n1,1\n2,2\n3,3\n", claim).truth.to_string(), "undecided");
    }
}
