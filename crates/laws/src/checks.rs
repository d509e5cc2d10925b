//! What the design of a table allows: enough rows, sizes that vary, tokens that do not merely follow
//! parameters, more than one budget; and, after the fit, coefficients that the rows determine.

use crate::coordinates::Coordinates;
use crate::data::Data;
use crate::evaluate::Evaluate;
use crate::form::Scale;
use crate::problem::Problem;
use crate::reason::{Findings, Reason};
use kleiber_core::stats;
use nalgebra::{DMatrix, SymmetricEigen};

/// Scatter of ln tokens around a line in ln params below which the two move as one.
const TIED_SCATTER: f64 = 0.02;
/// Spread of compute below which all rows share one budget.
const ONE_BUDGET: f64 = 1.05;
/// Condition number of the scaled information matrix beyond which a direction is flat.
const FLAT: f64 = 1e13;
/// Largest effect on the log prediction of a coefficient that has vanished.
const VANISHED: f64 = 1e-6;

/// Checks the rows against the law before anything is fitted.
pub(crate) fn design(form: &dyn Evaluate, at: &Coordinates, data: &Data, findings: &mut Findings) {
    let (rows, free) = (data.rows(), at.free());
    if rows <= free {
        findings.refuse(Reason::TooFewRows { rows, coefficients: free });
        return;
    }
    if rows < 2 * free {
        findings.warn(Reason::FewRows { rows, coefficients: free });
    }
    let info = form.info();
    let all_free = free == info.coefficients.len();
    for (v, variable) in info.variables.iter().enumerate() {
        let (low, high) = data.range(v);
        if low == high && all_free {
            findings.refuse(Reason::SingleSize { variable: data.variables()[v].clone(), value: low });
            return;
        }
        debug_assert!(!variable.name.is_empty());
    }
    let size = info.variables.iter().position(|v| v.name.starts_with("params"));
    let (Some(n), Some(d)) = (size, info.variable("tokens")) else { return };
    let ln = |v: usize| -> Vec<f64> { (0..rows).map(|i| data.row(i)[v].ln).collect() };
    let (ln_n, ln_d) = (ln(n), ln(d));
    let compute: Vec<f64> = ln_n.iter().zip(&ln_d).map(|(a, b)| 6f64.ln() + a + b).collect();
    let (low, high) = compute.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), c| (l.min(*c), h.max(*c)));
    if high - low < ONE_BUDGET.ln() {
        findings.refuse(Reason::SingleBudget { flops: compute[0].exp() });
        return;
    }
    let (slope, _, scatter) = stats::line(&ln_n, &ln_d);
    if scatter < TIED_SCATTER && rows > 2 && all_free {
        findings.refuse(Reason::TokensTied { exponent: slope });
    }
}

/// What the fitted point says about its coefficients.
pub(crate) struct Identification {
    /// Largest over smallest eigenvalue of the information matrix in search coordinates.
    pub(crate) condition: f64,
    /// Coefficients that rest on a bound or have vanished.
    pub(crate) at_bound: Vec<usize>,
}

/// Looks for flat directions at the fitted coordinates `u`.
pub(crate) fn identification(problem: &Problem<'_>, u: &[f64], findings: &mut Findings) -> Identification {
    let coefficients = &problem.form.info().coefficients;
    let at_bound: Vec<usize> = (0..u.len()).filter(|&k| rests_on_bound(problem, u, k)).collect();
    for &k in &at_bound {
        let owner = &coefficients[problem.at.owner(k)];
        let (low, high) = problem.at.bounds()[k];
        let nearest = if u[k] - low <= high - u[k] || owner.linear { owner.lower } else { owner.upper };
        findings.warn(Reason::BoundHit { coefficient: owner.name.clone(), bound: nearest });
    }
    let kept: Vec<usize> = (0..u.len()).filter(|k| !at_bound.contains(k)).collect();
    let information = problem.information(u);
    let reduced = DMatrix::from_fn(kept.len(), kept.len(), |i, j| information[(kept[i], kept[j])]);
    let condition = condition_number(&reduced);
    let name = |i: usize| coefficients[problem.at.owner(kept[i])].name.clone();
    let total: f64 = (0..kept.len()).map(|i| reduced[(i, i)]).sum();
    let dead: Vec<usize> = (0..kept.len()).filter(|&i| reduced[(i, i)] <= 1e-24 * total).collect();
    if !dead.is_empty() {
        let direction = dead.iter().map(|&i| (name(i), 1.0)).collect();
        findings.refuse(Reason::Unidentified { coefficients: dead.iter().map(|&i| name(i)).collect(), direction });
    } else if let Some(direction) = flat_direction(&reduced) {
        let direction: Vec<(String, f64)> =
            direction.iter().enumerate().filter(|(_, v)| v.abs() > 0.1).map(|(i, v)| (name(i), *v)).collect();
        findings
            .refuse(Reason::Unidentified { coefficients: direction.iter().map(|d| d.0.clone()).collect(), direction });
    } else {
        same_shape(problem, &at_bound, &kept, &information, findings);
    }
    Identification { condition, at_bound: at_bound.iter().map(|&k| problem.at.owner(k)).collect() }
}

