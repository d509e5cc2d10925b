//! A score after fine-tuning that rises to a ceiling with samples and parameters.

use super::ability_growth::samples;
use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const PUBLISHED: Published = Published {
    slug: "sft-composition",
    tested: "generated scores; retention of the published strategies",
    notes: &[
        "The paper prints curves but no law and no coefficients; the form is a choice made here, so there is no preset.",
        "Two such curves, one trained alone and one in a mixture, meet where mixing turns from help to harm: `growth::crossing`.",
        "Judged scores are noisy by .1 to .2 and one HumanEval item is .61 points: 6.02 against 6.08 or 15.24 against 17.68 are not differences.",
    ],
    presets: &[],
};

/// score = A - B n^-beta N^-gamma: n samples in the fine-tuning of N parameters, after Dong et al. 2023, who compare
/// amounts and mixtures for mathematics, code and conversation.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("sft-growth").unwrap();
/// // 60 - 4000 * 1e4^-.5 * 1e4^-.25 = 60 - 4.
/// assert!((law.predict(&[60.0, 4000.0, 0.5, 0.25], &[1e4, 1e4]) - 56.0).abs() < 1e-12);
/// ```
pub struct SftGrowth {
    info: Info,
}

impl SftGrowth {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "sft-growth".into(),
                title: "a score rises to a ceiling with fine-tuning samples and parameters".into(),
                paper: "Dong et al. 2023 (arXiv 2310.05492), growth of abilities; form chosen here".into(),
                equation: "score = A - B*samples^-beta*params^-gamma".into(),
                variables: vec![samples(), Variable::params()],
                response: Response { name: Cow::Borrowed("score"), unit: "as given", domain: (0.0, f64::INFINITY) },
                coefficients: vec![
                    Coefficient::positive("A", "ceiling, in the unit of the score").linear().doubtful(),
                    Coefficient::positive("B", "what is missing at one sample and one parameter").linear(),
                    Coefficient::plain("beta", "exponent in samples", 0.0, 5.0)
                        .starting_at(&[0.1, 0.4])
                        .scanned(0.01, 1.5),
                    Coefficient::plain("gamma", "exponent in model size", 0.0, 5.0)
                        .starting_at(&[0.1, 0.4])
                        .scanned(0.0, 1.5),
                ],
                objective: Objective::Mse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for SftGrowth {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for SftGrowth {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0] - c[1] * row[0].pow(-c[2]) * row[1].pow(-c[3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        // 2560^-.3 = .0949596 and 7e9^-.1 = .1036493; 50 - 900 * .0949596 * .1036493.
        let score = SftGrowth::new().predict(&[50.0, 900.0, 0.3, 0.1], &[Input::new(2560.0), Input::new(7e9)]);
        let want = 50.0 - 900.0 * (-0.3 * 2560f64.ln() - 0.1 * 7e9f64.ln()).exp();
        assert!((score - want).abs() < 1e-12 && (score - 41.1).abs() < 0.1, "{score}");
    }
}
