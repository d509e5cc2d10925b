//! FLOP of sparse pretraining and dense fine-tuning (Thangarasa et al. 2023, "SPDF", arXiv 2303.10464).
//!
//! Only the matrices of attention and of feed-forward layers are sparse, so the saving is capped by attention itself and by
//! logits: per token and forward pass `F = 24 d^2 L (1 - S) + 4 s d L + 2 d V`, twice per multiply-add, attention not halved
//! for causality. Training is three times that. Masked arithmetic is not faster on hardware that cannot skip zeros: these are
//! FLOP, not seconds.

use crate::LawError;
use kleiber_core::shape::{Kind, Shape};
use serde::Serialize;

/// FLOP per token of a forward pass, by part.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct SparseFlops {
    /// Products with the matrices that become sparse.
    pub matrices: f64,
    /// Scores and mixing of attention.
    pub attention: f64,
    /// Logits.
    pub logits: f64,
}

impl SparseFlops {
    /// Of a dense decoder in sequences of `context` tokens; matrices are counted by the shape.
    ///
    /// # Errors
    /// [`LawError::Request`] for an encoder-decoder, [`LawError::Table`] for a shape whose fields do not fit.
    pub fn of(shape: &Shape, context: u64) -> Result<Self, LawError> {
        if shape.kind == Kind::EncoderDecoder {
            return Err(LawError::Request("sparse pretraining is counted for decoders: give the shape of one".into()));
        }
        // Without biases and norms, which stay dense and cost nothing that is counted.
        let bare = Shape { bias: kleiber_core::shape::Biases::NONE, ..shape.clone() };
        let parts = bare.parts()?;
        let head = parts.params_matmul()? - parts.params()?;
        Ok(Self {
            matrices: 2.0 * (parts.attention + parts.mlp) as f64,
            attention: 4.0 * (shape.layers * shape.heads * shape.head_width) as f64 * context as f64,
            logits: 2.0 * head as f64,
        })
    }

    /// Forward FLOP per token with this share of zeros.
    pub fn forward(&self, sparsity: f64) -> f64 {
        self.matrices * (1.0 - sparsity) + self.attention + self.logits
    }

    /// How many times fewer FLOP than dense pretraining.
    pub fn saving(&self, sparsity: f64) -> f64 {
        self.forward(0.0) / self.forward(sparsity)
    }

    /// FLOP of pretraining on `pretraining` tokens with this sparsity and of dense fine-tuning on `fine_tuning` tokens.
    pub fn total(&self, sparsity: f64, pretraining: f64, fine_tuning: f64) -> f64 {
        3.0 * (self.forward(sparsity) * pretraining + self.forward(0.0) * fine_tuning)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::catalogue::Catalogue;

    /// GPT-3 of these layers and widths, with the tokens of the paper.
    fn gpt(layers: u64, width: u64) -> SparseFlops {
        let base = Catalogue::builtin().entry("gpt3-125m").unwrap().shape().unwrap();
        let shape = Shape {
            layers,
            width,
            heads: width / 64,
            head_width: 64,
            groups: width / 64,
            hidden: 4 * width,
            vocab: 50257,
            ..base
        };
        SparseFlops::of(&shape, 2048).unwrap()
    }

    /// The abstract: 2.5x fewer FLOP for GPT-3 XL at 75%; and what the formula gives for the other models of the paper.
    #[test]
    fn published_savings() {
        let (xl, small) = (gpt(24, 2048), gpt(12, 768));
        assert!((xl.saving(0.75) - 2.5).abs() < 0.05, "{}", xl.saving(0.75));
        assert!((1.0 - 1.0 / xl.saving(0.75) - 0.6).abs() < 0.01, "60% fewer");
        for (model, sparsity, tokens, flops) in [
            (xl, 0.0, 26e9, 2.36e20),
            (xl, 0.5, 26e9, 1.42e20),
            (xl, 0.75, 26e9, 9.46e19),
            (small, 0.0, 2.5e9, 2.42e18),
            (small, 0.5, 2.5e9, 1.78e18),
            (small, 0.75, 2.5e9, 1.46e18),
        ] {
            let got = model.total(sparsity, tokens, 0.0);
            assert!((got / flops - 1.0).abs() < 0.01, "{sparsity}: {got} for {flops}");
        }
        // A small model saves much less, because logits and attention stay.
        assert!((small.saving(0.75) - 1.65).abs() < 0.01 && xl.saving(0.75) > 1.4 * small.saving(0.75));
    }

    #[test]
    fn the_parts_are_the_formula() {
        let xl = gpt(24, 2048);
        assert_eq!(xl.matrices, 24.0 * 2048.0 * 2048.0 * 24.0);
        assert_eq!((xl.attention, xl.logits), (4.0 * 2048.0 * 2048.0 * 24.0, 2.0 * 2048.0 * 50257.0));
        assert!(xl.total(0.75, 1e9, 1e6) > xl.total(0.75, 1e9, 0.0), "dense fine-tuning costs");
    }
}
