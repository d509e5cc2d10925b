//! FLOP per token and bytes.

use super::exact::Exact;
use super::{Kind, Shape};
use crate::CoreError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What counts as an operation. Training is three times the forward pass (backward: a product for the gradient of the
/// input and one for that of the weight) in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Convention {
    /// `6nd`: 2 FLOP forward and 6 in training per token and parameter of `params_matmul`.
    #[serde(rename = "6nd")]
    SixNd,
    /// `with-attention`: `6nd` plus scores and mixing, 4 FLOP forward per token, layer, query head, number of a head and
    /// key. A causal token sees half of the context on average, a token of an encoder or of a prefix decoder all of it.
    #[serde(rename = "with-attention")]
    WithAttention,
}

impl Convention {
    /// Both, the plainer first.
    pub const ALL: [Self; 2] = [Self::SixNd, Self::WithAttention];

    /// The name under which FLOP are reported.
    pub fn name(self) -> &'static str {
        match self {
            Self::SixNd => "6nd",
            Self::WithAttention => "with-attention",
        }
    }
}

/// FLOP per token; for an encoder-decoder per pair of an input and an output token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PerToken {
    /// FLOP of the forward pass.
    pub forward: u64,
    /// FLOP of a training step.
    pub training: u64,
}

/// A format of stored numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// 16-bit floats.
    F16,
    /// 16-bit floats with the range of 32-bit ones.
    #[default]
    Bf16,
    /// 8-bit floats.
    F8,
    /// 8-bit integers, without their scales.
    Int8,
    /// 4-bit integers, without their scales.
    Int4,
}

impl Dtype {
    /// Every format with its name.
    pub const NAMED: [(&'static str, Self); 6] = [
        ("f32", Self::F32),
        ("f16", Self::F16),
        ("bf16", Self::Bf16),
        ("f8", Self::F8),
        ("int8", Self::Int8),
        ("int4", Self::Int4),
    ];

    /// Bits of one number.
    pub fn bits(self) -> u64 {
        match self {
            Self::F32 => 32,
            Self::F16 | Self::Bf16 => 16,
            Self::F8 | Self::Int8 => 8,
            Self::Int4 => 4,
        }
    }

    /// Whether these are whole numbers, which only stand for weights.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int8 | Self::Int4)
    }

    fn bytes(self, numbers: Exact, what: &'static str) -> Result<u64, CoreError> {
        Ok((self.bits() * numbers).get(what)?.div_ceil(8))
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAMED.iter().find(|(_, dtype)| dtype == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Dtype {
    type Err = CoreError;
    fn from_str(text: &str) -> Result<Self, CoreError> {
        Self::NAMED.iter().find(|(name, _)| *name == text).map(|(_, dtype)| *dtype).ok_or_else(|| CoreError::Quantity {
            text: text.into(),
            expected: "a number format (f32, f16, bf16, f8, int8, int4)",
        })
    }
}

/// Bytes that training with Adam keeps beside activations (Rajbhandari et al. 2020): 16 per parameter in `f32` (4 weights,
/// 4 gradients, 8 moments) and in mixed precision alike (2, 2, 4 master weights, 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainingState {
    /// Bytes of weights that the passes use.
    pub weights: u64,
    /// Bytes of gradients.
    pub gradients: u64,
    /// Bytes of the 32-bit copy of weights; 0 in `f32`.
    pub master: u64,
    /// Bytes of both moments.
    pub moments: u64,
    /// Bytes of all.
    pub total: u64,
}

/// Bytes of a model in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// Bytes of weights.
    pub weights: u64,
    /// Training with Adam; `None` for formats that are not trained in here.
    pub training: Option<TrainingState>,
    /// Bytes of keys and values of one token.
    pub kv_per_token: u64,
    /// Bytes of keys and values of the whole batch.
    pub kv_cache: u64,
}

impl Shape {
    /// FLOP per token in sequences of `context` tokens.
    ///
    /// # Errors
    /// As [`Shape::parts`].
    pub fn flops(&self, convention: Convention, context: u64) -> Result<PerToken, CoreError> {
        let products = 2 * Exact::from(self.parts()?.params_matmul()?);
        let seen = Exact::from(self.heads) * Exact::from(self.head_width) * Exact::from(context);
        let (layers, encoder) = (Exact::from(self.layers), Exact::from(self.encoder_layers));
        let scores = match (convention, self.kind) {
            (Convention::SixNd, _) => Exact::from(0),
            (_, Kind::CausalDecoder) => 2 * layers * seen,
            (_, Kind::PrefixDecoder) => 4 * layers * seen,
            (_, Kind::EncoderDecoder) => (4 * encoder + 2 * layers + 4 * layers) * seen,
        };
        let forward = products + scores;
        Ok(PerToken { forward: forward.get("FLOP per token")?, training: (3 * forward).get("FLOP per token")? })
    }

