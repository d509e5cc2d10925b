//! How one ability grows with instruction samples and model size, between chance and a ceiling.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

/// Samples and parameters at which alpha is the log odds.
const SAMPLES: f64 = 1e3;
const PARAMS: f64 = 1e9;

/// Fine-tuning samples: a table may just call them samples.
pub(super) fn samples() -> Variable {
    Variable { name: "finetune_samples".into(), alternatives: &["x"] }
}

const PUBLISHED: Published = Published {
    slug: "instruction-dynamics",
    tested: "generated scores of fast, slow and saturated abilities",
    notes: &[
        "The paper shows that abilities differ in pace but prints no law and no coefficients; the logistic form is a choice made here, so there is no preset.",
        "Chance is known, not fitted: hold it with --fix chance=0.25 (four options), 0.3333 (the likeliest of three answers) or 0.",
        "The published scripts smooth curves before plotting and halve the overall average (they divide by scores and chance levels together); runs of 10 to 160 samples get 15 epochs although 18 to 25 were meant.",
    ],
    presets: &[],
};

/// score = chance + (ceiling - chance) / (1 + exp(-(alpha + beta ln(n / 1000) + gamma ln(N / 1e9)))): n samples of one ability
/// in the fine-tuning of N parameters, after Song et al. 2023, who ask which abilities respond to data and which to size.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("ability-growth").unwrap();
/// // Half way between chance and ceiling at 1000 samples and 1B parameters.
/// assert_eq!(law.predict(&[0.25, 0.75, 0.0, 0.4, 0.3], &[1e3, 1e9]), 0.5);
/// ```
pub struct AbilityGrowth {
    info: Info,
}

impl AbilityGrowth {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "ability-growth".into(),
                title: "one ability between chance and its ceiling, over samples and parameters".into(),
                paper: "Song et al. 2023 (arXiv 2310.19651), growth of abilities; form chosen here".into(),
                equation: "score = chance + (ceiling - chance)/(1 + exp(-(alpha + beta*ln(samples/1e3) + gamma*ln(params/1e9))))".into(),
                variables: vec![samples(), Variable::params()],
                response: Response { name: Cow::Borrowed("score"), unit: "fraction", domain: (0.0, 1.0) },
                coefficients: vec![
                    Coefficient::plain("chance", "score of guessing, fraction", 0.0, 0.9).starting_at(&[0.05]),
                    Coefficient::plain("ceiling", "score with samples without end, fraction", 0.0, 1.0)
                        .starting_at(&[0.5, 0.9])
                        .doubtful(),
                    Coefficient::plain("alpha", "log odds at 1000 samples and 1B parameters", -50.0, 50.0)
                        .starting_at(&[-2.0, 0.0, 2.0]),
                    Coefficient::plain("beta", "response to data: log odds per e-fold of samples", -5.0, 10.0)
                        .starting_at(&[0.2, 0.8]),
                    Coefficient::plain("gamma", "response to size: log odds per e-fold of parameters", -5.0, 10.0)
                        .starting_at(&[0.1, 0.6]),
                ],
                objective: Objective::Mse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for AbilityGrowth {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for AbilityGrowth {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [chance, ceiling] = [c[0], c[1]];
        let line = c[2] + c[3].scale(row[0].ln - SAMPLES.ln()) + c[4].scale(row[1].ln - PARAMS.ln());
        chance + (ceiling - chance) * (-(-line).softplus()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let form = AbilityGrowth::new();
        let at =
            |n: f64, params: f64| form.predict(&[0.25, 0.85, -1.0, 0.5, 0.25], &[Input::new(n), Input::new(params)]);
        // ln(64000/1000) = 4.158883 and ln(13) = 2.564949: log odds -1 + 2.079442 + .641237 = 1.720679, odds 5.588320.
        assert!((at(64e3, 13e9) - (0.25 + 0.6 * 5.588_320 / 6.588_320)).abs() < 1e-6);
        assert!((at(1e-30, 1e9) - 0.25).abs() < 1e-9 && (at(1e30, 1e9) - 0.85).abs() < 1e-9);
    }
}
