//! M2: a power law that falls to a floor.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::forms::single_axis;
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

const NOTES: &[&str] = &[
    "Table 3 of Henighan et al. 2020 prints C/1.9e3 for the reducible loss of an 8x8 image; 192 tokens times the law of table 1 need \
     1.9e4 (6.48 nats at one PF-day). Its entropies follow from table 1 within 0.3%; section 6 gives 2023 nats for 16x16 where \
     table 3 has 2026.",
    "Losses of pixels and of codes of a VQ encoder, or of two encoders, are not comparable.",
];

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
                    notes: NOTES,
                    presets: single_axis::ABOVE_A_FLOOR,
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

    /// The letters of E + (x0/x)^alpha, and the factor of the reducible part when the size doubles.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        single_axis::letters(c[1], c[2])
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
