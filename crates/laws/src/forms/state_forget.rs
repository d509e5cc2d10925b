//! How long a recurrent state must be trained before it learns to forget.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "stuffed-mamba",
    tested: "the six points of the paper's figure",
    notes: &[
        "Six points of a figure, the origin among them. As read off, least squares give 5.155 thousand tokens per million and -4.476 thousand, .3 % and .2 % from what is printed.",
        "Below 1.1M numbers the line is negative or rests on the origin alone; beyond 12.9M it is an extrapolation.",
        "The released code that is to bound the norm of a state multiplies by norm / threshold where threshold / norm is meant, and so makes large states larger.",
    ],
    presets: &[Preset {
        name: "state-forget/mamba-2",
        source: "Chen et al. 2024 (arXiv 2410.07145), figure of T_forget over state size",
        coefficients: &[5.172e-3, -4469.0],
        ranges: &[(1.1e6, 12.91e6)],
        note: "Mamba-2; state counted over all layers with the convolution's, S = L (E N + 3 (E + 2 N)); tokens of training length",
        compat: false,
        printed: &[
            Printed {
                of: Of::Derived("thousand tokens per million"),
                value: 5.172,
                tolerance: 1e-4,
                place: "the fit in the figure",
            },
            Printed {
                of: Of::Derived("thousand tokens at none"),
                value: -4.469,
                tolerance: 1e-4,
                place: "the fit in the figure",
            },
        ],
    }],
};

/// T_forget = slope S + intercept (Chen et al. 2024): a model whose state holds S numbers and that is trained on shorter
/// contexts than this never learns to forget, and fails beyond its training length.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("state-forget").unwrap();
/// // Mamba-2 130M: a state of 4.85M numbers forgets when trained on 20.6K tokens or more.
/// assert!((law.predict(&[5.172e-3, -4469.0], &[4.85e6]) - 20_615.2).abs() < 1e-9);
/// ```
pub struct StateForget {
    info: Info,
}

impl StateForget {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "state-forget".into(),
                title: "training length from which a recurrent state learns to forget".into(),
                paper: "Chen et al. 2024 (arXiv 2410.07145), T_forget".into(),
                equation: "context = slope*state + intercept".into(),
                variables: vec![Variable::named("state")],
                response: Response { name: Cow::Borrowed("context"), unit: "tokens", domain: (-1e9, f64::INFINITY) },
                coefficients: vec![
                    Coefficient::plain("slope", "tokens per number of the state", -1e6, 1e6).linear(),
                    Coefficient::plain("intercept", "tokens, negative where small states need none", -1e12, 1e12)
                        .linear(),
                ],
                objective: Objective::Mse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for StateForget {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for StateForget {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0].scale(row[0].value) + c[1]
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("thousand tokens per million", c[0] * 1e3), ("thousand tokens at none", c[1] / 1e3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let at = |s: f64| StateForget::new().predict(&[5.172e-3, -4469.0], &[Input::new(s)]);
        assert!((at(12.91e6) - 62_301.52).abs() < 1e-6 && at(0.5e6) < 0.0);
    }
}
