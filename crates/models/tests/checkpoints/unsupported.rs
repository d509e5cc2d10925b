//! What cannot be represented is refused by name.

use crate::common::{copy, json};
use kleiber_models::{ModelError, checkpoint};
use serde_json::{Value, json};

/// The error of a fixture whose configuration has this field changed or, with `null` for a name that is there, taken.
fn error(fixture: &str, field: &str, value: &Value) -> String {
    let folder = copy(fixture);
    let path = folder.path().join("config.json");
    let mut config = json(&path);
    match value {
        Value::Null => drop(config.as_object_mut().unwrap().remove(field)),
        value => config[field] = value.clone(),
    }
    std::fs::write(&path, config.to_string()).unwrap();
    match checkpoint::read(folder.path()) {
        Ok(_) => panic!("{fixture} with {field} = {value} is read"),
        Err(error) => {
            assert!(!error.hint().is_empty());
            error.to_string()
        }
    }
}

#[test]
fn every_difference_is_named() {
    for (fixture, field, value, expected) in [
        ("gpt2", "activation_function", json!("gelu"), "activation_function = \"gelu\", but only gelu_new"),
        ("gpt2", "scale_attn_weights", json!(false), "scale_attn_weights = false, but only true"),
        ("gpt2", "scale_attn_by_inverse_layer_idx", json!(true), "but only false can be represented"),
        ("gpt2", "add_cross_attention", json!(true), "add_cross_attention = true"),
        ("gpt2", "n_ctx", json!(12), "n_ctx = 12, but only 24, which n_positions says,"),
        ("gpt2", "n_head", json!(3), "heads = 3"),
        ("gpt2", "tie_word_embeddings", json!(false), "array `lm_head.weight`: is missing"),
        ("gpt2_f16", "tie_word_embeddings", json!(true), "`lm_head.weight`: the head is said to be the embedding"),
        ("gpt2", "quantization_config", json!({ "bits": 4 }), "quantization_config = {\"bits\":4}"),
        ("gpt2", "model_type", json!("opt"), "model_type = \"opt\", but only gpt2, gpt_neox, llama, kleiber"),
        ("gpt2", "model_type", Value::Null, "model_type = null"),
        ("gpt2", "model_type", json!("llama"), "hidden_size"),
        ("gpt_neox", "hidden_act", json!("gelu"), "hidden_act = \"gelu\""),
        ("gpt_neox", "hidden_act", Value::Null, "hidden_act = \"gelu\""),
        ("gpt_neox", "use_parallel_residual", json!(true), "use_parallel_residual = true, but only false"),
        ("gpt_neox", "use_parallel_residual", Value::Null, "use_parallel_residual = true"),
        ("gpt_neox", "attention_bias", json!(false), "attention_bias = false"),
        ("gpt_neox", "rotary_pct", json!(0.25), "rope_parameters.partial_rotary_factor = 0.5, but only 0.25"),
        ("gpt_neox", "rope_parameters", json!({ "partial_rotary_factor": 0.4 }), "3 numbers of a head"),
        ("llama", "hidden_act", json!("gelu_new"), "but only silu, swish"),
        (
            "llama",
            "rope_parameters",
            json!({ "rope_type": "llama3", "factor": 8.0 }),
            "rope_parameters.rope_type = \"llama3\"",
        ),
        ("llama", "rope_scaling", json!({ "type": "linear", "factor": 2.0 }), "rope_scaling.type = \"linear\""),
        ("llama", "rope_scaling", json!({ "factor": 2.0 }), "rope_scaling.factor = 2.0"),
        (
            "llama",
            "rope_theta",
            json!(1e4),
            "rope_parameters.rope_theta = 50000, but only 10000, which rope_theta says,",
        ),
        ("llama", "partial_rotary_factor", json!(0.5), "partial_rotary_factor = 0.5"),
        ("llama", "sliding_window", json!(4096), "sliding_window = 4096, but only an absent field"),
        ("llama", "attention_bias", json!(true), "mlp_bias = false, but only true"),
        ("llama", "head_dim", json!(16), "head_dim = 16"),
        ("llama", "num_key_value_heads", json!(3), "groups = 3"),
        ("llama", "rms_norm_eps", json!(0), "epsilon = 0"),
        ("llama", "vocab_size", json!(54), "has shape [53, 32], expected [54, 32]"),
        ("llama", "num_hidden_layers", json!(1), "is not part of this model"),
        ("llama", "num_hidden_layers", json!(3), "model.layers.2"),
    ] {
        let found = error(fixture, field, &value);
        assert!(found.contains(expected), "{fixture}, {field} = {value}: {found}");
    }
}

#[test]
fn numbers_of_the_wrong_kind_and_size_are_refused() {
    for (value, expected) in [
        (json!("32"), "expected a whole number"),
        (json!(32.5), "expected a whole number"),
        (json!(-1), "expected a whole number"),
        (json!([32]), "expected a whole number"),
        (json!(1e300), "expected a whole number"),
        (json!(u64::MAX), "= 18446744073709551615: a positive size"),
        (json!(0), "= 0: a positive size"),
        (Value::Null, "has no field"),
    ] {
        for field in ["vocab_size", "n_embd", "n_layer", "n_head", "n_positions"] {
            let found = error("gpt2", field, &value);
            assert!(found.contains(expected), "{field} = {value}: {found}");
        }
    }
    for field in ["vocab_size", "hidden_size", "num_hidden_layers", "intermediate_size", "num_attention_heads"] {
        // Refused, and before a byte is reserved: the sizes that this implies exceed any machine's memory.
        error("llama", field, &json!(1 << 30));
    }
    assert!(error("llama", "tie_word_embeddings", &json!(1)).contains("expected true or false"));
    assert!(error("llama", "rms_norm_eps", &json!("1e-6")).contains("expected a number"));
    assert!(error("llama", "hidden_act", &json!(3)).contains("expected a word"));
    assert!(error("llama", "rope_parameters", &json!([1])).contains("expected an object or null"));
}

#[test]
fn harmless_fields_and_a_longer_context_change_nothing() {
    let folder = copy("llama");
    let path = folder.path().join("config.json");
    let mut config = json(&path);
    config["_name_or_path"] = json!("somewhere");
    config["attention_dropout"] = json!(0.1);
    config["sliding_window"] = Value::Null;
    config["is_encoder_decoder"] = json!(false);
    // Rotary positions have no array: what they need is made when it is used.
    config["max_position_embeddings"] = json!(1 << 29);
    std::fs::write(&path, config.to_string()).unwrap();
    let loaded = checkpoint::read(folder.path()).unwrap();
    let mut session = kleiber_models::Session::new(&loaded.decoder, 8).unwrap();
    session.feed(&[1, 2, 3]).unwrap();
}

#[test]
fn a_folder_without_a_model_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let error = |folder: &std::path::Path| checkpoint::read(folder).unwrap_err();
    assert!(error(folder.path()).to_string().ends_with("holds no config.json"));
    let folder = copy("llama");
    std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
    std::fs::write(folder.path().join("pytorch_model.bin"), b"").unwrap();
    let found = error(folder.path());
    assert!(matches!(found, ModelError::NoCheckpoint { .. }) && found.to_string().contains("pickle"), "{found}");
    assert!(found.hint().contains("save_pretrained"));
}
