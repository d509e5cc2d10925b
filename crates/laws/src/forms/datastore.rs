//! The datastore law: a metric moves in a straight line with the logarithm of the text that can be searched.

use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

const METRIC: Response =
    Response { name: Cow::Borrowed("loss"), unit: "as given", domain: (f64::NEG_INFINITY, f64::INFINITY) };

/// y = a + b log10(datastore_tokens) for one model (after Shao et al. 2024, figure 3, where curves are straight in the
/// logarithm and none flattens). A curve that does is [`super::M2`] with the datastore as its axis.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("datastore").unwrap();
/// assert!((law.predict(&[2.0, -0.05], &[1e12]) - 1.4).abs() < 1e-12);
/// ```
pub struct Datastore {
    info: Info,
}

impl Datastore {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "datastore".into(),
                title: "a metric of a model that looks things up, against the size of what it searches".into(),
                paper: "Shao et al. 2024 (arXiv 2407.12854), figure 3".into(),
                equation: "y = a + b*log10(datastore_tokens)".into(),
                variables: vec![Variable::named("datastore_tokens")],
                response: METRIC,
                coefficients: vec![
                    Coefficient::plain("a", "metric at a datastore of one token, extrapolated", -1e3, 1e3).linear(),
                    Coefficient::plain("b", "change per tenfold datastore", -1e2, 1e2)
                        .linear()
                        .starting_at(&[-0.1, 0.1]),
                ],
                objective: Objective::Mse,
                curve: false,
                published: Published {
                    slug: "massive-ds",
                    tested: "generated tables",
                    notes: &[
                        "Shao et al. 2024 print no coefficients and no table over datastore sizes, only the ends: without a datastore and with 1.4T tokens. There is therefore no preset; `plan datastore` draws the line between the printed ends and says where it assumed the lower one.",
                        "For LLaMA-2 7B they print perplexities 4.09 and 3.50 (RedPajama), 7.18 and 6.57 (S2ORC), exact match 64.1 and 77.0 (TriviaQA), 26.6 and 34.6 (Natural Questions), accuracy 45.8 and 49.3 (MMLU).",
                        "Decontamination removes part of the gain in perplexity and none of that in Natural Questions; a lower loss on near-copies of the datastore is not a better model.",
                        "Their code draws the coin of a subsample per query and candidate, so a document is in for one query and out for another: not one smaller datastore. `datastore::kept` draws once per document.",
                    ],
                    presets: &[],
                },
            },
        }
    }
}

impl Default for Datastore {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for Datastore {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        c[0] + c[1].scale(row[0].ln / std::f64::consts::LN_10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_values() {
        let y = Datastore::new().predict(&[3.0, -0.1], &[Input::new(1.4e12)]);
        // log10(1.4e12) = 12.146128.
        assert!((y - 1.785_387_2).abs() < 1e-7, "{y}");
    }
}
