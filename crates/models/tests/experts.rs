//! Experts against the textbook in double precision: their choice, what it costs, and how it is learned.
#![allow(missing_docs)]

use kleiber_models::{Batch, Decoder, DecoderConfig, Mlp, ModelError, Positions, checkpoint};
use textbook::Textbook;

#[path = "common/textbook.rs"]
mod textbook;

const CONTEXT: usize = 24;

fn texts() -> [[u32; CONTEXT]; 2] {
    [3, 5].map(|n| std::array::from_fn(|i| (i * i * n + 7 * i) as u32 % 11))
}

fn config() -> DecoderConfig {
    DecoderConfig {
        vocab: 11,
        context: CONTEXT,
        layers: 2,
        width: 8,
        heads: 2,
        groups: 1,
        experts: 3,
        mlp: Mlp::ReluSquared,
        positions: Positions::Learned,
        ..DecoderConfig::default()
    }
}

/// A model whose numbers are large enough for every layer to matter.
fn model() -> Decoder {
    let mut decoder = Decoder::new(&config(), 3).unwrap();
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v *= if *v == 1.0 { 1.0 } else { 12.0 });
    decoder
}

fn batch(texts: &[[u32; CONTEXT]]) -> Batch {
    let targets = texts.iter().flat_map(|t| t[1..].iter().chain(&[0]).copied().collect::<Vec<u32>>());
    Batch {
        inputs: texts.as_flattened().into(),
        targets: targets.collect(),
        sequences: texts.len(),
        starts: None,
        noise: None,
    }
}

#[test]
fn losses_are_those_of_the_textbook() {
    let decoder = model();
    let both = batch(&texts());
    let found = decoder.token_losses(&both.inputs, &both.targets, 2, None);
    let wanted: Vec<f64> = texts().iter().flat_map(|t| Textbook(&decoder).losses(None, t).0).collect();
    assert!(wanted.iter().any(|l| (l - 11f64.ln()).abs() > 0.3), "{wanted:?}");
    for (found, wanted) in found.iter().zip(&wanted) {
        assert!((f64::from(*found) - wanted).abs() < 2e-5, "{found} and {wanted}");
    }
    // Not every token has the same expert, or there is nothing to choose.
    let balance = Textbook(&decoder).losses(None, &texts()[0]).1;
    assert!((1.0..2.9).contains(&balance), "{balance}");
}

#[test]
fn gradients_are_slopes_of_the_loss_with_its_balance() {
    let mut decoder = model();
    let pass = decoder.pass(&batch(&texts()[..1]));
    let parts = |decoder: &Decoder| {
        let (losses, balance) = Textbook(decoder).losses(None, &texts()[0]);
        (losses.iter().sum::<f64>() / CONTEXT as f64, 0.01 * balance)
    };
    assert!((pass.loss - parts(&decoder).0).abs() < 1e-5, "the loss that is reported is that of the tokens alone");
    textbook::gradients_are_slopes(&mut decoder, &pass, |decoder| parts(decoder).0 + parts(decoder).1);
}

#[test]
fn a_checkpoint_holds_every_expert_and_shapes_count_them() {
    let (folder, decoder) = (tempfile::tempdir().unwrap(), model());
    checkpoint::write(&decoder, None, folder.path()).unwrap();
    let read = checkpoint::read(folder.path()).unwrap();
    assert_eq!((read.model_type, read.decoder.config()), ("kleiber", decoder.config()));
    assert_eq!(read.decoder.parameters().values(), decoder.parameters().values());
    let parts = config().shape().parts().unwrap();
    assert_eq!(parts.params_total().unwrap(), decoder.parameters().len() as u64);
    // Two blocks, of which a token passes one of three experts of 8 x 32 up and down.
    assert_eq!(parts.params().unwrap() - (parts.params_matmul().unwrap() - 88), 2 * 2 * 512);
    let refused = DecoderConfig { encoder_layers: 1, ..config() }.check();
    assert!(matches!(refused, Err(ModelError::Config { field: "experts", .. })));
}
