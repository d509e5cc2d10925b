//! The function a fit minimises, with its gradient, Hessian and information matrix.

use crate::coordinates::Coordinates;
use crate::data::Data;
use crate::evaluate::Evaluate;
use crate::objective::{Cost, Objective, huber};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Rows evaluated together; tables beyond one block use all threads. Blocks are summed in order, so
/// the thread count never changes a bit.
const BLOCK: usize = 8192;

/// A sum of costs over rows as a function of search coordinates.
#[derive(Clone, Copy)]
pub(crate) struct Problem<'a> {
    pub(crate) form: &'a dyn Evaluate,
    pub(crate) at: &'a Coordinates,
    pub(crate) data: &'a Data,
    pub(crate) objective: Objective,
}

/// Buffers reused between evaluations of small tables.
#[derive(Default)]
pub(crate) struct Scratch {
    values: Vec<f64>,
    slopes: Vec<f64>,
    /// Residuals, then the factor of each row's slopes.
    leads: Vec<f64>,
}

impl Problem<'_> {
    /// Number of free coordinates.
    pub(crate) fn free(&self) -> usize {
        self.at.free()
    }

    /// The objective; infinite where the law has no (positive) value.
    pub(crate) fn value(&self, u: &[f64]) -> f64 {
        self.value_at(&self.at.natural(u))
    }

    /// The objective at natural coefficients.
    pub(crate) fn value_at(&self, c: &[f64]) -> f64 {
        let residuals = self.residuals_at(c);
        let mean = self.data.mean_response();
        let weights = self.data.weights();
        let sum: f64 = residuals.iter().zip(weights).map(|(r, w)| w * self.objective.cost(*r, mean).value).sum();
        if sum.is_nan() { f64::INFINITY } else { sum }
    }

    /// Prediction for each row at natural coefficients.
    pub(crate) fn predictions_at(&self, c: &[f64]) -> Vec<f64> {
        let mut values = vec![0.0; self.data.rows()];
        let width = self.data.width();
        let block = |(out, inputs): (&mut [f64], &[_])| self.form.values(c, inputs, out);
        if values.len() > BLOCK {
            values.par_chunks_mut(BLOCK).zip(self.data.inputs().par_chunks(BLOCK * width)).for_each(block);
        } else {
            block((&mut values, self.data.inputs()));
        }
        values
    }

    /// Scaled residual of each row at natural coefficients, predicted minus observed.
    pub(crate) fn residuals_at(&self, c: &[f64]) -> Vec<f64> {
        let mut values = self.predictions_at(c);
        for (i, v) in values.iter_mut().enumerate() {
            *v = self.residual(i, *v);
        }
        values
    }

    #[inline(always)]
    fn residual(&self, row: usize, predicted: f64) -> f64 {
        let raw = if self.objective.is_log() {
            predicted.ln() - self.data.ln_response()[row]
        } else {
            predicted - self.data.response()[row]
        };
        raw * self.data.precision()[row]
    }

    /// The objective, its gradient into `gradient`.
    pub(crate) fn gradient(&self, u: &[f64], gradient: &mut [f64], scratch: &mut Scratch) -> f64 {
        gradient.fill(0.0);
        let rows = self.data.rows();
        if rows <= BLOCK {
            return self.gradient_block(u, 0..rows, gradient, scratch);
        }
        let parts: Vec<(f64, Vec<f64>)> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map_init(Scratch::default, |scratch, block| {
                let mut part = vec![0.0; u.len()];
                let range = block * BLOCK..((block + 1) * BLOCK).min(rows);
                (self.gradient_block(u, range, &mut part, scratch), part)
            })
            .collect();
        let mut sum = 0.0;
        for (value, part) in parts {
            sum += value;
            gradient.iter_mut().zip(part).for_each(|(g, p)| *g += p);
        }
        sum
    }

    fn gradient_block(
        &self,
        u: &[f64],
        rows: std::ops::Range<usize>,
        gradient: &mut [f64],
        scratch: &mut Scratch,
    ) -> f64 {
        self.evaluate(u, rows.clone(), scratch);
        let (data, mean) = (self.data, self.data.mean_response());
        let is_log = self.objective.is_log();
        let Scratch { values, leads, .. } = scratch;
        let (weights, precision) = (&data.weights()[rows.clone()], &data.precision()[rows.clone()]);
        leads.clear();
        if is_log {
            let observed = &data.ln_response()[rows];
            leads.extend(values.iter().zip(observed).zip(precision).map(|((y, o), p)| (y.ln() - o) * p));
        } else {
            let observed = &data.response()[rows];
            leads.extend(values.iter().zip(observed).zip(precision).map(|((y, o), p)| (y - o) * p));
        }
        // The choice of the objective is made once, outside the loop over rows.
        let sum = match self.objective {
            Objective::LogHuber(delta) | Objective::Huber(delta) => {
                weigh(leads, weights, precision, |r| huber(r, delta))
            }
            objective => weigh(leads, weights, precision, |r| objective.cost(r, mean)),
        };
        if is_log {
            leads.iter_mut().zip(values.iter()).for_each(|(lead, value)| *lead /= value);
        }
        let (leads, slopes) = (&scratch.leads, &scratch.slopes);
        match u.len() {
            1 => weighted_sum::<1>(leads, slopes, gradient),
            2 => weighted_sum::<2>(leads, slopes, gradient),
            3 => weighted_sum::<3>(leads, slopes, gradient),
            4 => weighted_sum::<4>(leads, slopes, gradient),
            5 => weighted_sum::<5>(leads, slopes, gradient),
            free => {
                for (lead, slope) in leads.iter().zip(slopes.chunks_exact(free.max(1))) {
                    gradient.iter_mut().zip(slope).for_each(|(g, s)| *g += lead * s);
                }
            }
        }
        if sum.is_nan() { f64::INFINITY } else { sum }
    }

    fn evaluate(&self, u: &[f64], rows: std::ops::Range<usize>, scratch: &mut Scratch) {
        let width = self.data.width();
        scratch.values.resize(rows.len(), 0.0);
        scratch.slopes.resize(rows.len() * u.len().max(1), 0.0);
        let inputs = &self.data.inputs()[rows.start * width..rows.end * width];
        self.form.gradients(self.at, u, inputs, &mut scratch.values, &mut scratch.slopes);
    }

    /// Residuals and the slopes of the residuals along each coordinate, rows x free.
    pub(crate) fn jacobian(&self, u: &[f64]) -> (Vec<f64>, DMatrix<f64>) {
        let mut scratch = Scratch::default();
        let rows = self.data.rows();
        self.evaluate(u, 0..rows, &mut scratch);
        let mut jacobian = DMatrix::from_row_slice(rows, u.len(), &scratch.slopes[..rows * u.len()]);
        let mut residuals = Vec::with_capacity(rows);
        for (i, mut row) in jacobian.row_iter_mut().enumerate() {
            let predicted = scratch.values[i];
            residuals.push(self.residual(i, predicted));
            row *= self.data.precision()[i] / if self.objective.is_log() { predicted } else { 1.0 };
        }
        (residuals, jacobian)
    }

    /// The Gauss-Newton Hessian with re-weighted residuals, row-major: a positive curvature model of
    /// the objective anywhere, kinks and all.
    pub(crate) fn curvature_model(&self, u: &[f64], out: &mut [f64], scratch: &mut Scratch) {
        let (free, rows) = (u.len(), self.data.rows());
        out.fill(0.0);
        let mean = self.data.mean_response();
        for block in (0..rows).step_by(BLOCK) {
            let range = block..(block + BLOCK).min(rows);
            self.evaluate(u, range.clone(), scratch);
            for (i, (row, slopes)) in range.zip(scratch.slopes.chunks_exact(free)).enumerate() {
                let predicted = scratch.values[i];
                let scale = self.data.precision()[row] / if self.objective.is_log() { predicted } else { 1.0 };
                let weight = self.data.weights()[row]
                    * self.objective.weight(self.residual(row, predicted), mean)
                    * scale
                    * scale;
                for j in 0..free {
                    let lead = weight * slopes[j];
                    for k in 0..=j {
                        out[j * free + k] += lead * slopes[k];
                    }
                }
            }
        }
        for j in 0..free {
            for k in 0..j {
                out[k * free + j] = out[j * free + k];
            }
        }
    }

    /// Sum over rows of weight x slope slope^T: what the design says about the coordinates, whatever
    /// the objective.
    pub(crate) fn information(&self, u: &[f64]) -> DMatrix<f64> {
        let (_, jacobian) = self.jacobian(u);
        let mut weighted = jacobian.clone();
        for (mut row, w) in weighted.row_iter_mut().zip(self.data.weights()) {
            row *= *w;
        }
        jacobian.tr_mul(&weighted)
    }

    /// The objective, its gradient and exact Hessian.
    pub(crate) fn hessian(&self, u: &[f64]) -> (f64, DVector<f64>, DMatrix<f64>) {
        let rows = self.data.rows();
        let blocks: Vec<_> = (0..rows.div_ceil(BLOCK))
            .into_par_iter()
            .map(|b| self.hessian_block(u, b * BLOCK..((b + 1) * BLOCK).min(rows)))
            .collect();
        let zero = (0.0, DVector::zeros(u.len()), DMatrix::zeros(u.len(), u.len()));
        blocks.into_iter().fold(zero, |(v, g, h), (v2, g2, h2)| (v + v2, g + g2, h + h2))
    }

    fn hessian_block(&self, u: &[f64], rows: std::ops::Range<usize>) -> (f64, DVector<f64>, DMatrix<f64>) {
        let (free, width) = (u.len(), self.data.width());
        let mut scratch = Scratch::default();
        self.evaluate(u, rows.clone(), &mut scratch);
        let inputs = &self.data.inputs()[rows.start * width..rows.end * width];
        let mean = self.data.mean_response();
        let (mut value, mut gradient, mut hessian) = (0.0, DVector::zeros(free), DMatrix::zeros(free, free));
        // Per row: lead multiplies the law's own curvature, outer the product of its slopes.
        let mut leads = Vec::with_capacity(rows.len());
        for (i, row) in rows.clone().enumerate() {
            let predicted = scratch.values[i];
            let cost = self.objective.cost(self.residual(row, predicted), mean);
            let weight = self.data.weights()[row];
            value += weight * cost.value;
            let scale = self.data.precision()[row] / if self.objective.is_log() { predicted } else { 1.0 };
            let lead = weight * cost.slope * scale;
            let bend = if self.objective.is_log() { -lead / predicted } else { 0.0 };
            let outer = weight * cost.curvature * scale * scale + bend;
            leads.push(lead);
            let s = &scratch.slopes[i * free..(i + 1) * free];
            for j in 0..free {
                gradient[j] += lead * s[j];
                for k in 0..=j {
                    hessian[(j, k)] += outer * s[j] * s[k];
                }
            }
        }
        let mut second = vec![0.0; rows.len() * free];
        for k in 0..free {
            self.form.curvature(self.at, u, k, inputs, &mut second);
            for (lead, column) in leads.iter().zip(second.chunks_exact(free)) {
                for j in k..free {
                    hessian[(j, k)] += lead * column[j];
                }
            }
        }
        hessian.fill_upper_triangle_with_lower_triangle();
        (value, gradient, hessian)
    }
}