/// A term that vanished may have given all it had to another of the same shape, as A N^-alpha to
/// B (20 N)^-alpha. The slope along its logarithm keeps that shape however small it is.
fn same_shape(
    problem: &Problem<'_>,
    at_bound: &[usize],
    kept: &[usize],
    information: &DMatrix<f64>,
    findings: &mut Findings,
) {
    let owner = |k: usize| &problem.form.info().coefficients[problem.at.owner(k)];
    let vanished = |k: &&usize| owner(**k).linear && owner(**k).scale == Scale::Log && information[(**k, **k)] > 0.0;
    for &gone in at_bound.iter().filter(vanished) {
        let lifted: Vec<usize> = kept.iter().copied().chain([gone]).collect();
        let sd: Vec<f64> = lifted.iter().map(|&k| information[(k, k)].sqrt()).collect();
        let shape = |i: usize, j: usize| information[(lifted[i], lifted[j])] / (sd[i] * sd[j]);
        let Some(flat) = flat_direction(&DMatrix::from_fn(lifted.len(), lifted.len(), shape)) else { continue };
        let named = flat.iter().zip(&lifted).filter(|(v, _)| v.abs() > 0.1).map(|(v, &k)| (owner(k).name.clone(), *v));
        let direction: Vec<(String, f64)> = named.collect();
        findings
            .refuse(Reason::Unidentified { coefficients: direction.iter().map(|d| d.0.clone()).collect(), direction });
        return;
    }
}

fn rests_on_bound(problem: &Problem<'_>, u: &[f64], k: usize) -> bool {
    let (low, high) = problem.at.bounds()[k];
    let near = |b: f64| (u[k] - b).abs() <= 1e-6 * (1.0 + b.abs());
    if near(low) || near(high) {
        return true;
    }
    let owner = &problem.form.info().coefficients[problem.at.owner(k)];
    // A positive linear coefficient that has shrunk to nothing never quite reaches the bound of its logarithm.
    let vanishes = || {
        let (_, jacobian) = problem.jacobian(u);
        let scale = if problem.objective.is_log() { 1.0 } else { problem.data.mean_response() };
        jacobian.column(k).iter().all(|s| s.abs() < VANISHED * scale)
    };
    owner.linear && owner.scale == Scale::Log && vanishes()
}

fn condition_number(matrix: &DMatrix<f64>) -> f64 {
    if matrix.is_empty() {
        return 1.0;
    }
    let values = SymmetricEigen::new(matrix.clone()).eigenvalues;
    let (low, high) = values.iter().fold((f64::INFINITY, 0f64), |(l, h), v| (l.min(*v), h.max(*v)));
    if low > 0.0 { high / low } else { f64::INFINITY }
}

/// The flattest direction in search coordinates, when it is flat beyond rounding.
fn flat_direction(matrix: &DMatrix<f64>) -> Option<Vec<f64>> {
    let n = matrix.nrows();
    let scale: Vec<f64> = (0..n).map(|i| 1.0 / matrix[(i, i)].sqrt()).collect();
    let correlation = DMatrix::from_fn(n, n, |i, j| matrix[(i, j)] * scale[i] * scale[j]);
    if correlation.iter().any(|v| !v.is_finite()) || n == 0 {
        return None;
    }
    let eigen = SymmetricEigen::new(correlation);
    let (index, &low) = eigen.eigenvalues.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1))?;
    let high = eigen.eigenvalues.max();
    if low * FLAT > high {
        return None;
    }
    let raw: Vec<f64> = (0..n).map(|i| eigen.eigenvectors[(i, index)] * scale[i]).collect();
    let largest = raw.iter().fold(0f64, |m, v| m.max(v.abs()));
    Some(raw.iter().map(|v| v / largest).collect())
}
