//! Published configurations, shortened to the fields that decide sizes, against the parameters of their checkpoints.

use crate::CoreError;
use crate::shape::hugging_face::{Config, FAMILIES};

fn read(json: &str) -> Result<Config, CoreError> {
    Config::from_json("config.json", json.as_bytes())
}

#[track_caller]
fn total(json: &str, expected: u64) -> Vec<String> {
    let config = read(json).unwrap();
    assert_eq!(config.shape.parts().unwrap().params_total().unwrap(), expected, "{json}");
    config.notes
}

#[test]
fn published_checkpoints_are_counted_to_the_parameter() {
    let gpt2 = r#"{"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_ctx": 1024,
        "vocab_size": 50257}"#;
    let notes = total(gpt2, 124_439_808);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].starts_with("n_inner is missing: 3072 taken, 4 times the width"), "{notes:?}");
    assert!(notes[1].starts_with("tie_word_embeddings is missing: true taken"), "{notes:?}");
    let pythia = r#"{"model_type": "gpt_neox", "hidden_size": 512, "num_hidden_layers": 6, "num_attention_heads": 8,
        "intermediate_size": 2048, "max_position_embeddings": 2048, "vocab_size": 50304, "tie_word_embeddings": false}"#;
    assert!(total(pythia, 70_426_624)[0].starts_with("attention_bias is missing: true"));
    let llama2 = r#"{"model_type": "llama", "hidden_size": 8192, "num_hidden_layers": 80, "num_attention_heads": 64,
        "num_key_value_heads": 8, "intermediate_size": 28672, "max_position_embeddings": 4096, "vocab_size": 32000}"#;
    total(llama2, 68_976_648_192);
    let mistral = r#"{"model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14336, "max_position_embeddings": 32768, "vocab_size": 32000,
        "sliding_window": 4096, "tie_word_embeddings": false, "head_dim": 128}"#;
    let notes = total(mistral, 7_241_732_096);
    assert!(notes.len() == 1 && notes[0].starts_with("sliding_window = 4096"), "{notes:?}");
    let qwen2 = r#"{"model_type": "qwen2", "hidden_size": 896, "num_hidden_layers": 24, "num_attention_heads": 14,
        "num_key_value_heads": 2, "intermediate_size": 4864, "max_position_embeddings": 131072, "vocab_size": 151936,
        "tie_word_embeddings": true, "use_sliding_window": false}"#;
    total(qwen2, 494_032_768);
    let opt = r#"{"model_type": "opt", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
        "ffn_dim": 3072, "max_position_embeddings": 2048, "vocab_size": 50272, "word_embed_proj_dim": 768,
        "do_layer_norm_before": true}"#;
    total(opt, 125_239_296);
    let bloom = r#"{"model_type": "bloom", "n_embed": 1024, "n_layer": 24, "num_attention_heads": 16,
        "vocab_size": 250880}"#;
    assert!(total(bloom, 559_214_592).iter().any(|n| n.starts_with("seq_length is missing: a context of 2048")));
    let falcon = r#"{"model_type": "RefinedWebModel", "hidden_size": 4544, "n_layer": 32, "n_head": 71,
        "multi_query": true, "parallel_attn": true, "bias": false, "alibi": false, "vocab_size": 65024}"#;
    let notes = total(falcon, 6_921_720_704);
    assert!(notes.iter().any(|n| n.starts_with("new_decoder_architecture is missing: false")), "{notes:?}");
}

/// A small configuration of every family with one field set.
fn with(family: &str, field: &str) -> String {
    let base = match family {
        "gpt2" => r#""n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 32"#,
        "bloom" => r#""hidden_size": 64, "n_layer": 2, "n_head": 4"#,
        "opt" => {
            r#""hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 256,
            "max_position_embeddings": 32"#
        }
        _ => {
            r#""hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "intermediate_size": 96, "max_position_embeddings": 32"#
        }
    };
    let field = if field.is_empty() { String::new() } else { format!(", {field}") };
    format!("{{\"model_type\": \"{family}\", \"vocab_size\": 100, {base}{field}}}")
}

