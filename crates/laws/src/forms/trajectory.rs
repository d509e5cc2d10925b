//! Loss of model size, steps and batch: the whole training curve at any batch.

use crate::data::Data;
use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;
use nalgebra::{DMatrix, DVector};

const PRESETS: &[Preset] = &[Preset {
    name: "trajectory/kaplan",
    source: "Kaplan et al. 2020 (arXiv 2001.08361), tables 3 and 5",
    coefficients: &[0.0, 6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21],
    ranges: &[(768.0, 1.5e9), (3e3, 2.5e5), (0.0, f64::INFINITY)],
    note: "parameters without embeddings, WebText2, contexts of 1,024 tokens, steps after warm-up; nats per token of 50,257; no floor",
    compat: false,
    printed: &[
        Printed { of: Of::Derived("alpha_C"), value: 0.052, tolerance: 0.01, place: "eq. B.7" },
        Printed { of: Of::Derived("above_converged"), value: 0.10, tolerance: 0.02, place: "eq. B.5" },
        Printed { of: Of::Derived("drop_per_doubled_batch"), value: 0.13, tolerance: 0.05, place: "figure 10" },
    ],
}];

/// L(N,S,B) = E + (Nc/N)^alphaN + (Sc/S_min)^alphaS with S_min = S / (1 + B_crit(L)/B) and B_crit(L) = Bstar L^(-1/alphaB)
/// (Su et al. 2024, eq. 2 to 5; Kaplan et al. 2020, eq. 5.3 to 5.6). The loss stands on both sides; the right side falls as
/// it rises, so there is one solution. Both papers have no floor: hold E = 0 for their law.
///
/// Rows must be of a constant rate or of one schedule, after warm-up: points inside a decay are none of this law.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("trajectory").unwrap();
/// // 1 + 1 + (2 / S_min)^1 at L = 4: B_crit = 64 / 4^2 = 4 = B, so S_min = 2/2.
/// assert!((law.predict(&[1.0, 8.0, 1.0, 2.0, 1.0, 64.0, 0.5], &[8.0, 2.0, 4.0]) - 4.0).abs() < 1e-12);
/// ```
pub struct Trajectory {
    info: Info,
}

impl Trajectory {
    /// The form.
    pub fn new() -> Self {
        let exponent = |name: &str, meaning: &str| Coefficient::positive(name, meaning).within(1e-3, 10.0);
        Self {
            info: Info {
                name: "trajectory".into(),
                title: "the training curve of any model size at any batch".into(),
                paper:
                    "Su et al. 2024 (arXiv 2403.06563), eq. 2 to 5; Kaplan et al. 2020 (arXiv 2001.08361), section 5"
                        .into(),
                equation: "L = E + (Nc/params)^alphaN + (Sc*(1 + Bstar*L^(-1/alphaB)/batch_tokens)/step)^alphaS".into(),
                variables: vec![Variable::params(), Variable::named("step"), Variable::named("batch_tokens")],
                response: LOSS,
                coefficients: vec![
                    Coefficient::plain("E", "floor, nats per token; the papers have none", 0.0, 20.0).doubtful(),
                    Coefficient::positive("Nc", "parameters at which the converged loss is one nat above E"),
                    exponent("alphaN", "exponent in model size"),
                    Coefficient::positive("Sc", "steps at which a nat is left to learn"),
                    exponent("alphaS", "exponent in steps"),
                    Coefficient::positive("Bstar", "critical batch at a loss of one nat, tokens"),
                    exponent("alphaB", "the critical batch grows as L^(-1/alphaB)"),
                ],
                objective: Objective::LOG_HUBER,
                curve: true,
                published: Published {
                    slug: "unraveling-scaling",
                    tested: "generated curves of known coefficients",
                    notes: &[
                        "Su et al. fit models of 1M to 60M and predict 33B. Their constants depend on tokenizer, data and context and could not \
                         be checked against the paper, so the only preset is that of Kaplan et al.",
                        "Eq. 6.4 of Kaplan et al. prints alpha_C = 0.054 and N ~ C^0.71; the numbers of their tables 3 and 5 give 0.052 (as \
                         eq. B.7) and 0.68.",
                        "Without a floor, extrapolation to large models falls below the entropy of text; with one, E is hard to determine: look \
                         at its profile.",
                    ],
                    presets: PRESETS,
                },
            },
        }
    }
}

