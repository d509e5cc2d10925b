//! What a parameter of a model is worth (Xiao et al. 2024, arXiv 2412.04315): the parameters with which a reference family
//! would score alike, over the model's own; and how the best of it grows with the date.
//!
//! A loss law of the family and a sigmoid from loss to score are turned round: score to loss to parameters, at tokens `D_0`
//! that are the same for all models. Near the loss that the family cannot get below with `D_0` tokens a small change of
//! score moves the answer by orders of magnitude, so that is refused. Intervals come from the bootstrap of both fits.

use crate::fitted::Estimate;
use crate::uncertainty::interval::percentile;
use crate::{Fit, Law, LawError};
use kleiber_core::rng::Rng;
use kleiber_core::stats::line;
use serde::Serialize;

/// Smallest and largest effective parameters that are looked for.
const SIZES: (f64, f64) = (1e3, 1e18);
/// Halvings of the search for effective parameters.
const ROUNDS: usize = 100;
/// Fewest models on the frontier for a trend.
const FEWEST: usize = 3;

/// A reference family: how large a model has to be for a score.
#[derive(Debug, Clone)]
pub struct DensityModel {
    law: Law,
    /// Coefficients of the loss law, best and drawn.
    loss: (Vec<f64>, Vec<Vec<f64>>),
    /// top, d, gamma and l of the sigmoid, best and drawn.
    score: (Vec<f64>, Vec<Vec<f64>>),
    /// Root mean square residual of the loss law, and whether it is a share of the loss.
    scatter: (f64, bool),
}

/// A score for which the family has no size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OutOfRange {
    /// The score.
    pub score: f64,
    /// Scores between which the family has one, at these tokens.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// What the parameters of a model are worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Density {
    /// Parameters of the family with this score at `tokens`.
    pub effective_params: Estimate,
    /// Effective over actual parameters.
    pub density: Estimate,
    /// Loss that goes with the score, in the unit of the loss law.
    pub loss: f64,
    /// The D_0 of the family: compare densities of the same tokens only.
    pub tokens: f64,
    /// Share of bootstrap draws in which the family has no size for the score.
    pub undecided: f64,
}