#[test]
fn every_field_that_changes_a_size_is_heeded() {
    let params = |family: &str, field: &str| {
        let parts = read(&with(family, field)).unwrap().shape.parts().unwrap();
        i64::try_from(parts.params_total().unwrap()).unwrap()
    };
    for (family, field, more) in [
        ("gpt2", r#""n_inner": 128"#, -2 * (2 * 64 + 1) * 128),
        ("gpt2", r#""tie_word_embeddings": false"#, 6400),
        ("gpt_neox", r#""attention_bias": false"#, -2 * 4 * 64),
        ("gpt_neox", r#""tie_word_embeddings": true"#, -6400),
        ("llama", r#""head_dim": 32"#, 2 * 64 * 16 * (4 + 2 * 2 + 4)),
        ("llama", r#""attention_bias": true"#, 2 * (64 + 2 * 32 + 64)),
        ("llama", r#""mlp_bias": true"#, 2 * (2 * 96 + 64)),
        ("mistral", r#""tie_word_embeddings": true"#, -6400),
        ("qwen2", r#""tie_word_embeddings": true"#, -6400),
        ("opt", r#""enable_bias": false"#, -2 * (4 * 64 + 256 + 64)),
        ("opt", r#""do_layer_norm_before": false"#, -128),
        ("bloom", r#""tie_word_embeddings": false"#, 6400),
        ("falcon", r#""bias": true"#, 2 * (64 + 32 + 64 + 256 + 64)),
        ("falcon", r#""parallel_attn": false"#, 2 * 128),
        ("falcon", r#""multi_query": false"#, 2 * 2 * 3 * 16 * 64),
        ("falcon", r#""new_decoder_architecture": true, "num_kv_heads": 2"#, 2 * 2 * 16 * 64 + 2 * 128),
        ("falcon", r#""ffn_hidden_size": 128"#, -2 * 2 * 64 * 128),
    ] {
        assert_eq!(params(family, field) - params(family, ""), more, "{family} with {field}");
    }
    let fewer = read(&with("llama", "").replace("\"num_key_value_heads\": 2,", "")).unwrap();
    assert_eq!(fewer.shape.groups, 4);
    assert!(fewer.notes[0].starts_with("num_key_value_heads is missing: 4 taken, as many as query heads"));
}

#[test]
fn every_family_is_read_and_each_note_ends_with_its_reason() {
    for family in FAMILIES {
        let config = read(&with(family.model_type, "")).unwrap();
        assert_eq!(config.model_type, family.model_type);
        assert!(!config.notes.is_empty(), "{}", family.model_type);
    }
}

#[test]
fn what_cannot_be_used_is_named() {
    let message = |json: &str| read(json).unwrap_err().to_string();
    for (json, part) in [
        ("", "EOF"),
        ("[1]", "no object"),
        ("{}", "model_type: found nothing, expected one of gpt2"),
        (r#"{"model_type": 3}"#, "model_type: found 3"),
        (r#"{"model_type": "lama"}"#, "did you mean llama?"),
        (r#"{"model_type": "mixtral"}"#, "found \"mixtral\""),
        (&with("llama", "").replace("\"hidden_size\": 64,", ""), "hidden_size: found nothing, expected a positive"),
        (&with("llama", "").replace("64", "-64"), "hidden_size: found -64"),
        (&with("llama", "").replace("64", "64.5"), "hidden_size: found 64.5"),
        (&with("llama", "").replace("64", "\"64\""), "hidden_size: found \"64\""),
        (&with("llama", "").replace("64", "0"), "hidden_size: found 0"),
        (&with("llama", "").replace("64", "66"), "num_attention_heads: found 4, expected a divisor of the width 66"),
        (&with("llama", r#""tie_word_embeddings": 1"#), "tie_word_embeddings: found 1, expected true or false"),
        (&with("llama", "").replace("num_key_value_heads\": 2", "num_key_value_heads\": 3"), "groups = 3"),
        (&with("opt", r#""word_embed_proj_dim": 32"#), "word_embed_proj_dim: found 32, expected the width 64"),
        (&with("falcon", r#""num_ln_in_parallel_attn": 3"#), "num_ln_in_parallel_attn: found 3"),
        (&with("gpt2", "").replace("64", "18446744073709551615"), "n_embd"),
        (&with("opt", "").replace("32}", "18446744073709551615}"), "max_position_embeddings"),
        (&format!("{}1{}", "[".repeat(500), "]".repeat(500)), "recursion limit"),
    ] {
        let message = message(json);
        assert!(message.contains(part), "{json}: {message}");
    }
}
