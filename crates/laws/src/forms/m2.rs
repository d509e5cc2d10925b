//! M2: a power law that falls to a floor.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// y = E + beta x^c (Alabdulmohsin et al. 2022, M2).
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("m2").unwrap();
/// assert_eq!(law.predict(&[1.5, 8.0, -0.5], &[4.0]), 5.5);
/// ```
pub struct M2 {
    info: Info,
}

impl M2 {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "m2".into(),
                title: "a power law of one size axis above an irreducible floor".into(),
                paper: "Alabdulmohsin et al. 2022 (arXiv 2209.06640), M2".into(),
                equation: "y = E + beta * x^c".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "floor at infinite size, in the unit of y").linear(),
                    Coefficient::positive("beta", "height above the floor at x = 1").linear(),
                    Coefficient::plain("c", "exponent, negative when more is better", -5.0, 5.0)
                        .starting_at(&[-1.0, -0.5, -0.25, -0.1])
                        .scanned(-2.0, -0.01),
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

impl Default for M2 {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for M2 {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, beta, exponent] = [c[0], c[1], c[2]];
        floor + beta * row[0].pow(exponent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let y = M2::new().predict(&[0.4, 12.0, -0.25], &[Input::new(1e4)]);
        assert!((y - 1.6).abs() < 1e-14);
    }
}