impl Default for Trajectory {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Trajectory {
    fn info(&self) -> &Info {
        &self.info
    }

    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, nc, alpha_n, sc, alpha_s, critical, alpha_b] = [c[0], c[1], c[2], c[3], c[4], c[5], c[6]];
        let converged = floor + (alpha_n * (nc.ln() - T::constant(row[0].ln))).exp();
        // ln S_min = ln S - softplus(ln B_crit - ln B).
        let steps = sc.ln() - T::constant(row[1].ln);
        let batch = critical.ln() - T::constant(row[2].ln);
        let start = root(converged.value(), steps.value(), alpha_s.value(), batch.value(), alpha_b.value());
        if !start.is_finite() {
            return T::constant(f64::NAN);
        }
        let mut loss = T::constant(start);
        // Two Newton steps in T from the exact root carry exact first and second derivatives.
        for _ in 0..2 {
            let excess = batch - loss.ln() / alpha_b;
            let learnable = (alpha_s * (steps + excess.softplus())).exp();
            let slope = learnable * alpha_s * (excess - excess.softplus()).exp() / (alpha_b * loss);
            loss = loss + (converged + learnable - loss) / (T::constant(1.0) + slope);
        }
        loss
    }

    /// Of the law without a floor: L(C) ~ C^-`alpha_C` and N ~ C^`p_N` at the critical batch, and how far above its converged
    /// loss compute-efficient training stops (Kaplan et al. 2020, eq. B.5 to B.9). And by which share the loss falls while the
    /// critical batch doubles.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        let [_, _, alpha_n, _, alpha_s, _, alpha_b] = [c[0], c[1], c[2], c[3], c[4], c[5], c[6]];
        let compute = if c[0] == 0.0 { 1.0 / (1.0 / alpha_s + 1.0 / alpha_b + 1.0 / alpha_n) } else { f64::NAN };
        vec![
            ("alpha_C", compute),
            ("p_N", compute / alpha_n),
            ("above_converged", alpha_n / alpha_s),
            ("drop_per_doubled_batch", 1.0 - 2f64.powf(-alpha_b)),
        ]
    }

    /// With the observed loss in B_crit the law is linear in two heights, given the rest: the best of a coarse grid.
    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>> {
        let losses = data.response();
        let lowest = losses.iter().copied().fold(f64::INFINITY, f64::min);
        let typical = kleiber_core::stats::median(losses).ln();
        let batches: Vec<f64> = (0..data.rows()).map(|i| data.row(i)[2].ln).collect();
        let batch = kleiber_core::stats::median(&batches);
        let mut found: Vec<(f64, Vec<f64>)> = Vec::new();
        for floor in [0.0, 0.3 * lowest, 0.7 * lowest] {
            for alpha_n in [0.06, 0.12, 0.25, 0.5] {
                for alpha_s in [0.4, 0.75] {
                    for alpha_b in [0.15, 0.25, 0.5] {
                        for critical in [-2.5, 0.0, 2.5] {
                            // ln Bstar so that B_crit at the typical loss is this far from the typical batch.
                            let ln_bstar = batch + critical + typical / alpha_b;
                            if let Some(start) = linear(data, floor, alpha_n, alpha_s, ln_bstar, alpha_b) {
                                found.push(start);
                            }
                        }
                    }
                }
            }
        }
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.truncate(STARTS);
        Some(found.into_iter().map(|(_, c)| c).collect())
    }
}

/// Starting points that are refined.
const STARTS: usize = 5;

