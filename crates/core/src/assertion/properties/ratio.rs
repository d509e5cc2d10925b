//! One group as a multiple of another.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::compare::Comparison;
use crate::assertion::finding::{Finding, Stop, shown};
use crate::assertion::label::Label;
use crate::assertion::range::Range;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "ratio",
    about: "The geometric mean of a column in one group, over that in another, lies between bounds.",
    keys: keys::<Ratio>,
    read: read::<Ratio>,
};

/// `property = "ratio"`: as [`Difference`](super::Difference), of logarithms; every value must be above zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ratio {
    /// Column that is compared.
    pub y: String,
    /// Column that names the groups.
    pub group: String,
    /// The group above the line.
    pub a: Label,
    /// The group below it.
    pub b: Label,
    /// Column whose equal labels make pairs, such as the seed.
    pub paired: Option<String>,
    /// Least ratio.
    pub at_least: Option<f64>,
    /// Largest ratio.
    pub at_most: Option<f64>,
}

impl Declared for Ratio {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()
    }
}

impl Property for Ratio {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let Self { y, group, a, b, .. } = self;
        let comparison = Comparison { y, group, a, b, paired: self.paired.as_deref(), logarithms: true };
        let (estimate, count) = comparison.measure(table, alpha)?;
        let estimate = estimate.map(f64::exp);
        let says = format!("{y} of {a} is {} times that of {b}", shown(estimate.value));
        let finding = Finding::new(format!("ratio of {y}, {a} to {b}"), says, estimate, "pair", self.accepted());
        Ok(Finding { count, ..finding })
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
    fn logarithms_of_pairs_have_students_interval() {
        // Ratios 2, 2, 4: ln 2 (1, 1, 2), mean 4/3 ln 2, s 0.57735 ln 2, half width 4.302653 * s / sqrt(3) = 0.994121.
        let table = "kind,seed,tokens\na,0,20\nb,0,10\na,1,40\nb,1,20\na,2,40\nb,2,10\n";
        let claim = "property = 'ratio'\ny = 'tokens'\ngroup = 'kind'\na = 'a'\nb = 'b'\npaired = 'seed'";
        truths(table, claim, &["at_least = 0.9", "at_most = 0.9", "at_least = 2"]);
        let verdict = check(table, &format!("{claim}\nat_least = 1"));
        assert!((verdict.value - 2.519_842).abs() < 1e-6 && (verdict.low - 0.932_466).abs() < 1e-4, "{verdict:?}");
        assert!(
            verdict.why.starts_with("tokens of a is 2.52 times that of b (95% interval 0.932 to 6.81"),
            "{}",
            verdict.why
        );
        let zero = check(&table.replace("a,0,20", "a,0,0"), &format!("{claim}\nat_least = 1"));
        assert_eq!((zero.truth, zero.why.as_str()), (Truth::Undecided, "`tokens` holds 0, which has no logarithm"));
    }
}
