//! Which small encoder fits a file: size and operations by shape, and the search for the most of them in a number of bytes
//! (Shi et al. 2022, "Compressing pre-trained models of code into 3 MB", arXiv 2208.07120).
//!
//! The paper takes operations as a stand-in for capacity: among the shapes of a size the one with the most operations is
//! searched. That drives vocabulary and feed-forward width to their smallest and depth to its largest, since scores of
//! attention cost operations and no parameters: a proxy, not a goal.

mod genetic;
mod search;

pub use genetic::{Evolution, evolve, random_search};
pub use search::{Best, Limit, Target, exhaustive};

use crate::LawError;
use kleiber_core::shape::{Biases, Kind, NormKind, Norms, Positions, Shape};
use serde::Serialize;

/// Positions of the paper's encoders.
pub const POSITIONS: u64 = 514;

/// The shape of a small encoder with a head for two classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Student {
    /// Heads.
    pub heads: u64,
    /// Width.
    pub width: u64,
    /// Numbers inside the feed-forward layer.
    pub hidden: u64,
    /// Layers.
    pub layers: u64,
    /// Vocabulary.
    pub vocab: u64,
}

/// How operations are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counting {
    /// The norm after attention costs 5 operations per number, as the other one; an embedding is looked up for free.
    Corrected,
    /// As the released code: that norm costs 5 in all, and an embedding is a product with a one-hot vector, 2 h V per token.
    Published,
}

impl Student {
    /// CodeBERT, the teacher of the paper.
    pub const CODEBERT: Self = Self { heads: 12, width: 768, hidden: 3072, layers: 12, vocab: 50265 };

    /// The encoder without its head for classes, for counts: learned positions, biases, a norm after the embedding.
    fn shape(&self) -> Shape {
        Shape {
            kind: Kind::PrefixDecoder,
            layers: self.layers,
            encoder_layers: 0,
            width: self.width,
            heads: self.heads,
            head_width: self.width / self.heads.max(1),
            groups: self.heads,
            hidden: self.hidden,
            gated: false,
            experts: 1,
            bias: Biases::ALL,
            norm: Norms { kind: NormKind::Layer, bias: true, per_block: 2, embedding: true, last: false },
            positions: Positions::Learned { rows: POSITIONS },
            vocab: self.vocab,
            tied: true,
            context: POSITIONS,
        }
    }

    /// Parameters: the encoder, a row of token types, a pooling layer, and a classifier of one hidden layer and two classes.
    ///
    /// # Errors
    /// [`LawError::Request`] when heads do not divide the width, [`LawError::Table`] for a field of zero.
    pub fn params(&self) -> Result<u64, LawError> {
        if self.heads == 0 || !self.width.is_multiple_of(self.heads) {
            return Err(LawError::Request(format!("width {} is no multiple of {} heads", self.width, self.heads)));
        }
        let h = self.width;
        Ok(self.shape().parts()?.params_total()? + h + 2 * (h * h + h) + 2 * h + 2)
    }

    /// Operations of a forward pass over 514 tokens: products 2 per multiply-add, dropout 4, norms 5, the activation 8 and
    /// softmax 5 per number.
    pub fn flops(&self, counting: Counting) -> f64 {
        let [h, i, v, l, a] = [self.width, self.hidden, self.vocab, self.layers, self.heads].map(|n| n as f64);
        let s = POSITIONS as f64;
        let (norm, lookup) = match counting {
            Counting::Corrected => (5.0 * h, 0.0),
            Counting::Published => (5.0, 2.0 * h * v + 2.0 * h * (s + 2.0)),
        };
        // Projections, scores, softmax, dropout, scale and mixing; output, its bias, dropout, residual and norm.
        let attention = 6.0 * h * h + 3.0 * h + 2.0 * h * s + (5.0 + 4.0 + 1.0) * s * a + 2.0 * h * s;
        let output = 2.0 * h * h + h + 4.0 * h + h + norm;
        let feed_forward = 4.0 * h * i + 8.0 * i + i + h + 4.0 * h + h + 5.0 * h;
        let embedding = lookup + 2.0 * h + 5.0 * h + 4.0 * h;
        let head = 2.0 * h * h + h + 12.0 * h + 2.0 * h;
        s * (l * (attention + output + feed_forward) + embedding + head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The shapes that the authors released, and the sizes of their files in MB of 32-bit numbers.
    #[test]
    fn released_shapes() {
        let rows = [
            (Student::CODEBERT, 125_237_762, 138.406),
            (Student { heads: 8, width: 96, hidden: 64, layers: 12, vocab: 1000 }, 765_410, 2.253),
            (Student { heads: 16, width: 432, hidden: 128, layers: 6, vocab: 1000 }, 6_196_946, 9.180),
            (Student { heads: 16, width: 480, hidden: 576, layers: 6, vocab: 6000 }, 12_467_618, 15.896),
        ];
        for (student, params, gflops) in rows {
            assert_eq!(student.params().unwrap(), params, "{student:?}");
            let got = student.flops(Counting::Published) / 1e9;
            assert!((got - gflops).abs() < 5e-4, "{student:?}: {got}");
        }
    }

    /// The formula of the released code, written out.
    #[test]
    fn the_shape_counts_what_the_released_formula_counts() {
        let s = Student { heads: 4, width: 112, hidden: 288, layers: 7, vocab: 3000 };
        let (h, i, v, l) = (s.width, s.hidden, s.vocab, s.layers);
        let by_hand = v * h
            + 514 * h
            + 3 * h
            + l * (3 * (h * h + h) + h * h + h + 2 * h * i + i + h + 4 * h)
            + 2 * (h * h + h)
            + 2 * h
            + 2;
        assert_eq!(s.params().unwrap(), by_hand);
        let fewer = s.flops(Counting::Corrected) - s.flops(Counting::Published);
        let (h, v) = (h as f64, v as f64);
        let expected = 514.0 * (7.0 * 5.0 * (h - 1.0) - 2.0 * h * v - 2.0 * h * 516.0);
        assert!((fewer / expected - 1.0).abs() < 1e-9, "{fewer} {expected}");
        assert!(Student { heads: 5, ..s }.params().is_err() && Student { heads: 0, ..s }.params().is_err());
    }
}
