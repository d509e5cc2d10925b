//! A best value that is not at an end.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::{finite, positive};
use crate::assertion::estimate::{Estimate, middle, t_draw};
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::assertion::verdict::Truth;
use crate::stats::parabola;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "interior_minimum",
    about: "The parabola through y over ln x has its minimum inside the range of x, or between bounds.",
    keys: keys::<InteriorMinimum>,
    read: read::<InteriorMinimum>,
};

/// Draws of an interval.
const DRAWS: u32 = 2_000;

/// `property = "interior_minimum"`: of an IsoFLOP slice or a sweep of learning rates.
///
/// The least-squares parabola is fitted again to its own values with noise drawn from the residuals (n - 3 degrees of
/// freedom). The claim is true when at least 1 - alpha of the draws open upwards with their bottom where it is claimed,
/// false when at most alpha of them do; the interval is of the bottoms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InteriorMinimum {
    /// The size, above zero.
    pub x: String,
    /// What is least at the best size.
    pub y: String,
    /// Least x of the minimum; the smallest that was measured otherwise.
    pub at_least: Option<f64>,
    /// Largest x of the minimum; the largest that was measured otherwise.
    pub at_most: Option<f64>,
}

impl Declared for InteriorMinimum {
    fn check(&self) -> Result<(), String> {
        let range = self.accepted();
        if self.at_least.is_some() || self.at_most.is_some() { range.check() } else { Ok(()) }
    }
}

impl Property for InteriorMinimum {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least.or(Some(0.0)), self.at_most)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        let x: Vec<f64> = positive(table, &self.x)?.iter().map(|x| x.ln()).collect();
        let y = finite(table, &self.y)?;
        let n = x.len();
        let Some([c, b, a]) = parabola(&x, &y) else {
            return undecided(format!("`{}` has fewer than three different values", self.x));
        };
        let ends = |pick: fn(f64, f64) -> f64, start: f64| x.iter().copied().fold(start, pick);
        let (first, last) = (ends(f64::min, f64::INFINITY), ends(f64::max, f64::NEG_INFINITY));
        let accepted = Range::new(
            Some(self.at_least.map_or(first.exp(), |v| v.max(first.exp()))),
            Some(self.at_most.map_or(last.exp(), |v| v.min(last.exp()))),
        );
        let bottom = |a: f64, b: f64| (-b / (2.0 * a)).exp();
        let holds = |a: f64, b: f64| a > 0.0 && accepted.holds(bottom(a, b));
        let value = if a > 0.0 { bottom(a, b) } else { f64::NAN };
        let says = match a > 0.0 {
            true => format!("the minimum of {} over {} is at {}", self.y, self.x, shown(value)),
            false => format!("{} over {} has no minimum, the parabola opens downwards", self.y, self.x),
        };
        let statistic = format!("{} of the least {}", self.x, self.y);
        if n < 4 {
            let why = "a parabola through three rows leaves no noise to judge it by".to_string();
            let finding = Finding::new(statistic, says, Estimate::bare(value, n), "row", accepted);
            return Ok(Finding { ruled: Some((Truth::Undecided, why)), ..finding });
        }
        let fitted: Vec<f64> = x.iter().map(|x| c + b * x + a * x * x).collect();
        let rest: f64 = fitted.iter().zip(&y).map(|(f, y)| (y - f).powi(2)).sum();
        let deviation = (rest / (n as f64 - 3.0)).sqrt();
        let (mut inside, mut bottoms) = (0, Vec::new());
        for draw in 0..DRAWS {
            let (factor, mut rng) = t_draw(0, "minimum", draw, n - 3);
            let again: Vec<f64> = fitted.iter().map(|f| f + factor * deviation * rng.normal()).collect();
            let Some([_, b, a]) = parabola(&x, &again) else { continue };
            inside += u32::from(holds(a, b));
            if a > 0.0 {
                bottoms.push(bottom(a, b));
            }
        }
        let share = f64::from(inside) / f64::from(DRAWS);
        let (low, high) = middle(&bottoms, alpha);
        let estimate = Estimate { value, low, high, n };
        let drawn = format!("it is there in {}% of draws", shown(100.0 * share));
        let truth = match share {
            s if s >= 1.0 - alpha => Truth::True,
            s if s <= alpha => Truth::False,
            _ => Truth::Undecided,
        };
        Ok(Finding { ruled: Some((truth, drawn)), ..Finding::new(statistic, says, estimate, "row", accepted) })
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
    fn the_bottom_of_a_parabola_is_found() {
        // (ln n - ln 100)^2 with noise -+0.05 in turns, n in powers of 10.
        let table = "n,loss\n1,21.26\n10,5.25\n100,0.05\n1000,5.25\n10000,21.26\n";
        let claim = "property = 'interior_minimum'\nx = 'n'\ny = 'loss'";
        truths(table, claim, &["", "at_most = 50", "where = 'n < 1000'"]);
        let verdict = check(table, claim);
        assert!((verdict.value - 100.0).abs() < 1e-6 && verdict.low < 100.0 && verdict.high > 100.0, "{verdict:?}");
        assert!(verdict.accepted == "1 to 10000" && verdict.why.contains("in 100% of draws"), "{}", verdict.why);
    }

    #[test]
    fn curves_that_only_fall_or_open_downwards_have_none() {
        let claim = "property = 'interior_minimum'\nx = 'n'\ny = 'loss'";
        let falls = check("n,loss\n1,4.01\n2,3\n4,2\n8,1.01\n16,0\n32,-1\n", claim);
        assert_ne!(falls.truth, Truth::True, "{falls:?}");
        let down = check("n,loss\n1,0.01\n2,3\n4,4\n8,3\n16,0\n", claim);
        assert!(down.truth == Truth::False && down.why.contains("opens downwards"), "{down:?}");
        let noise = check("n,loss\n1,3\n2,1\n4,3\n8,1\n16,3\n32,1\n", claim);
        assert_eq!(noise.truth, Truth::Undecided);
    }
}
