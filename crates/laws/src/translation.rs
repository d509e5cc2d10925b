//! Encoder-decoder translation models: parameters of both sides, the best split of a budget (Ghorbani et al. 2021), and whether
//! BLEU follows the loss.

use crate::{Fit, LawError};
use kleiber_core::stats;
use serde::Serialize;

/// A Transformer with an encoder and a decoder of one width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncDec {
    /// Layers of the encoder.
    pub encoder_layers: u64,
    /// Layers of the decoder.
    pub decoder_layers: u64,
    /// Width of both.
    pub width: u64,
    /// Width of the feed-forward blocks.
    pub feed_forward: u64,
}

impl EncDec {
    /// Weights of the encoder: self-attention and feed-forward; no embeddings, norms or biases.
    pub fn encoder_params(&self) -> u64 {
        self.encoder_layers * (4 * self.width * self.width + 2 * self.width * self.feed_forward)
    }

    /// Weights of the decoder: self-attention, cross-attention and feed-forward; no embeddings, head, norms or biases.
    pub fn decoder_params(&self) -> u64 {
        self.decoder_layers * (8 * self.width * self.width + 2 * self.width * self.feed_forward)
    }
}

/// L(Ne,Nd) = E + beta Ne^-p_e Nd^-p_d as a planner.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SplitLaw {
    /// Irreducible loss, nats per token.
    pub floor: f64,
    /// Height above it at one parameter each.
    pub beta: f64,
    /// Exponent in encoder size.
    pub p_e: f64,
    /// Exponent in decoder size.
    pub p_d: f64,
}

/// A split of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Split {
    /// Parameters of the encoder.
    pub encoder: f64,
    /// Parameters of the decoder.
    pub decoder: f64,
    /// Loss, nats per token.
    pub loss: f64,
}

/// Correlation of ln Ne and ln Nd beyond which the exponents are not told apart.
const TIED: f64 = 0.98;

impl SplitLaw {
    /// The law of a fit of `encoder-decoder` whose rows vary both sides.
    ///
    /// # Errors
    /// [`LawError::Request`] for another law, and for models that scale both sides together (correlation of the logarithms beyond
    /// 0.98): they determine p_e + p_d only.
    pub fn of(fit: &Fit) -> Result<Self, LawError> {
        let c = fit.point();
        let (true, [floor, beta, p_e, p_d]) = (fit.law == "encoder-decoder", &c[..]) else {
            return Err(LawError::Request(format!("{} knows no encoder: fit encoder-decoder", fit.law)));
        };
        let rows = fit.model.as_ref().map(|m| m.rows.as_slice()).unwrap_or_default();
        let sizes: Vec<(f64, f64)> = rows.iter().map(|(_, x, _)| (x[0], x[1])).collect();
        if let Some(tied) = tied(&sizes) {
            return Err(LawError::Request(format!(
                "encoder and decoder grow together in these models (correlation {tied:.3}), which tells p_e + p_d and no split: train \
                 some with a deep encoder and some with a deep decoder"
            )));
        }
        Ok(Self { floor: *floor, beta: *beta, p_e: *p_e, p_d: *p_d })
    }

    /// Loss of encoder and decoder size.
    pub fn loss(&self, encoder: f64, decoder: f64) -> f64 {
        self.floor + self.beta * encoder.powf(-self.p_e) * decoder.powf(-self.p_d)
    }

    /// Share of the encoder in the best split of a total.
    pub fn encoder_share(&self) -> f64 {
        self.p_e / (self.p_e + self.p_d)
    }

    /// The best split of a total number of parameters (Ghorbani et al. 2021, section 3.3).
    ///
    /// # Errors
    /// As [`Self::best_for_cost`].
    pub fn best(&self, params: f64) -> Result<Split, LawError> {
        self.best_for_cost(params, 1.0, 1.0)
    }

