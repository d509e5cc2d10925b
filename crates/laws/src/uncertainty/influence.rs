//! Which rows carry the fit: the change of each coefficient when a row is left out.

use crate::fitted::Influence;
use crate::problem::Problem;
use crate::solve::bfgs::{Settings, minimise};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Rows whose exact leave-one-out fit is made and reported.
const REPORTED: usize = 5;
/// Rows re-fitted to find them.
const EXAMINED: usize = 24;
/// Larger tables have no single row that matters.
const MAX_ROWS: usize = 20_000;

/// First-order change of the search coordinates when each row is left out, rows x free, up to one
/// common factor (exact for squares, a ranking for robust costs).
pub(crate) fn one_step(problem: &Problem<'_>, u: &[f64]) -> Option<DMatrix<f64>> {
    let (residuals, mut jacobian) = problem.jacobian(u);
    let inverse = problem.information(u).try_inverse()?;
    let mean = problem.data.mean_response();
    for ((mut row, r), w) in jacobian.row_iter_mut().zip(&residuals).zip(problem.data.weights()) {
        row *= w * problem.objective.cost(*r, mean).slope;
    }
    Some(jacobian * inverse)
}

/// The most influential rows with their exact effect, strongest first.
pub(crate) fn strongest(problem: &Problem<'_>, u: &[f64]) -> Vec<Influence> {
    let rows = problem.data.rows();
    if rows > MAX_ROWS || rows <= problem.free() + 1 {
        return Vec::new();
    }
    let Some(effects) = one_step(problem, u) else { return Vec::new() };
    // Coordinates have unlike spreads: measure each effect against the typical effect on its coordinate.
    let spread: Vec<f64> =
        effects.column_iter().map(|c| (c.norm_squared() / rows as f64).sqrt().max(f64::MIN_POSITIVE)).collect();
    let size = |i: usize| effects.row(i).iter().zip(&spread).map(|(e, s)| (e / s).powi(2)).sum::<f64>();
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
    let natural = problem.at.natural(u);
    let names = &problem.form.info().coefficients;
    let mut found: Vec<(f64, Influence)> = order[..EXAMINED.min(rows)]
        .par_iter()
        .map(|&left_out| {
            let mut counts = vec![1; rows];
            counts[left_out] = 0;
            let data = problem.data.counted(&counts);
            let end = minimise(&Problem { data: &data, ..*problem }, u, Settings::SEARCH);
            let c = problem.at.natural(&end.u);
            let change = |i: usize| if natural[i] == 0.0 { 0.0 } else { c[i] / natural[i] - 1.0 };
            let moved: f64 = end.u.iter().zip(u).zip(&spread).map(|((a, b), s)| ((a - b) / s).powi(2)).sum();
            let label = problem.data.labels()[left_out].to_string();
            (moved, Influence { label, change: (0..c.len()).map(|i| (names[i].name.clone(), change(i))).collect() })
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().take(REPORTED).map(|f| f.1).collect()
}
