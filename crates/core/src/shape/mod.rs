//! The size of a transformer without its tensors: parameters by part, FLOP per token, bytes.
//!
//! ```
//! use kleiber_core::shape::{Convention, Dtype};
//! # fn main() -> Result<(), kleiber_core::CoreError> {
//! let gpt3 = &kleiber_core::catalogue::Catalogue::builtin().entry("gpt3-175b")?.shape()?;
//! let parts = gpt3.parts()?;
//! assert_eq!(parts.params_total()? / 100_000_000, 1746);
//! assert_eq!(gpt3.flops(Convention::SixNd, 2048)?.training, 6 * parts.params_matmul()?);
//! assert_eq!(gpt3.kv_bytes_per_token(Dtype::F16)?, 2 * 96 * 12288 * 2);
//! # Ok(()) }
//! ```

mod cost;
mod count;
mod exact;
pub mod hugging_face;

pub use cost::{Convention, Dtype, Memory, PerToken, TrainingState};
pub use count::Parts;

use crate::CoreError;
use serde::{Deserialize, Serialize};

/// How tokens see each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Every token sees those before it.
    #[default]
    CausalDecoder,
    /// The tokens of a prefix see each other, those after it see what stands before them.
    PrefixDecoder,
    /// A stack that sees the whole input, and a causal one that also attends to it.
    EncoderDecoder,
}

/// How the model is told where tokens stand, as far as it costs parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Positions {
    /// Not at all.
    None,
    /// A learned row of `width` numbers for each position.
    Learned {
        /// Rows; some models keep a few more than their context.
        rows: u64,
    },
    /// Fixed waves added to the embedding: no parameters.
    Sinusoidal,
    /// Rotated queries and keys (Su et al. 2021): no parameters.
    Rotary,
    /// A penalty on distance (Press et al. 2022): no parameters.
    Alibi,
    /// A table of one bias per head and bucket of distances in each stack (Raffel et al. 2020).
    T5 {
        /// Buckets of distances.
        buckets: u64,
    },
    /// Encodings of distances, projected to keys by a matrix in each layer (Dai et al. 2019, Transformer-XL). The vectors u
    /// and v, of which sources do not say whether layers share them, are not counted.
    RelativeProjected,
    /// Relative, in a way that the source does not tell: nothing is counted.
    Relative,
}

/// Which norm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Layer norm.
    Layer,
    /// RMS norm.
    #[default]
    Rms,
}

/// The norms of a model; each has a gain of `width` numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norms {
    /// Which norm.
    pub kind: NormKind,
    /// Whether norms have a bias beside their gain.
    pub bias: bool,
    /// Norms in a block: 2, or 1 where attention and feed-forward layer share one. Cross attention adds one.
    pub per_block: u64,
    /// Whether the embedding is normed.
    pub embedding: bool,
    /// Whether a norm follows the last block of a stack.
    pub last: bool,
}

/// Which projections have biases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Biases {
    /// Queries, keys and values.
    pub qkv: bool,
    /// The projection out of attention.
    pub output: bool,
    /// Both sides of the feed-forward layer.
    pub mlp: bool,
}

impl Biases {
    /// No projection has one.
    pub const NONE: Self = Self { qkv: false, output: false, mlp: false };
    /// Every projection in a block has one.
    pub const ALL: Self = Self { qkv: true, output: true, mlp: true };
}

/// The shape of a transformer: what decides its size, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// How tokens see each other.
    pub kind: Kind,
    /// Blocks of the decoder.
    pub layers: u64,
    /// Blocks of the encoder; 0 without one.
    pub encoder_layers: u64,
    /// Numbers of a hidden state.
    pub width: u64,
    /// Query heads.
    pub heads: u64,
    /// Numbers of a head; `heads * head_width` may differ from `width`.
    pub head_width: u64,
    /// Key and value heads.
    pub groups: u64,
    /// Numbers inside the feed-forward layer, after the gate where there is one.
    pub hidden: u64,
    /// Whether the feed-forward layer is gated: three matrices instead of two.
    pub gated: bool,
    /// Feed-forward layers in each block, of which a token passes one; 1 where there is no choice.
    #[serde(default = "one")]
    pub experts: u64,
    /// Biases of projections.
    pub bias: Biases,
    /// Norms.
    pub norm: Norms,
    /// Positions.
    pub positions: Positions,
    /// Rows of the embedding.
    pub vocab: u64,
    /// Whether the head shares the embedding.
    pub tied: bool,
    /// Longest sequence, in tokens.
    pub context: u64,
}

