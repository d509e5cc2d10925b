//! Steps that are left out: a batch with a poisoned token, batches of noise, and too many of them.
#![allow(missing_docs)]

use kleiber_data::{Document, Stream, StreamOptions, TokenStore, Tokenizer, tasks};
use kleiber_models::{Decoder, DecoderConfig};
use kleiber_train::{Fault, GuardOptions, Kind, NotFinite, Options, Report, Schedule, TrainError, Trainer};
use std::sync::Arc;

const CONTEXT: usize = 32;

fn config() -> DecoderConfig {
    DecoderConfig {
        vocab: 257,
        context: CONTEXT,
        layers: 1,
        width: 32,
        heads: 2,
        groups: 2,
        ..DecoderConfig::default()
    }
}

fn options(guard: GuardOptions) -> Options {
    let schedule = Schedule { kind: Kind::Constant, peak: 3e-3, floor: 0.0, warmup: 0, total: 1 << 20 };
    Options { guard, ..Options::new(4, schedule) }
}

/// Bigram text and one document with the byte `!`.
fn text() -> Vec<Document> {
    let task = tasks::build("bigram", &serde_json::json!({ "symbols": 8, "length": 2048 })).unwrap();
    [vec![Document::new("abababababab!abababab", "docs", "extra")], task.documents(1, 8).unwrap()].concat()
}

fn trainer(guard: GuardOptions, documents: &[Document], poisoned: bool) -> Trainer {
    let store = Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, documents).unwrap());
    let mut decoder = Decoder::new(&config(), 3).unwrap();
    if poisoned {
        // The embedding comes first; only the row of `!` is not a number, so only its batch is.
        let row = usize::from(b'!') * config().width;
        decoder.parameters_mut().values_mut()[row..row + 4].fill(f32::NAN);
    }
    Trainer::new(decoder, Stream::new(store, StreamOptions::new(CONTEXT, 5)).unwrap(), options(guard)).unwrap()
}

#[test]
fn one_poisoned_batch_costs_one_step() {
    let guard = GuardOptions { not_finite: NotFinite::Skip, spike: 8.0, after: 16, ..GuardOptions::default() };
    let mut trainer = trainer(guard, &text(), true);
    let reports: Vec<Report> = (0..128).map(|_| trainer.step().unwrap()).collect();
    let skipped: Vec<&Report> = reports.iter().filter(|r| r.skipped.is_some()).collect();
    assert_eq!(skipped.len(), 1, "{skipped:?}");
    assert_eq!(skipped[0].skipped, Some(Fault::Loss));
    assert!(reports.iter().filter(|r| r.skipped.is_none()).all(|r| r.loss.is_finite()));
    assert!(reports[127].loss < reports[0].loss - 2.0);
}

#[test]
fn the_default_stops_at_it() {
    let mut trainer = trainer(GuardOptions::default(), &text(), true);
    let error = (0..128).find_map(|_| trainer.step().err()).unwrap();
    assert!(matches!(error, TrainError::NotFinite { what: "loss", .. }), "{error}");
    let before: Vec<u32> = trainer.decoder().parameters().values().iter().map(|v| v.to_bits()).collect();
    assert!(trainer.step().is_err(), "the batch is met again");
    assert!(trainer.decoder().parameters().values().iter().map(|v| v.to_bits()).eq(before));
}

#[test]
fn batches_of_noise_are_spikes_and_too_many_end_the_run() {
    // Learned text, then text of other letters altogether.
    let noise: String =
        (0..4096u32).map(|i| char::from(b'A' + (i.wrapping_mul(2_654_435_761) >> 27) as u8 % 26)).collect();
    let store = |documents: &[Document]| Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, documents).unwrap());
    let guard = GuardOptions { spike: 6.0, after: 32, max_skips: 5, ..GuardOptions::default() };
    let learned = text();
    let mut first = trainer(guard, &learned, false);
    for _ in 0..100 {
        first.step().unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    kleiber_train::checkpoint::save(&mut first, folder.path()).unwrap();
    let stream = Stream::new(store(&[Document::new(noise, "docs", "noise")]), StreamOptions::new(CONTEXT, 5)).unwrap();
    let mut second = Trainer::new(Decoder::new(&config(), 3).unwrap(), stream, options(guard)).unwrap();
    kleiber_train::checkpoint::restore(&mut second, &folder.path().join("step-100")).unwrap();
    let before = second.decoder().parameters().values().to_vec();
    for _ in 0..5 {
        assert_eq!(second.step().unwrap().skipped, Some(Fault::LossSpike));
    }
    assert!(matches!(second.step().unwrap_err(), TrainError::Skips { count: 6, .. }));
    assert_eq!(second.decoder().parameters().values(), before);
}
