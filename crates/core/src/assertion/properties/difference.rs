//! One group above or below another.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::compare::Comparison;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown};
use crate::assertion::label::Label;
use crate::assertion::range::Range;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "difference",
    about: "The mean of a column in one group less that in another lies between bounds.",
    keys: keys::<Difference>,
    read: read::<Difference>,
};

/// `property = "difference"`: of the means of `y` where `group` is `a` and where it is `b`.
///
/// With `paired`, rows that share its label make a pair (several rows of one label and group are averaged) and the
/// differences have Student's interval; without it, rows are independent and the interval is Welch's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Column that is compared.
    pub y: String,
    /// Column that names the groups.
    pub group: String,
    /// The group that is expected above.
    pub a: Label,
    /// The group that it is compared with.
    pub b: Label,
    /// Column whose equal labels make pairs, such as the seed.
    pub paired: Option<String>,
    /// Least difference.
    pub at_least: Option<f64>,
    /// Largest difference.
    pub at_most: Option<f64>,
}

/// "accuracy of none is 0.42 above rotary".
fn above(y: &str, a: &Label, b: &Label, estimate: Estimate) -> String {
    let value = estimate.value;
    match value == 0.0 {
        true => format!("{y} of {a} equals that of {b}"),
        false => format!("{y} of {a} is {} {} {b}", shown(value.abs()), if value > 0.0 { "above" } else { "below" }),
    }
}

/// The difference of two groups.
pub(super) fn found(comparison: &Comparison<'_>, accepted: Range, table: &Table, alpha: f64) -> Result<Finding, Stop> {
    let (estimate, count) = comparison.measure(table, alpha)?;
    let Comparison { y, a, b, .. } = comparison;
    let statistic = format!("difference of {y}, {a} less {b}");
    let finding = Finding::new(statistic, above(y, a, b, estimate), estimate, "pair", accepted);
    Ok(Finding { count, ..finding })
}

impl Declared for Difference {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()
    }
}

impl Property for Difference {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
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

    const CLAIM: &str = "property = 'difference'\ny = 'accuracy'\ngroup = 'positions'\na = 'none'\nb = 'rotary'";
    const SCORES: &str = "positions,seed,accuracy\nnone,0,0.9\nrotary,0,0.5\nnone,1,0.8\nrotary,1,0.4\nnone,2,1.0\nrotary,2,0.5\nlearned,0,x\n";

    #[test]
    fn pairs_have_students_interval() {
        // Differences 0.4, 0.4, 0.5: mean 0.4333, s 0.057735, t 4.302653: 0.289912 to 0.576755.
        let paired = format!("{CLAIM}\npaired = 'seed'");
        truths(SCORES, &paired, &["at_least = 0.28", "at_least = 0.6", "at_least = 0.3"]);
        let verdict = check(SCORES, &format!("{paired}\nat_least = 0.1"));
        assert!((verdict.low - 0.289_912).abs() < 1e-5 && (verdict.high - 0.576_755).abs() < 1e-5, "{verdict:?}");
        assert_eq!(
            verdict.why,
            "accuracy of none is 0.433 above rotary (95% interval 0.29 to 0.577, 3 pairs); at least 0.1 was claimed"
        );
    }

    #[test]
    fn rows_without_pairs_have_welchs() {
        // scipy.stats.ttest_ind([0.9, 0.8, 1.0], [0.5, 0.4, 0.5], equal_var=False).confidence_interval(0.95)
        let verdict = check(SCORES, &format!("{CLAIM}\nat_least = 0.1"));
        assert!((verdict.low - 0.228_478).abs() < 1e-5 && (verdict.high - 0.638_189).abs() < 1e-5, "{verdict:?}");
        assert!(verdict.why.contains("3 and 3 rows"), "{}", verdict.why);
    }

    #[test]
    fn numbers_are_labels_too() {
        let table = "bits,seed,loss\n4,0,3\n16,0,2\n4,1,3.1\n16,1,2\n";
        let claim =
            "property = 'difference'\ny = 'loss'\ngroup = 'bits'\na = 4\nb = 16\npaired = 'seed'\nat_least = 0.1";
        assert_eq!((check(table, claim).truth, check(table, claim).n), (Truth::True, 2));
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let one =
            check(SCORES, &format!("{CLAIM}\npaired = 'seed'\nat_least = 0.1\nwhere = 'seed == 0 && accuracy > 0'"));
        assert_eq!(one.truth, Truth::Undecided);
        assert!(one.why.contains("(1 pair); at least 0.1 was claimed: fewer than two replicates"), "{}", one.why);
        let none = check(SCORES, &format!("{CLAIM}\nat_least = 0.1").replace("'rotary'", "'rotery'"));
        assert_eq!(none.why, "no row has rotery in `positions`, which holds none, rotary, learned");
        let lone = SCORES.replace("rotary,2", "rotary,3");
        let verdict = check(&lone, &format!("{CLAIM}\npaired = 'seed'\nat_least = 0.1"));
        assert!(verdict.why.contains("2 pairs, 2 without a partner left out"), "{}", verdict.why);
    }
}
