//! Runs of a model with an encoder: the same loop, counted by side, continued to the same bits.
#![allow(missing_docs)]

use kleiber_core::table::Table;
use kleiber_data::{TokenStore, Tokenizer, tasks};
use kleiber_train::{Event, Plan, RunConfig, RunOptions, Texts, TrainError, checkpoint, run};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Texts of 4 to 6 words, so that documents have 11 to 15 tokens.
fn texts() -> Texts {
    let task = tasks::build("translation", &serde_json::json!({ "min_length": 4, "max_length": 6 })).unwrap();
    let store = |seed, count| {
        Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, &task.documents(seed, count).unwrap()).unwrap())
    };
    Texts {
        mixed: Vec::new(),
        train: store(1, 200),
        validation: store(2, 20),
        tokenizer: Arc::new(Tokenizer::Bytes),
        corpus: "translation".into(),
    }
}

fn plan(overrides: &[&str]) -> Result<Plan, TrainError> {
    let base = [
        "model.layers=1",
        "model.encoder_layers=2",
        "model.width=16",
        "model.context=16",
        "train.batch_tokens=128",
        "train.tokens=5120",
        "train.lr=3e-3",
        "train.dropout=0.1",
        "evaluate.tokens=10000",
    ];
    let overrides: Vec<String> = base.iter().chain(overrides).map(|o| (*o).to_string()).collect();
    Plan::new(&RunConfig::parse("test", "", &overrides).unwrap(), Tokenizer::Bytes.vocab())
}

const SOURCE: [&str; 2] = ["data.layout=single", "data.loss_after=\"=\""];

fn options(folder: &Path, stop: &Arc<AtomicBool>) -> RunOptions {
    let table = Some(folder.join("runs.csv"));
    RunOptions { folder: folder.join("one"), table, stop: stop.clone(), ..RunOptions::default() }
}

#[test]
fn a_stopped_run_ends_in_the_same_bits_and_its_row_counts_both_sides() {
    let (plan, texts) = (plan(&SOURCE).unwrap(), texts());
    let weights = |folder: &Path| {
        std::fs::read(checkpoint::newest(&folder.join("one")).unwrap().join("model.safetensors")).unwrap()
    };
    let [whole, parts] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let never = Arc::new(AtomicBool::new(false));
    let outcome = run(&plan, &texts, &options(whole.path(), &never), &mut |_| ()).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let first = run(&plan, &texts, &options(parts.path(), &stop), &mut |event| {
        stop.store(matches!(event, Event::Step { step: 15, .. }) || stop.load(Ordering::Relaxed), Ordering::Relaxed);
    });
    assert_eq!(first.unwrap().step, 15);
    let again = run(&plan, &texts, &options(parts.path(), &never), &mut |_| ()).unwrap();
    assert_eq!((again.step, again.evaluation), (40, outcome.evaluation));
    assert!(weights(whole.path()) == weights(parts.path()), "other bits after a stop");
    // Targets only: every word, the end of the line, and the end of the text.
    let documents = (0..texts.validation.documents()).map(|d| texts.validation.document(d).unwrap());
    let counted: usize = documents.map(|d| d.len() - d.iter().position(|t| *t == u32::from(b'=')).unwrap()).sum();
    assert_eq!(outcome.evaluation.tokens, counted as u64);
    let row = Table::read(&whole.path().join("runs.csv")).unwrap();
    let number = |name: &str| row.numbers(name).unwrap()[0];
    // Blocks of 12 and 16 times 16 x 16.
    assert_eq!([number("params_encoder"), number("params_decoder"), number("encoder_layers")], [6144.0, 4096.0, 2.0]);
    assert!(plan.name(&texts).starts_with("2+1x16-"), "{}", plan.name(&texts));
}

#[test]
fn an_encoder_needs_to_know_what_is_given() {
    let error = plan(&[]).unwrap_err().to_string();
    assert!(error.starts_with("model.encoder_layers") && error.contains("data.loss_after"), "{error}");
    assert!(plan(&SOURCE[..1]).is_err() && plan(&SOURCE[1..]).is_err());
    assert!(plan(&["model.encoder_layers=0"]).is_ok());
}
