//! Models that `transformers` made give its logits here, and train on.

use crate::common::{FIXTURES, fixture, json};
use kleiber_models::{Batch, checkpoint};
use kleiber_tensor::optimizer::{AdamW, Settings};

#[test]
fn the_logits_are_those_of_transformers() {
    for name in FIXTURES {
        let folder = fixture(name);
        let loaded = checkpoint::read(&folder).unwrap();
        let expected = json(&folder.join("logits.json"));
        let tokens: Vec<u32> = serde_json::from_value(expected["tokens"].clone()).unwrap();
        let rows: Vec<Vec<f64>> = serde_json::from_value(expected["logits"].clone()).unwrap();
        let logits = loaded.decoder.logits(&tokens, 1);
        let rows: Vec<f64> = rows.into_iter().flatten().collect();
        assert_eq!(logits.len(), rows.len());
        let worst = logits.iter().zip(&rows).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        eprintln!("{name}: largest difference {worst:.1e}");
        assert!(worst < 1e-4, "{name}: {worst}");
    }
}

#[test]
fn what_the_folders_say_is_read() {
    let read = |name: &str| checkpoint::read(&fixture(name)).unwrap();
    let gpt2 = read("gpt2");
    assert_eq!((gpt2.model_type, gpt2.ends.as_slice(), gpt2.decoder.config().hidden()), ("gpt2", &[7][..], 128));
    assert_eq!(read("gpt2_f16").decoder.config().hidden(), 24);
    let neox = read("gpt_neox");
    assert_eq!((neox.decoder.config().rotary_dims(), neox.decoder.config().rotary_base), (4, 5000.0));
    let llama = read("llama");
    assert_eq!((llama.ends.as_slice(), llama.decoder.config().groups), (&[7, 9][..], 2));
    assert!(read("llama_bf16").decoder.config().bias);
}

#[test]
fn a_model_of_transformers_trains_on() {
    for name in ["gpt2", "gpt_neox", "llama"] {
        let mut decoder = checkpoint::read(&fixture(name)).unwrap().decoder;
        let tokens: Vec<u32> = (0..4 * 21).map(|i| (i * i + 3) % 53).collect();
        let rows = || tokens.chunks(21);
        let batch = Batch {
            inputs: rows().flat_map(|r| r[..20].to_vec()).collect(),
            targets: rows().flat_map(|r| r[1..].to_vec()).collect(),
            sequences: 4,
            starts: None,
            noise: None,
        };
        let mut optimizer = AdamW::new(decoder.parameters().len());
        let mut losses = Vec::new();
        for _ in 0..20 {
            let pass = decoder.pass(&batch);
            let norm = AdamW::norm(&pass.gradients);
            optimizer.step(decoder.parameters_mut(), &pass.gradients, norm, 1e-2, Settings::default());
            losses.push(pass.loss);
        }
        eprintln!("{name}: {:.3} to {:.3}", losses[0], losses[19]);
        assert!(losses[19] < losses[0] - 1.0, "{name}: {losses:?}");
    }
}
