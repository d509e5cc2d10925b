//! Translation quality after fine-tuning as a power of the logarithm of the text before it.

use crate::data::Data;
use crate::form::{Coefficient, Form, Info, Input, Response, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;
use std::borrow::Cow;

/// Where the logarithm is continued.
const LOW: f64 = 0.01;

const PUBLISHED: Published = Published {
    slug: "downstream-transfer",
    tested: "generated curves; the BLEU of 13 translators of Gordon et al. 2021 trained from scratch",
    notes: &[
        "The paper prints curves but no table of coefficients that could be checked, so there is no preset; they differ for every size of the fine-tuning set.",
        "It has no bound: past the data's ceiling it keeps rising. On BLEU against bytes of Gordon et al. 2021 (sizes taken as doublings) it predicts the two largest sets 2.6 and 4.8 points too high; a power law of what is missing to 100 points, with a floor, 1.0 and 2.1.",
        "It holds only where quality rises with more text. Where the two kinds of text do not match, BLEU falls or fluctuates while cross entropy still falls; cross entropy cannot plan it.",
        "The cross entropy of the same runs, E + A / D_p^alpha, is `m2` on D_p.",
        "The fit takes ln A, not A: where quality saturates alpha reaches hundreds and A is below the smallest number.",
        "ln A, alpha and beta trade for each other along a ridge: quote predictions, not coefficients.",
    ],
    presets: &[],
};

/// f(D_p) = (ln(A D_p^alpha))^beta (Isik et al. 2024, eq. 1): BLEU, ROUGE or COMET after fine-tuning a model that saw D_p
/// tokens before, one fine-tuning set and one kind of text at a time.
///
/// Where `A D_p^alpha` is below 1 the law says nothing; so that a search can pass there, `u = ln(A D_p^alpha)` is continued
/// by `.01 e^(u/.01 - 1)` below .01, with the same slope.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("transfer-quality").unwrap();
/// // -8 + .5 * 20 = 2, and 2^3 = 8.
/// assert!((law.predict(&[-8.0, 0.5, 3.0], &[20f64.exp()]) - 8.0).abs() < 1e-12);
/// ```
pub struct TransferQuality {
    info: Info,
}

impl TransferQuality {
    /// The form.
    pub fn new() -> Self {
        Self {
            info: Info {
                name: "transfer-quality".into(),
                title: "quality after fine-tuning as a power of the logarithm of pre-training data".into(),
                paper: "Isik et al. 2024 (arXiv 2402.04177), eq. 1".into(),
                equation: "Q = (lnA + alpha*ln(pretrain_tokens))^beta".into(),
                variables: vec![Variable::named("pretrain_tokens")],
                response: Response { name: Cow::Borrowed("bleu"), unit: "points of 100", domain: (0.0, 100.0) },
                coefficients: vec![
                    Coefficient::plain(
                        "lnA",
                        "ln A; with alpha: the law begins at D_p = A^(-1/alpha) tokens",
                        -1e6,
                        1e6,
                    ),
                    Coefficient::plain("alpha", "growth of the logarithm with ln D_p", 1e-6, 1e5),
                    Coefficient::plain("beta", "power of the logarithm", 0.1, 20.0),
                ],
                objective: Objective::LOG_HUBER,
                curve: false,
                published: PUBLISHED,
            },
        }
    }
}

impl Default for TransferQuality {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for TransferQuality {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let u = c[0] + c[1].scale(row[0].ln);
        let u = if u.value() > LOW { u } else { (u.scale(1.0 / LOW) - T::constant(1.0)).exp().scale(LOW) };
        u.pow(c[2])
    }

    /// For a given beta, `Q^(1/beta)` is a straight line in `ln D_p`.
    fn starts(&self, data: &Data) -> Option<Vec<Vec<f64>>> {
        let x: Vec<f64> = (0..data.rows()).map(|i| data.row(i)[0].ln).collect();
        let start = |beta: f64| {
            let y: Vec<f64> = data.response().iter().map(|q| q.powf(1.0 / beta)).collect();
            let (slope, _, _) = kleiber_core::stats::line(&x, &y);
            let alpha = slope.clamp(1e-5, 9e4);
            let ln_a = kleiber_core::stats::mean(&y) - alpha * kleiber_core::stats::mean(&x);
            vec![ln_a, alpha, beta]
        };
        let starts: Vec<Vec<f64>> = [0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 4.5].map(start).to_vec();
        starts.iter().flatten().all(|v| v.is_finite()).then_some(starts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_is_continued_smoothly_where_it_says_nothing() {
        let form = TransferQuality::new();
        let at = |u: f64| form.predict(&[u, 1.0, 1.0], &[Input::new(1.0)]);
        assert!((at(3.0) - 3.0).abs() < 1e-14 && at(-2.0) > 0.0 && at(-2.0) < 1e-80);
        let slope = (at(LOW) - at(LOW - 1e-6)) / 1e-6;
        assert!((slope - 1.0).abs() < 1e-3 && (at(LOW) - LOW).abs() < 1e-14, "{slope}");
    }

    #[test]
    fn literal_values() {
        // ln(0.5 * 1e9^0.2) = 3.451506, to the power 2.6: 25.05085.
        let quality = TransferQuality::new().predict(&[0.5f64.ln(), 0.2, 2.6], &[Input::new(1e9)]);
        let want = (0.5f64.ln() + 0.2 * 9.0 * std::f64::consts::LN_10).powf(2.6);
        assert!((quality / want - 1.0).abs() < 1e-12 && (quality - 25.050_85).abs() < 1e-4, "{quality}");
    }
}
