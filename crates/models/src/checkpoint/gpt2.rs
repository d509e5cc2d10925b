//! GPT-2 (Radford et al. 2019): learned positions, layer norms, GELU, biases. Its projections are stored `[in, out]`.

use super::{Family, Fields, Order, Piece, value};
use crate::{DecoderConfig, Mlp, ModelError, NormKind, Positions};
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    model_type: "gpt2",
    prefix: "transformer.",
    head: "lm_head.weight",
    buffers: &[".attn.bias", ".attn.masked_bias"],
    fits,
    write,
    read,
    pieces,
};

fn fits(config: &DecoderConfig) -> bool {
    config.positions == Positions::Learned
        && config.norm == NormKind::Layer
        && config.mlp == Mlp::Gelu
        && config.bias
        && config.groups == config.heads
        && config.position_range == 0
        && config.spans.is_empty()
}

fn write(config: &DecoderConfig) -> Vec<(&'static str, Value)> {
    vec![
        ("architectures", json!(["GPT2LMHeadModel"])),
        ("vocab_size", value(config.vocab)),
        ("n_positions", value(config.context)),
        ("n_embd", value(config.width)),
        ("n_layer", value(config.layers)),
        ("n_head", value(config.heads)),
        ("n_inner", value(config.hidden())),
        ("activation_function", value("gelu_new")),
        ("layer_norm_epsilon", value(config.epsilon)),
        ("tie_word_embeddings", value(config.tied)),
        ("resid_pdrop", value(0.0)),
        ("embd_pdrop", value(0.0)),
        ("attn_pdrop", value(0.0)),
    ]
}

fn read(fields: &mut Fields) -> Result<DecoderConfig, ModelError> {
    fields.word("activation_function", "gelu_new", super::GELU)?;
    fields.must_be("scale_attn_weights", true, true)?;
    fields.must_be("scale_attn_by_inverse_layer_idx", false, false)?;
    fields.must_be("add_cross_attention", false, false)?;
    let (width, heads) = (fields.size("n_embd")?, fields.size("n_head")?);
    let context = fields.size("n_positions")?;
    // The name that the first published files have beside it.
    if let Some(other) = fields.size_or_none("n_ctx")?.filter(|n| *n != context) {
        return Err(fields.unsupported("n_ctx", other, &format!("{context}, which n_positions says,")));
    }
    Ok(DecoderConfig {
        vocab: fields.size("vocab_size")?,
        context,
        layers: fields.size("n_layer")?,
        width,
        heads,
        groups: heads,
        hidden: fields.size_or_none("n_inner")?.unwrap_or(width.saturating_mul(4)),
        positions: Positions::Learned,
        norm: NormKind::Layer,
        epsilon: fields.number("layer_norm_epsilon", 1e-5)?,
        mlp: Mlp::Gelu,
        bias: true,
        tied: fields.flag("tie_word_embeddings", true)?,
        ..DecoderConfig::default()
    })
}

fn pieces(config: &DecoderConfig) -> Vec<Piece> {
    let mut all = vec![
        Piece::new("transformer.wte.weight", "embedding.weight", Order::Same),
        Piece::new("transformer.wpe.weight", "positions.weight", Order::Same),
    ];
    for i in 0..config.layers {
        let (theirs, ours) = (format!("transformer.h.{i}"), format!("blocks.{i}"));
        for (their, our, weight) in [
            ("ln_1", "attention_norm", Order::Same),
            ("attn.c_attn", "attention.packed", Order::Transposed),
            ("attn.c_proj", "attention.output", Order::Transposed),
            ("ln_2", "mlp_norm", Order::Same),
            ("mlp.c_fc", "mlp.up", Order::Transposed),
            ("mlp.c_proj", "mlp.down", Order::Transposed),
        ] {
            let (their, our) = (format!("{theirs}.{their}"), format!("{ours}.{our}"));
            all.push(Piece::new(format!("{their}.weight"), format!("{our}.weight"), weight));
            all.push(Piece::new(format!("{their}.bias"), format!("{our}.bias"), Order::Same));
        }
    }
    all.push(Piece::new("transformer.ln_f.weight", "norm.weight", Order::Same));
    all.push(Piece::new("transformer.ln_f.bias", "norm.bias", Order::Same));
    if !config.tied {
        all.push(Piece::new(FAMILY.head, "head.weight", Order::Same));
    }
    all
}
