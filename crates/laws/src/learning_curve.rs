//! Learning curves as Hestness et al. 2017 measure them: the best capacity for each amount of data, how capacity grows with
//! data, which region of the curve a point is in, and how much data a target needs.

use crate::uncertainty::interval::percentile;
use crate::{Estimate, Fit, LawError};
use kleiber_core::stats;
use kleiber_core::units::format_quantity;
use serde::Serialize;
use std::collections::BTreeMap;

/// One training run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Run {
    /// Different training samples (not samples seen).
    pub samples: f64,
    /// Parameters.
    pub capacity: f64,
    /// Which repetition.
    pub seed: u64,
    /// Error or loss on a validation set that is the same for all runs.
    pub loss: f64,
}

/// The best capacity for an amount of data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Best {
    /// Different training samples.
    pub samples: f64,
    /// The capacity with the lowest mean loss over seeds.
    pub capacity: f64,
    /// That mean.
    pub loss: f64,
    /// Standard deviation over seeds; `None` for one seed.
    pub scatter: Option<f64>,
    /// Whether it is the smallest or largest capacity tried there: the best may lie beyond.
    pub at_edge: bool,
}

/// Fewest amounts of data of a curve.
const FEWEST: usize = 4;
/// How far the local slope may be from the exponent within the power-law region.
const REGION: f64 = 0.15;
/// Reducible loss, in standard deviations of the noise, below which a curve is at its floor.
const FLOOR: f64 = 3.0;

/// The composite curve: at each amount of data the capacity with the lowest mean loss, by rising data.
///
/// # Errors
/// [`LawError::Request`] for sizes or losses that are not positive, runs given twice, fewer than four amounts of data, and
/// values that rise with data.
pub fn envelope(runs: &[Run]) -> Result<Vec<Best>, LawError> {
    let refuse = |what: String| Err(LawError::Request(what));
    let mut shards: BTreeMap<u64, BTreeMap<u64, Vec<(u64, f64)>>> = BTreeMap::new();
    for run in runs {
        let positive = [run.samples, run.capacity, run.loss].iter().all(|v| *v > 0.0 && v.is_finite());
        if !positive {
            return refuse(format!("{run:?}: samples, capacity and loss must be positive numbers"));
        }
        // Positive floats sort like their bits.
        let cell = shards.entry(run.samples.to_bits()).or_default().entry(run.capacity.to_bits()).or_default();
        if cell.iter().any(|(seed, _)| *seed == run.seed) {
            let (m, n) = (format_quantity(run.samples), format_quantity(run.capacity));
            return refuse(format!(
                "two runs of seed {} with {m} samples and capacity {n}: give each its seed",
                run.seed
            ));
        }
        cell.push((run.seed, run.loss));
    }
    if shards.len() < FEWEST {
        return refuse(format!("{} amounts of data are no curve: train on at least {FEWEST}", shards.len()));
    }
    let best: Vec<Best> =
        shards.iter().filter_map(|(samples, cells)| best_of(f64::from_bits(*samples), cells)).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = best.iter().map(|b| (b.samples.ln(), b.loss.ln())).unzip();
    if stats::line(&x, &y).0 > 0.0 {
        return refuse("the values rise with data: this looks like accuracy; give 1 - accuracy".into());
    }
    Ok(best)
}

fn best_of(samples: f64, cells: &BTreeMap<u64, Vec<(u64, f64)>>) -> Option<Best> {
    let mean = |runs: &[(u64, f64)]| stats::mean(&runs.iter().map(|r| r.1).collect::<Vec<_>>());
    let (at, (capacity, runs)) = cells.iter().enumerate().min_by(|a, b| mean(a.1.1).total_cmp(&mean(b.1.1)))?;
    let losses: Vec<f64> = runs.iter().map(|r| r.1).collect();
    Some(Best {
        samples,
        capacity: f64::from_bits(*capacity),
        loss: mean(runs),
        scatter: (losses.len() > 1).then(|| stats::standard_deviation(&losses)),
        at_edge: cells.len() > 1 && (at == 0 || at + 1 == cells.len()),
    })
}

