//! Quasi-Newton descent (BFGS with a dense inverse Hessian) inside box bounds.
//!
//! Every stop rule is relative to the objective or to the step, so multiplying the objective by a
//! constant changes no decision. (SciPy's default gradient tolerance is absolute: that is how the
//! published Chinchilla fit stopped early on a mean of Huber losses.)

use super::Minimum;
use crate::problem::{Problem, Scratch};
use nalgebra::DMatrix;

/// Settings of a descent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Stop when the next step promises less than this fraction of the objective.
    pub(crate) tolerance: f64,
    /// Most iterations.
    pub(crate) iterations: usize,
}

impl Settings {
    /// Into the basin of a minimum.
    pub(crate) const ROUGH: Self = Self { tolerance: 3e-4, iterations: 200 };
    /// For one start among many.
    pub(crate) const SEARCH: Self = Self { tolerance: 1e-11, iterations: 500 };
    /// For a result that will be quoted.
    pub(crate) const POLISH: Self = Self { tolerance: 1e-13, iterations: 2000 };
}

/// Armijo fraction of the promised decrease.
const DECREASE: f64 = 1e-4;
/// Damping of the first curvature model, relative to its diagonal.
const DAMPING: f64 = 1e-3;
/// Smallest diagonal entry of the model, relative to the largest.
const FLOOR: f64 = 1e-9;
/// Longest first trial along any search coordinate.
const LONGEST: f64 = 2.0;
/// Wolfe fraction of the slope that must be gone.
const CURVATURE: f64 = 0.9;

/// Descends from `start`.
pub(crate) fn minimise(problem: &Problem<'_>, start: &[f64], settings: Settings) -> Minimum {
    Descent::new(problem, start).run(settings)
}

struct Descent<'a> {
    problem: &'a Problem<'a>,
    scratch: Scratch,
    n: usize,
    u: Vec<f64>,
    value: f64,
    gradient: Vec<f64>,
    /// Inverse Hessian, row-major.
    inverse: Vec<f64>,
    /// Coordinates on a bound that the descent pushes against.
    blocked: Vec<bool>,
    /// The inverse Hessian knows nothing yet.
    fresh: bool,
}

impl<'a> Descent<'a> {
    fn new(problem: &'a Problem<'a>, start: &[f64]) -> Self {
        let n = start.len();
        let mut scratch = Scratch::default();
        let mut gradient = vec![0.0; n];
        let u: Vec<f64> = start.iter().zip(problem.at.bounds()).map(|(x, b)| x.clamp(b.0, b.1)).collect();
        let value = problem.gradient(&u, &mut gradient, &mut scratch);
        let mut descent = Self {
            problem,
            scratch,
            n,
            u,
            value,
            gradient,
            inverse: identity(n),
            blocked: vec![false; n],
            fresh: true,
        };
        descent.blocked = descent.blocked_now();
        descent.precondition();
        descent
    }

    /// Starts from the inverse of the Gauss-Newton curvature of the unblocked coordinates, a little
    /// damped, instead of the identity.
    fn precondition(&mut self) {
        let n = self.n;
        self.inverse = identity(n);
        self.fresh = true;
        let mut model = vec![0.0; n * n];
        self.problem.curvature_model(&self.u, &mut model, &mut self.scratch);
        let free: Vec<usize> = (0..n).filter(|&i| !self.blocked[i]).collect();
        let largest = free.iter().map(|&i| model[i * n + i]).fold(0.0, f64::max);
        let mut matrix = DMatrix::from_fn(free.len(), free.len(), |i, j| model[free[i] * n + free[j]]);
        for i in 0..free.len() {
            matrix[(i, i)] += DAMPING * (matrix[(i, i)] + FLOOR * largest);
        }
        let inverse = matrix.cholesky().map(|c| c.inverse());
        if let Some(inverse) = inverse.filter(|m| m.iter().all(|v| v.is_finite())) {
            for (i, &a) in free.iter().enumerate() {
                for (j, &b) in free.iter().enumerate() {
                    self.inverse[a * n + b] = inverse[(i, j)];
                }
            }
            self.fresh = false;
        }
    }

    fn run(mut self, settings: Settings) -> Minimum {
        let mut converged = self.n == 0;
        let mut idle = 0;
        for _ in 0..settings.iterations {
            if converged || !self.value.is_finite() {
                break;
            }
            let Some(direction) = self.direction() else {
                converged = true;
                break;
            };
            let slope = dot(&direction, &self.gradient);
            if !self.fresh && -0.5 * slope <= settings.tolerance * self.value.abs() {
                // Confirm along the steepest direction once: a stale inverse Hessian may hide a way down.
                if idle >= 1 {
                    converged = true;
                    break;
                }
                idle += 1;
            } else {
                idle = 0;
            }
            if !self.step(&direction, slope) {
                if self.fresh {
                    converged = true;
                    break;
                }
                self.reset();
            }
        }
        Minimum { u: self.u, value: self.value, converged: converged && self.value.is_finite() }
    }