    /// The best split when a parameter of the encoder costs `encoder_cost` and one of the decoder `decoder_cost`, and all may cost
    /// `budget`: N_e c_e / (N_d c_d) = p_e / p_d. For FLOP of a sentence the costs are 2 source and 2 target tokens; for latency
    /// weigh the decoder more, it works token by token.
    ///
    /// # Errors
    /// [`LawError::Request`] unless budget and costs are positive and both exponents are.
    pub fn best_for_cost(&self, budget: f64, encoder_cost: f64, decoder_cost: f64) -> Result<Split, LawError> {
        let positive = [budget, encoder_cost, decoder_cost].iter().all(|v| *v > 0.0 && v.is_finite());
        if !positive {
            return Err(LawError::Request(format!(
                "a budget of {budget} at costs {encoder_cost} and {decoder_cost} cannot be split: give positive numbers"
            )));
        }
        if !(self.p_e > 0.0 && self.p_d > 0.0) {
            return Err(LawError::Request(format!(
                "exponents {} and {}: one side does nothing, so there is no best split",
                self.p_e, self.p_d
            )));
        }
        let share = self.encoder_share();
        let (encoder, decoder) = (share * budget / encoder_cost, (1.0 - share) * budget / decoder_cost);
        Ok(Split { encoder, decoder, loss: self.loss(encoder, decoder) })
    }

    /// Reducible loss with this share of parameters in the encoder, over that of the best share.
    pub fn excess(&self, encoder_share: f64) -> f64 {
        let best = self.encoder_share();
        (encoder_share / best).powf(-self.p_e) * ((1.0 - encoder_share) / (1.0 - best)).powf(-self.p_d)
    }
}

/// The correlation of ln Ne and ln Nd when it is too high to tell their exponents apart, or when one side never varies.
pub fn tied(sizes: &[(f64, f64)]) -> Option<f64> {
    if sizes.is_empty() {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) = sizes.iter().map(|(e, d)| (e.ln(), d.ln())).unzip();
    let (mx, my) = (stats::mean(&x), stats::mean(&y));
    let sum = |a: &[f64], ma: f64, b: &[f64], mb: f64| a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>();
    let spread = (sum(&x, mx, &x, mx) * sum(&y, my, &y, my)).sqrt();
    // A side that does not vary is known as little as one that follows.
    let correlation = if spread > 1e-12 { sum(&x, mx, &y, my) / spread } else { 1.0 };
    (correlation.abs() > TIED).then_some(correlation)
}

/// Where BLEU stops following the loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BleuBreak {
    /// Loss at the break.
    pub loss: f64,
    /// Fall of ln BLEU per nat above it (k of BLEU = C e^(-k L)).
    pub before: f64,
    /// The same below it: near zero where better loss no longer gives better translations.
    pub after: f64,
    /// p-value of the broken line against the straight one, with one degree of freedom for the break and one for the slope.
    pub p: f64,
}

/// Compares ln BLEU = ln C - k L with two such lines that meet at the best of all inner losses. `None` for fewer than six points or
/// values that are not positive.
///
/// # Errors
/// [`LawError::Request`] when all BLEU is at most one: points of 100 are wanted.
pub fn bleu_break(points: &[(f64, f64)]) -> Result<Option<BleuBreak>, LawError> {
    if points.len() < 6 || points.iter().any(|p| p.0.is_nan() || p.1.is_nan() || p.1 <= 0.0) {
        return Ok(None);
    }
    if points.iter().all(|p| p.1 <= 1.0) {
        return Err(LawError::Request("BLEU is at most 1 everywhere: give points of 100".into()));
    }
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|(l, b)| (*l, b.ln())).unzip();
    let (slope, intercept, _) = stats::line(&x, &y);
    let straight: f64 = x.iter().zip(&y).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
    let losses = stats::sorted(&x);
    let mut best: Option<(f64, BleuBreak)> = None;
    // Two points at least on either side of the break.
    for at in losses[1..losses.len() - 1].windows(2).map(|w| 0.5 * (w[0] + w[1])) {
        let Some((before, after, rss)) = hinge(&x, &y, at) else { continue };
        if best.as_ref().is_none_or(|b| rss < b.0) {
            best = Some((rss, BleuBreak { loss: at, before: -before, after: -after, p: f64::NAN }));
        }
    }
    let rest = points.len() as f64 - 4.0;
    Ok(best.map(|(rss, found)| {
        let f = ((straight - rss) / 2.0) / (rss / rest).max(f64::MIN_POSITIVE);
        BleuBreak { p: stats::fisher_tail(f, 2.0, rest), ..found }
    }))
}

