//! The encoder-decoder against the textbook in double precision, and what each side may see.
#![allow(missing_docs)]

use kleiber_models::{Batch, Decoder, DecoderConfig, Mlp, ModelError, Positions, Session, checkpoint};
use kleiber_tensor::optimizer::{AdamW, Settings};
use textbook::Textbook;

#[path = "common/textbook.rs"]
mod textbook;

const IGNORED: u32 = u32::MAX;

fn config() -> DecoderConfig {
    DecoderConfig {
        vocab: 11,
        context: 12,
        layers: 2,
        encoder_layers: 2,
        width: 8,
        heads: 2,
        groups: 1,
        mlp: Mlp::ReluSquared,
        positions: Positions::Learned,
        ..DecoderConfig::default()
    }
}

/// A model whose numbers are large enough for every layer to matter.
fn model(config: &DecoderConfig) -> Decoder {
    let mut decoder = Decoder::new(config, 3).unwrap();
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v *= if *v == 1.0 { 1.0 } else { 12.0 });
    decoder
}

/// A pair as a row of `len` tokens: source, then target after its first token.
fn row(source: &[u32], target: &[u32], len: usize) -> [Vec<u32>; 2] {
    let mut inputs = [source, target].concat();
    let mut targets = vec![IGNORED; source.len()];
    targets.extend(target[1..].iter().chain(&[0]));
    inputs.resize(len, 0);
    targets.resize(len, IGNORED);
    [inputs, targets]
}

fn losses(decoder: &Decoder, pairs: &[(&[u32], &[u32])], len: usize) -> Vec<Vec<f32>> {
    let rows: Vec<[Vec<u32>; 2]> = pairs.iter().map(|(s, t)| row(s, t, len)).collect();
    let of = |part: usize| rows.iter().flat_map(|r| r[part].clone()).collect::<Vec<u32>>();
    let all = decoder.token_losses(&of(0), &of(1), rows.len(), None);
    let cut = |(n, (s, t)): (usize, &(&[u32], &[u32]))| {
        let row = &all[n * len..(n + 1) * len];
        assert!(row[..s.len()].iter().chain(&row[s.len() + t.len()..]).all(|l| *l == 0.0), "only targets count");
        row[s.len()..s.len() + t.len()].to_vec()
    };
    pairs.iter().enumerate().map(cut).collect()
}

#[test]
fn losses_are_those_of_the_textbook_whatever_stands_beside_a_pair() {
    let decoder = model(&config());
    let pairs: [(&[u32], &[u32]); 3] =
        [(&[0, 5, 3, 9], &[1, 4, 4, 7]), (&[0, 2], &[1, 8]), (&[0, 6, 6, 6, 2, 3], &[1])];
    let together = losses(&decoder, &pairs, 12);
    // The model is far from one that knows nothing.
    assert!(together.iter().flatten().any(|l| (l - 11f32.ln()).abs() > 0.3), "{together:?}");
    for ((source, target), got) in pairs.iter().zip(&together) {
        let want = Textbook(&decoder).losses(Some(source), target).0;
        for (got, want) in got.iter().zip(&want) {
            assert!((f64::from(*got) - want).abs() < 2e-5, "{got} and {want}");
        }
        let alone = losses(&decoder, &[(source, target)], source.len() + target.len());
        assert!(alone[0].iter().zip(got).all(|(a, b)| (a - b).abs() < 1e-5));
    }
}

#[test]
fn sources_are_seen_whole_and_targets_from_the_left() {
    for positions in [Positions::None, Positions::Sinusoidal, Positions::Rotary] {
        let decoder = model(&DecoderConfig { positions, ..config() });
        let of = |source: &[u32], target: &[u32]| losses(&decoder, &[(source, target)], 12).remove(0);
        let base = of(&[0, 5, 3, 9], &[1, 4, 4, 7]);
        for changed in [[0, 5, 3, 8], [0, 2, 3, 9]] {
            let other = of(&changed, &[1, 4, 4, 7]);
            assert!((other[0] - base[0]).abs() > 1e-4, "{positions:?}: the first target sees all of the source");
        }
        let other = of(&[0, 5, 3, 9], &[1, 4, 2, 7]);
        assert!(other[0] == base[0] && other[2] != base[2], "{positions:?}: the past does not see the future");
    }
}

