//! Translation loss of encoder size and decoder size.

use crate::form::{Coefficient, Form, Info, Input, POSITIVE_LOSS, Variable};
use crate::objective::Objective;
use crate::published::Published;
use crate::real::Real;

/// L(Ne,Nd) = E + beta Ne^-p_e Nd^-p_d (Ghorbani et al. 2021, eq. 1), for models trained to convergence on more data than
/// they can use. Ne and Nd leave out embeddings; cross-attention belongs to the decoder. The paper divides both by the sizes
/// of its 6+6-layer model, which only changes the unit of beta. Every test set has its own coefficients.
///
/// ```
/// use kleiber_laws::Law;
/// let law = Law::named("encoder-decoder").unwrap();
/// assert!((law.predict(&[1.2, 8.0, 0.25, 0.5], &[16.0, 4.0]) - 3.2).abs() < 1e-12);
/// // The best share of the encoder is p_e / (p_e + p_d).
/// assert!((law.derived(&[1.2, 8.0, 0.2, 0.3])[0].1 - 0.4).abs() < 1e-12);
/// ```
pub struct EncoderDecoder {
    info: Info,
}

impl EncoderDecoder {
    /// The form.
    pub fn new() -> Self {
        let exponent = |name: &str, meaning: &str| {
            Coefficient::plain(name, meaning, 0.0, 5.0).starting_at(&[0.05, 0.1, 0.2, 0.4, 0.8]).scanned(0.01, 1.2)
        };
        Self {
            info: Info {
                name: "encoder-decoder".into(),
                title: "translation loss of encoder size and decoder size".into(),
                paper: "Ghorbani et al. 2021 (arXiv 2109.07740), eq. 1".into(),
                equation: "L = E + beta * params_encoder^-p_e * params_decoder^-p_d".into(),
                variables: vec![Variable::named("params_encoder"), Variable::named("params_decoder")],
                response: POSITIVE_LOSS,
                coefficients: vec![
                    Coefficient::positive("E", "irreducible loss on this test set, nats per token").linear(),
                    Coefficient::positive("beta", "height above it at one parameter each").linear(),
                    exponent("p_e", "exponent in encoder size"),
                    exponent("p_d", "exponent in decoder size"),
                ],
                objective: Objective::LogMse,
                curve: false,
                published: Published {
                    slug: "nmt-scaling",
                    tested: "generated tables; the five 300M models of Bansal et al. 2022 rank a deep decoder before a deep encoder",
                    notes: &[
                        "No set of p_e and p_d could be read from the paper, so there is no preset.",
                        "Models that scale both sides together determine p_e + p_d only: such a fit is refused, and so is a split when ln Ne \
                         and ln Nd correlate beyond 0.98.",
                        "Loss on text that was translated into the source language keeps falling with size and BLEU with it; on text written \
                         in the source language BLEU stops improving: fit and plan each origin alone.",
                    ],
                    presets: &[],
                },
            },
        }
    }
}

impl Default for EncoderDecoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Form for EncoderDecoder {
    fn info(&self) -> &Info {
        &self.info
    }

    #[inline(always)]
    fn predict<T: Real>(&self, c: &[T], row: &[Input]) -> T {
        let [floor, beta, encoder, decoder] = [c[0], c[1], c[2], c[3]];
        floor + beta * (-(encoder.scale(row[0].ln) + decoder.scale(row[1].ln))).exp()
    }

    /// The best share of the encoder, and L = E + `beta_total` N^-`p_total` of a total N split in that way.
    fn derived(&self, c: &[f64]) -> Vec<(&'static str, f64)> {
        let (encoder, decoder) = (c[2], c[3]);
        let total = encoder + decoder;
        let height = c[1] * (total / encoder).powf(encoder) * (total / decoder).powf(decoder);
        vec![("encoder_share", encoder / total), ("p_total", total), ("beta_total", height)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_split_has_the_derived_loss() {
        let c = [1.0, 50.0, 0.2, 0.3];
        let at = |e: f64, d: f64| EncoderDecoder::new().predict(&c, &[Input::new(e), Input::new(d)]);
        let derived = EncoderDecoder::new().derived(&c);
        let best = 1.0 + derived[2].1 * 1e8f64.powf(-derived[1].1);
        assert!((at(4e7, 6e7) - best).abs() < 1e-12 && at(4.1e7, 5.9e7) > best && at(3.9e7, 6.1e7) > best);
    }
}
