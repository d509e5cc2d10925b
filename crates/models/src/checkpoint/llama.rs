//! Llama (Touvron et al. 2023): rotary positions over the whole head, RMS norms, SwiGLU, shared keys. Queries, keys,
//! values, gate and value of the feed-forward layer are arrays of their own.

use super::{Family, Fields, Order, Piece, value};
use crate::{DecoderConfig, Mlp, ModelError, NormKind, Positions};
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    model_type: "llama",
    prefix: "model.",
    head: "lm_head.weight",
    buffers: &["rotary_emb.inv_freq"],
    fits,
    write,
    read,
    pieces,
};

fn fits(config: &DecoderConfig) -> bool {
    config.positions == Positions::Rotary
        && config.rotary_dims() == config.head_width()
        && config.norm == NormKind::Rms
        && config.mlp == Mlp::Swiglu
        && config.position_range == 0
        && config.spans.is_empty()
}

fn write(config: &DecoderConfig) -> Vec<(&'static str, Value)> {
    vec![
        ("architectures", json!(["LlamaForCausalLM"])),
        ("vocab_size", value(config.vocab)),
        ("max_position_embeddings", value(config.context)),
        ("hidden_size", value(config.width)),
        ("num_hidden_layers", value(config.layers)),
        ("num_attention_heads", value(config.heads)),
        ("num_key_value_heads", value(config.groups)),
        ("head_dim", value(config.head_width())),
        ("intermediate_size", value(config.hidden())),
        ("hidden_act", value("silu")),
        ("rms_norm_eps", value(config.epsilon)),
        ("rope_theta", value(config.rotary_base)),
        ("attention_bias", value(config.bias)),
        ("mlp_bias", value(config.bias)),
        ("tie_word_embeddings", value(config.tied)),
        ("attention_dropout", value(0.0)),
    ]
}

fn read(fields: &mut Fields) -> Result<DecoderConfig, ModelError> {
    fields.word("hidden_act", "silu", &["silu", "swish"])?;
    let (rotary_base, rotary_share) = fields.rotary(("rope_theta", 10_000.0), ("partial_rotary_factor", 1.0))?;
    if rotary_share != 1.0 {
        return Err(fields.unsupported("partial_rotary_factor", rotary_share, "1"));
    }
    let bias = fields.flag("attention_bias", false)?;
    fields.must_be("mlp_bias", false, bias)?;
    let (width, heads) = (fields.size("hidden_size")?, fields.size("num_attention_heads")?);
    if let Some(found) = fields.size_or_none("head_dim")?.filter(|d| d.checked_mul(heads) != Some(width)) {
        return Err(fields.unsupported("head_dim", found, "hidden_size / num_attention_heads"));
    }
    Ok(DecoderConfig {
        vocab: fields.size("vocab_size")?,
        context: fields.size("max_position_embeddings")?,
        layers: fields.size("num_hidden_layers")?,
        width,
        heads,
        groups: fields.size_or_none("num_key_value_heads")?.unwrap_or(heads),
        hidden: fields.size("intermediate_size")?,
        positions: Positions::Rotary,
        rotary_share,
        rotary_base,
        norm: NormKind::Rms,
        epsilon: fields.number("rms_norm_eps", 1e-6)?,
        mlp: Mlp::Swiglu,
        bias,
        tied: fields.flag("tie_word_embeddings", false)?,
        ..DecoderConfig::default()
    })
}

fn pieces(config: &DecoderConfig) -> Vec<Piece> {
    let (queries, keys) = (config.width, config.groups * config.head_width());
    let rows = |from: usize, count: usize| Order::Rows { from, count };
    let mut all = vec![Piece::new("model.embed_tokens.weight", "embedding.weight", Order::Same)];
    for i in 0..config.layers {
        let (theirs, ours) = (format!("model.layers.{i}"), format!("blocks.{i}"));
        let norm = |their: &str, our: &str| {
            Piece::new(format!("{theirs}.{their}.weight"), format!("{ours}.{our}.weight"), Order::Same)
        };
        all.push(norm("input_layernorm", "attention_norm"));
        all.push(norm("post_attention_layernorm", "mlp_norm"));
        for (their, our, order) in [
            ("self_attn.q_proj", "attention.packed", rows(0, queries)),
            ("self_attn.k_proj", "attention.packed", rows(queries, keys)),
            ("self_attn.v_proj", "attention.packed", rows(queries + keys, keys)),
            ("self_attn.o_proj", "attention.output", Order::Same),
            ("mlp.gate_proj", "mlp.up", rows(0, config.hidden())),
            ("mlp.up_proj", "mlp.up", rows(config.hidden(), config.hidden())),
            ("mlp.down_proj", "mlp.down", Order::Same),
        ] {
            for kind in ["weight", "bias"].into_iter().take(1 + usize::from(config.bias)) {
                all.push(Piece::new(format!("{theirs}.{their}.{kind}"), format!("{ours}.{our}.{kind}"), order));
            }
        }
    }
    all.push(Piece::new("model.norm.weight", "norm.weight", Order::Same));
    if !config.tied {
        all.push(Piece::new(FAMILY.head, "head.weight", Order::Same));
    }
    all
}