    fn reset(&mut self) {
        self.inverse = identity(self.n);
        self.fresh = true;
    }

    fn blocked_now(&self) -> Vec<bool> {
        let pushed = |(i, (low, high)): (usize, &(f64, f64))| {
            (self.u[i] <= *low && self.gradient[i] > 0.0) || (self.u[i] >= *high && self.gradient[i] < 0.0)
        };
        self.problem.at.bounds().iter().enumerate().map(pushed).collect()
    }

    fn direction(&mut self) -> Option<Vec<f64>> {
        let n = self.n;
        let blocked = self.blocked_now();
        if blocked != self.blocked {
            // What was learned mixes coordinates that move with some that no longer do.
            self.blocked.clone_from(&blocked);
            self.precondition();
        }
        for attempt in 0..2 {
            let mut d = vec![0.0; n];
            for i in (0..n).filter(|&i| !blocked[i]) {
                let row = &self.inverse[i * n..(i + 1) * n];
                d[i] = -row
                    .iter()
                    .zip(&self.gradient)
                    .zip(&blocked)
                    .map(|((h, g), b)| if *b { 0.0 } else { h * g })
                    .sum::<f64>();
            }
            if self.fresh {
                // The first step has length one in the search coordinates, whatever the objective's scale.
                let length = dot(&d, &d).sqrt();
                if length == 0.0 {
                    return None;
                }
                d.iter_mut().for_each(|x| *x /= length);
            }
            // A model made far from the minimum may promise the moon in a flat direction.
            let largest = d.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
            if largest > LONGEST {
                d.iter_mut().for_each(|x| *x *= LONGEST / largest);
            }
            let slope = dot(&d, &self.gradient);
            if slope < 0.0 && slope.is_finite() {
                return Some(d);
            }
            if attempt == 0 {
                self.reset();
            }
        }
        None
    }

    /// One line search and update; false when no step along `direction` descends.
    fn step(&mut self, direction: &[f64], slope: f64) -> bool {
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut t = 1.0;
        let mut best: Option<(Vec<f64>, f64, Vec<f64>)> = None;
        let mut trial = vec![0.0; self.n];
        let mut gradient = vec![0.0; self.n];
        for _ in 0..50 {
            for i in 0..self.n {
                let (bottom, top) = self.problem.at.bounds()[i];
                trial[i] = (self.u[i] + t * direction[i]).clamp(bottom, top);
            }
            if trial == self.u {
                break;
            }
            let value = self.problem.gradient(&trial, &mut gradient, &mut self.scratch);
            let promised: f64 = (0..self.n).map(|i| self.gradient[i] * (trial[i] - self.u[i])).sum();
            let here = dot(direction, &gradient);
            if !(value <= self.value + DECREASE * promised && value < self.value) {
                high = t;
                // Minimum of the parabola through the value, the slope and the trial.
                let guess = -0.5 * slope * t * t / (value - self.value - slope * t);
                t = if guess.is_finite() && best.is_none() {
                    guess.clamp(low + 0.1 * (t - low), low + 0.5 * (t - low))
                } else {
                    0.5 * (low + high)
                };
            } else {
                let better = best.as_ref().is_none_or(|b| value < b.1);
                if better {
                    best = Some((trial.clone(), value, gradient.clone()));
                }
                if here >= CURVATURE * slope || !better {
                    break;
                }
                low = t;
                t = if high.is_finite() { 0.5 * (low + high) } else { t * 3.0 };
            }
            if high - low <= 1e-16 * high.min(1.0) {
                break;
            }
        }
        let Some((u, value, gradient)) = best else { return false };
        self.update(&u, &gradient);
        self.u = u;
        self.value = value;
        self.gradient = gradient;
        true
    }

    fn update(&mut self, u: &[f64], gradient: &[f64]) {
        let n = self.n;
        let s: Vec<f64> = u.iter().zip(&self.u).map(|(a, b)| a - b).collect();
        let y: Vec<f64> = gradient.iter().zip(&self.gradient).map(|(a, b)| a - b).collect();
        let sy = dot(&s, &y);
        if sy <= 1e-12 * dot(&s, &s).sqrt() * dot(&y, &y).sqrt() {
            return;
        }
        if self.fresh {
            let scale = sy / dot(&y, &y);
            self.inverse.iter_mut().for_each(|h| *h *= scale);
            self.fresh = false;
        }
        let hy: Vec<f64> = (0..n).map(|i| dot(&self.inverse[i * n..(i + 1) * n], &y)).collect();
        let factor = (1.0 + dot(&y, &hy) / sy) / sy;
        for i in 0..n {
            for j in 0..n {
                self.inverse[i * n + j] += factor * s[i] * s[j] - (hy[i] * s[j] + s[i] * hy[j]) / sy;
            }
        }
    }
}

fn identity(n: usize) -> Vec<f64> {
    (0..n * n).map(|i| f64::from(u8::from(i % (n + 1) == 0))).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
