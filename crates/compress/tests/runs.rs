//! What formats cost a model that was trained.
#![allow(missing_docs)]

use kleiber_compress::tempered::{shift_table, shifts};
use kleiber_compress::{CompressError, Format, Scope, paired_error, penalties, penalty_table, prune, quantize};
use kleiber_train::{OpenRun, Plan, RunConfig, RunOptions, Texts, run};
use std::path::Path;

/// A run of some seconds on texts of few words, with checkpoints after 30, 60 and 90 steps.
fn made(folder: &Path) -> OpenRun {
    std::fs::create_dir_all(folder.join("text")).unwrap();
    let words = ["size", "loss", "token", "model", "scale", "bits"];
    for i in 0..24usize {
        let text: String = (0..300usize).map(|j| format!("{} ", words[(i * j * j + j / 7 + i) % 6])).collect();
        std::fs::write(folder.join("text").join(format!("{i}.txt")), text).unwrap();
    }
    let overrides = [
        format!("data.source={}", folder.join("text").display()),
        "data.tokenizer=bytes".into(),
        "data.validation=0.25".into(),
        "model.layers=1".into(),
        "model.width=64".into(),
        "model.context=64".into(),
        "train.batch_tokens=512".into(),
        "train.tokens=46080".into(),
        "train.lr=1e-2".into(),
        "evaluate.tokens=4096".into(),
        "checkpoint.every=30".into(),
        "checkpoint.keep=9".into(),
    ];
    let config = RunConfig::parse("test", "", &overrides).unwrap();
    let (cache, path) = (folder.join("data"), folder.join("one"));
    let texts = Texts::prepare(&config, &cache, &|_| ()).unwrap();
    let plan = Plan::new(&config, texts.tokenizer.vocab()).unwrap();
    run(&plan, &texts, &RunOptions { folder: path.clone(), ..RunOptions::default() }, &mut |_| ()).unwrap();
    OpenRun::open(&path, &cache, &|_| ()).unwrap()
}

fn formats(names: &[(&str, Option<u32>)]) -> Vec<Format> {
    names.iter().map(|(name, bits)| Format::named(name, *bits, None).unwrap()).collect()
}

#[test]
fn penalties_are_paired_and_fall_with_bits() {
    let folder = tempfile::tempdir().unwrap();
    let run = made(folder.path());
    let held_out = run.held_out().unwrap();
    let formats = formats(&[("rtn", Some(8)), ("rtn", Some(4)), ("rtn", Some(2))]);
    let rows = penalties(&run, &held_out, &formats, Scope::default()).unwrap();
    let places: Vec<(u64, u32)> = rows.iter().map(|r| (r.tokens, r.bits)).collect();
    let want = [15360, 30720, 46080].map(|tokens| [8, 4, 2].map(|bits| (tokens, bits))).concat();
    assert_eq!(places, want);
    let last = &rows[6..];
    // The base is the loss that the run itself has entered, whatever the format.
    let decoder = run.checkpoints()[2].decoder().unwrap();
    let base = held_out.losses(&decoder).unwrap();
    assert!(
        last.iter().all(|r| r.loss_base == base.evaluation.loss && r.seed == 0 && r.params == 12 * 64 * 64 + 3 * 64),
        "{last:?}"
    );
    assert!(last[0].penalty().abs() < 0.01 && last[0].penalty() < last[1].penalty(), "{last:?}");
    assert!(last[2].penalty() > 5.0 * last[1].penalty().max(0.0) && last[2].penalty() > 5.0 * last[2].penalty_error);
    // The pairs tell the difference apart better than the two losses do.
    let small = quantize(&decoder, &formats[1], Scope::default()).unwrap();
    let losses = held_out.losses(&small.decoder).unwrap();
    assert_eq!((losses.evaluation.loss, paired_error(&losses, &base)), (last[1].loss, last[1].penalty_error));
    assert!(last[1].penalty_error < 0.5 * base.evaluation.error);
    let table = penalty_table(&rows).unwrap();
    assert_eq!((table.rows(), table.numbers("penalty").unwrap()[8]), (9, last[2].penalty()));
    assert_eq!(table.labels("run").unwrap()[0].as_ref(), "one");
    // Nearly all weights gone costs more than a tenth of them.
    let cost = |share| {
        let pruned = prune(&decoder, share, Scope::default()).unwrap();
        held_out.losses(&pruned.decoder).unwrap().evaluation.loss - base.evaluation.loss
    };
    assert!(cost(0.95) > cost(0.1) && cost(0.95) > 0.0, "{} {}", cost(0.95), cost(0.1));
}

#[test]
fn distributions_move_more_with_coarser_codes() {
    let folder = tempfile::tempdir().unwrap();
    let run = made(folder.path());
    let held_out = run.held_out().unwrap().at_most(512);
    let decoder = run.checkpoints()[2].decoder().unwrap();
    let formats = formats(&[("int8", None), ("nf4", None), ("rtn", Some(2))]);
    let temperatures = [0.3, 1.0];
    let table = shift_table(&decoder, &held_out, &formats, Scope::default(), &temperatures).unwrap();
    let kl = table.numbers("kl").unwrap();
    assert_eq!((table.rows(), table.numbers("temperature").unwrap()[..2].to_vec()), (6, temperatures.to_vec()));
    for i in 0..2 {
        assert!(kl[i] < kl[2 + i] && kl[2 + i] < kl[4 + i], "{kl:?}");
    }
    // A model beside itself.
    let same = shifts(&decoder, &decoder, &held_out, &[1.0]).unwrap();
    assert!(same[0].mean.kl < 1e-9 && same[0].mean.disagreement < 1e-6 && same[0].mean.chance > 0.0);
    assert_eq!(same[0].sensitivity(), same[0].mean.disagreement / same[0].mean.chance);
    let error = shifts(&decoder, &decoder, &held_out, &[0.0]).unwrap_err();
    assert!(matches!(error, CompressError::Option { option: "temperature", .. }));
}
