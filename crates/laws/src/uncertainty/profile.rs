//! Profile likelihood: the objective along one coefficient with all others re-fitted. A profile that
//! never rises says that the rows do not bound the coefficient on that side.

use crate::fitted::Profile;
use crate::problem::Problem;
use crate::solve::bfgs::{Settings, minimise};
use kleiber_core::stats::chi_square_quantile;

const REFIT: Settings = Settings { tolerance: 1e-9, iterations: 500 };
/// First step away from the optimum, in the search coordinate; it doubles.
const FIRST_STEP: f64 = 0.05;
/// Halvings when the crossing is located.
const HALVINGS: usize = 12;

/// The profile of coefficient `i` (owner of its coordinate) around the optimum `u` at `level`.
pub(crate) fn profile(problem: &Problem<'_>, u: &[f64], i: usize, level: f64) -> Option<Profile> {
    let k = problem.at.coordinate_of(i)?;
    let scale = problem.form.info().coefficients[i].scale;
    let best = problem.value(u);
    let threshold = threshold(problem, level);
    let (bottom, top) = problem.at.bounds()[k];
    let mut points = vec![(u[k], 1.0)];
    let mut ends = [None, None];
    for (side, direction) in [(0, -1.0), (1, 1.0)] {
        let limit = if direction < 0.0 { bottom } else { top };
        let mut others: Vec<f64> = without(u, k);
        let (mut inside, mut step) = (u[k], FIRST_STEP);
        loop {
            let x = if direction < 0.0 { (u[k] - step).max(limit) } else { (u[k] + step).min(limit) };
            let (ratio, at) = refit(problem, i, scale.natural(x), &others, best);
            points.push((x, ratio));
            if ratio > threshold || !ratio.is_finite() {
                ends[side] =
                    Some(crossing(inside, x, threshold, |x| refit(problem, i, scale.natural(x), &others, best).0));
                break;
            }
            inside = x;
            others = at;
            if x == limit {
                break;
            }
            step *= 2.0;
        }
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    Some(Profile {
        values: points.iter().map(|p| scale.natural(p.0)).collect(),
        ratio: points.iter().map(|p| p.1).collect(),
        threshold,
        low: ends[0].map(|x| scale.natural(x)),
        high: ends[1].map(|x| scale.natural(x)),
    })
}

/// Objective ratio of the likelihood-ratio test: Gaussian errors for squares, Laplace for robust costs.
fn threshold(problem: &Problem<'_>, level: f64) -> f64 {
    let freedom = (problem.data.rows() as f64 - problem.free() as f64).max(1.0);
    let power = if problem.objective.is_robust() { 2.0 } else { 1.0 };
    (chi_square_quantile(level) / (power * freedom)).exp()
}

fn refit(problem: &Problem<'_>, i: usize, value: f64, others: &[f64], best: f64) -> (f64, Vec<f64>) {
    let at = problem.at.hold(i, value);
    let end = minimise(&Problem { at: &at, ..*problem }, others, REFIT);
    let ratio = if best > 0.0 {
        end.value / best
    } else if end.value > 0.0 {
        f64::INFINITY
    } else {
        1.0
    };
    (ratio.max(1.0), end.u)
}

fn crossing(mut inside: f64, mut outside: f64, threshold: f64, ratio: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..HALVINGS {
        let middle = 0.5 * (inside + outside);
        if ratio(middle) > threshold { outside = middle } else { inside = middle }
    }
    0.5 * (inside + outside)
}

fn without(u: &[f64], k: usize) -> Vec<f64> {
    u.iter().enumerate().filter(|(i, _)| *i != k).map(|(_, x)| *x).collect()
}
