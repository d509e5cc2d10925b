//! Rising or falling.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::levels;
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::assertion::verdict::Truth;
use crate::rank::spearman;
use crate::stats::{mean, student_quantile};
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "monotone",
    about: "A column rises, or falls, with another.",
    keys: keys::<Monotone>,
    read: read::<Monotone>,
};

/// Different x of which every pair is compared.
const MOST_LEVELS: usize = 2_000;

/// `property = "monotone"`: means of `y` at each `x`, with the spread of rows at the same x around their mean as the noise.
///
/// It is true when y changes in the direction from the smallest to the largest x, and between no two x against it, beyond
/// the noise; false when there is a change against it. With `strict`, every step from one x to the next must be one in the
/// direction. Changes have Student's intervals, shared out over all pairs (or steps) so that all hold together.
///
/// With one row at each x nothing is known of the noise. Then k values in the order claimed are true when 1 / k!, the
/// probability of that order by chance, is at most alpha; values in no order are undecided, and false when all stand in the
/// reverse order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monotone {
    /// Column along which.
    pub x: String,
    /// Column that changes.
    pub y: String,
    /// Which way.
    pub direction: Direction,
    /// Whether every step must be a change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
}

/// Which way a column goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Up.
    Rises,
    /// Down.
    Falls,
}

impl Direction {
    fn sign(self) -> f64 {
        if self == Self::Rises { 1.0 } else { -1.0 }
    }

    fn name(self) -> &'static str {
        if self == Self::Rises { "rises" } else { "falls" }
    }
}

/// A change from one x to another, in the claimed direction, with its half width.
#[derive(Debug, Clone, Copy)]
struct Change {
    from: f64,
    to: f64,
    value: f64,
    spread: f64,
}

impl Monotone {
    /// One row at each x.
    fn by_order(&self, levels: &[(f64, Vec<f64>)], alpha: f64) -> Finding {
        let (x, y): (Vec<f64>, Vec<f64>) = levels.iter().map(|(x, y)| (*x, y[0])).unzip();
        let k = x.len();
        let rho = spearman(&x, &y);
        let chance = (1..=k).fold(1.0, |p, i| p / i as f64);
        let ordered = |sign: f64| y.windows(2).all(|w| sign * (w[1] - w[0]) > 0.0);
        let sign = self.direction.sign();
        let (truth, why) = if !ordered(sign) && !ordered(-sign) {
            (Truth::Undecided, "one row at each size says nothing of the noise".to_string())
        } else if chance > alpha {
            (Truth::Undecided, format!("{k} values stand in this order by chance with probability {}", shown(chance)))
        } else {
            let truth = if ordered(sign) { Truth::True } else { Truth::False };
            (truth, format!("{k} values stand in this order by chance with probability {}", shown(chance)))
        };
        let says = format!("the rank correlation of {} with {} is {}", self.y, self.x, shown(rho));
        let statistic = format!("rank correlation of {} with {}", self.y, self.x);
        let finding = Finding::new(statistic, says, Estimate::bare(rho, k), "point", self.accepted());
        Finding { ruled: Some((truth, why)), ..finding }
    }
}

impl Declared for Monotone {
    fn check(&self) -> Result<(), String> {
        Ok(())
    }
}