impl DensityModel {
    /// A family from the fit of a loss law of params and tokens (`densing`, `chinchilla`, ...) and one of `score-sigmoid`.
    ///
    /// # Errors
    /// [`LawError::Request`] for fits of other laws, or fits without bootstrap draws: a density without an interval is none.
    pub fn new(loss: &Fit, score: &Fit) -> Result<Self, LawError> {
        let law = Law::of(loss)?;
        let variables: Vec<&str> = law.info().variables.iter().map(|v| v.name.as_str()).collect();
        if !matches!(variables[..], ["params" | "params_matmul" | "params_total", "tokens"]) {
            let why = format!(
                "{} is a law of {}; a reference family needs one of params and tokens, such as densing or chinchilla",
                loss.law,
                variables.join(", ")
            );
            return Err(LawError::Request(why));
        }
        if score.law != "score-sigmoid" {
            return Err(LawError::Request(format!("{} does not turn loss into score: fit score-sigmoid", score.law)));
        }
        let part = |fit: &Fit| -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
            let draws = fit.model.as_ref()?.draws.clone();
            (!draws.is_empty()).then(|| (fit.point(), draws))
        };
        let (Some(loss_part), Some(score_part)) = (part(loss), part(score)) else {
            return Err(LawError::Request("a density needs an interval: fit both laws with --bootstrap".into()));
        };
        let residuals = loss.model.as_ref().map_or(&[][..], |m| &m.residuals);
        let relative = loss.model.as_ref().is_some_and(|m| m.log);
        let square = residuals.iter().map(|r| r * r).sum::<f64>() / residuals.len().max(1) as f64;
        Ok(Self { law, loss: loss_part, score: score_part, scatter: (square.sqrt(), relative) })
    }

    /// The loss that no size gets below with these tokens.
    pub fn lowest_loss(&self, tokens: f64) -> f64 {
        self.law.predict(&self.loss.0, &[1e60, tokens])
    }

    /// The scores for which the family has a size at these tokens: above that of the smallest size, and by one root mean
    /// square residual of the loss law above its lowest loss.
    pub fn admissible(&self, tokens: f64) -> (f64, f64) {
        let at = |loss: f64| score_of(&self.score.0, loss);
        let highest = self.law.predict(&self.loss.0, &[SIZES.0, tokens]);
        let lowest = self.lowest_loss(tokens);
        let (scatter, relative) = self.scatter;
        (at(highest), at(lowest + scatter * if relative { lowest } else { 1.0 }))
    }

    /// What the parameters of a model with this score are worth, at the tokens of the family, with intervals of nominal
    /// coverage `level`.
    ///
    /// # Errors
    /// [`OutOfRange`] with the scores for which there is an answer.
    pub fn evaluate(&self, params: f64, score: f64, tokens: f64, level: f64) -> Result<Density, OutOfRange> {
        let (low, high) = self.admissible(tokens);
        let found = (score > low && score < high).then(|| self.size(&self.loss.0, &self.score.0, score, tokens));
        let Some(Size::Found(best)) = found else { return Err(OutOfRange { score, low, high }) };
        let count = self.loss.1.len().max(self.score.1.len());
        let drawn: Vec<Size> = (0..count)
            .map(|i| {
                let (loss, sigmoid) = (&self.loss.1[i % self.loss.1.len()], &self.score.1[i % self.score.1.len()]);
                self.size(loss, sigmoid, score, tokens)
            })
            .collect();
        let undecided = drawn.iter().filter(|s| !matches!(s, Size::Found(_))).count() as f64 / count as f64;
        let sizes: Vec<f64> = drawn.iter().map(|s| s.within()).collect();
        let effective = interval(best, &sizes, level);
        let per = |v: Option<f64>| v.map(|v| v / params);
        let density =
            Estimate { value: per(effective.value), low: per(effective.low), high: per(effective.high), ..effective };
        Ok(Density { effective_params: effective, density, loss: loss_of(&self.score.0, score), tokens, undecided })
    }

    fn size(&self, loss: &[f64], sigmoid: &[f64], score: f64, tokens: f64) -> Size {
        let wanted = loss_of(sigmoid, score);
        if wanted.is_nan() {
            // Below chance or above the ceiling of this draw.
            return if score <= sigmoid[1] { Size::Smaller } else { Size::Larger };
        }
        let at = |ln_n: f64| self.law.predict(loss, &[ln_n.exp(), tokens]);
        let (mut low, mut high) = (SIZES.0.ln(), SIZES.1.ln());
        if at(high) >= wanted {
            return Size::Larger;
        }
        if at(low) <= wanted {
            return Size::Smaller;
        }
        for _ in 0..ROUNDS {
            let middle = 0.5 * (low + high);
            if at(middle) > wanted { low = middle } else { high = middle }
        }
        Size::Found((0.5 * (low + high)).exp())
    }
}

/// The size of a family for a score.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Size {
    Found(f64),
    /// Below any.
    Smaller,
    /// Beyond any.
    Larger,
}

impl Size {
    fn within(self) -> f64 {
        match self {
            Self::Found(n) => n,
            Self::Smaller => SIZES.0,
            Self::Larger => SIZES.1,
        }
    }
}

/// An interval whose ends are open where they lie at the ends of the search.
fn interval(value: f64, draws: &[f64], level: f64) -> Estimate {
    let Some((low, high)) = percentile(draws, level) else { return Estimate::point(value, level) };
    let estimate = Estimate::interval(value, low, high, level);
    Estimate { low: estimate.low.filter(|l| *l > SIZES.0), high: estimate.high.filter(|h| *h < SIZES.1), ..estimate }
}

/// d + (top - d) / (1 + e^(gamma (loss - l))).
fn score_of(c: &[f64], loss: f64) -> f64 {
    c[1] + (c[0] - c[1]) / (1.0 + (c[2] * (loss - c[3])).exp())
}

/// l + ln((top - d) / (S - d) - 1) / gamma; `NaN` outside of d < S < top.
fn loss_of(c: &[f64], score: f64) -> f64 {
    let odds = (c[0] - c[1]) / (score - c[1]) - 1.0;
    if score > c[1] && odds > 0.0 { c[3] + odds.ln() / c[2] } else { f64::NAN }
}

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

    #[test]
    fn score_and_loss_are_inverse() {
        let c = [0.85, 0.25, 4.0, 1.1];
        for loss in [0.2, 1.1, 1.9] {
            assert!((loss_of(&c, score_of(&c, loss)) - loss).abs() < 1e-12);
        }
        assert!(loss_of(&c, 0.25).is_nan() && loss_of(&c, 0.85).is_nan() && loss_of(&c, 0.1).is_nan());
    }
}
