//! The families: names of their fields, defaults of the transformers library, and how their blocks are built.

use super::fields::Fields;
use super::names::{CONTEXT, GROUPS, HEAD_WIDTH, HEADS, HIDDEN, LAYERS, TIED, VOCAB, WIDTH};
use crate::CoreError;
use crate::shape::{Biases, Kind, NormKind, Norms, Positions, Shape};

/// A family of models by its `model_type`.
#[derive(Debug)]
pub struct Family {
    /// `model_type` as written today.
    pub model_type: &'static str,
    /// Older spellings.
    pub aliases: &'static [&'static str],
    /// The shape of a configuration.
    pub(super) shape: fn(&mut Fields) -> Result<Shape, CoreError>,
}

/// Every family that is read.
pub const FAMILIES: &[Family] = &[
    Family { model_type: "gpt2", aliases: &[], shape: gpt2 },
    Family { model_type: "gpt_neox", aliases: &[], shape: gpt_neox },
    Family { model_type: "llama", aliases: &[], shape: llama },
    Family { model_type: "mistral", aliases: &[], shape: mistral },
    Family { model_type: "qwen2", aliases: &[], shape: qwen2 },
    Family { model_type: "opt", aliases: &[], shape: opt },
    Family { model_type: "bloom", aliases: &[], shape: bloom },
    Family { model_type: "falcon", aliases: &["RefinedWeb", "RefinedWebModel"], shape: falcon },
];

/// The family of a `model_type`, if it is read.
pub fn family(model_type: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|f| f.model_type == model_type || f.aliases.contains(&model_type))
}

const FOUR_TIMES: &str = "4 times the width";

/// Layer norms before attention and feed-forward layer and at the end.
const LAYER_NORMS: Norms = Norms { kind: NormKind::Layer, bias: true, per_block: 2, embedding: false, last: true };
/// The same with RMS norms.
const RMS_NORMS: Norms = Norms { kind: NormKind::Rms, bias: false, ..LAYER_NORMS };

/// A decoder with as many key heads as query heads, whose heads together are as wide as the model.
struct Plain {
    layers: u64,
    width: u64,
    heads: u64,
    hidden: u64,
    context: u64,
    positions: Positions,
    tied: bool,
}

impl Plain {
    fn shape(self, fields: &Fields, heads_field: &str, bias: Biases) -> Result<Shape, CoreError> {
        Ok(Shape {
            kind: Kind::CausalDecoder,
            layers: self.layers,
            encoder_layers: 0,
            width: self.width,
            heads: self.heads,
            head_width: fields.quotient(heads_field, self.width, self.heads)?,
            groups: self.heads,
            hidden: self.hidden,
            gated: false,
            experts: 1,
            bias,
            norm: LAYER_NORMS,
            positions: self.positions,
            vocab: fields.number(VOCAB)?,
            tied: self.tied,
            context: self.context,
        })
    }
}

/// Four times the width, which no product may exceed.
fn four_times(fields: &Fields, field: &str, width: u64) -> Result<u64, CoreError> {
    width.checked_mul(4).ok_or_else(|| fields.bad(field, width.to_string(), "a width that a model can have"))
}

fn gpt2(fields: &mut Fields) -> Result<Shape, CoreError> {
    let width = fields.number(&["n_embd", "hidden_size"])?;
    let heads = fields.number(&["n_head", "num_attention_heads"])?;
    let context = fields.number(&["n_positions", "n_ctx", "max_position_embeddings"])?;
    let usual = four_times(fields, "n_embd", width)?;
    let plain = Plain {
        layers: fields.number(&["n_layer", "num_hidden_layers"])?,
        width,
        heads,
        hidden: fields.number_or(&["n_inner"], usual, FOUR_TIMES)?,
        context,
        positions: Positions::Learned { rows: context },
        tied: fields.flag(TIED, true)?,
    };
    plain.shape(fields, "n_head", Biases::ALL)
}

fn gpt_neox(fields: &mut Fields) -> Result<Shape, CoreError> {
    let plain = Plain {
        layers: fields.number(LAYERS)?,
        width: fields.number(WIDTH)?,
        heads: fields.number(HEADS)?,
        hidden: fields.number(HIDDEN)?,
        context: fields.number(CONTEXT)?,
        positions: Positions::Rotary,
        tied: fields.flag(TIED, false)?,
    };
    let attention = fields.flag("attention_bias", true)?;
    plain.shape(fields, HEADS[0], Biases { qkv: attention, output: attention, mlp: true })
}

/// Gated feed-forward layers, RMS norms, rotary positions and grouped keys.
fn gated(fields: &mut Fields, groups: Option<u64>, bias: Biases) -> Result<Shape, CoreError> {
    let (width, heads) = (fields.number(WIDTH)?, fields.number(HEADS)?);
    let groups = match groups {
        Some(default) => fields.number_or(GROUPS, default, "")?,
        None => fields.number_or(GROUPS, heads, "as many as query heads")?,
    };
    let head_width = match fields.optional(HEAD_WIDTH)? {
        Some(given) => given,
        None => {
            let usual = fields.quotient(HEADS[0], width, heads)?;
            fields.number_or(HEAD_WIDTH, usual, "width over heads")?
        }
    };
    Ok(Shape {
        kind: Kind::CausalDecoder,
        layers: fields.number(LAYERS)?,
        encoder_layers: 0,
        width,
        heads,
        head_width,
        groups,
        hidden: fields.number(HIDDEN)?,
        gated: true,
        experts: 1,
        bias,
        norm: RMS_NORMS,
        positions: Positions::Rotary,
        vocab: fields.number(VOCAB)?,
        tied: fields.flag(TIED, false)?,
        context: fields.number(CONTEXT)?,
    })
}

