//! Variable projection: for given nonlinear coefficients a law is linear in the rest, which are then
//! solved for exactly (Golub & Pereyra 1973), non-negative where their bounds say so. The search only
//! scans the nonlinear ones, where the problem is well conditioned.
//!
//! For logarithmic and robust objectives the linear solve is iterated with the weights and working
//! response of Gauss-Newton re-weighting, so the same scan serves every objective.

use super::bfgs::{Settings, minimise};
use super::grid::{nodes, product, seeded_subset};
use super::linear::{MAX_COLUMNS, nonnegative};
use super::newton::polish;
use super::{Minimum, Starts, best_of};
use crate::form::Scale;
use crate::problem::Problem;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Scan points along the only / each of two nonlinear coefficients.
const SCAN: [usize; 2] = [128, 32];
/// Most scan points when there are more than two nonlinear coefficients.
const MAX_SCAN: usize = 1500;
/// Scan points refined with the full objective.
const CANDIDATES: usize = 12;

/// Solves for the linear coefficients of a law.
pub(crate) struct Projection<'a> {
    problem: Problem<'a>,
    linear: Vec<usize>,
    signed: Vec<bool>,
}

impl<'a> Projection<'a> {
    /// `None` when the law has no free linear coefficient, or more than the solver takes.
    pub(crate) fn new(problem: Problem<'a>) -> Option<Self> {
        let coefficients = &problem.form.info().coefficients;
        let linear: Vec<usize> =
            (0..coefficients.len()).filter(|&i| coefficients[i].linear && problem.at.untied(i)).collect();
        let signed =
            linear.iter().map(|&i| coefficients[i].scale == Scale::Linear && coefficients[i].lower < 0.0).collect();
        (1..=MAX_COLUMNS).contains(&linear.len()).then_some(Self { problem, linear, signed })
    }

    /// Free coefficients that the projection does not solve for.
    pub(crate) fn nonlinear(&self) -> Vec<usize> {
        (0..self.problem.at.free()).map(|k| self.problem.at.owner(k)).filter(|i| !self.linear.contains(i)).collect()
    }

    /// Fills the linear entries of `c` with their best values and returns the objective there.
    pub(crate) fn solve(&self, c: &mut [f64], rounds: usize) -> f64 {
        let Problem { form, data, objective, .. } = self.problem;
        let rows = data.rows();
        let mut trial = c.to_vec();
        self.linear.iter().for_each(|&i| trial[i] = 0.0);
        let mut offset = vec![0.0; rows];
        form.values(&trial, data.inputs(), &mut offset);
        let mut basis = vec![vec![0.0; rows]; self.linear.len()];
        for (column, &i) in basis.iter_mut().zip(&self.linear) {
            trial[i] = 1.0;
            form.values(&trial, data.inputs(), column);
            trial[i] = 0.0;
            column.iter_mut().zip(&offset).for_each(|(v, o)| *v -= o);
        }
        let mean = data.mean_response();
        let (y, ln_y) = (data.response(), data.ln_response());
        let is_log = objective.is_log();
        let prior = |i: usize| data.weights()[i] * data.precision()[i].powi(2);
        let mut weight: Vec<f64> = (0..rows).map(|i| prior(i) / if is_log { y[i] * y[i] } else { 1.0 }).collect();
        let mut target = y.to_vec();
        let mut best = (f64::INFINITY, DVector::zeros(self.linear.len()));
        for _ in 0..rounds {
            let x = self.least_squares(&basis, &offset, &weight, &target);
            let mut total = 0.0;
            for i in 0..rows {
                let predicted = offset[i] + basis.iter().zip(x.iter()).map(|(b, v)| b[i] * v).sum::<f64>();
                let raw = if is_log { predicted.ln() - ln_y[i] } else { predicted - y[i] };
                let residual = raw * data.precision()[i];
                total += data.weights()[i] * objective.cost(residual, mean).value;
                let scale = if is_log { predicted } else { 1.0 };
                weight[i] = prior(i) * objective.weight(residual, mean) / (scale * scale);
                target[i] = predicted - raw * scale;
            }
            if !total.is_finite() {
                break;
            }
            let gained = best.0 - total;
            if gained > 0.0 {
                best = (total, x);
            }
            if gained <= 1e-4 * total || !(is_log || objective.is_robust()) {
                break;
            }
        }
        self.linear.iter().zip(best.1.iter()).for_each(|(&i, v)| c[i] = *v);
        best.0
    }