/// s(m) = `factor` m^`exponent`, the best capacity for an amount of data, by least squares of logarithms (Hestness et al.
/// 2017, section 3); only shards whose best is inside the capacities tried count. `None` for fewer than three of them.
pub fn capacity_growth(best: &[Best]) -> Option<(f64, f64)> {
    let inside = best.iter().filter(|b| !b.at_edge);
    let (x, y): (Vec<f64>, Vec<f64>) = inside.map(|b| (b.samples.ln(), b.capacity.ln())).unzip();
    let (slope, intercept, _) = stats::line(&x, &y);
    (x.len() >= 3 && slope.is_finite()).then_some((intercept.exp(), slope))
}

/// The three regions of a curve y = E + beta (1 + x/x1)^c.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Regions {
    /// From this much data on the local slope of ln(y - E) is within 15% of c: below, models guess.
    pub from: f64,
    /// Up to this much data y - E is beyond three standard deviations of the noise: above, only E is left.
    pub to: f64,
    /// E + beta, what guessing gives.
    pub guess: f64,
    /// E.
    pub floor: f64,
}

impl Regions {
    /// The regions of a fit of `three-regions`; `noise` is the relative standard deviation of one measurement.
    ///
    /// # Errors
    /// [`LawError::Request`] for another law or a noise that is no positive number.
    pub fn of(fit: &Fit, noise: f64) -> Result<Self, LawError> {
        let c = fit.point();
        let (true, [floor, beta, bend, power]) = (fit.law == "three-regions", &c[..]) else {
            return Err(LawError::Request(format!("{} has no regions: fit three-regions", fit.law)));
        };
        if !(noise > 0.0 && noise < 1.0) {
            return Err(LawError::Request(format!(
                "a relative noise of {noise} is none: give the scatter of seeds, such as 0.01"
            )));
        }
        // beta (1 + x/x1)^c = 3 noise y with y = E + that.
        let left = FLOOR * noise * floor / (1.0 - (FLOOR * noise).min(0.99));
        let to = bend * ((left / beta).powf(1.0 / power) - 1.0);
        Ok(Self { from: bend * (1.0 - REGION) / REGION, to, guess: floor + beta, floor: *floor })
    }

    /// Which of these sizes lie in the power-law region; a fit means something only with four of them.
    ///
    /// # Errors
    /// [`LawError::Request`] for fewer than four.
    pub fn inside(&self, sizes: &[f64]) -> Result<Vec<f64>, LawError> {
        let inside: Vec<f64> = sizes.iter().copied().filter(|x| (self.from..=self.to).contains(x)).collect();
        if inside.len() >= FEWEST {
            return Ok(inside);
        }
        let q = format_quantity;
        Err(LawError::Request(format!(
            "{} of {} sizes lie in the power-law region ({} to {}), {FEWEST} are needed: train on sizes in between",
            inside.len(),
            sizes.len(),
            q(self.from),
            q(self.to)
        )))
    }
}

/// The data that reaches a target, by a fit of `m1`, `m2` or `three-regions`.
///
/// # Errors
/// [`LawError::Request`] for a target below the upper end of the floor's interval, for one above what guessing gives, and for
/// other laws.
pub fn data_for(fit: &Fit, target: f64) -> Result<f64, LawError> {
    let c = fit.point();
    let (floor, beta, bend, power) = match (fit.law.as_str(), &c[..]) {
        ("m1", [beta, power]) => (0.0, *beta, 0.0, *power),
        ("m2", [floor, beta, power]) => (*floor, *beta, 0.0, *power),
        ("three-regions", [floor, beta, bend, power]) => (*floor, *beta, *bend, *power),
        _ => return Err(LawError::Request(format!("{} is no learning curve: fit m1, m2 or three-regions", fit.law))),
    };
    let doubt = fit.coefficients.get("E").and_then(|e| e.high).unwrap_or(floor);
    if target.is_nan() || target <= doubt.max(floor) {
        return Err(LawError::Request(format!(
            "a target of {target} is not clear of the floor ({floor:.4}, up to {doubt:.4}): no amount of data is known to reach it"
        )));
    }
    if power >= 0.0 || (bend > 0.0 && target >= floor + beta) {
        return Err(LawError::Request(format!(
            "a target of {target} needs no data: guessing gives {:.4}",
            floor + beta
        )));
    }
    let ratio = ((target - floor) / beta).powf(1.0 / power);
    Ok(if bend > 0.0 { bend * (ratio - 1.0) } else { ratio })
}

