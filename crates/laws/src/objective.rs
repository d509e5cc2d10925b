//! What a fit minimises: a sum over rows of a function of the residual. Sums, never means: solvers
//! here stop on relative progress, so a constant factor changes nothing.

use crate::LawError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The objective of a fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Objective {
    /// Huber loss of ln(predicted) - ln(observed), quadratic up to this delta
    /// (Hoffmann et al. 2022, eq. 3, delta = 1e-3): close to an absolute relative error.
    LogHuber(f64),
    /// Huber loss of predicted - observed, quadratic up to this delta: for responses that may be negative.
    Huber(f64),
    /// Half the squared log residual.
    LogMse,
    /// Half the squared residual.
    Mse,
    /// Absolute residual.
    Mae,
    /// Log-Huber with over-prediction costing this factor more.
    Asymmetric(f64),
}

/// Delta of the asymmetric objective and the default log-Huber.
const DELTA: f64 = 1e-3;
/// The absolute value is rounded within this fraction of the mean response, so that it has slopes.
const ROUNDING: f64 = 1e-6;

/// Value, slope and curvature of the cost of one residual.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) value: f64,
    pub(crate) slope: f64,
    pub(crate) curvature: f64,
}

impl Objective {
    /// The objective of the Chinchilla paper.
    pub const LOG_HUBER: Self = Self::LogHuber(DELTA);

    /// Whether the residual is of logarithms.
    pub fn is_log(self) -> bool {
        !matches!(self, Self::Mse | Self::Mae | Self::Huber(_))
    }

    /// Whether the cost grows linearly for large residuals.
    pub fn is_robust(self) -> bool {
        !matches!(self, Self::Mse | Self::LogMse)
    }

    /// The cost of residual `r`; `mean` is the mean absolute response.
    #[inline(always)]
    pub(crate) fn cost(self, r: f64, mean: f64) -> Cost {
        match self {
            Self::LogMse | Self::Mse => Cost { value: 0.5 * r * r, slope: r, curvature: 1.0 },
            Self::LogHuber(delta) | Self::Huber(delta) => huber(r, delta),
            Self::Mae => {
                let delta = ROUNDING * mean;
                let h = huber(r, delta);
                Cost { value: h.value / delta, slope: h.slope / delta, curvature: h.curvature / delta }
            }
            Self::Asymmetric(ratio) => {
                let h = huber(r, DELTA);
                let factor = if r > 0.0 { ratio } else { 1.0 };
                Cost { value: h.value * factor, slope: h.slope * factor, curvature: h.curvature * factor }
            }
        }
    }

    /// Weight of a residual in iteratively re-weighted least squares: slope over residual.
    pub(crate) fn weight(self, r: f64, mean: f64) -> f64 {
        if r == 0.0 { self.cost(0.0, mean).curvature } else { self.cost(r, mean).slope / r }
    }
}

/// Quadratic up to `delta`, linear beyond.
#[inline(always)]
pub(crate) fn huber(r: f64, delta: f64) -> Cost {
    // Without a branch: which side of delta a residual falls on is as good as random to the processor.
    let slope = r.max(-delta).min(delta);
    Cost { value: slope * (r - 0.5 * slope), slope, curvature: f64::from(u8::from(slope == r)) }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LogHuber(delta) => write!(f, "log-huber:{delta}"),
            Self::Huber(delta) => write!(f, "huber:{delta}"),
            Self::LogMse => f.write_str("log-mse"),
            Self::Mse => f.write_str("mse"),
            Self::Mae => f.write_str("mae"),
            Self::Asymmetric(ratio) => write!(f, "asym:{ratio}"),
        }
    }
}

impl FromStr for Objective {
    type Err = LawError;

    fn from_str(text: &str) -> Result<Self, LawError> {
        let fail = || LawError::Option {
            option: "objective",
            found: text.into(),
            expected: "log-huber, log-huber:DELTA, log-mse, mse, mae, huber:DELTA or asym:RATIO".into(),
        };
        let (name, argument) = match text.split_once(':') {
            Some((name, a)) => {
                (name, Some(a.parse::<f64>().ok().filter(|v| v.is_finite() && *v > 0.0).ok_or_else(fail)?))
            }
            None => (text, None),
        };
        match (name, argument) {
            ("log-huber", delta) => Ok(Self::LogHuber(delta.unwrap_or(DELTA))),
            ("huber", Some(delta)) => Ok(Self::Huber(delta)),
            ("log-mse", None) => Ok(Self::LogMse),
            ("mse", None) => Ok(Self::Mse),
            ("mae", None) => Ok(Self::Mae),
            ("asym", Some(ratio)) => Ok(Self::Asymmetric(ratio)),
            _ => Err(fail()),
        }
    }
}

impl From<Objective> for String {
    fn from(objective: Objective) -> Self {
        objective.to_string()
    }
}

impl TryFrom<String> for Objective {
    type Error = LawError;
    fn try_from(text: String) -> Result<Self, LawError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_the_published_ones() {
        let at = |o: Objective, r: f64| o.cost(r, 1.0).value;
        assert_eq!(at(Objective::LogHuber(1e-3), 5e-4), 1.25e-7);
        assert!((at(Objective::LogHuber(1e-3), -0.1) - 1e-3 * 0.0995).abs() < 1e-18);
        assert_eq!(at(Objective::Mse, 3.0), 4.5);
        assert!((at(Objective::Mae, -3.0) - 3.0).abs() < 1e-6);
        assert!((at(Objective::Asymmetric(10.0), 0.1) / at(Objective::Asymmetric(10.0), -0.1) - 10.0).abs() < 1e-12);
    }

    #[test]
    fn slopes_match_differences() {
        for o in [
            Objective::LOG_HUBER,
            Objective::LogMse,
            Objective::Mae,
            Objective::Huber(1e-3),
            Objective::Asymmetric(3.0),
        ] {
            for r in [-0.3, -4e-4, 2e-4, 0.05] {
                let slope = (o.cost(r + 1e-7, 1.0).value - o.cost(r - 1e-7, 1.0).value) / 2e-7;
                assert!((o.cost(r, 1.0).slope - slope).abs() < 1e-6, "{o} {r}");
                assert!((o.weight(r, 1.0) * r - o.cost(r, 1.0).slope).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn names_read_back() {
        for text in ["log-huber:0.001", "log-mse", "mse", "mae", "huber:0.001", "asym:10"] {
            assert_eq!(text.parse::<Objective>().unwrap().to_string(), text);
        }
        for text in ["huber", "asym", "log-huber:-1", "log-huber:x", "mse:3"] {
            assert!(text.parse::<Objective>().is_err(), "{text}");
        }
    }
}
