//! The over-training law: loss of compute and tokens per parameter.

use crate::form::{Coefficient, Form, Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// L(C,M) = E + (a M^eta + b M^-eta) C^-eta with C = 6ND and M = D/N (Gadre et al. 2024, eq. 4): the
/// Chinchilla law with alpha = beta = 2 eta, a = A 6^eta, b = B 6^eta. For every M the reducible loss
/// is a power law of compute with the same exponent. N counts all parameters in the paper.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("over-training").unwrap();
/// let c = [1.5, 60.0, 90.0, 0.12];
/// let tied = Law::named("chinchilla").unwrap();
/// let six = 6f64.powf(0.12);
/// let same = tied.predict(&[1.5, 60.0 / six, 90.0 / six, 0.24, 0.24], &[1e9, 2e10]);
/// assert!((law.predict(&c, &[1e9, 2e10]) - same).abs() < 1e-12);
/// ```
pub struct OverTraining {
    info: Info,
}

impl OverTraining {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "over-training".into(),
                title: "loss of compute at any number of tokens per parameter".into(),
                paper: "Gadre et al. 2024 (arXiv 2403.08540), eq. 4".into(),
                equation: "L = E + (a*M^eta + b*M^-eta)*C^-eta, C = 6*params*tokens, M = tokens/params".into(),
                variables: vec![
                    Variable { name: "params_total".into(), alternatives: &["params", "params_matmul"] },
                    Variable::named("tokens"),
                ],
                response: LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "irreducible loss, nats per token").linear(),
                    Coefficient::positive("a", "weight of the model term, nats per token").linear(),
                    Coefficient::positive("b", "weight of the data term, nats per token").linear(),
                    Coefficient::plain("eta", "exponent in compute", 0.0, 2.5)
                        .starting_at(&[0.05, 0.1, 0.15, 0.25])
                        .scanned(0.01, 0.6),
                ],
                objective: Objective::Mse,
                curve: false,
                published: Published {
                    slug: "over-training",
                    tested: "104 runs of Gadre et al. 2024; generated tables",
                    ..Published::default()
                },
            },
        }
    }
}

impl Default for OverTraining {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for OverTraining {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, a, b, eta] = [c[0], c[1], c[2], c[3]];
        // M/C = 1/(6 N^2) and 1/(M C) = 1/(6 D^2).
        let ln6 = 6f64.ln();
        let model = (-eta.scale(ln6 + 2.0 * row[0].ln)).exp();
        let data = (-eta.scale(ln6 + 2.0 * row[1].ln)).exp();
        floor + a * model + b * data
    }

    /// The compute-optimal tokens per parameter, the same at every budget.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("M_opt", (c[2] / c[1]).powf(1.0 / (2.0 * c[3]))), ("a", 0.5), ("b", 0.5)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let (n, d) = (1e9, 2e10);
        let got = OverTraining::new().predict(&[1.8, 50.0, 70.0, 0.13], &[Input::new(n), Input::new(d)]);
        let (compute, ratio) = (6.0 * n * d, d / n);
        let want = 1.8 + (50.0 * ratio.powf(0.13) + 70.0 * ratio.powf(-0.13)) * compute.powf(-0.13);
        assert!((got - want).abs() < 1e-12);
    }
}
