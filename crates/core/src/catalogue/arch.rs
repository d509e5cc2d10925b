//! The architecture of an entry as its source gives it: every field may be missing.

use crate::CoreError;
use crate::shape::{Biases, Kind, NormKind, Norms, Positions, Shape};
use serde::{Deserialize, Serialize};

/// Which projections have biases, by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BiasWord {
    /// None.
    None,
    /// Queries, keys and values.
    Qkv,
    /// All in a block.
    All,
}

/// Positions, by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionWord {
    /// [`Positions::None`].
    None,
    /// [`Positions::Learned`]; needs `position_rows`.
    Learned,
    /// [`Positions::Sinusoidal`].
    Sinusoidal,
    /// [`Positions::Rotary`].
    Rotary,
    /// [`Positions::Alibi`].
    Alibi,
    /// [`Positions::T5`]; needs `position_buckets`.
    T5,
    /// [`Positions::RelativeProjected`].
    RelativeProjected,
    /// [`Positions::Relative`].
    Relative,
}

/// The fields of [`Shape`], as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct Arch {
    pub kind: Option<Kind>,
    pub layers: Option<u64>,
    pub encoder_layers: Option<u64>,
    pub width: Option<u64>,
    pub heads: Option<u64>,
    pub head_width: Option<u64>,
    pub groups: Option<u64>,
    pub hidden: Option<u64>,
    pub gated: Option<bool>,
    pub experts: Option<u64>,
    pub bias: Option<BiasWord>,
    pub norm: Option<NormKind>,
    pub norm_bias: Option<bool>,
    pub norms_per_block: Option<u64>,
    pub embedding_norm: Option<bool>,
    pub final_norm: Option<bool>,
    pub positions: Option<PositionWord>,
    pub position_rows: Option<u64>,
    pub position_buckets: Option<u64>,
    pub vocab: Option<u64>,
    pub tied: Option<bool>,
    pub context: Option<u64>,
}

/// Takes fields and remembers those that are not there.
struct Taker {
    missing: Vec<&'static str>,
}

impl Taker {
    /// The value, or a stand-in that leads nowhere because the field is now listed as missing.
    fn take<T>(&mut self, field: &'static str, value: Option<T>, stand_in: T) -> T {
        value.unwrap_or_else(|| {
            self.missing.push(field);
            stand_in
        })
    }

    fn number(&mut self, field: &'static str, value: Option<u64>) -> u64 {
        self.take(field, value, 0)
    }

    fn flag(&mut self, field: &'static str, value: Option<bool>) -> bool {
        self.take(field, value, false)
    }
}

impl Arch {
    /// The shape, when every field that it needs is there; `name` is that of the entry.
    ///
    /// # Errors
    /// [`CoreError::Incomplete`] with all fields that are missing, or [`CoreError::Shape`].
    pub fn shape(&self, name: &str) -> Result<Shape, CoreError> {
        let mut from = Taker { missing: Vec::new() };
        let kind = from.take("kind", self.kind, Kind::CausalDecoder);
        let needs_encoder = kind == Kind::EncoderDecoder;
        let positions = match from.take("positions", self.positions, PositionWord::None) {
            PositionWord::None => Positions::None,
            PositionWord::Learned => Positions::Learned { rows: from.number("position_rows", self.position_rows) },
            PositionWord::Sinusoidal => Positions::Sinusoidal,
            PositionWord::Rotary => Positions::Rotary,
            PositionWord::Alibi => Positions::Alibi,
            PositionWord::T5 => Positions::T5 { buckets: from.number("position_buckets", self.position_buckets) },
            PositionWord::RelativeProjected => Positions::RelativeProjected,
            PositionWord::Relative => Positions::Relative,
        };
        let shape = Shape {
            kind,
            layers: from.number("layers", self.layers),
            encoder_layers: if needs_encoder {
                from.number("encoder_layers", self.encoder_layers)
            } else {
                self.encoder_layers.unwrap_or(0)
            },
            width: from.number("width", self.width),
            heads: from.number("heads", self.heads),
            head_width: from.number("head_width", self.head_width),
            groups: from.number("groups", self.groups),
            hidden: from.number("hidden", self.hidden),
            gated: from.flag("gated", self.gated),
            experts: self.experts.unwrap_or(1),
            bias: match from.take("bias", self.bias, BiasWord::None) {
                BiasWord::None => Biases::NONE,
                BiasWord::Qkv => Biases { qkv: true, ..Biases::NONE },
                BiasWord::All => Biases::ALL,
            },
            norm: Norms {
                kind: from.take("norm", self.norm, NormKind::Rms),
                bias: from.flag("norm_bias", self.norm_bias),
                per_block: from.number("norms_per_block", self.norms_per_block),
                embedding: from.flag("embedding_norm", self.embedding_norm),
                last: from.flag("final_norm", self.final_norm),
            },
            positions,
            vocab: from.number("vocab", self.vocab),
            tied: from.flag("tied", self.tied),
            context: from.number("context", self.context),
        };
        if from.missing.is_empty() {
            shape.check()?;
            return Ok(shape);
        }
        Err(CoreError::Incomplete { name: name.into(), missing: from.missing })
    }
}
