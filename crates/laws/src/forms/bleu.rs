//! Translation quality of loss.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const BLEU: Response = Response { name: Cow::Borrowed("bleu"), unit: "points of 100", domain: (0.0, 100.0) };

/// BLEU = C e^(-k L) (Gordon et al. 2021, section 4), BLEU in points of 100, L the cross entropy in nats per token of one
/// vocabulary. On text that was written in the source language BLEU stops following the loss
/// ([`crate::translation::bleu_break`]; Ghorbani et al. 2021, section 5).
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("bleu").unwrap();
/// assert!((law.predict(&[80.0, 0.5], &[2.0 * 2f64.ln()]) - 40.0).abs() < 1e-12);
/// ```
pub struct Bleu {
    info: Info,
}

impl Bleu {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "bleu".into(),
                title: "translation quality falls exponentially with loss".into(),
                paper: "Gordon et al. 2021, \"Data and parameter scaling laws for neural machine translation\"; Ghorbani et al. 2021 \
                        (arXiv 2109.07740), section 5"
                    .into(),
                equation: "bleu = C * exp(-k*loss)".into(),
                variables: vec![Variable::named("loss")],
                response: BLEU,
                coefficients: vec![
                    Coefficient::positive("C", "BLEU at no loss, points").linear(),
                    Coefficient::plain("k", "fall per nat", 0.0, 20.0)
                        .starting_at(&[0.1, 0.3, 1.0, 3.0])
                        .scanned(0.02, 4.0),
                ],
                objective: Objective::Mse,
                curve: false,
                published: Published {
                    slug: "nmt-scaling",
                    tested: "the 240 runs of Gordon et al. 2021",
                    notes: &[
                        "Fits to the runs of Gordon et al. (more than 5 MiB of text): German 76.2 and 0.470, Russian 64.2 and 0.437, Chinese \
                         83.7 and 0.427. They are computed here, not printed there, so they are no preset.",
                        "BLEU of subword pieces and of detokenised text are different numbers: one kind per fit.",
                    ],
                    presets: &[],
                },
            },
        }
    }
}

impl Default for Bleu {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Bleu {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0] * (-c[1].scale(row[0].value)).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let at = |loss: f64| Bleu::new().predict(&[76.2, 0.47], &[Input::new(loss)]);
        // 76.2 e^-0.47 and 76.2 e^-0.94
        assert!((at(1.0) - 47.625_173).abs() < 1e-6 && (at(2.0) - 29.765_841).abs() < 1e-6);
    }
}
