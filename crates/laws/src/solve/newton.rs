//! The last digits: damped Newton steps with the exact Hessian.

use super::Minimum;
use crate::problem::Problem;
use nalgebra::{DMatrix, DVector};

/// Most Newton steps; each is quadratic near the minimum, so few are ever needed.
const STEPS: usize = 60;
/// Relative rounding error of a sum over rows.
const ROUNDING: f64 = 1e-13;

/// Refines `from` until no step descends any more. Coordinates that rest on a bound are left there.
pub(crate) fn polish(problem: &Problem<'_>, from: Minimum) -> Minimum {
    let mut best = from;
    let mut damping = 1e-6;
    for _ in 0..STEPS {
        let (value, gradient, hessian) = problem.hessian(&best.u);
        if !value.is_finite() {
            return best;
        }
        let free = unblocked(problem, &best.u, &gradient);
        if free.is_empty() {
            return best;
        }
        let Some(next) = descend(problem, &best, &gradient, &hessian, &free, &mut damping) else { return best };
        let moved = next.u.iter().zip(&best.u).map(|(a, b)| (a - b).abs() / (1.0 + b.abs())).fold(0.0, f64::max);
        best = next;
        if moved < 1e-15 {
            break;
        }
    }
    best
}

fn unblocked(problem: &Problem<'_>, u: &[f64], gradient: &DVector<f64>) -> Vec<usize> {
    let blocked = |i: usize| {
        let (low, high) = problem.at.bounds()[i];
        (u[i] <= low && gradient[i] > 0.0) || (u[i] >= high && gradient[i] < 0.0)
    };
    (0..u.len()).filter(|&i| !blocked(i)).collect()
}

fn descend(
    problem: &Problem<'_>,
    best: &Minimum,
    gradient: &DVector<f64>,
    hessian: &DMatrix<f64>,
    free: &[usize],
    damping: &mut f64,
) -> Option<Minimum> {
    let n = free.len();
    let slope = DVector::from_fn(n, |i, _| gradient[free[i]]);
    let plain = DMatrix::from_fn(n, n, |i, j| hessian[(free[i], free[j])]);
    let scale = (0..n).map(|i| plain[(i, i)].abs()).fold(f64::MIN_POSITIVE, f64::max);
    // Undamped first: near the minimum that is the step that doubles the digits.
    for lambda in std::iter::once(0.0).chain((0..12).map(|i| *damping * 10f64.powi(i))) {
        let mut damped = plain.clone();
        for i in 0..n {
            damped[(i, i)] += lambda * plain[(i, i)].abs().max(1e-12 * scale);
        }
        let Some(cholesky) = damped.cholesky() else { continue };
        let step = cholesky.solve(&slope);
        let mut u = best.u.clone();
        for (i, &k) in free.iter().enumerate() {
            let (low, high) = problem.at.bounds()[k];
            u[k] = (u[k] - step[i]).clamp(low, high);
        }
        let value = problem.value(&u);
        if value < best.value {
            *damping = (lambda * 0.1).clamp(1e-9, 1e3);
            return Some(Minimum { u, value, converged: true });
        }
        // Where the objective no longer tells points apart, its slope still does.
        if lambda == 0.0 && value <= best.value * (1.0 + ROUNDING) {
            let (_, there, _) = problem.hessian(&u);
            let rest = DVector::from_fn(n, |i, _| there[free[i]]);
            if rest.dot(&cholesky.solve(&rest)) < 0.1 * slope.dot(&step) {
                return Some(Minimum { u, value: value.min(best.value), converged: true });
            }
        }
    }
    None
}
