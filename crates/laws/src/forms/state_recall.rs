//! How far back a recurrent state recalls.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::{Of, Preset, Printed, Published};
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "stuffed-mamba",
    tested: "the six points of the paper's figure, and without the largest",
    notes: &[
        "The exponential rests on one point (12.9M numbers, 256K tokens). As read off, least squares of the six give a base of 1.367, a height of 4.613 and an offset of -.691 thousand tokens; of the five without the largest, a base of 1.57 (1.42 to 1.76 by profile), which puts the largest at 675K instead of 256K. Do not extrapolate it.",
        "The printed curve is -742 tokens for no state at all and negative below .47M.",
    ],
    presets: &[Preset {
        name: "state-recall/mamba-2",
        source: "Chen et al. 2024 (arXiv 2410.07145), figure of passkey capacity over state size",
        coefficients: &[4756.0, 1.365, -742.0],
        ranges: &[(1.1e6, 12.91e6)],
        note: "Mamba-2, longest context with near-perfect recall of a five-digit key; state counted as for state-forget",
        compat: false,
        printed: &[
            Printed {
                of: Of::Derived("thousand tokens of height"),
                value: 4.756,
                tolerance: 1e-4,
                place: "the fit in the figure",
            },
            Printed {
                of: Of::Derived("thousand tokens at none"),
                value: -0.742,
                tolerance: 1e-3,
                place: "the fit in the figure",
            },
        ],
    }],
};

/// capacity = height (base^(S / 1e6) - 1) + offset (Chen et al. 2024): the longest context in which a state of S numbers still
/// recalls a key.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("state-recall").unwrap();
/// // A state of one million: 4756 * .365 - 742.
/// assert!((law.predict(&[4756.0, 1.365, -742.0], &[1e6]) - 993.94).abs() < 1e-9);
/// ```
pub struct StateRecall {
    info: Info,
}

impl StateRecall {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "state-recall".into(),
                title: "context from which a recurrent state recalls a key".into(),
                paper: "Chen et al. 2024 (arXiv 2410.07145), passkey capacity".into(),
                equation: "context = height*(base^(state/1e6) - 1) + offset".into(),
                variables: vec![Variable::named("state")],
                response: Response { name: Cow::Borrowed("context"), unit: "tokens", domain: (-1e9, f64::INFINITY) },
                coefficients: vec![
                    Coefficient::plain("height", "tokens", -1e12, 1e12).linear(),
                    Coefficient::positive("base", "growth per million numbers of the state")
                        .within(1.0001, 20.0)
                        .starting_at(&[0.1, 0.3, 0.7])
                        .scanned(0.01, 2.5)
                        .doubtful(),
                    Coefficient::plain("offset", "tokens without any state", -1e12, 1e12).linear(),
                ],
                objective: Objective::Mse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for StateRecall {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for StateRecall {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0] * c[1].ln().scale(row[0].value / 1e6).exp_m1() + c[2]
    }

    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        vec![("thousand tokens of height", c[0] / 1e3), ("thousand tokens at none", c[2] / 1e3)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        // 1.365^12.91 = 55.603: the printed curve passes the point at 256K within 1 %.
        let at = StateRecall::new().predict(&[4756.0, 1.365, -742.0], &[Input::new(12.91e6)]);
        assert!((at / 1e3 - 259.0).abs() < 2.5, "{at}");
    }
}
