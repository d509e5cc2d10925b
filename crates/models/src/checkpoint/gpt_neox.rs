//! GPT-NeoX (Black et al. 2022), one residual after the other: rotary positions, layer norms, GELU, biases. The rows of
//! its packed projection are those of query, key and value of the first head, then of the second, and so on.

use super::{Family, Fields, Order, Piece, value};
use crate::{DecoderConfig, Mlp, ModelError, NormKind, Positions};
use serde_json::{Value, json};

pub(super) const FAMILY: Family = Family {
    model_type: "gpt_neox",
    prefix: "gpt_neox.",
    head: "embed_out.weight",
    buffers: &[".attention.bias", ".attention.masked_bias", ".attention.rotary_emb.inv_freq"],
    fits,
    write,
    read,
    pieces,
};

fn fits(config: &DecoderConfig) -> bool {
    config.positions == Positions::Rotary
        && config.norm == NormKind::Layer
        && config.mlp == Mlp::Gelu
        && config.bias
        && config.groups == config.heads
        && config.position_range == 0
        && config.spans.is_empty()
        && turned(config) == config.rotary_dims()
}

/// Numbers of a head that `transformers` turns: not rounded to pairs.
fn turned(config: &DecoderConfig) -> usize {
    (config.head_width() as f64 * config.rotary_share) as usize
}

fn write(config: &DecoderConfig) -> Vec<(&'static str, Value)> {
    vec![
        ("architectures", json!(["GPTNeoXForCausalLM"])),
        ("vocab_size", value(config.vocab)),
        ("max_position_embeddings", value(config.context)),
        ("hidden_size", value(config.width)),
        ("num_hidden_layers", value(config.layers)),
        ("num_attention_heads", value(config.heads)),
        ("intermediate_size", value(config.hidden())),
        ("hidden_act", value("gelu_new")),
        ("layer_norm_eps", value(config.epsilon)),
        ("rotary_pct", value(config.rotary_share)),
        ("rotary_emb_base", value(config.rotary_base)),
        ("use_parallel_residual", value(false)),
        ("attention_bias", value(true)),
        ("tie_word_embeddings", value(config.tied)),
        ("attention_dropout", value(0.0)),
        ("hidden_dropout", value(0.0)),
    ]
}

fn read(fields: &mut Fields) -> Result<DecoderConfig, ModelError> {
    fields.word("hidden_act", "gelu", super::GELU)?;
    fields.must_be("use_parallel_residual", true, false)?;
    fields.must_be("attention_bias", true, true)?;
    let heads = fields.size("num_attention_heads")?;
    let (rotary_base, rotary_share) = fields.rotary(("rotary_emb_base", 10_000.0), ("rotary_pct", 0.25))?;
    let config = DecoderConfig {
        vocab: fields.size("vocab_size")?,
        context: fields.size("max_position_embeddings")?,
        layers: fields.size("num_hidden_layers")?,
        width: fields.size("hidden_size")?,
        heads,
        groups: heads,
        hidden: fields.size("intermediate_size")?,
        positions: Positions::Rotary,
        rotary_share,
        rotary_base,
        norm: NormKind::Layer,
        epsilon: fields.number("layer_norm_eps", 1e-5)?,
        mlp: Mlp::Gelu,
        bias: true,
        tied: fields.flag("tie_word_embeddings", false)?,
        ..DecoderConfig::default()
    };
    if turned(&config) != config.rotary_dims() {
        let found = format!("{} numbers of a head", turned(&config));
        return Err(fields.unsupported("rotary_pct", found, "an even number of them"));
    }
    Ok(config)
}

fn pieces(config: &DecoderConfig) -> Vec<Piece> {
    let interleaved = Order::Interleaved { heads: config.heads, width: config.head_width() };
    let mut all = vec![Piece::new("gpt_neox.embed_in.weight", "embedding.weight", Order::Same)];
    for i in 0..config.layers {
        let (theirs, ours) = (format!("gpt_neox.layers.{i}"), format!("blocks.{i}"));
        for (their, our, order) in [
            ("input_layernorm", "attention_norm", Order::Same),
            ("attention.query_key_value", "attention.packed", interleaved),
            ("attention.dense", "attention.output", Order::Same),
            ("post_attention_layernorm", "mlp_norm", Order::Same),
            ("mlp.dense_h_to_4h", "mlp.up", Order::Same),
            ("mlp.dense_4h_to_h", "mlp.down", Order::Same),
        ] {
            for kind in ["weight", "bias"] {
                all.push(Piece::new(format!("{theirs}.{their}.{kind}"), format!("{ours}.{our}.{kind}"), order));
            }
        }
    }
    all.push(Piece::new("gpt_neox.final_layer_norm.weight", "norm.weight", Order::Same));
    all.push(Piece::new("gpt_neox.final_layer_norm.bias", "norm.bias", Order::Same));
    if !config.tied {
        all.push(Piece::new(FAMILY.head, "head.weight", Order::Same));
    }
    all
}
