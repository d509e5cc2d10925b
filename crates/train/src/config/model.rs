//! `[model]`: what learns.

use super::Auto;
use crate::TrainError;
use kleiber_models::{DecoderConfig, Init, Mlp, NormKind, Positions};
use serde::{Deserialize, Serialize};

/// What learns. Either `params` is given and the shape follows, or layers and width are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelConfig {
    /// Folder of a checkpoint, or of a run, whose parameters this run starts from; random ones when empty.
    pub start: String,
    /// Parameters without embedding and head that the shape is chosen for.
    pub params: Auto<u64>,
    /// Blocks, of the decoder where there is an encoder.
    pub layers: Auto<u64>,
    /// Blocks of an encoder that sees what is given of a document (`data.loss_after`); 0 for a decoder alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub encoder_layers: u64,
    /// Numbers of a hidden state.
    pub width: Auto<u64>,
    /// Query heads.
    pub heads: Auto<u64>,
    /// Key and value heads; as many as query heads otherwise.
    pub groups: Auto<u64>,
    /// Numbers inside the feed-forward layer; four times the width otherwise, a third less when gated.
    pub hidden: Auto<u64>,
    /// Longest sequence.
    pub context: u64,
    /// How the model is told where tokens stand.
    pub positions: Positions,
    /// Positions that a sequence's are drawn from; 0 for the places themselves.
    pub position_range: u64,
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
    /// Feed-forward layers in each block, of which a router chooses one for each token; 1 where there is no choice.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub experts: u64,
    /// Whether projections and layer norms have biases.
    pub bias: bool,
    /// Whether the head shares the embedding.
    pub tied: bool,
    /// Keys that each head sees; all of them when empty.
    pub spans: Vec<u32>,
    /// How parameters start.
    pub init: Init,
    /// Width whose learning rate is used, for muP.
    pub base_width: u64,
}

impl Default for ModelConfig {
    fn default() -> Self {
        let open = Auto::Auto;
        Self {
            layers: open,
            width: open,
            heads: open,
            groups: open,
            hidden: open,
            ..Self::of(&DecoderConfig::default())
        }
    }
}

fn is_zero(layers: &u64) -> bool {
    *layers == 0
}

fn one() -> u64 {
    1
}

fn is_one(experts: &u64) -> bool {
    *experts == 1
}

/// Parameters of a model of which nothing is said.
const DEFAULT_PARAMS: u64 = 300_000;

impl ModelConfig {
    /// The decoder for a vocabulary.
    ///
    /// # Errors
    /// [`TrainError::Option`] for a shape given twice, [`TrainError::Model`] for one that does not fit.
    pub fn decoder(&self, vocab: usize) -> Result<DecoderConfig, TrainError> {
        if !self.start.is_empty() {
            return crate::start::shape(self, vocab);
        }
        let size = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        let base = DecoderConfig {
            vocab,
            context: size(self.context),
            encoder_layers: size(self.encoder_layers),
            positions: self.positions,
            position_range: size(self.position_range),
            rotary_share: self.rotary_share,
            rotary_base: self.rotary_base,
            norm: self.norm,
            epsilon: self.epsilon,
            mlp: self.mlp,
            experts: size(self.experts),
            bias: self.bias,
            tied: self.tied,
            spans: self.spans.clone(),
            init: self.init,
            base_width: size(self.base_width),
            hidden: self.hidden.value().map_or(0, size),
            ..DecoderConfig::default()
        };
        let shaped = [self.layers, self.width].iter().any(|v| v.value().is_some());
        let mut decoder = match self.params {
            Auto::Value(params) if shaped => {
                return Err(TrainError::option("model.params", params, "give params, or layers and width, not both"));
            }
            Auto::Auto if shaped => {
                let sized = base.near(DEFAULT_PARAMS);
                let width = self.width.value().map_or(sized.width, size);
                let layers = self.layers.value().map_or(sized.layers, size);
                DecoderConfig { layers, width, ..base }.with_heads()
            }
            params => {
                let wanted = params.value().unwrap_or(DEFAULT_PARAMS);
                let near = base.near(wanted);
                let found = near.shape().parts()?.params()?;
                if !(0.75..=1.33).contains(&(found as f64 / wanted.max(1) as f64)) {
                    let expected = format!("the nearest shape has {found} parameters; give layers and width instead");
                    return Err(TrainError::option("model.params", wanted, expected));
                }
                near
            }
        };
        if let Some(heads) = self.heads.value() {
            (decoder.heads, decoder.groups) = (size(heads), size(heads));
        }
        if let Some(groups) = self.groups.value() {
            decoder.groups = size(groups);
        }
        decoder.check()?;
        Ok(decoder)
    }

    /// The same with everything that was left open filled in, from the decoder it became.
    pub fn resolved(&self, decoder: &DecoderConfig) -> Self {
        Self { start: self.start.clone(), ..Self::of(decoder) }
    }

    /// The keys of a decoder.
    fn of(decoder: &DecoderConfig) -> Self {
        let value = |size: usize| Auto::Value(size as u64);
        Self {
            start: String::new(),
            params: Auto::Auto,
            layers: value(decoder.layers),
            encoder_layers: decoder.encoder_layers as u64,
            width: value(decoder.width),
            heads: value(decoder.heads),
            groups: value(decoder.groups),
            hidden: value(decoder.hidden()),
            context: decoder.context as u64,
            positions: decoder.positions,
            position_range: decoder.position_range as u64,
            rotary_share: decoder.rotary_share,
            rotary_base: decoder.rotary_base,
            norm: decoder.norm,
            epsilon: decoder.epsilon,
            mlp: decoder.mlp,
            experts: decoder.experts as u64,
            bias: decoder.bias,
            tied: decoder.tied,
            spans: decoder.spans.clone(),
            init: decoder.init,
            base_width: decoder.base_width as u64,
        }
    }
}
