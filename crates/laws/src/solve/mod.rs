//! Numerical search: everything that turns a [`crate::problem::Problem`] into its minimum.

pub(crate) mod bfgs;
pub(crate) mod grid;
pub(crate) mod linear;
pub(crate) mod newton;
pub(crate) mod root;
pub(crate) mod varpro;

use serde::Serialize;

/// The end point of a search.
#[derive(Debug, Clone)]
pub(crate) struct Minimum {
    /// Search coordinates.
    pub(crate) u: Vec<f64>,
    /// Objective there.
    pub(crate) value: f64,
    /// Whether the search stopped because nothing is left to gain.
    pub(crate) converged: bool,
}

/// How the starts of a search fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Starts {
    /// Starts tried.
    pub tried: usize,
    /// Starts that converged.
    pub converged: usize,
    /// Starts that ended within 1e-6 (relative) of the best objective.
    pub at_best: usize,
}

/// Relative closeness that counts as the same minimum.
const SAME: f64 = 1e-6;

/// Best of many minima and the statistics of the starts.
pub(crate) fn best_of(minima: &[Minimum]) -> Option<(Minimum, Starts)> {
    let best = minima.iter().filter(|m| m.value.is_finite()).min_by(|a, b| a.value.total_cmp(&b.value))?;
    let near = |m: &&Minimum| m.value - best.value <= SAME * best.value.abs() + f64::MIN_POSITIVE;
    let starts = Starts {
        tried: minima.len(),
        converged: minima.iter().filter(|m| m.converged).count(),
        at_best: minima.iter().filter(near).count(),
    };
    Some((best.clone(), starts))
}