#[test]
fn gradients_are_slopes_of_the_loss() {
    let mut decoder = model(&config());
    let rows = [row(&[0, 5, 3, 9], &[1, 4, 4, 7], 9), row(&[0, 2], &[1, 8], 9)];
    let of = |part: usize| rows.iter().flat_map(|r| r[part].clone()).collect::<Vec<u32>>();
    let batch = Batch { inputs: of(0).into(), targets: of(1).into(), sequences: 2, starts: None, noise: None };
    let pass = decoder.pass(&batch);
    let loss = |decoder: &Decoder| {
        let all: f64 = [(&[0, 5, 3, 9][..], &[1, 4, 4, 7][..]), (&[0, 2], &[1, 8])]
            .iter()
            .map(|(s, t)| Textbook(decoder).losses(Some(s), t).0.iter().sum::<f64>())
            .sum();
        all / 6.0
    };
    assert!((pass.loss - loss(&decoder)).abs() < 1e-5);
    textbook::gradients_are_slopes(&mut decoder, &pass, loss);
}

#[test]
fn a_checkpoint_holds_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let decoder = model(&config());
    checkpoint::write(&decoder, None, folder.path()).unwrap();
    let read = checkpoint::read(folder.path()).unwrap();
    assert_eq!((read.model_type, read.decoder.config()), ("kleiber", decoder.config()));
    assert_eq!(read.decoder.parameters().values(), decoder.parameters().values());
    // A file that claims more blocks than it has arrays is refused before anything is reserved.
    let path = folder.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"encoder_layers\": 2", "\"encoder_layers\": 1000000");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(checkpoint::read(folder.path()), Err(ModelError::Config { field: "encoder_layers", .. })));
    assert!(matches!(Session::new(&decoder, 4), Err(ModelError::Config { field: "encoder_layers", .. })));
}

#[test]
fn it_learns_to_turn_a_word_around_and_writes_it() {
    let config = DecoderConfig { width: 16, groups: 2, mlp: Mlp::Gelu, layers: 1, encoder_layers: 1, ..config() };
    let mut decoder = Decoder::new(&config, 0).unwrap();
    let mut optimizer = AdamW::new(decoder.parameters().len());
    // Words of three letters 2..10; 0 begins and ends, 1 stands between.
    let word = |n: u32| [2 + n % 8, 2 + n / 8 % 8, 2 + n / 64 % 8];
    for step in 0..400u32 {
        let rows: Vec<[Vec<u32>; 2]> = (0..32)
            .map(|i| {
                let [a, b, c] = word((step * 32 + i).wrapping_mul(2_654_435_761) >> 7);
                row(&[0, a, b, c], &[1, c, b, a], 8)
            })
            .collect();
        let of = |part: usize| rows.iter().flat_map(|r| r[part].clone()).collect::<Vec<u32>>();
        let batch = Batch { inputs: of(0).into(), targets: of(1).into(), sequences: 32, starts: None, noise: None };
        let pass = decoder.pass(&batch);
        let norm = AdamW::norm(&pass.gradients);
        optimizer.step(decoder.parameters_mut(), &pass.gradients, norm, 1e-2, Settings::default());
    }
    let sources: Vec<Vec<u32>> = (0..64).map(|n| [&[0][..], &word(n * 7), &[1]].concat()).collect();
    let written = decoder.translate(&sources, 0, 6);
    let right = (0..64).filter(|n| written[*n as usize].iter().rev().eq(&word(n * 7))).count();
    assert!(right >= 60, "{right} of 64: {:?}", &written[..4]);
}
