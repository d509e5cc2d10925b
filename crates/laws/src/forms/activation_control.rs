//! How many tokens an attacker who sets activations can force.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

/// Bits of an activation, by convention.
pub(crate) const BITS: f64 = 16.0;

const PUBLISHED: Published = Published {
    slug: "activation-attacks",
    tested: "generated attacks: the line through the origin, an affine and a power law told apart",
    notes: &[
        "The paper's abstract gives 16 to 25 bits of activation per forced bit over two orders of magnitude of model size, and nothing there to check one coefficient against; so there is no preset. --fix chi=20 is its middle.",
        "16 bits per activation is a convention of accounting; chi scales with it.",
        "A target is called forced when half of its tokens are right under teacher forcing. Nine tokens of ten right over a hundred is next to never all right: ask for exact matches too.",
    ],
    presets: &[],
};

/// t = 16 a d / (chi log2 V) (Fort 2023): the tokens t that a controlled tokens of width d force from a vocabulary of V entries.
/// chi, the attack resistance, is the bits of activation per bit of output; 1 would be perfect control. With a fraction of the
/// dimensions under control, a counts by that fraction.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("activation-control").unwrap();
/// // Two tokens of 512 numbers of 16 bits, against 14 bits per token of output and 16 in for one out.
/// assert_eq!(law.predict(&[16.0], &[2.0, 512.0, 16384.0]), 2.0 * 512.0 / 14.0);
/// ```
pub struct ActivationControl {
    info: Info,
}

impl ActivationControl {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "activation-control".into(),
                title: "tokens an attacker on activations can force".into(),
                paper: "Fort 2023 (arXiv 2312.02780), eq. for the attack resistance chi".into(),
                equation: "t = 16*controlled_tokens*width/(chi*log2(vocab))".into(),
                variables: vec![
                    Variable::named("controlled_tokens"),
                    Variable::named("width"),
                    Variable::named("vocab"),
                ],
                response: Response {
                    name: Cow::Borrowed("forced_tokens"),
                    unit: "tokens",
                    domain: (0.0, f64::INFINITY),
                },
                coefficients: vec![
                    Coefficient::positive("chi", "attack resistance: bits of activation per bit of output")
                        .within(1e-3, 1e9)
                        .starting_at(&[1.0, 3.0, 5.0]),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for ActivationControl {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for ActivationControl {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let bits = BITS * row[0].value * row[1].value / row[2].value.log2();
        T::constant(bits) / c[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multipliers_of_pythia_are_within_the_published_resistance() {
        // 512 * 16 / (21.7 * log2 50304) = 24.2 tokens per controlled token.
        let kappa =
            ActivationControl::new().predict(&[21.7], &[Input::new(1.0), Input::new(512.0), Input::new(50_304.0)]);
        assert!((kappa - 24.17).abs() < 0.01, "{kappa}");
    }
}