fn llama(fields: &mut Fields) -> Result<Shape, CoreError> {
    let shape = gated(fields, None, Biases::NONE)?;
    let attention = fields.flag("attention_bias", false)?;
    let mlp = fields.flag("mlp_bias", false)?;
    Ok(Shape { bias: Biases { qkv: attention, output: attention, mlp }, ..shape })
}

/// A window over keys changes no parameter, but what is said of attention and of the KV cache.
fn window(fields: &mut Fields, context: u64) -> Result<(), CoreError> {
    if let Some(window) = fields.optional(&["sliding_window"])?.filter(|w| *w < context) {
        fields.note(format!(
            "sliding_window = {window}: FLOP of attention and the KV cache are counted without it, over the whole context"
        ));
    }
    Ok(())
}

fn mistral(fields: &mut Fields) -> Result<Shape, CoreError> {
    let shape = gated(fields, Some(8), Biases::NONE)?;
    window(fields, shape.context)?;
    Ok(shape)
}

fn qwen2(fields: &mut Fields) -> Result<Shape, CoreError> {
    let shape = gated(fields, Some(32), Biases { qkv: true, ..Biases::NONE })?;
    if fields.flag("use_sliding_window", false)? {
        window(fields, shape.context)?;
    }
    Ok(shape)
}

fn opt(fields: &mut Fields) -> Result<Shape, CoreError> {
    let width = fields.number(WIDTH)?;
    let context = fields.number(CONTEXT)?;
    // Two rows stand before the first position.
    let rows = context.checked_add(2).ok_or_else(|| fields.bad(CONTEXT[0], context.to_string(), "a context"))?;
    let embedded = fields.number_or(&["word_embed_proj_dim"], width, "the width")?;
    if embedded != width {
        let expected = format!("the width {width}: an embedding that is projected is not counted");
        return Err(fields.bad("word_embed_proj_dim", embedded.to_string(), &expected));
    }
    let plain = Plain {
        layers: fields.number(LAYERS)?,
        width,
        heads: fields.number(HEADS)?,
        hidden: fields.number(&["ffn_dim"])?,
        context,
        positions: Positions::Learned { rows },
        tied: fields.flag(TIED, true)?,
    };
    let bias = if fields.flag("enable_bias", true)? { Biases::ALL } else { Biases::NONE };
    let shape = plain.shape(fields, HEADS[0], bias)?;
    if !fields.flag("layer_norm_elementwise_affine", true)? {
        return Err(fields.bad("layer_norm_elementwise_affine", "false".into(), "true: norms have a gain and a bias"));
    }
    let last = fields.flag("do_layer_norm_before", true)? && !fields.flag("_remove_final_layer_norm", false)?;
    Ok(Shape { norm: Norms { last, ..shape.norm }, ..shape })
}

/// Context of models whose positions set no limit.
fn open_context(fields: &mut Fields, names: &[&str]) -> Result<u64, CoreError> {
    const TRAINED: u64 = 2048;
    let found = fields.optional(names)?;
    Ok(found.unwrap_or_else(|| {
        fields.note(format!(
            "{} is missing: a context of {TRAINED} taken, the longest that the published models of this family saw",
            names[0]
        ));
        TRAINED
    }))
}

fn bloom(fields: &mut Fields) -> Result<Shape, CoreError> {
    let width = fields.number(&["hidden_size", "n_embed"])?;
    let plain = Plain {
        layers: fields.number(&["n_layer", "num_hidden_layers"])?,
        width,
        heads: fields.number(&["n_head", "num_attention_heads"])?,
        hidden: four_times(fields, "hidden_size", width)?,
        context: open_context(fields, &["seq_length"])?,
        positions: Positions::Alibi,
        tied: fields.flag(TIED, true)?,
    };
    let shape = plain.shape(fields, "n_head", Biases::ALL)?;
    Ok(Shape { norm: Norms { embedding: true, ..shape.norm }, ..shape })
}

fn falcon(fields: &mut Fields) -> Result<Shape, CoreError> {
    let width = fields.number(WIDTH)?;
    let heads = fields.number(&["num_attention_heads", "n_head"])?;
    let usual = four_times(fields, WIDTH[0], width)?;
    let grouped = fields.flag("new_decoder_architecture", false)?;
    let one_key = !grouped && fields.flag("multi_query", true)?;
    let groups =
        if one_key { 1 } else { fields.number_or(&["num_kv_heads", "n_head_kv"], heads, "as many as query heads")? };
    let parallel = fields.flag("parallel_attn", true)?;
    let norms = fields.number_or(&["num_ln_in_parallel_attn"], if grouped { 2 } else { 1 }, "")?;
    let alibi = fields.flag("alibi", false)?;
    let plain = Plain {
        layers: fields.number(&["num_hidden_layers", "n_layer"])?,
        width,
        heads,
        hidden: fields.number_or(&["ffn_hidden_size"], usual, FOUR_TIMES)?,
        context: open_context(fields, CONTEXT)?,
        positions: if alibi { Positions::Alibi } else { Positions::Rotary },
        tied: fields.flag(TIED, true)?,
    };
    let bias = if fields.flag("bias", false)? { Biases::ALL } else { Biases::NONE };
    let shape = plain.shape(fields, "num_attention_heads", bias)?;
    let per_block = match (parallel, norms) {
        (false, _) => 2,
        (true, 1 | 2) => norms,
        (true, other) => return Err(fields.bad("num_ln_in_parallel_attn", other.to_string(), "1 or 2")),
    };
    Ok(Shape { groups, norm: Norms { per_block, ..shape.norm }, ..shape })
}

#[cfg(test)]
mod tests;
