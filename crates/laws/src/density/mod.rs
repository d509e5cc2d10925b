//! What a parameter of a model is worth (Xiao et al. 2024, arXiv 2412.04315): the parameters with which a reference family
//! would score alike, over the model's own; and how the best of it grows with the date.
//!
//! A loss law of the family and a sigmoid from loss to score are turned round: score to loss to parameters, at tokens `D_0`
//! that are the same for all models. Near the loss that the family cannot get below with `D_0` tokens a small change of
//! score moves the answer by orders of magnitude, so that is refused. Intervals come from the bootstrap of both fits.

mod trend;

pub use trend::{Released, Trend, frontier, trend};

use crate::fitted::Estimate;
use crate::uncertainty::interval::percentile;
use crate::{Fit, Law, LawError};
use serde::Serialize;

/// Smallest and largest effective parameters that are looked for.
const SIZES: (f64, f64) = (1e3, 1e18);
/// Halvings of the search for effective parameters.
const ROUNDS: usize = 100;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn score_and_loss_are_inverse() {
        let c = [0.85, 0.25, 4.0, 1.1];
        for loss in [0.2, 1.1, 1.9] {
            assert!((loss_of(&c, score_of(&c, loss)) - loss).abs() < 1e-12);
        }
        assert!(loss_of(&c, 0.25).is_nan() && loss_of(&c, 0.85).is_nan() && loss_of(&c, 0.1).is_nan());
    }
}