impl Property for Monotone {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    /// Of changes in the direction.
    fn accepted(&self) -> Range {
        Range::above(0.0)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let levels = levels(table, &self.x, &self.y)?;
        let k = levels.len();
        if k < 2 {
            return undecided(format!("`{}` is the same in all rows", self.x));
        }
        if k > MOST_LEVELS {
            return undecided(format!(
                "`{}` has {k} different values, more than the {MOST_LEVELS} that are compared",
                self.x
            ));
        }
        let degrees: usize = levels.iter().map(|(_, y)| y.len() - 1).sum();
        if degrees == 0 {
            return Ok(self.by_order(&levels, alpha));
        }
        let means: Vec<f64> = levels.iter().map(|(_, y)| mean(y)).collect();
        let around = |(_, y): &(f64, Vec<f64>)| y.iter().map(|v| (v - mean(y)).powi(2)).sum::<f64>();
        let variance = levels.iter().map(around).sum::<f64>() / degrees as f64;
        let looks = if self.strict { k - 1 } else { k * (k - 1) / 2 };
        let t = student_quantile(1.0 - alpha / 2.0 / looks as f64, degrees as f64);
        let sign = self.direction.sign();
        let change = |i: usize, j: usize| {
            let count = |i: usize| 1.0 / levels[i].1.len() as f64;
            let spread = t * (variance * (count(i) + count(j))).sqrt();
            Change { from: levels[i].0, to: levels[j].0, value: sign * (means[j] - means[i]), spread }
        };
        let count = |changes: &str| format!("{changes} of {k} means of {} rows", table.rows());
        let Self { x, y, .. } = self;
        if self.strict {
            let steps: Vec<Change> = (1..k).map(|i| change(i - 1, i)).collect();
            let ends = |f: &dyn Fn(&Change) -> f64| steps.iter().map(f).fold(f64::INFINITY, f64::min);
            let estimate = Estimate {
                value: ends(&|c| c.value),
                low: ends(&|c| c.value - c.spread),
                high: ends(&|c| c.value + c.spread),
                n: k,
            };
            let says =
                format!("the least step by which {y} {} with {x} is {}", self.direction.name(), shown(estimate.value));
            let finding = Finding::new(
                format!("least step by which {y} {}", self.direction.name()),
                says,
                estimate,
                "mean",
                self.accepted(),
            );
            return Ok(Finding { count: count("steps"), ..finding });
        }
        let whole = change(0, k - 1);
        let against = |c: &Change| c.value + c.spread;
        let worst = (1..k)
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .map(|(i, j)| change(i, j))
            .min_by(|a, b| against(a).total_cmp(&against(b)));
        let worst = worst.unwrap_or(whole);
        let estimate = Estimate::around(whole.value, whole.spread, k);
        let says = format!(
            "{y} {} by {} from {x} {} to {}",
            self.direction.name(),
            shown(whole.value),
            shown(whole.from),
            shown(whole.to)
        );
        let ruled = (against(&worst) < 0.0 && whole.value - whole.spread > 0.0).then(|| {
            let place = format!("from {} to {}", shown(worst.from), shown(worst.to));
            (Truth::False, format!("it goes the other way by {} {place}, more than the noise", shown(-worst.value)))
        });
        let finding = Finding::new(
            format!("change by which {y} {} with {x}", self.direction.name()),
            says,
            estimate,
            "mean",
            self.accepted(),
        );
        Ok(Finding { count: count("ends"), ruled, ..finding })
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};
    use crate::assertion::verdict::Truth;

    const FALLING: &str = "size,loss\n1,5\n1,5.1\n2,4\n2,4.1\n4,3\n4,3.1\n";

    #[test]
    fn means_with_noise_are_decided_by_it() {
        let claim = "property = 'monotone'\nx = 'size'\ny = 'loss'";
        truths(
            FALLING,
            claim,
            &["direction = 'falls'", "direction = 'rises'", "direction = 'falls'\nwhere = 'size < 2'"],
        );
        // s = 0.070711, 3 degrees, 3 pairs: t(1 - 0.05/6) = 4.8567; 2 - t s = 1.6566.
        let verdict = check(FALLING, &format!("{claim}\ndirection = 'falls'"));
        assert!((verdict.value - 2.0).abs() < 1e-12 && (verdict.low - 1.656_6).abs() < 1e-3, "{verdict:?}");
        assert_eq!(
            verdict.why,
            "loss falls by 2 from size 1 to 4 (95% interval 1.66 to 2.34, ends of 3 means of 6 rows); more than 0 was claimed"
        );
    }

    #[test]
    fn a_dent_is_noise_or_false() {
        let claim = "property = 'monotone'\nx = 'size'\ny = 'loss'\ndirection = 'falls'";
        let dent = FALLING.replace("2,4\n2,4.1", "2,2\n2,2.1");
        let found = check(&dent, claim);
        assert_eq!(found.truth, Truth::False);
        assert!(found.why.ends_with("it goes the other way by 1 from 2 to 4, more than the noise"), "{}", found.why);
        let slight = FALLING.replace("2,4\n2,4.1", "2,2.9\n2,3");
        assert_eq!(check(&slight, claim).truth, Truth::True);
        let strict = format!("{claim}\nstrict = true");
        assert_eq!((check(FALLING, &strict).truth, check(&slight, &strict).truth), (Truth::True, Truth::Undecided));
        assert_eq!(check(&dent, &strict).truth, Truth::False);
    }

    #[test]
    fn single_rows_are_decided_by_their_order() {
        let claim = "property = 'monotone'\nx = 'size'\ny = 'loss'";
        let ordered = "size,loss\n1,5\n2,4\n4,3\n8,2\n16,1\n";
        truths(
            ordered,
            claim,
            &["direction = 'falls'", "direction = 'rises'", "direction = 'falls'\nwhere = 'size < 8'"],
        );
        let why = check(ordered, &format!("{claim}\ndirection = 'falls'")).why;
        assert!(why.contains("5 values stand in this order by chance with probability 0.00833"), "{why}");
        let mixed = check(&ordered.replace("8,2", "8,4"), &format!("{claim}\ndirection = 'falls'"));
        assert_eq!(mixed.truth, Truth::Undecided);
    }
}
