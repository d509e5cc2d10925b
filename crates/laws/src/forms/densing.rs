//! The loss law of a reference family: two power laws and no floor.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "densing-law",
    tested: "104 runs of Gadre et al. 2024 as reference and target; generated tables",
    notes: &[
        "The fitted a, b, alpha and beta are not printed, so there is no preset: a density needs a reference family of your own.",
        "Chinchilla's law without its floor E. The loss is that of a benchmark's answers; where it has a floor, as held-out text has, fit chinchilla instead: a density takes either.",
    ],
    presets: &[],
};

/// L(N,D) = a N^-alpha + b D^-beta (Xiao et al. 2024, eq. 2): the loss of a reference family on the answers of a
/// benchmark, in nats per answer token.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("densing").unwrap();
/// assert_eq!(law.predict(&[20.0, 30.0, 0.25, 0.5], &[16.0, 9.0]), 20.0);
/// ```
pub struct Densing {
    info: Info,
}

impl Densing {
    /// The form.
    pub fn new() -> Self {
        let exponents = [0.1, 0.3, 0.6, 1.0];
        Self {
            info: Info {
                name: "densing".into(),
                title: "loss on a benchmark's answers is a model term plus a data term".into(),
                paper: "Xiao et al. 2024 (arXiv 2412.04315), eq. 2".into(),
                equation: "L = a*params^-alpha + b*tokens^-beta".into(),
                variables: vec![Variable::params(), Variable::named("tokens")],
                response: Response {
                    name: Cow::Borrowed("loss_answer"),
                    unit: "nats per answer token",
                    domain: (0.0, 15.0),
                },
                coefficients: vec![
                    Coefficient::positive("a", "model term at one parameter, nats per answer token").linear(),
                    Coefficient::positive("b", "data term at one token, nats per answer token").linear(),
                    Coefficient::plain("alpha", "exponent in model size", 0.0, 5.0)
                        .starting_at(&exponents)
                        .scanned(0.02, 0.95),
                    Coefficient::plain("beta", "exponent in data size", 0.0, 5.0)
                        .starting_at(&exponents)
                        .scanned(0.02, 0.95),
                ],
                objective: Objective::LOG_HUBER,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for Densing {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Densing {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0] * row[0].pow(-c[2]) + c[1] * row[1].pow(-c[3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let loss = Densing::new().predict(&[100.0, 500.0, 0.25, 0.3], &[Input::new(1e8), Input::new(1e10)]);
        // 100 * 1e8^-0.25 + 500 * 1e10^-0.3 = 1 + 0.5.
        assert!((loss - 1.5).abs() < 1e-12, "{loss}");
    }
}