/// The difference of a coefficient between two fits, `a` minus `b`, with an interval from both bootstraps. Better models move
/// a curve; that one changes its exponent is a claim this interval has to support by leaving out zero.
///
/// # Errors
/// [`LawError::Request`] for laws without the coefficient and for fits without a bootstrap.
pub fn difference(a: &Fit, b: &Fit, coefficient: &str, level: f64) -> Result<Estimate, LawError> {
    let draws = |fit: &Fit| -> Result<(f64, Vec<f64>), LawError> {
        let missing =
            || LawError::Request(format!("{} has no {coefficient} with a bootstrap: fit it again with one", fit.law));
        let at = fit.coefficients.get_index_of(coefficient).ok_or_else(missing)?;
        let model = fit.model.as_ref().filter(|m| !m.draws.is_empty()).ok_or_else(missing)?;
        Ok((fit.point()[at], model.draws.iter().map(|d| d[at]).collect()))
    };
    let ((at_a, of_a), (at_b, of_b)) = (draws(a)?, draws(b)?);
    // The draws of the two fits are independent: pair each with another far from its own number.
    let pairs = of_a.len().max(of_b.len());
    let shift = of_b.len() / 2;
    let differences: Vec<f64> = (0..pairs).map(|i| of_a[i % of_a.len()] - of_b[(i + shift) % of_b.len()]).collect();
    let value = at_a - at_b;
    Ok(percentile(&differences, level)
        .map_or(Estimate::point(value, level), |(low, high)| Estimate::interval(value, low, high, level)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(capacities: &[f64], seeds: u64) -> Vec<Run> {
        // The best capacity is m^0.7; the loss there is 20 m^-0.2.
        let run = |m: f64, n: f64, seed: u64| {
            let off = (n / m.powf(0.7)).ln();
            Run {
                samples: m,
                capacity: n,
                seed,
                loss: 20.0 * m.powf(-0.2) * (1.0 + 0.1 * off * off) + 0.001 * seed as f64,
            }
        };
        let cells = (0..7).flat_map(|i| capacities.iter().map(move |n| (1e4 * 4f64.powi(i), *n)));
        cells.flat_map(|(m, n)| (0..seeds).map(move |s| (m, n, s))).map(|(m, n, s)| run(m, n, s)).collect()
    }

    #[test]
    fn the_envelope_finds_the_best_capacity_and_its_growth() {
        let capacities: Vec<f64> = (0..60).map(|i| 100.0 * 1.2f64.powi(i)).collect();
        let best = envelope(&grid(&capacities, 3)).unwrap();
        assert!(best.len() == 7 && best.iter().all(|b| !b.at_edge && (b.scatter.unwrap() - 0.001).abs() < 1e-9));
        let (_, exponent) = capacity_growth(&best).unwrap();
        assert!((exponent - 0.7).abs() < 0.02, "{exponent}");
        // One capacity for all shards is a curve of that capacity: its loss soon stands above the composite.
        let single = envelope(&grid(&[2000.0], 1)).unwrap();
        assert!(single[6].loss > 1.5 * best[6].loss && capacity_growth(&single).is_none_or(|g| g.1.abs() < 1e-9));
        assert!(envelope(&grid(&[1e3, 2e3], 1)).unwrap()[6].at_edge);
    }

    #[test]
    fn unusable_tables_are_refused() {
        let good = grid(&[2000.0], 1);
        let refused = |runs: &[Run], word: &str| envelope(runs).unwrap_err().to_string().contains(word);
        assert!(refused(&good[..3], "at least 4"));
        assert!(refused(&[&good[..], &good[..1]].concat(), "two runs"));
        let changed = |change: fn(&mut Run)| {
            good.iter()
                .map(|r| {
                    let mut r = *r;
                    change(&mut r);
                    r
                })
                .collect::<Vec<_>>()
        };
        assert!(refused(&changed(|r| r.samples -= 1e4), "positive"));
        assert!(refused(&changed(|r| r.loss = 1.0 / r.loss), "accuracy"));
    }
}
