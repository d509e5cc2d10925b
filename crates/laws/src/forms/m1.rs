//! M1: a pure power law.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

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
                    ..Published::default()
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
