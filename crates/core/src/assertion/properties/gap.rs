//! One column above another.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::finite;
use crate::assertion::estimate::student;
use crate::assertion::finding::{Finding, Stop, shown};
use crate::assertion::range::Range;
use crate::assertion::replicated::replicated;
use crate::stats::mean;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "gap",
    about: "The mean of one column less another, row by row, lies between bounds.",
    keys: keys::<Gap>,
    read: read::<Gap>,
};

/// `property = "gap"`: such as held-out loss less training loss. Rows are replicates, with Student's interval; with `by` the
/// rows of a replicate are averaged first, as those of one curve should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// Column.
    pub y: String,
    /// Column that is subtracted.
    pub other: String,
    /// Least gap.
    pub at_least: Option<f64>,
    /// Largest gap.
    pub at_most: Option<f64>,
    /// Column that names the replicates.
    pub by: Option<String>,
}

impl Gap {
    fn gaps(&self, table: &Table) -> Result<Vec<f64>, Stop> {
        let (y, other) = (finite(table, &self.y)?, finite(table, &self.other)?);
        Ok(y.iter().zip(other).map(|(y, other)| y - other).collect())
    }
}

impl Declared for Gap {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()
    }
}

impl Property for Gap {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let statistic = format!("mean of {} less {}", self.y, self.other);
        if let Some(by) = &self.by {
            let one = |rows: &Table| self.gaps(rows).map(|gaps| mean(&gaps));
            return replicated(table, by, false, &statistic, self.accepted(), alpha, one);
        }
        let estimate = student(&self.gaps(table)?, alpha);
        let says = format!("the {statistic} is {}", shown(estimate.value));
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
    fn rows_or_replicates_have_gaps() {
        // 0.1, 0.2, 0.3: -0.0484 to 0.4484.
        let table = "seed,held_out,train\n0,3.1,3\n1,3.2,3\n2,3.3,3\n";
        let claim = "property = 'gap'\ny = 'held_out'\nother = 'train'";
        truths(table, claim, &["at_most = 0.5", "at_least = 0.5", "at_least = 0"]);
        let curves = "seed,held_out,train\n0,3.1,3\n0,3.3,3\n1,3.4,3\n";
        let by = check(curves, &format!("{claim}\nat_most = 9\nby = 'seed'"));
        assert!((by.value - 0.3).abs() < 1e-12 && by.n == 2, "{by:?}");
    }
}
