//! How the best density grows with the date.

use crate::LawError;
use crate::fitted::Estimate;
use crate::uncertainty::interval::percentile;
use kleiber_core::rng::Rng;
use kleiber_core::stats::line;
use serde::Serialize;

/// Fewest models on the frontier for a trend.
const FEWEST: usize = 3;

/// A model of a trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Released {
    /// Days since any fixed date.
    pub days: f64,
    /// Its density.
    pub density: f64,
}

/// How the best density grows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// A of ln rho_max = A t + B, per day.
    pub growth: Estimate,
    /// B.
    pub start: Estimate,
    /// ln 2 / A; its ends are open where growth may be none.
    pub doubling_days: Estimate,
    /// Models that were better than all before them.
    pub frontier: usize,
    /// Models in all.
    pub models: usize,
    /// Share of the variance of ln rho_max along the line.
    pub r_squared: f64,
}

/// The models that are better than all released before them, by date; of one day, the best.
pub fn frontier(models: &[Released]) -> Vec<Released> {
    let mut sorted: Vec<Released> = models.to_vec();
    sorted.sort_by(|a, b| a.days.total_cmp(&b.days).then(b.density.total_cmp(&a.density)));
    let mut best = 0.0;
    sorted.retain(|m| {
        m.density > best && {
            best = m.density;
            true
        }
    });
    sorted
}

/// The least-squares line of ln rho_max over days along the [`frontier`], with intervals from models drawn with
/// replacement whose frontier is taken anew. A maximum over more models is larger: a growing number of models per month is
/// in the slope.
///
/// # Errors
/// [`LawError::Request`] for densities that are not positive, or fewer than three models on the frontier.
pub fn trend(models: &[Released], draws: usize, level: f64, seed: u64) -> Result<Trend, LawError> {
    if let Some(m) = models.iter().find(|m| !(m.density > 0.0 && m.density.is_finite() && m.days.is_finite())) {
        return Err(LawError::Request(format!(
            "a model of day {} with density {}: leave out models without a date or a positive density",
            m.days, m.density
        )));
    }
    let top = frontier(models);
    let Some((growth, start, r_squared)) = along(&top) else {
        return Err(LawError::Request(format!(
            "{} of {} models were better than all before them; a trend needs {FEWEST} of different dates: add models",
            top.len(),
            models.len()
        )));
    };
    let drawn: Vec<(f64, f64, f64)> = (0..draws)
        .filter_map(|b| {
            let mut rng = Rng::new(seed, "density trend", b as u32);
            let sample: Vec<Released> = models.iter().map(|_| models[rng.below(models.len())]).collect();
            along(&frontier(&sample))
        })
        .collect();
    let estimate = |value: f64, values: Vec<f64>| match percentile(&values, level) {
        Some((low, high)) => Estimate::interval(value, low, high, level),
        None => Estimate::point(value, level),
    };
    let growth_of = estimate(growth, drawn.iter().map(|d| d.0).collect());
    let days = |a: Option<f64>| a.filter(|a| *a > 0.0).map(|a| 2f64.ln() / a);
    Ok(Trend {
        doubling_days: Estimate {
            value: days(growth_of.value),
            low: days(growth_of.high),
            high: days(growth_of.low),
            ..growth_of
        },
        growth: growth_of,
        start: estimate(start, drawn.iter().map(|d| d.1).collect()),
        frontier: top.len(),
        models: models.len(),
        r_squared,
    })
}

/// Slope, intercept and R^2 of ln density along a frontier.
fn along(top: &[Released]) -> Option<(f64, f64, f64)> {
    let (x, y): (Vec<f64>, Vec<f64>) = top.iter().map(|m| (m.days, m.density.ln())).unzip();
    if x.len() < FEWEST {
        return None;
    }
    let (slope, intercept, sd) = line(&x, &y);
    let mean = kleiber_core::stats::mean(&y);
    let total: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
    let rest = sd * sd * (x.len() as f64 - 2.0);
    slope.is_finite().then_some((slope, intercept, 1.0 - rest / total))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One new best model a month at 0.1 e^(0.0073 t), and three others up to `factor` times worse.
    fn models(seed: u64, factor: f64) -> Vec<Released> {
        let mut rng = Rng::new(seed, "releases", 0);
        let mut all = Vec::new();
        for month in 0..24 {
            let days = 30.4 * f64::from(month);
            let best = 0.1 * (0.0073 * days).exp();
            all.push(Released { days, density: best * (0.1 * rng.normal()).exp() });
            for _ in 0..3 {
                all.push(Released { days: days + 5.0, density: best / (1.3 + factor * rng.uniform()) });
            }
        }
        all
    }

    #[test]
    fn a_known_slope_is_found_under_worse_models() {
        for seed in 0..5 {
            let all = models(seed, 8.0);
            let trend = trend(&all, 200, 0.95, 1).unwrap();
            let (low, value, high) =
                (trend.growth.low.unwrap(), trend.growth.value.unwrap(), trend.growth.high.unwrap());
            assert!((value / 0.0073 - 1.0).abs() < 0.1 && low < value && value < high, "{trend:?}");
            assert!((trend.doubling_days.value.unwrap() - 2f64.ln() / value).abs() < 1e-9);
            assert!(trend.r_squared > 0.95 && trend.frontier >= 10 && trend.models == 96, "{trend:?}");
            // A line through all models finds the slope too low or blurred; it is not the frontier.
            let (x, y): (Vec<f64>, Vec<f64>) = all.iter().map(|m| (m.days, m.density.ln())).unzip();
            assert!(line(&x, &y).1 < trend.start.value.unwrap() - 0.5);
        }
    }

    #[test]
    fn the_frontier_is_the_running_best() {
        let of = |days: f64, density: f64| Released { days, density };
        let all = [of(9.0, 2.0), of(0.0, 0.5), of(5.0, 0.4), of(5.0, 1.0), of(7.0, 1.0)];
        assert_eq!(frontier(&all), [of(0.0, 0.5), of(5.0, 1.0), of(9.0, 2.0)]);
        assert!(trend(&all[..3], 10, 0.9, 0).unwrap_err().to_string().contains("add models"));
        assert!(trend(&[of(1.0, -1.0)], 10, 0.9, 0).unwrap_err().to_string().contains("positive density"));
    }
}
