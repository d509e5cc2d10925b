//! Rows between two edges.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::finite;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown};
use crate::assertion::range::Range;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "within",
    about: "A column lies between two others (or two numbers), in a share of the rows at least.",
    keys: keys::<Within>,
    read: read::<Within>,
};

/// `property = "within"`: such as measured values inside predicted intervals. A claim about these rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Within {
    /// Column.
    pub y: String,
    /// Column or number below it.
    pub low: Edge,
    /// Column or number above it.
    pub high: Edge,
    /// Share of the rows, above 0 and at most 1.
    #[serde(default = "one")]
    pub share: f64,
}

/// The edge of a band.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Edge {
    /// The same in every row.
    Number(f64),
    /// A column.
    Column(String),
}

impl Edge {
    fn values(&self, table: &Table) -> Result<Vec<f64>, Stop> {
        match self {
            Self::Number(value) => Ok(vec![*value; table.rows()]),
            Self::Column(name) => finite(table, name),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Number(value) => shown(*value),
            Self::Column(name) => name.clone(),
        }
    }
}

fn one() -> f64 {
    1.0
}

impl Declared for Within {
    fn check(&self) -> Result<(), String> {
        match self.share > 0.0 && self.share <= 1.0 {
            true => Ok(()),
            false => Err(format!("`share` is more than 0 and at most 1, found {}", self.share)),
        }
    }
}

impl Property for Within {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::at_least(self.share)
    }

    fn exact(&self) -> bool {
        true
    }

    fn find(&self, table: &Table, _alpha: f64) -> Result<Finding, Stop> {
        let y = finite(table, &self.y)?;
        let (low, high) = (self.low.values(table)?, self.high.values(table)?);
        let n = y.len();
        let inside = (0..n).filter(|&i| low[i] <= y[i] && y[i] <= high[i]).count();
        let band = format!("{} lies between {} and {}", self.y, self.low.name(), self.high.name());
        let says = format!("{band} in {inside} of {n} rows");
        let finding = Finding::new(
            format!("share of rows in which {band}"),
            says,
            Estimate::bare(inside as f64 / n as f64, n),
            "row",
            self.accepted(),
        );
        Ok(Finding { count: format!("{}%", shown(100.0 * inside as f64 / n as f64)), ..finding.exact() })
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};

    #[test]
    fn rows_inside_are_counted() {
        let table = "measured,low,high\n1,0,2\n2,0,2\n3,0,2\n4,3,5\n";
        let claim = "property = 'within'\ny = 'measured'\nlow = 'low'\nhigh = 'high'";
        truths(table, claim, &["share = 0.75", "share = 0.8", "where = 'low > 9'"]);
        let verdict = check(table, &format!("{claim}\nshare = 0.9"));
        assert_eq!(verdict.why, "measured lies between low and high in 3 of 4 rows (75%); at least 0.9 was claimed");
        assert_eq!(check(table, "property = 'within'\ny = 'measured'\nlow = 0\nhigh = 3.5").value, 0.75);
    }
}
