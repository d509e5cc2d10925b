//! The best value of a parameter as an exponential of time.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "densing-law",
    tested: "generated envelopes of known slope with models below them",
    notes: &[
        "Printed are the slopes, A = 0.0073 per day over 29 models (doubling in 95 days or 3.3 months, R^2 0.912) and 0.007 over 51 models (3.5 months, R^2 0.934), not the intercept B, so there is no preset.",
        "A law of the frontier: fit it to running maxima only. A maximum over more models per month is larger, so part of a slope may be the growing number of models.",
        "It describes releases and says nothing about training; beyond the last release it is a guess.",
    ],
    presets: &[],
};

/// ln rho_max = A t + B (Xiao et al. 2024, eq. 5): the largest density so far, `t` days since 23 February 2023, so that
/// Llama 1 is of day 1.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("densing-trend").unwrap();
/// let doubling = 2f64.ln() / 0.0073;
/// assert!((law.predict(&[0.0073, -2.0], &[doubling]) / (-2f64).exp() - 2.0).abs() < 1e-12);
/// ```
pub struct DensingTrend {
    info: Info,
}

impl DensingTrend {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "densing-trend".into(),
                title: "the best value of a parameter grows exponentially with the date".into(),
                paper: "Xiao et al. 2024 (arXiv 2412.04315), eq. 5".into(),
                equation: "rho = exp(A*days + B)".into(),
                variables: vec![Variable::named("days")],
                response: Response {
                    name: Cow::Borrowed("value_per_param"),
                    unit: "effective parameters per parameter",
                    domain: (0.0, f64::INFINITY),
                },
                coefficients: vec![
                    Coefficient::plain("A", "growth per day", -1.0, 1.0).starting_at(&[-0.01, 0.001, 0.005, 0.02]),
                    Coefficient::plain("B", "ln of the density on day 0", -50.0, 50.0).starting_at(&[-3.0, 0.0, 3.0]),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for DensingTrend {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for DensingTrend {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        (c[0].scale(row[0].value) + c[1]).exp()
    }

    /// Days until the best density has doubled.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("doubling_days", 2f64.ln() / c[0])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_slope_doubles_in_the_printed_time() {
        let form = DensingTrend::new();
        let days = |a: f64| form.derived(&[a, 0.0])[0].1;
        // 95 days; "approximately 3.3 months" would be 100.
        assert!((days(0.0073) - 95.0).abs() < 0.5, "{}", days(0.0073));
        assert!((form.predict(&[0.0073, -2.0], &[Input::new(500.0)]) - 5.206_979_827_179_85).abs() < 1e-9);
    }
}
