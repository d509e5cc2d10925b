//! What a decoder is made of.

use crate::layout::T5_BUCKETS;
use crate::{Init, ModelError};
use kleiber_core::shape::{self, Biases, Kind, Norms, Shape, usual_hidden};
use serde::{Deserialize, Serialize};

/// How the model is told where tokens stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Positions {
    /// Not at all (Kazemnejad et al. 2023, NoPE): only causality tells.
    None,
    /// A learned row for each position (Radford et al. 2019).
    Learned,
    /// Fixed sines and cosines added to the embedding (Vaswani et al. 2017).
    Sinusoidal,
    /// Rotated queries and keys (Su et al. 2021).
    #[default]
    Rotary,
    /// A penalty on distance (Press et al. 2022).
    Alibi,
    /// A learned bias for each bucket of distances (Raffel et al. 2020).
    T5,
}

/// Which norm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// Layer norm with gain, and bias when the model has biases.
    Layer,
    /// RMS norm.
    #[default]
    Rms,
}

/// The feed-forward layer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mlp {
    /// GELU in its tanh form.
    #[default]
    Gelu,
    /// A gated unit; `hidden` counts numbers after the gate.
    Swiglu,
    /// Squared rectifier.
    ReluSquared,
}

fn is_zero(layers: &usize) -> bool {
    *layers == 0
}

fn is_one(experts: &usize) -> bool {
    *experts == 1
}

/// A transformer with norms before attention and feed-forward layers: a decoder, alone or behind an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DecoderConfig {
    /// Tokens that there are.
    pub vocab: usize,
    /// Longest sequence.
    pub context: usize,
    /// Blocks of the decoder.
    pub layers: usize,
    /// Blocks of an encoder, which sees the source of a pair; 0 for a decoder alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub encoder_layers: usize,
    /// Numbers of a hidden state.
    pub width: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads.
    pub groups: usize,
    /// Numbers inside the feed-forward layer.
    pub hidden: usize,
    /// Positions.
    pub positions: Positions,
    /// Positions that a sequence's are drawn from in order, so that longer sequences hold nothing new (Ruoss et al.
    /// 2023), a multiple of the context; 0 for the places themselves. Training draws them, evaluation spaces them evenly.
    pub position_range: usize,
    /// Share of a head's numbers that rotary positions turn.
    pub rotary_share: f64,
    /// Base of the rotary angles.
    pub rotary_base: f64,
    /// Norms.
    pub norm: NormKind,
    /// Added to the variance in norms.
    pub epsilon: f64,
    /// Feed-forward layer.
    pub mlp: Mlp,
    /// Feed-forward layers in each block, of which a token passes the one that a router finds likeliest (Fedus et al.
    /// 2022, Switch Transformer); 1 where there is no choice.
    #[serde(skip_serializing_if = "is_one")]
    pub experts: usize,
    /// Whether projections and layer norms have biases.
    pub bias: bool,
    /// Whether the head shares the embedding.
    pub tied: bool,
    /// Keys that each head sees; all of them when empty, one entry for every head otherwise.
    pub spans: Vec<u32>,
    /// How parameters start.
    pub init: Init,
    /// Width whose learning rate is used, for muP: matrices of other widths take it times this over their width.
    pub base_width: usize,
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self {
            vocab: 4096,
            context: 256,
            layers: 4,
            encoder_layers: 0,
            width: 128,
            heads: 4,
            groups: 4,
            hidden: 0,
            positions: Positions::default(),
            position_range: 0,
            rotary_share: 1.0,
            rotary_base: 10_000.0,
            norm: NormKind::default(),
            epsilon: 1e-5,
            mlp: Mlp::default(),
            experts: 1,
            bias: false,
            tied: false,
            spans: Vec::new(),
            init: Init::default(),
            base_width: 128,
        }
    }
}

impl DecoderConfig {
    /// Numbers of a head.
    pub fn head_width(&self) -> usize {
        self.width / self.heads.max(1)
    }

    /// Numbers inside the feed-forward layer: `hidden`, or when that is 0 the usual ([`usual_hidden`]).
    pub fn hidden(&self) -> usize {
        if self.hidden > 0 {
            return self.hidden;
        }
        let usual = usual_hidden(self.width as u64, self.mlp == Mlp::Swiglu);
        usual.and_then(|hidden| usize::try_from(hidden).ok()).unwrap_or(usize::MAX)
    }

    /// Positions from a token to the next in evaluation: one, or where they are drawn from a range, its share for each
    /// place of the context.
    pub fn spacing(&self) -> usize {
        (self.position_range / self.context).max(1)
    }

    /// Positions that there are.
    pub fn position_count(&self) -> usize {
        self.context.max(self.position_range)
    }

    /// Numbers of a token's queries, keys and values together.
    pub fn packed_width(&self) -> usize {
        (self.heads + 2 * self.groups) * self.head_width()
    }

    /// Numbers that go into the activation for each that comes out: two where a gate is among them.
    pub fn gates(&self) -> usize {
        if self.mlp == Mlp::Swiglu { 2 } else { 1 }
    }

