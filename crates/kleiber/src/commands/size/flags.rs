//! A shape in flags.

use crate::error::CliError;
use clap::Args;
use clap::builder::PossibleValuesParser;
use kleiber_core::catalogue::Arch;
use kleiber_core::shape::{Kind, NormKind, Shape, usual_hidden};
use serde::de::DeserializeOwned;

/// The fields of a shape.
#[derive(Debug, Args)]
#[command(next_help_heading = "Shape")]
pub(crate) struct ShapeFlags {
    /// Blocks (of the decoder).
    #[arg(long, value_name = "N", requires_all = ["width", "heads", "vocab", "context"])]
    layers: Option<u64>,
    /// Numbers of a hidden state.
    #[arg(long, value_name = "N", requires = "layers")]
    width: Option<u64>,
    /// Query heads.
    #[arg(long, value_name = "N", requires = "layers")]
    heads: Option<u64>,
    /// Rows of the embedding.
    #[arg(long, value_name = "N", requires = "layers")]
    vocab: Option<u64>,
    /// Key and value heads. [default: as many as query heads]
    #[arg(long, value_name = "N", requires = "layers")]
    groups: Option<u64>,
    /// Numbers of a head. [default: width over heads]
    #[arg(long, value_name = "N", requires = "layers")]
    head_width: Option<u64>,
    /// Numbers inside the feed-forward layer. [default: 4 times the width, 8/3 when gated]
    #[arg(long, value_name = "N", requires = "layers")]
    hidden: Option<u64>,
    /// The feed-forward layer is gated: three matrices.
    #[arg(long, requires = "layers")]
    gated: bool,
    /// Feed-forward layers in each block, of which a token passes one. [default: 1]
    #[arg(long, value_name = "N", requires = "layers")]
    experts: Option<u64>,
    /// Projections that have biases; with all, layer norms as well.
    #[arg(long, default_value = "none", requires = "layers", value_parser = PossibleValuesParser::new(["none", "qkv", "all"]))]
    bias: String,
    /// Norms.
    #[arg(long, default_value = "rms", requires = "layers", value_parser = PossibleValuesParser::new(["rms", "layer"]))]
    norm: String,
    /// Positions.
    #[arg(long, default_value = "rotary", requires = "layers", value_parser = PossibleValuesParser::new(
        ["none", "learned", "sinusoidal", "rotary", "alibi", "t5", "relative-projected"]))]
    positions: String,
    /// The head shares the embedding.
    #[arg(long, requires = "layers")]
    tied: bool,
    /// The tokens of a prefix see each other.
    #[arg(long, requires = "layers", conflicts_with = "encoder_layers")]
    prefix: bool,
    /// Blocks of an encoder that the decoder attends to.
    #[arg(long, value_name = "N", requires = "layers")]
    encoder_layers: Option<u64>,
}

/// A word that the command line has checked.
fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(serde_json::Value::String(text.into())).ok()
}

impl ShapeFlags {
    /// The shape, and what was derived for it.
    ///
    /// # Errors
    /// A usage error when the width is no multiple of the heads, or that of [`Arch::shape`].
    pub(crate) fn shape(&self, context: Option<u64>) -> Result<(Shape, Vec<String>), CliError> {
        let mut notes = Vec::new();
        let mut derived = |given: Option<u64>, name: &str, value: Option<u64>, why: &str| {
            given.or_else(|| value.inspect(|value| notes.push(format!("{name} = {value} ({why})"))))
        };
        let (width, heads) = (self.width.unwrap_or(0), self.heads.unwrap_or(0));
        if self.head_width.is_none() && heads > 0 && !width.is_multiple_of(heads) {
            return Err(CliError::usage(
                format!("--width {width} is no multiple of --heads {heads}"),
                "give the numbers of a head with --head-width, or other heads",
            ));
        }
        let norm = word(&self.norm);
        let usual = if self.gated { "8/3 of the width, a multiple of 8" } else { "4 times the width" };
        let arch = Arch {
            kind: Some(match (self.encoder_layers, self.prefix) {
                (Some(_), _) => Kind::EncoderDecoder,
                (None, true) => Kind::PrefixDecoder,
                (None, false) => Kind::CausalDecoder,
            }),
            layers: self.layers,
            encoder_layers: self.encoder_layers,
            width: self.width,
            heads: self.heads,
            head_width: derived(self.head_width, "head_width", width.checked_div(heads), "width over heads"),
            groups: derived(self.groups, "groups", self.heads, "as many as query heads"),
            hidden: derived(self.hidden, "hidden", usual_hidden(width, self.gated), usual),
            gated: Some(self.gated),
            experts: self.experts,
            bias: word(&self.bias),
            norm,
            norm_bias: Some(self.bias == "all" && norm == Some(NormKind::Layer)),
            norms_per_block: Some(2),
            embedding_norm: Some(false),
            final_norm: Some(true),
            positions: word(&self.positions),
            position_rows: context,
            position_buckets: Some(32),
            vocab: self.vocab,
            tied: Some(self.tied),
            context,
        };
        Ok((arch.shape("the shape")?, notes))
    }
}
