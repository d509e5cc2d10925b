//! M4: a sigmoid from chance level to a floor, in the logarithm of size.

use crate::data::Data;
use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use kleiber_core::stats;

/// (y - E) / (E0 - y)^alpha = beta x^c (Alabdulmohsin et al. 2022, M4): E0 is the value without
/// learning, E the floor. The equation is implicit in y; with z = (y - E)/(E0 - E) = 1/(1 + e^-t) it
/// reads -softplus(-t) + alpha softplus(t) = ln beta + c ln x - (1 - alpha) ln(E0 - E), whose left
/// side rises in t, so y is unique.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("m4").unwrap();
/// // (3 - 1) / (5 - 3)^1 = 1 = 2 * 2^-1
/// assert!((law.predict(&[1.0, 5.0, 1.0, 2.0, -1.0], &[2.0]) - 3.0).abs() < 1e-12);
/// ```
pub struct M4 {
    info: Info,
}

impl M4 {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "m4".into(),
                title: "a sigmoid in log size, from chance level to a floor".into(),
                paper: "Alabdulmohsin et al. 2022 (arXiv 2209.06640), M4".into(),
                equation: "(y - E) / (E0 - y)^alpha = beta * x^c".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "floor at infinite size, in the unit of y"),
                    Coefficient::positive("E0", "value without learning, in the unit of y"),
                    Coefficient::positive("alpha", "how slowly the curve leaves E0; 0 gives M2").within(1e-6, 20.0),
                    Coefficient::positive("beta", "height at x = 1").within(1e-80, 1e80),
                    Coefficient::plain("c", "exponent, negative when more is better", -10.0, 5.0),
                ],
                objective: Objective::LogMse,
                curve: true,
                published: Published {
                    slug: "fitting-methods",
                    tested: "learning curves of Alabdulmohsin et al. 2022; generated tables",
                    ..Published::default()
                },
            },
        }
    }
}

impl Default for M4 {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for M4 {
    fn info(&self) -> &Info {
        &self.info
    }

    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, chance, alpha, beta, exponent] = [c[0], c[1], c[2], c[3], c[4]];
        let gap = chance - floor;
        if gap.value() <= 0.0 {
            return T::constant(f64::NAN);
        }
        let right = beta.ln() + exponent.scale(row[0].ln) - (T::constant(1.0) - alpha) * gap.ln();
        let mut t = T::constant(root(alpha.value(), right.value()));
        // Two Newton steps in T from the exact root carry exact first and second derivatives.
        for _ in 0..2 {
            let left = alpha * t.softplus() - (-t).softplus();
            let rise = alpha * (t - t.softplus()).exp() + (-t - (-t).softplus()).exp();
            t = t - (left - right) / rise;
        }
        floor + gap * (-(-t).softplus()).exp()
    }

    /// For trial floors, chance levels and alphas the equation is a line in (ln x, ln left side).
    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>> {
        let low = data.response().iter().copied().fold(f64::INFINITY, f64::min);
        let high = data.response().iter().copied().fold(0.0, f64::max);
        let ln_x: Vec<f64> = (0..data.rows()).map(|i| data.row(i)[0].ln).collect();
        let mut starts = Vec::new();
        for floor in [1e-3, 0.3, 0.6, 0.9, 0.99].map(|f| f * low) {
            for chance in [1.001, 1.05, 1.3, 2.0, 10.0].map(|f| f * high) {
                for alpha in [0.1, 0.5, 1.0, 2.0] {
                    let left = |y: &f64| (y - floor).ln() - alpha * (chance - y).ln();
                    let left: Vec<f64> = data.response().iter().map(left).collect();
                    let (slope, intercept, _) = stats::line(&ln_x, &left);
                    if slope.is_finite() {
                        starts.push(vec![
                            floor,
                            chance,
                            alpha,
                            intercept.clamp(-180.0, 180.0).exp(),
                            slope.clamp(-10.0, 5.0),
                        ]);
                    }
                }
            }
        }
        Some(starts)
    }
}

/// Root in t of alpha softplus(t) - softplus(-t) = right, by Newton's method on a concave-convex
/// rising function, safeguarded by bisection.
fn root(alpha: f64, right: f64) -> f64 {
    let f = |t: f64| alpha * t.softplus() - (-t).softplus() - right;
    let (mut low, mut high) = (-1.0, 1.0);
    while f(low) > 0.0 && low > -1e6 {
        low *= 2.0;
    }
    while f(high) < 0.0 && high < 1e9 {
        high *= 2.0;
    }
    let mut t = 0.5 * (low + high);
    for _ in 0..200 {
        let error = f(t);
        if error > 0.0 {
            high = t
        } else {
            low = t
        }
        let rise = alpha / (1.0 + (-t).exp()) + 1.0 / (1.0 + t.exp());
        let next = t - error / rise;
        let next = if next > low && next < high { next } else { 0.5 * (low + high) };
        if (next - t).abs() <= 1e-15 * (1.0 + t.abs()) {
            return next;
        }
        t = next;
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prediction_satisfies_the_equation() {
        let c = [0.5, 7.0, 0.8, 40.0, -0.6];
        for x in [1e-3, 1.0, 1e3, 1e9] {
            let y = M4::new().predict(&c, &[Input::new(x)]);
            let (left, right) = ((y - c[0]) / (c[1] - y).powf(c[2]), c[3] * x.powf(c[4]));
            assert!((left / right - 1.0).abs() < 1e-6, "{x}: {left} {right}");
        }
    }

    #[test]
    fn impossible_levels_have_no_value() {
        assert!(M4::new().predict(&[2.0, 1.0, 1.0, 1.0, -1.0], &[Input::new(1.0)]).is_nan());
    }
}