    /// Bytes of keys and values of one token; for an encoder-decoder of an input and an output token.
    ///
    /// # Errors
    /// [`CoreError::Overflow`].
    pub fn kv_bytes_per_token(&self, dtype: Dtype) -> Result<u64, CoreError> {
        dtype.bytes(self.kv_numbers(), "bytes of the KV cache")
    }

    fn kv_numbers(&self) -> Exact {
        let numbers = 2 * Exact::from(self.layers) * Exact::from(self.groups) * Exact::from(self.head_width);
        Exact::from(self.stacks()) * numbers
    }

    /// Bytes of weights in `dtype`, of training in it, and of the keys and values in `kv` of `batch` sequences of `context`
    /// tokens. Activations and buffers are not counted.
    ///
    /// # Errors
    /// As [`Shape::parts`].
    pub fn memory(&self, dtype: Dtype, kv: Dtype, context: u64, batch: u64) -> Result<Memory, CoreError> {
        let params = Exact::from(self.parts()?.params_total()?);
        let tokens = Exact::from(context) * Exact::from(batch);
        let weights = dtype.bytes(params, "bytes of weights")?;
        let training = match dtype {
            Dtype::F32 | Dtype::F16 | Dtype::Bf16 => {
                let state = |bytes: u64| (bytes * params).get("bytes of the training state");
                let total = state(16)?;
                let master = if dtype == Dtype::F32 { 0 } else { state(4)? };
                Some(TrainingState { weights, gradients: weights, master, moments: state(8)?, total })
            }
            _ => None,
        };
        Ok(Memory {
            weights,
            training,
            kv_per_token: self.kv_bytes_per_token(kv)?,
            kv_cache: kv.bytes(self.kv_numbers() * tokens, "bytes of the KV cache")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain;
    use super::*;

    #[test]
    fn flops_by_hand() {
        let shape = plain();
        let plain_flops = shape.flops(Convention::SixNd, 16).unwrap();
        assert_eq!(plain_flops, PerToken { forward: 2 * 1656, training: 6 * 1656 });
        // 2 layers x 8 numbers x 16/2 keys x 4 FLOP.
        assert_eq!(shape.flops(Convention::WithAttention, 16).unwrap().forward, 2 * 1656 + 512);
        let prefix = Shape { kind: Kind::PrefixDecoder, ..plain() };
        assert_eq!(prefix.flops(Convention::WithAttention, 16).unwrap().forward, 2 * 1656 + 1024);
        let both = Shape { kind: Kind::EncoderDecoder, encoder_layers: 3, ..plain() };
        let scores = |c| both.flops(c, 16).unwrap().forward;
        // 3 encoder layers and 2 cross attentions see 16 tokens, 2 decoder layers 8.
        assert_eq!(scores(Convention::WithAttention) - scores(Convention::SixNd), 4 * 8 * (3 * 16 + 2 * 16 + 2 * 8));
    }

    #[test]
    fn bytes_by_hand() {
        let shape = plain();
        let params = 1736;
        let memory = shape.memory(Dtype::Bf16, Dtype::Bf16, 16, 3).unwrap();
        assert_eq!((memory.weights, memory.kv_per_token, memory.kv_cache), (2 * params, 64, 64 * 48));
        let state = memory.training.unwrap();
        assert_eq!((state.master, state.total), (4 * params, 16 * params));
        assert_eq!(state.weights + state.gradients + state.master + state.moments, state.total);
        let state = shape.memory(Dtype::F32, Dtype::F32, 16, 3).unwrap().training.unwrap();
        assert_eq!((state.weights, state.master, state.moments, state.total), (4 * params, 0, 8 * params, 16 * params));
        let small = shape.memory(Dtype::Int4, Dtype::F16, 16, 3).unwrap();
        assert_eq!((small.weights, small.training, small.kv_per_token), (params / 2, None, 64));
        let grouped = Shape { groups: 1, ..plain() };
        assert_eq!(grouped.kv_bytes_per_token(Dtype::F32).unwrap(), 64, "half the heads, twice the bytes");
        assert!(shape.memory(Dtype::F32, Dtype::F32, u64::MAX, 2).is_err());
    }

    #[test]
    fn published_memory() {
        // Rajbhandari et al. 2020: 7.5B parameters need 120 GB with Adam in mixed precision.
        let shape = Shape { vocab: 7_500_000_000, width: 1, layers: 1, tied: true, ..plain() };
        let memory = shape.memory(Dtype::F16, Dtype::F16, 1, 1).unwrap();
        assert_eq!(memory.training.unwrap().total / 1_000_000_000, 120);
    }

    #[test]
    fn formats_have_names() {
        for (name, dtype) in Dtype::NAMED {
            assert_eq!((name.parse::<Dtype>().unwrap(), dtype.to_string()), (dtype, name.to_string()));
        }
        assert!("float".parse::<Dtype>().unwrap_err().to_string().contains("bf16"));
    }
}