/// Numbers inside a feed-forward layer where nobody says: four times the width; for a gated unit two thirds of that,
/// rounded up to a multiple of 8, so that parameters stay about the same (Shazeer 2020). `None` when that is too large.
pub fn usual_hidden(width: u64, gated: bool) -> Option<u64> {
    if gated { width.checked_mul(8)?.div_ceil(3).checked_next_multiple_of(8) } else { width.checked_mul(4) }
}

fn one() -> u64 {
    1
}

impl Shape {
    /// Whether the fields fit each other.
    ///
    /// # Errors
    /// [`CoreError::Shape`] with the first field that does not.
    pub fn check(&self) -> Result<(), CoreError> {
        let bad = |field, found: u64, expected: &str| {
            Err(CoreError::Shape { field, found: found.to_string(), expected: expected.into() })
        };
        for (field, value) in [
            ("layers", self.layers),
            ("width", self.width),
            ("heads", self.heads),
            ("head_width", self.head_width),
            ("groups", self.groups),
            ("hidden", self.hidden),
            ("experts", self.experts),
            ("vocab", self.vocab),
            ("context", self.context),
        ] {
            if value == 0 {
                return bad(field, 0, "a positive number");
            }
        }
        if !self.heads.is_multiple_of(self.groups) {
            return bad("groups", self.groups, &format!("a divisor of the {} heads", self.heads));
        }
        match (self.kind, self.encoder_layers) {
            (Kind::EncoderDecoder, 0) => bad("encoder_layers", 0, "the blocks of the encoder"),
            (Kind::EncoderDecoder, _) | (_, 0) => Ok(()),
            (_, more) => bad("encoder_layers", more, "0 in a model without an encoder"),
        }
    }

    /// Width over layers, the aspect ratio.
    pub fn aspect(&self) -> f64 {
        self.width as f64 / (self.layers as f64 + self.encoder_layers as f64)
    }

    /// Stacks of blocks: 2 with an encoder.
    fn stacks(&self) -> u64 {
        if self.encoder_layers > 0 { 2 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small decoder of the plainest kind.
    pub(super) fn plain() -> Shape {
        Shape {
            kind: Kind::CausalDecoder,
            layers: 2,
            encoder_layers: 0,
            width: 8,
            heads: 2,
            head_width: 4,
            groups: 2,
            hidden: 32,
            gated: false,
            experts: 1,
            bias: Biases::NONE,
            norm: Norms { kind: NormKind::Rms, bias: false, per_block: 2, embedding: false, last: true },
            positions: Positions::Rotary,
            vocab: 10,
            tied: false,
            context: 16,
        }
    }

    #[test]
    fn fields_that_do_not_fit_are_named() {
        let message = |shape: Shape| shape.parts().unwrap_err().to_string();
        assert_eq!(message(Shape { width: 0, ..plain() }), "width = 0: expected a positive number");
        assert!(message(Shape { heads: 3, ..plain() }).starts_with("groups = 2"));
        assert!(message(Shape { encoder_layers: 2, ..plain() }).starts_with("encoder_layers = 2"));
        assert!(message(Shape { kind: Kind::EncoderDecoder, ..plain() }).starts_with("encoder_layers = 0"));
    }

    #[test]
    fn usual_hidden_sizes() {
        assert_eq!((usual_hidden(768, false), usual_hidden(4096, true)), (Some(3072), Some(10_928)));
        assert_eq!((usual_hidden(u64::MAX, false), usual_hidden(u64::MAX / 2, true)), (None, None));
    }
}