    /// Numbers of a head that rotary positions turn.
    pub fn rotary_dims(&self) -> usize {
        (self.head_width() as f64 * self.rotary_share) as usize / 2 * 2
    }

    /// What decides the size of this decoder, for counting it without building it.
    pub fn shape(&self) -> Shape {
        let size = |n: usize| n as u64;
        let layer = self.norm == NormKind::Layer;
        Shape {
            kind: if self.encoder_layers > 0 { Kind::EncoderDecoder } else { Kind::CausalDecoder },
            layers: size(self.layers),
            encoder_layers: size(self.encoder_layers),
            width: size(self.width),
            heads: size(self.heads),
            head_width: size(self.head_width()),
            groups: size(self.groups),
            hidden: size(self.hidden()),
            gated: self.mlp == Mlp::Swiglu,
            experts: size(self.experts),
            bias: if self.bias { Biases::ALL } else { Biases::NONE },
            norm: Norms {
                kind: if layer { shape::NormKind::Layer } else { shape::NormKind::Rms },
                bias: self.bias && layer,
                per_block: 2,
                embedding: false,
                last: true,
            },
            positions: match self.positions {
                Positions::None => shape::Positions::None,
                Positions::Learned => shape::Positions::Learned { rows: size(self.position_count()) },
                Positions::Sinusoidal => shape::Positions::Sinusoidal,
                Positions::Rotary => shape::Positions::Rotary,
                Positions::Alibi => shape::Positions::Alibi,
                Positions::T5 => shape::Positions::T5 { buckets: size(T5_BUCKETS) },
            },
            vocab: size(self.vocab),
            tied: self.tied,
            context: size(self.context),
        }
    }

    /// Whether the fields fit each other.
    ///
    /// # Errors
    /// [`ModelError::Config`] with the first field that does not.
    pub fn check(&self) -> Result<(), ModelError> {
        let bad =
            |field, found: String, expected: &str| Err(ModelError::Config { field, found, expected: expected.into() });
        for (field, value) in [
            ("vocab", self.vocab),
            ("context", self.context),
            ("layers", self.layers),
            ("width", self.width),
            ("heads", self.heads),
            ("groups", self.groups),
            ("experts", self.experts),
            ("base_width", self.base_width),
        ] {
            if value == 0 || value > 1 << 30 {
                return bad(field, value.to_string(), "a positive size is needed");
            }
        }
        if !self.width.is_multiple_of(self.heads) {
            return bad("heads", self.heads.to_string(), &format!("the width {} must be a multiple of it", self.width));
        }
        if !self.heads.is_multiple_of(self.groups) {
            return bad(
                "groups",
                self.groups.to_string(),
                &format!("the {} heads must be a multiple of it", self.heads),
            );
        }
        if !self.spans.is_empty() && self.spans.len() != self.heads {
            return bad("spans", format!("{} entries", self.spans.len()), "one for each head, or none");
        }
        if self.hidden() > 1 << 30 {
            return bad("hidden", self.hidden().to_string(), "at most 2^30");
        }
        if self.position_range != 0 {
            if !self.position_range.is_multiple_of(self.context) || self.position_range > 1 << 24 {
                let expected = format!("a multiple of the context {}, at most {}", self.context, 1 << 24);
                return bad("position_range", self.position_range.to_string(), &expected);
            }
            if self.positions == Positions::None {
                return bad("position_range", self.position_range.to_string(), "a model without positions draws none");
            }
        }
        if self.experts > 1 && self.encoder_layers > 0 {
            return bad("experts", self.experts.to_string(), "1 beside an encoder");
        }
        if self.encoder_layers > 0 {
            let found = self.encoder_layers.to_string();
            if self.encoder_layers > 1 << 30 {
                return bad("encoder_layers", found, "at most 2^30");
            }
            // Biases, spans and drawn positions speak of what stands before a token.
            let one_way = matches!(self.positions, Positions::Alibi | Positions::T5);
            if one_way || self.position_range != 0 || !self.spans.is_empty() {
                let expected =
                    "an encoder looks both ways: positions none, learned, sinusoidal or rotary, no spans, no range";
                return bad("encoder_layers", found, expected);
            }
        }
        let share = self.rotary_share;
        if !(share > 0.0 && share <= 1.0) {
            return bad("rotary_share", share.to_string(), "above 0 and at most 1");
        }
        for (field, value) in [("rotary_base", self.rotary_base), ("epsilon", self.epsilon)] {
            if !(value > 0.0 && value <= f64::from(f32::MAX)) {
                return bad(field, value.to_string(), "a positive number is needed");
            }
        }
        if self.positions == Positions::Rotary && self.rotary_dims() == 0 {
            return bad("rotary_share", self.rotary_share.to_string(), "at least two numbers of a head must turn");
        }
        if self.positions == Positions::Sinusoidal && !self.width.is_multiple_of(2) {
            return bad("width", self.width.to_string(), "sinusoidal positions need an even width");
        }
        Ok(())
    }
}
