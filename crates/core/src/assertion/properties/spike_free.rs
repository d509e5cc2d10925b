//! A curve without jumps.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::{curve, replicates};
use crate::assertion::estimate::Estimate;
use crate::assertion::finding::{Finding, Stop, shown, undecided};
use crate::assertion::range::Range;
use crate::stats::median;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "spike_free",
    about: "No point of a curve stands above its neighbours by more than z times the noise.",
    keys: keys::<SpikeFree>,
    read: read::<SpikeFree>,
};

/// Points before and behind that one is compared with.
const BESIDE: usize = 5;
/// Points on either side that tell the noise.
const AROUND: usize = 20;
/// Shortest curve.
const LEAST: usize = 15;

/// `property = "spike_free"`: a claim about these rows.
///
/// A point is compared with the median of the five before it and with that of the five behind it, whichever is higher, so
/// that a curve that falls or rises steeply has no spike; the first three have nothing before them. The noise is 1.4826
/// times the median size of the steps from point to point within twenty to either side, over the square root of 2: the
/// standard deviation of independent normal noise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpikeFree {
    /// Column along which: steps, tokens.
    pub x: String,
    /// Column that should not jump.
    pub y: String,
    /// Times the noise.
    #[serde(default = "eight")]
    pub z: f64,
    /// Column that names the curves, where there are several.
    pub by: Option<String>,
}

fn eight() -> f64 {
    8.0
}

/// The highest point above its neighbours, in units of the noise, and where it is.
fn highest(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = y.len();
    let steps: Vec<f64> = y.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
    let tiny = 1e-12 * y.iter().map(|v| v.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let of = |t: usize| {
        let before = median(&y[t.saturating_sub(BESIDE)..t]);
        let behind = if t + 1 < n { median(&y[t + 1..n.min(t + 1 + BESIDE)]) } else { before };
        let noise = median(&steps[t.saturating_sub(AROUND)..(n - 1).min(t + AROUND)]) * 1.4826 / 2f64.sqrt();
        ((y[t] - before.max(behind)) / noise.max(tiny), x[t])
    };
    (3..n).map(of).fold((f64::NEG_INFINITY, f64::NAN), |best, next| if next.0 > best.0 { next } else { best })
}

impl Declared for SpikeFree {
    fn check(&self) -> Result<(), String> {
        match self.z > 0.0 && self.z.is_finite() {
            true => Ok(()),
            false => Err(format!("`z` is more than 0, found {}", self.z)),
        }
    }
}

impl Property for SpikeFree {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::at_most(self.z)
    }

    fn exact(&self) -> bool {
        true
    }

    fn find(&self, table: &Table, _alpha: f64) -> Result<Finding, Stop> {
        let (mut worst, mut points) = ((f64::NEG_INFINITY, String::new()), 0);
        for (label, rows) in replicates(table, self.by.as_deref())? {
            let (x, y) = curve(&rows, &self.x, &self.y)?;
            if y.len() < LEAST {
                return undecided(format!(
                    "a curve of {} points is too short to tell its noise; {LEAST} are needed",
                    y.len()
                ));
            }
            points += y.len();
            let (z, place) = highest(&x, &y);
            if z > worst.0 {
                let of = self.by.as_ref().map_or_else(String::new, |by| format!(" of {by} {label}"));
                worst = (z, format!("at {} {}{of}", self.x, shown(place)));
            }
        }
        let says =
            format!("{} stands above its neighbours by up to {} times the noise, {}", self.y, shown(worst.0), worst.1);
        let statistic = format!("highest point of {} above its neighbours, over the noise", self.y);
        Ok(Finding::new(statistic, says, Estimate::bare(worst.0, points), "point", self.accepted()).exact())
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};
    use crate::rng::Rng;

    fn curve(change: impl Fn(u32, f64) -> f64) -> String {
        let mut rng = Rng::new(3, "spikes", 0);
        let rows: String = (0..200)
            .map(|i| format!("{i},{}\n", change(i, 2.0 + 5.0 / f64::from(i + 1).sqrt() + 0.02 * rng.normal())))
            .collect();
        format!("step,loss\n{rows}")
    }

    #[test]
    fn jumps_are_found_and_steep_starts_are_none() {
        let claim = "property = 'spike_free'\nx = 'step'\ny = 'loss'";
        truths(&curve(|_, y| y), claim, &["", "z = 0.5", "where = 'step < 10'"]);
        let verdict = check(&curve(|i, y| if i == 120 { y + 1.0 } else { y }), claim);
        assert!(verdict.truth.to_string() == "false" && verdict.why.contains("at step 120"), "{}", verdict.why);
        // Above by 1 where the noise is 0.02.
        assert!((20.0..80.0).contains(&verdict.value), "{verdict:?}");
    }

    #[test]
    fn a_step_by_hand() {
        // Steps of 1 throughout: noise 1.4826 / sqrt(2) = 1.048357; 9 stands 7 above the higher median 2.
        let rows: String = (0..20).map(|i| format!("{i},{}\n", if i == 10 { 9 } else { 1 + i % 2 })).collect();
        let verdict = check(&format!("step,loss\n{rows}"), "property = 'spike_free'\nx = 'step'\ny = 'loss'");
        assert!((verdict.value - 7.0 / 1.048_357).abs() < 1e-4, "{verdict:?}");
    }
}
