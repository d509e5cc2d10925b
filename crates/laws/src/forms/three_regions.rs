//! A learning curve through its three regions: best guess, power law, floor.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// y = E + beta (1 + x/x1)^c: flat at E + beta while x is far below x1, a power law beyond it, then the floor E
/// (the three regions of Hestness et al. 2017, figure 6). It is the smoothly broken power law of Caballero et al. 2022
/// (`bnsl:1`) that is flat before its only break, with a break of sharpness one.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("three-regions").unwrap();
/// // 0.5 + 6 (1 + 3)^-0.5
/// assert!((law.predict(&[0.5, 6.0, 1000.0, -0.5], &[3000.0]) - 3.5).abs() < 1e-14);
/// ```
pub struct ThreeRegions {
    info: Info,
}

impl ThreeRegions {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "three-regions".into(),
                title: "a learning curve: best guess, then a power law, then a floor".into(),
                paper: "Hestness et al. 2017 (arXiv 1712.00409), figure 6; Caballero et al. 2022 (arXiv 2210.14891)"
                    .into(),
                equation: "y = E + beta * (1 + x/x1)^c".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "floor at infinite size, in the unit of y").linear(),
                    Coefficient::positive("beta", "height above the floor without data").linear(),
                    Coefficient::positive("x1", "size below which the curve is flat")
                        .within(1e-40, 1e40)
                        .starting_across(6, 1.0),
                    Coefficient::plain("c", "exponent, negative when more is better", -5.0, 0.0)
                        .starting_at(&[-1.0, -0.5, -0.25, -0.1])
                        .scanned(-2.0, -0.01),
                ],
                objective: Objective::LogMse,
                curve: true,
                published: Published {
                    slug: "predictable-scaling",
                    tested: "translation curves of Bansal et al. 2022; generated curves of known regions",
                    notes: &[
                        "The exponents of Hestness et al. (words 0.066, characters 0.092 to 0.095, speech 0.299, ImageNet top-1 0.309 and \
                         top-5 0.488, model size against data 0.57 to 0.92) come without heights, except for words (`m1/hestness-words`); \
                         there is no set of this form.",
                    ],
                    presets: &[],
                },
            },
        }
    }
}

impl Default for ThreeRegions {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for ThreeRegions {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, beta, bend, exponent] = [c[0], c[1], c[2], c[3]];
        floor + beta * (exponent * (T::constant(row[0].ln) - bend.ln()).softplus()).exp()
    }

    /// The best-guess level and the size from which the slope is within 15% of the exponent.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("guess", c[0] + c[1]), ("power_from", c[2] * 0.85 / 0.15)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let at = |x: f64| ThreeRegions::new().predict(&[0.4, 12.0, 16.0, -0.25], &[Input::new(x)]);
        assert!((at(240.0) - 6.4).abs() < 1e-12 && (at(1e-9) - 12.4).abs() < 1e-6 && (at(1e60) - 0.4).abs() < 1e-12);
    }
}
