//! Bootstrap draws of the coefficients.
//!
//! Rows (or whole clusters) are drawn with replacement and the fit repeated from the optimum. Tables
//! with few clusters per coefficient cannot be resampled that way, since most resamples would not
//! determine the law; noise of the size of their residuals is drawn around the fit instead, with a part that the
//! rows of a cluster share. Very large tables take draws from the normal distribution with the sandwich covariance,
//! which is what the bootstrap converges to.

use crate::problem::Problem;
use crate::solve::bfgs::{Settings, minimise};
use kleiber_core::rng::Rng;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Tables beyond this many rows use the sandwich.
const LARGE: usize = 20_000;
/// Clusters per coefficient below which noise is drawn instead of rows.
const CLUSTERS_PER_COEFFICIENT: usize = 3;
/// Descents from the optimum stop at this relative progress: far below the sampling error.
const WARM: Settings = Settings { tolerance: 1e-11, iterations: 300 };

/// Draws in search coordinates and how they were made.
pub(crate) struct Draws {
    pub(crate) coordinates: Vec<Vec<f64>>,
    pub(crate) kind: &'static str,
}

/// `count` draws around the optimum `u`; those whose fit fails are left out.
pub(crate) fn draw(problem: &Problem<'_>, u: &[f64], count: usize, seed: u64) -> Draws {
    let clusters = by_cluster(problem.data.clusters());
    if problem.data.rows() > LARGE && clusters.len() == problem.data.rows() {
        return Draws { coordinates: sandwich(problem, u, count, seed), kind: "sandwich" };
    }
    if clusters.len() < CLUSTERS_PER_COEFFICIENT * problem.free().max(1) {
        let kind = if clusters.len() < problem.data.rows() { "cluster-residual" } else { "residual" };
        return Draws { coordinates: residual(problem, u, &clusters, count, seed), kind };
    }
    let replicate = |b: usize| {
        let mut rng = Rng::new(seed, "bootstrap", b as u32);
        let mut counts = vec![0u32; problem.data.rows()];
        for _ in 0..clusters.len() {
            clusters[rng.below(clusters.len())].iter().for_each(|&row| counts[row] += 1);
        }
        let data = problem.data.counted(&counts);
        refit(&Problem { data: &data, ..*problem }, u)
    };
    Draws { coordinates: (0..count).into_par_iter().filter_map(replicate).collect(), kind: "case" }
}

fn refit(problem: &Problem<'_>, u: &[f64]) -> Option<Vec<f64>> {
    let end = minimise(problem, u, WARM);
    (end.value.is_finite() && end.u.iter().all(|x| x.is_finite())).then_some(end.u)
}

fn by_cluster(labels: &[u32]) -> Vec<Vec<usize>> {
    let mut groups: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        groups.entry(*label).or_default().push(row);
    }
    groups.into_values().collect()
}

/// Residuals of the fit, inflated for the degrees of freedom the coefficients used up.
pub(crate) fn inflated_residuals(problem: &Problem<'_>, u: &[f64]) -> Vec<f64> {
    let (rows, free) = (problem.data.rows() as f64, problem.free() as f64);
    let inflation = (rows / (rows - free).max(1.0)).sqrt();
    problem.residuals_at(&problem.at.natural(u)).iter().map(|r| r * inflation).collect()
}

/// Normal noise around the fit with the spread of the residuals: alone for each row, and shared within clusters as
/// far as the residuals of a cluster agree.
fn residual(problem: &Problem<'_>, u: &[f64], clusters: &[Vec<usize>], count: usize, seed: u64) -> Vec<Vec<f64>> {
    let fitted = problem.predictions_at(&problem.at.natural(u));
    let spread = Spread::new(&inflated_residuals(problem, u), clusters, problem.free());
    let log = problem.objective.is_log();
    let replicate = |b: usize| {
        let mut rng = Rng::new(seed, "residual bootstrap", b as u32);
        let noise = spread.draw(clusters, fitted.len(), &mut rng);
        let response = fitted.iter().zip(&noise).zip(problem.data.precision()).map(|((f, noise), p)| {
            let noise = noise / p;
            if log { f * noise.exp() } else { f + noise }
        });
        let response: Vec<f64> = response.collect();
        if log && response.iter().any(|y| *y <= 0.0) {
            return None;
        }
        let data = problem.data.with_response(response);
        refit(&Problem { data: &data, ..*problem }, u)
    };
    (0..count).into_par_iter().filter_map(replicate).collect()
}

