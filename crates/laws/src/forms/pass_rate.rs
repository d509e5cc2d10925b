//! The task law: pass rates far below one, straight in `ln(-ln p)` over `ln N`.

use crate::data::Data;
use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "pass-until",
    tested: "generated counts of known laws: instances, steps, circuits; no run table of the paper is public",
    notes: &[
        "The paper prints predictions (HumanEval at 2.4B: .05987 predicted, .05990 measured) but no coefficients, so there is no preset.",
        "Its estimate r / K of a pass rate is too high on average (2.6 times at .1 and 4.7 times at .01 for r = 1); (r - 1) / (K - 1) with r of two or more is not.",
        "A mean rate of several instances is not of this form even when each instance is: fit instances and average their predictions.",
        "Rates of 0 and counts cut off at a cap do not fit into a table of rates; the fit of counts takes them as they are.",
    ],
    presets: &[],
};

/// p(N) = exp(-C N^-alpha) (Hu et al. 2023, eq. 3): the chance that a random draw passes, at one ratio of tokens to
/// parameters. `ln(-ln p)` falls in a straight line over `ln N`; counts of draws are better fitted by
/// [`crate::pass_until::TaskLaw`].
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("pass-rate").unwrap();
/// assert!((law.predict(&[1000.0, 0.5], &[1e4]) - (-10f64).exp()).abs() < 1e-15);
/// ```
pub struct PassRate {
    info: Info,
}

impl PassRate {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "pass-rate".into(),
                title: "the pass rate of a task rises with size long before it shows".into(),
                paper: "Hu et al. 2023 (arXiv 2310.03262), eq. 3".into(),
                equation: "p = exp(-C*params^-alpha)".into(),
                variables: vec![Variable::params()],
                response: Response { name: Cow::Borrowed("pass_rate"), unit: "fraction", domain: (0.0, 1.0) },
                coefficients: vec![
                    Coefficient::positive("C", "-ln p at one parameter").starting_at(&[2.0, 6.0, 10.0]),
                    Coefficient::plain("alpha", "exponent in model size", 0.0, 5.0).starting_at(&[0.1, 0.3, 0.6]),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for PassRate {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for PassRate {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        (-(c[0] * row[0].pow(-c[1]))).exp()
    }

    /// The line of `ln(-ln p)` over `ln N`, and flatter and steeper ones through its middle.
    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>> {
        let rows = (0..data.rows()).filter(|&i| data.response()[i] < 1.0);
        let (x, y): (Vec<f64>, Vec<f64>) = rows.map(|i| (data.row(i)[0].ln, (-data.ln_response()[i]).ln())).unzip();
        let (slope, intercept, _) = kleiber_core::stats::line(&x, &y);
        if !slope.is_finite() {
            return None;
        }
        let (middle, alpha) = (kleiber_core::stats::mean(&x), (-slope).clamp(0.01, 4.9));
        let height = intercept + slope * middle;
        Some([1.0, 0.5, 2.0].map(|f| (f * alpha).min(4.9)).map(|a| vec![(height + a * middle).exp(), a]).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_models_pass_rarely_but_pass() {
        let form = PassRate::new();
        // C = 9 * (3e7)^.46: -ln p is 9 at 3e7 and 9 / 80^.46 = 1.199 at 2.4e9.
        let c = [9.0 * 3e7f64.powf(0.46), 0.46];
        assert!((form.predict(&c, &[Input::new(3e7)]) / (-9f64).exp() - 1.0).abs() < 1e-9);
        assert!((form.predict(&c, &[Input::new(2.4e9)]) - 0.301_494).abs() < 1e-6);
    }
}