/// Slopes above and below `at` of two lines that meet there, and the sum of squares.
fn hinge(x: &[f64], y: &[f64], at: f64) -> Option<(f64, f64, f64)> {
    let rows = x.len();
    let a = nalgebra::DMatrix::from_fn(rows, 3, |i, j| match j {
        0 => 1.0,
        1 => (x[i] - at).max(0.0),
        _ => (x[i] - at).min(0.0),
    });
    let b = nalgebra::DVector::from_column_slice(y);
    let c = a.clone().svd(true, true).solve(&b, 1e-12).ok()?;
    Some((c[1], c[2], (a * &c - b).norm_squared()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAW: SplitLaw = SplitLaw { floor: 1.0, beta: 40.0, p_e: 0.2, p_d: 0.3 };

    #[test]
    fn the_base_model_has_its_parameters() {
        // 6 + 6 layers of width 1024 and feed-forward 8192.
        let base = EncDec { encoder_layers: 6, decoder_layers: 6, width: 1024, feed_forward: 8192 };
        assert_eq!((base.encoder_params(), base.decoder_params()), (125_829_120, 150_994_944));
    }

    #[test]
    fn the_best_split_is_flat_and_depends_on_the_exponents() {
        let best = LAW.best(1e8).unwrap();
        assert!((best.encoder / 4e7 - 1.0).abs() < 1e-12 && (best.decoder / 6e7 - 1.0).abs() < 1e-12);
        for (share, want) in [(0.5, 1.0101), (0.2, 1.0538), (0.8, 1.2104), (0.4, 1.0)] {
            assert!((LAW.excess(share) - want).abs() < 1e-4, "{share}: {}", LAW.excess(share));
            let there = LAW.loss(share * 1e8, (1.0 - share) * 1e8) - LAW.floor;
            assert!((there / (best.loss - LAW.floor) / LAW.excess(share) - 1.0).abs() < 1e-12);
        }
        // Twice the target tokens: half as large a decoder for its share of the FLOP.
        let paid = LAW.best_for_cost(1e8, 30.0, 60.0).unwrap();
        assert!((paid.encoder * 30.0 / (paid.decoder * 60.0) - 2.0 / 3.0).abs() < 1e-12);
        let other = |shift: f64| LAW.loss(paid.encoder + shift * 2.0, paid.decoder - shift);
        assert!(other(1e4) > paid.loss && other(-1e4) > paid.loss);
        assert!(LAW.best(0.0).is_err() && SplitLaw { p_e: 0.0, ..LAW }.best(1e8).is_err());
    }

    #[test]
    fn sides_that_grow_together_tell_no_split() {
        let together: Vec<(f64, f64)> = (1..8).map(|i| (1e6 * f64::from(i), 1.2e6 * f64::from(i))).collect();
        assert!(tied(&together).is_some() && tied(&[(1e6, 2e6), (1e6, 4e6), (1e6, 8e6)]).is_some());
        let apart: Vec<(f64, f64)> = [1.0, 2.0, 4.0].iter().flat_map(|e| [1.0, 2.0, 4.0].map(|d| (*e, d))).collect();
        assert!(tied(&apart).is_none());
    }

    #[test]
    fn a_plateau_of_bleu_is_found_and_a_straight_line_is_not_broken() {
        let wobble = |i: usize| 0.004 * ((i * 7919 % 13) as f64 / 6.0 - 1.0);
        let straight: Vec<(f64, f64)> = (0..14)
            .map(|i| (1.0 + 0.1 * i as f64, 80.0 * (-0.45 * (1.0 + 0.1 * i as f64) + wobble(i)).exp()))
            .collect();
        assert!(bleu_break(&straight).unwrap().unwrap().p > 0.01);
        let flat: Vec<(f64, f64)> = straight
            .iter()
            .map(|(l, b)| {
                if *l < 1.6 {
                    (*l, 80.0f64 * (-0.45f64 * 1.6).exp() * b / (80.0 * (-0.45 * l).exp()))
                } else {
                    (*l, *b)
                }
            })
            .collect();
        let found = bleu_break(&flat).unwrap().unwrap();
        assert!(found.p < 1e-6 && (found.loss - 1.6).abs() < 0.11, "{found:?}");
        assert!((found.before - 0.45).abs() < 0.03 && found.after.abs() < 0.05, "{found:?}");
        let fractions: Vec<(f64, f64)> = straight.iter().map(|(l, b)| (*l, b / 100.0)).collect();
        assert!(bleu_break(&fractions).is_err() && bleu_break(&straight[..5]).unwrap().is_none());
    }
}
