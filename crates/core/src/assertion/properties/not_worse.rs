//! As good as another group but for a margin.

use super::difference::found;
use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::compare::Comparison;
use crate::assertion::finding::{Finding, Stop};
use crate::assertion::label::Label;
use crate::assertion::range::Range;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "not_worse",
    about: "One group is worse than a baseline by no more than a margin.",
    keys: keys::<NotWorse>,
    read: read::<NotWorse>,
};

/// `property = "not_worse"`: a test of non-inferiority. It is true when even the bad end of the interval of the difference
/// is within the margin, so that a table too small to see a difference is undecided, not true.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotWorse {
    /// Column that is compared.
    pub y: String,
    /// Column that names the groups.
    pub group: String,
    /// The group in question.
    pub a: Label,
    /// The baseline.
    pub b: Label,
    /// By how much it may be worse, in units of `y`.
    pub margin: f64,
    /// Which values are good.
    #[serde(default)]
    pub better: Better,
    /// Column whose equal labels make pairs, such as the seed.
    pub paired: Option<String>,
}

/// Which values of a column are good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// Low ones, as of a loss.
    #[default]
    Lower,
    /// High ones, as of an accuracy.
    Higher,
}

impl Declared for NotWorse {
    fn check(&self) -> Result<(), String> {
        match self.margin >= 0.0 && self.margin.is_finite() {
            true => Ok(()),
            false => Err(format!("`margin` is 0 or more, found {}", self.margin)),
        }
    }
}

impl Property for NotWorse {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        match self.better {
            Better::Lower => Range::at_most(self.margin),
            Better::Higher => Range::at_least(-self.margin),
        }
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let Self { y, group, a, b, .. } = self;
        let paired = self.paired.as_deref();
        found(&Comparison { y, group, a, b, paired, logarithms: false }, self.accepted(), table, alpha)
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
    fn the_margin_is_on_the_bad_side() {
        // Differences 0.1, 0.2, 0.3: -0.0484 to 0.4484.
        let table = "kind,seed,loss\na,0,3.1\nb,0,3\na,1,3.2\nb,1,3\na,2,3.3\nb,2,3\n";
        let claim = "property = 'not_worse'\ny = 'loss'\ngroup = 'kind'\na = 'a'\nb = 'b'\npaired = 'seed'";
        let higher = |margin: f64| check(table, &format!("{claim}\nbetter = 'higher'\nmargin = {margin:?}")).truth;
        assert_eq!((higher(0.05), higher(0.04)), (Truth::True, Truth::Undecided));
        // Two more each: 1.9516 to 2.4484.
        let far = table.replace("a,0,3", "a,0,5").replace("a,1,3", "a,1,5").replace("a,2,3", "a,2,5");
        truths(&far, claim, &["margin = 2.5", "margin = 1.9", "margin = 2.2"]);
        assert!(check(table, &format!("{claim}\nmargin = 0.5")).why.contains("at most 0.5 was claimed"));
    }
}