/// The two heights by least squares of relative errors, with the sum of squares.
fn linear(data: &Data, floor: f64, alpha_n: f64, alpha_s: f64, ln_bstar: f64, alpha_b: f64) -> Option<(f64, Vec<f64>)> {
    let (mut gram, mut moment) = (DMatrix::<f64>::zeros(2, 2), DVector::<f64>::zeros(2));
    let mut rows = Vec::with_capacity(data.rows());
    for i in 0..data.rows() {
        let (row, loss) = (data.row(i), data.response()[i]);
        let ln_min_steps = row[1].ln - (ln_bstar - loss.ln() / alpha_b - row[2].ln).softplus();
        let a = [(-alpha_n * row[0].ln).exp() / loss, (-alpha_s * ln_min_steps).exp() / loss, (loss - floor) / loss];
        for j in 0..2 {
            moment[j] += a[j] * a[2];
            (0..2).for_each(|k| gram[(j, k)] += a[j] * a[k]);
        }
        rows.push(a);
    }
    let heights = crate::solve::linear::nonnegative(&gram, &moment);
    if heights[0] <= 0.0 || heights[1] <= 0.0 {
        return None;
    }
    let squares = rows.iter().map(|a| (a[2] - a[0] * heights[0] - a[1] * heights[1]).powi(2)).sum();
    let (nc, sc) = (heights[0].powf(1.0 / alpha_n), heights[1].powf(1.0 / alpha_s));
    let c = vec![floor, nc.min(1e79), alpha_n, sc.min(1e79), alpha_s, ln_bstar.exp(), alpha_b];
    c.iter().all(|v| v.is_finite()).then_some((squares, c))
}

/// The loss above `converged` by Newton's method, safeguarded by bisection: the equation falls with the loss.
fn root(converged: f64, steps: f64, alpha_s: f64, batch: f64, alpha_b: f64) -> f64 {
    let learnable = |loss: f64| {
        let excess = batch - loss.ln() / alpha_b;
        let value = (alpha_s * (steps + excess.softplus())).exp();
        (value, value * alpha_s / (1.0 + (-excess).exp()) / (alpha_b * loss))
    };
    let mut low = converged;
    let mut high = converged + learnable(converged).0;
    if !high.is_finite() || low <= 0.0 {
        return f64::NAN;
    }
    let mut loss = high.min(2.0 * low + 1.0);
    for _ in 0..200 {
        let (value, slope) = learnable(loss);
        let error = converged + value - loss;
        if error > 0.0 {
            low = loss
        } else {
            high = loss
        }
        let next = loss + error / (1.0 + slope);
        let next = if next > low && next < high { next } else { (low * high).sqrt() };
        if (next - loss).abs() <= 1e-15 * loss {
            return next;
        }
        loss = next;
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prediction_satisfies_the_equation() {
        let c = [0.4, 6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21];
        for (n, s, b) in [(1e4, 1e2, 1e3), (1e9, 1e5, 5e5), (1e12, 1e7, 1e9), (768.0, 1.0, 1.0)] {
            let loss = Trajectory::new().predict(&c, &[Input::new(n), Input::new(s), Input::new(b)]);
            let critical = 2.1e8 * loss.powf(-1.0 / 0.21);
            let right = 0.4 + (6.5e13f64 / n).powf(0.077) + (2.1e3 * (1.0 + critical / b) / s).powf(0.76);
            assert!((right / loss - 1.0).abs() < 1e-9, "{n} {s} {b}: {loss} {right}");
        }
    }

    #[test]
    fn limits_are_the_simpler_laws() {
        let c = [0.0, 6.5e13, 0.077, 2.1e3, 0.76, 2.1e8, 0.21];
        let at = |n: f64, s: f64, b: f64| Trajectory::new().predict(&c, &[Input::new(n), Input::new(s), Input::new(b)]);
        assert!((at(1e9, 1e30, 1e9) / 6.5e4f64.powf(0.077) - 1.0).abs() < 1e-9);
        let large_batch = 6.5e4f64.powf(0.077) + 0.021f64.powf(0.76);
        assert!((at(1e9, 1e5, 1e30) / large_batch - 1.0).abs() < 1e-12);
        // The same tokens in small batches or large: small ones waste nothing.
        assert!(at(1e9, 1e6, 1e4) < at(1e9, 1e3, 1e7));
    }
}
