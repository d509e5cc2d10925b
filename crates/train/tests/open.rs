//! Runs that were made, opened to be looked at.
#![allow(missing_docs)]

use kleiber_train::{OpenRun, Plan, RunConfig, RunOptions, Texts, TrainError, run};
use std::path::Path;

/// Makes a tiny run on the text in `folder/text`.
fn make(folder: &Path) -> kleiber_train::Outcome {
    let overrides = [
        format!("data.source={}", folder.join("text").display()),
        "data.tokenizer=bytes".into(),
        "data.validation=0.4".into(),
        "model.layers=1".into(),
        "model.width=32".into(),
        "model.context=32".into(),
        "train.batch_tokens=128".into(),
        "train.tokens=2560".into(),
        "evaluate.tokens=640".into(),
        "checkpoint.every=8".into(),
        "checkpoint.keep=9".into(),
    ];
    let config = RunConfig::parse("test", "", &overrides).unwrap();
    let texts = Texts::prepare(&config, &folder.join("data"), &|_| ()).unwrap();
    let plan = Plan::new(&config, texts.tokenizer.vocab()).unwrap();
    run(&plan, &texts, &RunOptions { folder: folder.join("one"), ..RunOptions::default() }, &mut |_| ()).unwrap()
}

fn write_texts(folder: &Path, word: &str) {
    std::fs::create_dir_all(folder).unwrap();
    for i in 0..20 {
        std::fs::write(folder.join(format!("{i}.txt")), format!("{word} {i} ").repeat(40 + i)).unwrap();
    }
}

#[test]
fn an_opened_run_evaluates_as_it_was_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), "word");
    let outcome = make(folder.path());
    let (path, cache) = (folder.path().join("one"), folder.path().join("data"));
    let opened = OpenRun::open(&path, &cache, &|_| ()).unwrap();
    let saved = opened.checkpoints();
    let steps: Vec<(u64, u64)> = saved.iter().map(|s| (s.step, s.tokens)).collect();
    assert_eq!(steps, [(8, 1024), (16, 2048), (20, 2560)]);
    let held_out = opened.held_out().unwrap();
    let losses = held_out.losses(&saved[2].decoder().unwrap()).unwrap();
    assert_eq!(losses.evaluation, outcome.evaluation);
    assert_eq!((losses.sequences.len(), losses.evaluation.tokens), (20, 640));
    let mean = losses.sequences.iter().sum::<f64>() / 20.0;
    assert!((mean - losses.evaluation.loss).abs() < 1e-9);
    // An earlier checkpoint is worse, and less text is the beginning of the same.
    assert!(held_out.losses(&saved[0].decoder().unwrap()).unwrap().evaluation.loss > losses.evaluation.loss);
    let few = held_out.at_most(100);
    assert_eq!(few.losses(&saved[2].decoder().unwrap()).unwrap().sequences, losses.sequences[..4]);
    assert_eq!(few.batches().map(|b| b.unwrap().batch).collect::<Vec<_>>(), [4]);
}

#[test]
fn another_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_texts(&folder.path().join("text"), "word");
    make(folder.path());
    write_texts(&folder.path().join("text"), "other");
    let error = OpenRun::open(&folder.path().join("one"), &folder.path().join("data"), &|_| ()).unwrap_err();
    assert!(
        matches!(error, TrainError::Config { .. }) && error.to_string().contains("the run held out the text"),
        "{error}"
    );
    assert!(OpenRun::open(folder.path(), &folder.path().join("data"), &|_| ()).is_err());
}
