//! The count of a configuration against the tensors of the model built from it, to the parameter.
#![allow(missing_docs)]

use kleiber_models::{Decoder, DecoderConfig, Mlp, NormKind, Positions};

const POSITIONS: [Positions; 6] =
    [Positions::None, Positions::Learned, Positions::Sinusoidal, Positions::Rotary, Positions::Alibi, Positions::T5];

/// The part that a tensor belongs to, by its name.
fn part(name: &str) -> &'static str {
    let name = name.strip_prefix("encoder.").unwrap_or(name);
    let inner = name.strip_prefix("blocks.").and_then(|n| n.split_once('.')).map_or(name, |(_, inner)| inner);
    match inner {
        n if n.starts_with("embedding.") => "embedding",
        n if n.starts_with("position") => "positions",
        n if n.starts_with("attention.") || n.starts_with("cross.") => "attention",
        n if n.starts_with("mlp.") => "mlp",
        n if n.contains("norm.") => "norms",
        n if n.starts_with("head.") => "head",
        n => panic!("no part holds {n}"),
    }
}

#[track_caller]
fn compare(config: &DecoderConfig) {
    let decoder = Decoder::new(config, 0).unwrap();
    let built = |wanted: &str| {
        let entries = decoder.parameters().entries().iter().filter(|e| part(&e.name) == wanted);
        entries.map(|e| e.shape.iter().product::<usize>() as u64).sum::<u64>()
    };
    let parts = config.shape().parts().unwrap();
    for (name, counted) in parts.named() {
        assert_eq!(counted, built(name), "{name} of {config:?}");
    }
    let all: usize = decoder.parameters().entries().iter().map(|e| e.shape.iter().product::<usize>()).sum();
    assert_eq!(parts.params_total().unwrap(), all as u64, "{config:?}");
    let head = (config.vocab * config.width) as u64;
    assert_eq!(parts.params_matmul().unwrap(), parts.params().unwrap() + head, "{config:?}");
}

#[test]
fn every_combination_is_counted_as_it_is_built() {
    let base = DecoderConfig { vocab: 37, context: 12, layers: 2, width: 24, heads: 4, ..DecoderConfig::default() };
    for positions in POSITIONS {
        for norm in [NormKind::Layer, NormKind::Rms] {
            for mlp in [Mlp::Gelu, Mlp::Swiglu, Mlp::ReluSquared] {
                for (tied, bias) in [(false, false), (false, true), (true, false), (true, true)] {
                    for groups in [1, 2, 4] {
                        compare(&DecoderConfig { positions, norm, mlp, tied, bias, groups, ..base.clone() });
                    }
                }
            }
        }
    }
}

#[test]
fn encoders_are_counted_with_both_sides() {
    let base = DecoderConfig { vocab: 37, context: 12, layers: 2, width: 24, heads: 4, ..DecoderConfig::default() };
    for (positions, groups, bias, encoder_layers) in [
        (Positions::Rotary, 4, false, 1),
        (Positions::Learned, 2, true, 3),
        (Positions::None, 1, true, 2),
        (Positions::Sinusoidal, 4, false, 1),
    ] {
        let config = DecoderConfig { positions, groups, bias, encoder_layers, norm: NormKind::Layer, ..base.clone() };
        compare(&config);
        let decoder = Decoder::new(&config, 0).unwrap();
        let weights = |encoder: bool| {
            let blocks =
                decoder.parameters().entries().iter().filter(|e| e.shape.len() == 2 && e.name.contains("blocks."));
            blocks.filter(|e| e.name.starts_with("encoder.") == encoder).map(|e| e.len() as u64).sum::<u64>()
        };
        assert_eq!(config.shape().sides().unwrap(), [weights(true), weights(false)]);
    }
    for positions in [Positions::Alibi, Positions::T5] {
        let error = DecoderConfig { positions, encoder_layers: 1, ..base.clone() }.check().unwrap_err();
        assert!(error.to_string().starts_with("encoder_layers = 1: an encoder looks both ways"), "{error}");
    }
}

#[test]
fn given_hidden_sizes_and_depths_are_counted() {
    for (layers, hidden, mlp) in [(1, 7, Mlp::Gelu), (3, 50, Mlp::Swiglu), (5, 1, Mlp::ReluSquared)] {
        compare(&DecoderConfig { vocab: 11, context: 5, layers, width: 8, hidden, mlp, ..DecoderConfig::default() });
    }
}

#[test]
fn the_usual_hidden_size_keeps_its_rule() {
    let hidden = |width, mlp| DecoderConfig { width, mlp, ..DecoderConfig::default() }.hidden();
    assert_eq!([hidden(128, Mlp::Gelu), hidden(128, Mlp::Swiglu), hidden(384, Mlp::Swiglu)], [512, 344, 1024]);
}
