//! The downstream law: average task error as an exponential of loss.

use crate::form::{Coefficient, ERROR, Form, Info, Input, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// Err(L) = eps - k e^(-gamma L) (Gadre et al. 2024, eq. 5): the average top-1 error over a set of
/// tasks falls exponentially as loss falls. Chained to a loss law it predicts error from sizes; only
/// averages over tasks above chance are predictable.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("downstream-error").unwrap();
/// assert!((law.predict(&[0.85, 2.0, 0.7], &[2.5]) - (0.85 - 2.0 * (-1.75f64).exp())).abs() < 1e-15);
/// ```
pub struct DownstreamError {
    info: Info,
}

impl DownstreamError {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "downstream-error".into(),
                title: "average task error as an exponential of loss".into(),
                paper: "Gadre et al. 2024 (arXiv 2403.08540), eq. 5".into(),
                equation: "Err = eps - k*exp(-gamma*loss)".into(),
                variables: vec![Variable::named("loss")],
                response: ERROR,
                coefficients: vec![
                    Coefficient::positive("eps", "error of a model that knows nothing, near chance").linear(),
                    Coefficient::positive("k", "error removed as loss goes to zero").linear(),
                    Coefficient::positive("gamma", "decay per nat of loss")
                        .within(1e-3, 50.0)
                        .starting_at(&[-1.5, -0.7, 0.0, 0.7])
                        .scanned(-3.0, 2.0),
                ],
                objective: Objective::Mse,
                curve: false,
                published: Published {
                    slug: "over-training",
                    tested: "104 runs of Gadre et al. 2024",
                    ..Published::default()
                },
            },
        }
    }
}

impl Default for DownstreamError {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for DownstreamError {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [eps, k, gamma] = [c[0], c[1], c[2]];
        eps - k * (-gamma.scale(row[0].value)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_approaches_its_ceiling() {
        let form = DownstreamError::new();
        assert!((form.predict(&[0.85, 2.0, 0.7], &[Input::new(40.0)]) - 0.85).abs() < 1e-9);
        assert!((form.predict(&[0.8, 1.0, 1.0], &[Input::new(1.0)]) - 0.432_120_558_828_557_7).abs() < 1e-15);
    }
}