/// Standard deviations of the noise of rows and of clusters, with their degrees of freedom.
struct Spread {
    row: (f64, usize),
    cluster: (f64, usize),
}

impl Spread {
    fn new(residuals: &[f64], clusters: &[Vec<usize>], free: usize) -> Self {
        let (rows, count) = (residuals.len(), clusters.len());
        let square = |values: &mut dyn Iterator<Item = f64>| values.map(|r| r * r).sum::<f64>();
        if count == rows {
            let sd = (square(&mut residuals.iter().copied()) / rows as f64).sqrt();
            return Self { row: (sd, rows.saturating_sub(free).max(1)), cluster: (0.0, 1) };
        }
        // One-way analysis of variance.
        let mean = |members: &[usize]| members.iter().map(|&i| residuals[i]).sum::<f64>() / members.len() as f64;
        let means: Vec<f64> = clusters.iter().map(|c| mean(c)).collect();
        let within: f64 =
            clusters.iter().zip(&means).map(|(c, m)| square(&mut c.iter().map(|&i| residuals[i] - m))).sum();
        let variance = within / (rows - count) as f64;
        let excess = |(c, m): (&Vec<usize>, &f64)| m * m - variance / c.len() as f64;
        // The law bends towards the clusters' own effects and hides part of them: at most half is given back.
        let left = count.saturating_sub(free).max(count / 2).max(1);
        let between = (clusters.iter().zip(&means).map(excess).sum::<f64>() / left as f64).max(0.0);
        Self { row: (variance.sqrt(), (rows - count).max(1)), cluster: (between.sqrt(), left) }
    }

    /// Noise for each row. With a handful of degrees of freedom a spread is itself uncertain, so it is drawn too
    /// (chi-square).
    fn draw(&self, clusters: &[Vec<usize>], rows: usize, rng: &mut Rng) -> Vec<f64> {
        let drawn = |(sd, freedom): (f64, usize), rng: &mut Rng| {
            let chi: f64 = (0..freedom).map(|_| rng.normal().powi(2)).sum();
            sd * (freedom as f64 / chi.max(1e-3)).sqrt().min(10.0)
        };
        let row = drawn(self.row, rng);
        let mut noise: Vec<f64> = (0..rows).map(|_| rng.normal() * row).collect();
        if self.cluster.0 > 0.0 {
            let cluster = drawn(self.cluster, rng);
            for members in clusters {
                let shared = rng.normal() * cluster;
                members.iter().for_each(|&i| noise[i] += shared);
            }
        }
        noise
    }
}

/// H^-1 (sum of squared scores) H^-1 around the optimum.
fn sandwich(problem: &Problem<'_>, u: &[f64], count: usize, seed: u64) -> Vec<Vec<f64>> {
    let n = u.len();
    let (_, _, hessian) = problem.hessian(u);
    let (residuals, jacobian) = problem.jacobian(u);
    let mean = problem.data.mean_response();
    let mut meat = DMatrix::zeros(n, n);
    for ((row, r), w) in jacobian.row_iter().zip(&residuals).zip(problem.data.weights()) {
        let slope = w * problem.objective.cost(*r, mean).slope;
        meat += row.tr_mul(&row) * (slope * slope);
    }
    let Some(inverse) = hessian.try_inverse() else { return Vec::new() };
    let covariance = &inverse * meat * inverse.transpose();
    let symmetric = (&covariance + covariance.transpose()) * 0.5;
    let Some(root) = symmetric.cholesky() else { return Vec::new() };
    (0..count)
        .map(|b| {
            let mut rng = Rng::new(seed, "sandwich", b as u32);
            let z = DVector::from_fn(n, |_, _| rng.normal());
            let step = root.l() * z;
            u.iter().zip(step.iter()).zip(problem.at.bounds()).map(|((x, s), b)| (x + s).clamp(b.0, b.1)).collect()
        })
        .collect()
}
