//! A decoder that is written and read is the same decoder, bit for bit.

use crate::common::{decoder, gpt_neox, gpt2, llama, through_files};
use kleiber_models::{Decoder, DecoderConfig, Mlp, NormKind, Positions, checkpoint};
use safetensors::SafeTensors;
use serde_json::{Value, json};

fn bits(decoder: &Decoder) -> Vec<u32> {
    decoder.parameters().values().iter().map(|v| v.to_bits()).collect()
}

fn kinds() -> Vec<(&'static str, DecoderConfig)> {
    let base = DecoderConfig::default;
    let mut kinds = vec![
        ("gpt2", gpt2(true)),
        ("gpt2", gpt2(false)),
        ("gpt_neox", gpt_neox(false, 1.0)),
        ("gpt_neox", gpt_neox(true, 0.7)),
        ("llama", llama(false, 4)),
        ("llama", llama(true, 2)),
        ("llama", DecoderConfig { bias: true, ..llama(false, 1) }),
        // One thing that no family has each.
        ("kleiber", DecoderConfig { spans: vec![20, 8, 4, 2], ..llama(false, 2) }),
        ("kleiber", DecoderConfig { rotary_share: 0.5, ..llama(false, 2) }),
        ("kleiber", DecoderConfig { groups: 2, ..gpt2(true) }),
        ("kleiber", DecoderConfig { bias: false, ..gpt2(true) }),
        // 5 of 6 numbers of a head, which turn in pairs.
        ("kleiber", gpt_neox(false, 0.9)),
        ("kleiber", DecoderConfig { mlp: Mlp::ReluSquared, ..llama(false, 2) }),
    ];
    for positions in [Positions::None, Positions::Sinusoidal, Positions::Alibi, Positions::T5] {
        kinds.push(("kleiber", DecoderConfig { positions, ..base() }));
        kinds.push(("kleiber", DecoderConfig { positions, norm: NormKind::Layer, bias: true, tied: true, ..base() }));
    }
    kinds
}

#[test]
fn every_kind_comes_back_to_the_same_bits() {
    for (family, config) in kinds() {
        let decoder = decoder(config);
        let back = through_files(&decoder);
        assert_eq!((back.model_type, back.ends.as_slice()), (family, &[7][..]), "{:?}", decoder.config());
        let files = checkpoint::encode(&decoder, Some(7)).unwrap();
        let values = checkpoint::values(decoder.config(), "memory", &files.model).unwrap();
        assert!(values == decoder.parameters().values(), "{family} from memory");
        assert!(bits(&back.decoder) == bits(&decoder), "{family}: {:?}", decoder.config());
        // Fields that mean nothing to a family come back as their defaults; what they say does not change.
        let tokens: Vec<u32> = (0..20).map(|i| i * 7 % 41).collect();
        assert_eq!(back.decoder.logits(&tokens, 2), decoder.logits(&tokens, 2), "{family}");
        let again = checkpoint::encode(&back.decoder, Some(7)).unwrap();
        assert!(again.model == files.model && again.config == files.config, "{family}: other bytes");
    }
}

#[test]
fn projections_stand_as_each_family_has_them() {
    let decoder = decoder(gpt2(true));
    let at = |name: &str| decoder.parameters().entries().iter().find(|e| e.name == name).unwrap().offset;
    let ours = |name: &str, index: usize| decoder.parameters().values()[at(name) + index];
    let files = checkpoint::encode(&decoder, None).unwrap();
    let arrays = SafeTensors::deserialize(&files.model).unwrap();
    let number = |name: &str, index: usize| {
        let bytes = arrays.tensor(name).unwrap().data()[4 * index..4 * index + 4].try_into().unwrap();
        f32::from_le_bytes(bytes)
    };
    // GPT-2 stores [in, out]: row 5, column 30 of 72.
    assert_eq!(arrays.tensor("transformer.h.1.attn.c_attn.weight").unwrap().shape(), [24, 72]);
    let found = number("transformer.h.1.attn.c_attn.weight", 5 * 72 + 30);
    assert_eq!(found, ours("blocks.1.attention.packed.weight", 30 * 24 + 5));
    let config: Value = serde_json::from_slice(&files.config).unwrap();
    assert_eq!((&config["n_embd"], &config["eos_token_id"]), (&json!(24), &Value::Null));

    let decoder = crate::common::decoder(gpt_neox(false, 1.0));
    let at = |name: &str| decoder.parameters().entries().iter().find(|e| e.name == name).unwrap().offset;
    let files = checkpoint::encode(&decoder, None).unwrap();
    let arrays = SafeTensors::deserialize(&files.model).unwrap();
    let data = arrays.tensor("gpt_neox.layers.0.attention.query_key_value.bias").unwrap();
    let row = |i: usize| f32::from_le_bytes(data.data()[4 * i..4 * i + 4].try_into().unwrap());
    let bias = |i: usize| decoder.parameters().values()[at("blocks.0.attention.packed.bias") + i];
    // Heads of 6: number 2 of the key of head 3.
    assert_eq!(row(3 * 18 + 6 + 2), bias(24 + 3 * 6 + 2));
}

#[test]
fn numbers_that_are_not_finite_are_not_saved() {
    let mut decoder = decoder(llama(false, 2));
    decoder.parameters_mut().values_mut()[100] = f32::NAN;
    let error = checkpoint::encode(&decoder, None).unwrap_err().to_string();
    assert!(error.contains("embedding.weight") && error.contains("number 100 is NaN"), "{error}");
}
