//! M1: a pure power law.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::forms::single_axis;
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

const NOTES: &[&str] = &[
    "Kaplan et al. 2020 print alpha_C^min as 0.050 (fitted), 0.054 (eq. 6.4) and 0.052 (eq. B.7): the last is what the exponents of \
     their table 3 and alpha_B = 0.21 give.",
    "Language laws without a floor fall below any entropy of text: beyond 10^4 PF-days they contradict L(D) by their own account \
     (Kaplan et al. 2020, section 6.3).",
    "Of Hestness et al. 2017 only the curve of word models has a height; the exponents alone are no law.",
];

/// y = beta x^c (Alabdulmohsin et al. 2022, "Revisiting neural scaling laws", M1).
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("m1").unwrap();
/// assert_eq!(law.predict(&[8.0, -0.5], &[4.0]), 4.0);
/// ```
pub struct M1 {
    info: Info,
}

impl M1 {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "m1".into(),
                title: "a pure power law of one size axis".into(),
                paper: "Alabdulmohsin et al. 2022 (arXiv 2209.06640), M1".into(),
                equation: "y = beta * x^c".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("beta", "value at x = 1").linear(),
                    Coefficient::plain("c", "exponent, negative when more is better", -5.0, 5.0)
                        .starting_at(&[-1.0, -0.5, -0.25, -0.1])
                        .scanned(-1.5, -0.01),
                ],
                objective: Objective::LogMse,
                curve: true,
                published: Published {
                    slug: "fitting-methods",
                    tested: "learning curves of Alabdulmohsin et al. 2022; generated tables",
                    notes: NOTES,
                    presets: single_axis::PURE,
                },
            },
        }
    }
}

impl Default for M1 {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for M1 {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [beta, exponent] = [c[0], c[1]];
        beta * row[0].pow(exponent)
    }

    /// The letters of (x0/x)^alpha, and the factor of a doubled size.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        single_axis::letters(c[0], c[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let y = M1::new().predict(&[12.0, -0.25], &[Input::new(1e4)]);
        assert!((y - 1.2).abs() < 1e-14);
    }
}