    fn least_squares(&self, basis: &[Vec<f64>], offset: &[f64], weight: &[f64], target: &[f64]) -> DVector<f64> {
        let n = basis.len();
        let mut gram = DMatrix::zeros(n, n);
        let mut moment = DVector::zeros(n);
        for j in 0..n {
            for k in 0..=j {
                gram[(j, k)] = basis[j].iter().zip(&basis[k]).zip(weight).map(|((a, b), w)| a * b * w).sum();
                gram[(k, j)] = gram[(j, k)];
            }
            moment[j] = (0..target.len()).map(|i| basis[j][i] * (target[i] - offset[i]) * weight[i]).sum();
        }
        if self.signed.iter().all(|s| *s) {
            return gram.clone().cholesky().map_or_else(|| DVector::zeros(n), |c| c.solve(&moment));
        }
        if self.signed.iter().any(|s| *s) {
            return self.mixed(&gram, &moment);
        }
        nonnegative(&gram, &moment)
    }

    /// A signed coefficient is the difference of two non-negative ones; each sign pattern is tried.
    fn mixed(&self, gram: &DMatrix<f64>, moment: &DVector<f64>) -> DVector<f64> {
        let n = moment.len();
        let signed: Vec<usize> = (0..n).filter(|&i| self.signed[i]).collect();
        let decrease = |x: &DVector<f64>| 2.0 * x.dot(moment) - (gram * x).dot(x);
        let mut best = DVector::zeros(n);
        for pattern in 0usize..1 << signed.len() {
            let sign = |i: usize| {
                let flipped = signed.iter().position(|&s| s == i).is_some_and(|p| pattern >> p & 1 == 1);
                if flipped { -1.0 } else { 1.0 }
            };
            let g = DMatrix::from_fn(n, n, |i, j| gram[(i, j)] * sign(i) * sign(j));
            let m = DVector::from_fn(n, |i, _| moment[i] * sign(i));
            let mut x = nonnegative(&g, &m);
            (0..n).for_each(|i| x[i] *= sign(i));
            if decrease(&x) > decrease(&best) {
                best = x;
            }
        }
        best
    }
}

/// Scans the nonlinear coefficients, refines the best scan points with the full objective and
/// polishes the winner. `None` when the law has nothing to project.
pub(crate) fn search(problem: &Problem<'_>, seed: u64) -> Option<(Minimum, Starts)> {
    let projection = Projection::new(*problem)?;
    let nonlinear = projection.nonlinear();
    let coefficients = &problem.form.info().coefficients;
    let per_axis = SCAN.get(nonlinear.len().wrapping_sub(1)).copied();
    let axes: Vec<Vec<f64>> = nonlinear.iter().map(|&i| nodes(&coefficients[i], problem.data, per_axis)).collect();
    let points = match problem.form.starts(problem.data) {
        Some(starts) => {
            starts.iter().map(|c| nonlinear.iter().map(|&i| coefficients[i].scale.coordinate(c[i])).collect()).collect()
        }
        None => seeded_subset(product(&axes), if per_axis.is_some() { usize::MAX } else { MAX_SCAN }, seed),
    };
    let mut scanned: Vec<(f64, Vec<f64>, Vec<f64>)> = points
        .into_par_iter()
        .map(|point: Vec<f64>| {
            let mut c: Vec<f64> = (0..coefficients.len()).map(|i| problem.at.fixed(i).unwrap_or(1.0)).collect();
            let at = problem.at;
            let mut u = vec![0.0; at.free()];
            for (&i, x) in nonlinear.iter().zip(&point) {
                u[at.coordinate_of(i).unwrap_or_default()] = *x;
            }
            at.natural(&u)
                .iter()
                .enumerate()
                .filter(|(i, _)| !projection.linear.contains(i))
                .for_each(|(i, v)| c[i] = *v);
            let value = projection.solve(&mut c, 6);
            (value, point, c)
        })
        .collect();
    let tried = scanned.len();
    scanned.retain(|s| s.0.is_finite());
    scanned.sort_by(|a, b| a.0.total_cmp(&b.0));
    let widths: Vec<f64> =
        axes.iter().map(|a| (a.last().unwrap_or(&0.0) - a.first().unwrap_or(&0.0)) / a.len().max(2) as f64).collect();
    let mut chosen: Vec<(f64, Vec<f64>, Vec<f64>)> = Vec::new();
    for candidate in scanned {
        let close = |c: &(f64, Vec<f64>, Vec<f64>)| {
            c.1.iter().zip(&candidate.1).zip(&widths).all(|((a, b), w)| (a - b).abs() <= 2.5 * w.abs())
        };
        if chosen.len() == CANDIDATES {
            break;
        }
        if !chosen.iter().any(close) {
            chosen.push(candidate);
        }
    }
    let minima: Vec<Minimum> =
        chosen.par_iter().map(|(_, _, c)| minimise(problem, &problem.at.coordinates(c), Settings::POLISH)).collect();
    let (best, starts) = best_of(&minima)?;
    Some((polish(problem, best), Starts { tried, ..starts }))
}
