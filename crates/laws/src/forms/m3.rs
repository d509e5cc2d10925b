//! M3: a power law that saturates without a separate floor.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// y = beta (1/x + gamma)^c with c >= 0; the floor at large x is beta gamma^c
/// (Alabdulmohsin et al. 2022, M3).
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("m3").unwrap();
/// assert_eq!(law.predict(&[8.0, 0.75, 0.5], &[4.0]), 8.0);
/// ```
pub struct M3 {
    info: Info,
}

impl M3 {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "m3".into(),
                title: "a power law of one size axis that bends to a floor".into(),
                paper: "Alabdulmohsin et al. 2022 (arXiv 2209.06640), M3".into(),
                equation: "y = beta * (1/x + gamma)^c".into(),
                variables: vec![Variable::axis()],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("beta", "value where 1/x + gamma = 1").linear(),
                    Coefficient::positive("gamma", "1/gamma is the size where the curve flattens")
                        .within(1e-40, 1e6)
                        .starting_across(6, -1.0),
                    Coefficient::plain("c", "exponent, not negative", 0.0, 5.0)
                        .starting_at(&[0.1, 0.25, 0.5, 1.0])
                        .scanned(0.01, 1.5),
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

impl Default for M3 {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for M3 {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [beta, gamma, exponent] = [c[0], c[1], c[2]];
        beta * (gamma + T::constant(1.0 / row[0].value)).pow(exponent)
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("floor", c[0] * c[1].powf(c[2]))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let y = M3::new().predict(&[2.0, 0.0, 0.5], &[Input::new(1e4)]);
        assert!((y - 0.02).abs() < 1e-14);
        assert_eq!(M3::new().derived(&[3.0, 0.25, 0.5]), [("floor", 1.5)]);
    }
}