/// The sum of the rows' costs; each residual is replaced by the slope of its cost along the prediction.
#[inline(always)]
fn weigh(residuals: &mut [f64], weights: &[f64], precision: &[f64], cost: impl Fn(f64) -> Cost) -> f64 {
    let mut sum = 0.0;
    for ((r, weight), precision) in residuals.iter_mut().zip(weights).zip(precision) {
        let cost = cost(*r);
        sum += weight * cost.value;
        *r = weight * cost.slope * precision;
    }
    sum
}

/// Adds the rows of `slopes`, each times its lead, to `out`; the width is a constant so that the sums
/// stay in registers.
fn weighted_sum<const N: usize>(leads: &[f64], slopes: &[f64], out: &mut [f64]) {
    let mut sums = [0.0; N];
    for (lead, slope) in leads.iter().zip(slopes.as_chunks::<N>().0) {
        for k in 0..N {
            sums[k] += lead * slope[k];
        }
    }
    out.iter_mut().zip(sums).for_each(|(o, s)| *o += s);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::find;

    #[test]
    fn gradient_and_hessian_match_differences_for_every_objective() {
        let form = find("chinchilla").unwrap();
        let at = Coordinates::new(form.info(), &[], &[]).unwrap();
        let rows: Vec<(Vec<f64>, f64)> = (0..12)
            .map(|i| (vec![1e8 * 1.7f64.powi(i), 3e9 * 1.9f64.powi((5 * i) % 12)], 3.3 - 0.1 * f64::from(i)))
            .collect();
        let data = Data::from_rows(&["params", "tokens"], "loss", &rows);
        let u = at.coordinates(&[1.7, 400.0, 700.0, 0.33, 0.3]);
        for objective in
            [Objective::LOG_HUBER, Objective::LogMse, Objective::Mse, Objective::Mae, Objective::Asymmetric(4.0)]
        {
            let p = Problem { form: form.as_ref(), at: &at, data: &data, objective };
            let (value, gradient, hessian) = p.hessian(&u);
            let mut g = vec![0.0; 5];
            assert!((p.gradient(&u, &mut g, &mut Scratch::default()) - value).abs() < 1e-12 * value.abs());
            assert!((p.value(&u) - value).abs() < 1e-12 * value.abs());
            for k in 0..5 {
                let shifted = |by: f64| {
                    let mut v = u.clone();
                    v[k] += by;
                    let mut g = vec![0.0; 5];
                    (p.gradient(&v, &mut g, &mut Scratch::default()), g)
                };
                let (up, down) = (shifted(1e-6), shifted(-1e-6));
                let slope = (up.0 - down.0) / 2e-6;
                assert!((gradient[k] - slope).abs() < 1e-5 * (1e-3 + slope.abs()), "{objective} {k}");
                for j in 0..5 {
                    let want = (up.1[j] - down.1[j]) / 2e-6;
                    assert!(
                        (hessian[(j, k)] - want).abs() < 1e-4 * (1e-2 + want.abs()),
                        "{objective} {j} {k}: {} {want}",
                        hessian[(j, k)]
                    );
                }
            }
        }
    }
}
