//! Runs in their folders: logged, saved, entered, continued to the same bits, and guarded.
#![allow(missing_docs)]

use kleiber_core::table::Table;
use kleiber_data::{Document, TokenStore, Tokenizer, tasks};
use kleiber_train::{
    Event, Outcome, Plan, Reason, Record, RunConfig, RunOptions, Texts, TrainError, checkpoint, events, run,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bigram text, with one document that holds the byte `!`, which stands nowhere else, when `rare` is set.
fn texts(rare: bool) -> Texts {
    let task = tasks::build("bigram", &serde_json::json!({ "symbols": 12, "length": 2048 })).unwrap();
    let store = |seed, extra: Option<&str>| {
        let mut documents = task.documents(seed, 10).unwrap();
        documents.extend(extra.map(|text| Document::new(text, "docs", "extra")));
        Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap())
    };
    let rare = rare.then_some("abababababababababababa!ababababab");
    Texts {
        mixed: Vec::new(),
        train: store(1, rare),
        validation: store(2, None),
        tokenizer: Arc::new(Tokenizer::Bytes),
        corpus: "bigram".into(),
    }
}

/// A tiny run of 40 steps with these keys on top.
fn plan(overrides: &[&str]) -> Plan {
    let base = [
        "model.layers=1",
        "model.width=32",
        "model.context=32",
        "train.batch_tokens=128",
        "train.tokens=5120",
        "train.lr=3e-3",
        "evaluate.every=10",
        "evaluate.tokens=512",
        "checkpoint.every=8",
        "checkpoint.keep=2",
    ];
    let overrides: Vec<String> = base.iter().chain(overrides).map(|o| (*o).to_string()).collect();
    Plan::new(&RunConfig::parse("test", "", &overrides).unwrap(), Tokenizer::Bytes.vocab()).unwrap()
}

fn options(folder: &Path) -> RunOptions {
    RunOptions {
        folder: folder.join("one"),
        table: Some(folder.join("runs.csv")),
        stop: Arc::new(AtomicBool::new(false)),
        ..RunOptions::default()
    }
}

/// Makes the run and gives what was logged.
fn go(plan: &Plan, texts: &Texts, options: &RunOptions) -> (Result<Outcome, TrainError>, Vec<Event>) {
    let mut seen = Vec::new();
    let outcome = run(plan, texts, options, &mut |event| seen.push(event.clone()));
    (outcome, seen)
}

/// Makes the run up to the first step event from `step` on.
fn go_until(plan: &Plan, texts: &Texts, options: &RunOptions, step: u64) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    let options = RunOptions { stop: stop.clone(), ..options.clone() };
    run(plan, texts, &options, &mut |event| {
        if matches!(event, Event::Step { step: at, .. } if *at >= step) {
            stop.store(true, Ordering::Relaxed);
        }
    })
    .unwrap()
}

fn weights(options: &RunOptions) -> Vec<u8> {
    std::fs::read(checkpoint::newest(&options.folder).unwrap().join("model.safetensors")).unwrap()
}

#[test]
fn a_run_is_logged_saved_and_entered_once() {
    let (folder, texts, plan) = (tempfile::tempdir().unwrap(), texts(false), plan(&["checkpoint.rows=true"]));
    let options = options(folder.path());
    let (outcome, seen) = go(&plan, &texts, &options);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.reason, outcome.step, outcome.tokens, outcome.already), (Reason::Finished, 40, 5120, false));
    assert_eq!(events::read(&options.folder.join(events::FILE)).unwrap(), seen);
    let kinds = |f: &dyn Fn(&Event) -> bool| seen.iter().filter(|e| f(e)).count();
    assert_eq!(kinds(&|e| matches!(e, Event::Step { .. })), 40);
    assert_eq!(kinds(&|e| matches!(e, Event::Evaluate { .. })), 3);
    assert_eq!(kinds(&|e| matches!(e, Event::Checkpoint { .. })), 5);
    let kept: Vec<_> = checkpoint::complete(&options.folder);
    assert!(kept.len() == 2 && kept[0].ends_with("step-32") && kept[1].ends_with("step-40"), "{kept:?}");
    // Bits per byte follow from the loss: every token but the ends of text is one byte.
    let ratio = outcome.evaluation.bpb.unwrap() * std::f64::consts::LN_2 / outcome.evaluation.loss;
    assert!((1.0..1.05).contains(&ratio), "{ratio}");
    let table = Table::read(options.table.as_ref().unwrap()).unwrap();
    let names: Vec<String> = table.labels("run").unwrap().iter().map(|l| l.to_string()).collect();
    assert_eq!(names, ["one@10", "one@20", "one@30", "one"]);
    let last = |name: &str| table.numbers(name).unwrap()[3];
    assert_eq!(
        (last("tokens"), last("loss"), last("params")),
        (5120.0, outcome.evaluation.loss, plan.counts.params as f64)
    );
    assert_eq!(last("flops"), 5120.0 * plan.counts.flops_per_token as f64);
    let record = Record::read(&options.folder).unwrap();
    assert_eq!((record.corpus.as_str(), record.counts), ("bigram", plan.counts));
    // The same call again finds it finished.
    let (again, seen) = go(&plan, &texts, &options);
    assert_eq!(again.unwrap(), Outcome { already: true, ..outcome });
    assert!(seen.is_empty());
    assert_eq!(Table::read(options.table.as_ref().unwrap()).unwrap().rows(), 4);
}

#[test]
fn a_stopped_run_continues_to_the_same_bits_with_everything_on() {
    let texts = texts(false);
    let all = [
        "train.dropout=0.1",
        "train.ema=0.9",
        "train.micro_batch=2",
        "train.guard.spike=6",
        "train.guard.after=4",
        "model.positions=learned",
        "model.position_range=96",
    ];
    let (plan, folder, other) = (plan(&all), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (straight, broken) = (options(folder.path()), options(other.path()));
    let whole = go(&plan, &texts, &straight).0.unwrap();
    assert_eq!(go_until(&plan, &texts, &broken, 17).reason, Reason::Interrupted);
    go_until(&plan, &texts, &broken, 31);
    let (outcome, seen) = go(&plan, &texts, &broken);
    assert!(matches!(seen[0], Event::Resume { step: 31, .. }), "{:?}", seen[0]);
    let outcome = outcome.unwrap();
    assert_eq!((outcome.step, outcome.evaluation), (whole.step, whole.evaluation));
    assert!(weights(&broken) == weights(&straight), "the weights differ");
    let trained = |o: &RunOptions| std::fs::read(o.folder.join("step-40/trained.safetensors")).unwrap();
    assert!(trained(&broken) == trained(&straight), "the parameters differ");
}

#[test]
fn what_a_run_is_may_not_change_while_it_lasts() {
    let (folder, texts_here) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    go_until(&plan(&[]), &texts_here, &options, 9);
    let refused = |overrides: &[&str], texts: &Texts, options: &RunOptions| {
        go(&plan(overrides), texts, options).0.unwrap_err().to_string()
    };
    let error = refused(&["model.width=64"], &texts_here, &options);
    assert!(error.contains("model.width was 32, is 64"), "{error}");
    assert!(refused(&["seed=1"], &texts_here, &options).contains("seed was 0, is 1"));
    let other = texts(true);
    assert!(refused(&[], &other, &options).contains("data.train was "));
    let allowing = RunOptions { allow_change: vec!["data".into(), "model".into()], ..options.clone() };
    assert!(refused(&["model.width=64"], &texts_here, &allowing).contains("model.width"));
    // Text may change when that is said, the rate and the length at any time.
    go_until(&plan(&[]), &other, &allowing, 11);
    let (outcome, seen) = go(&plan(&["train.lr=1e-3", "train.tokens=6400"]), &other, &allowing);
    assert_eq!(outcome.unwrap().step, 50);
    let Event::Resume { changed, .. } = &seen[0] else { panic!("{:?}", seen[0]) };
    assert_eq!(changed, &["train.lr", "train.tokens", "train.warmup"]);
    // Over and done with: begun again, the run is another.
    let forced = RunOptions { force: true, ..options.clone() };
    assert!(matches!(go(&plan(&["model.width=64"]), &texts_here, &forced).1[0], Event::Start { .. }));
}

#[test]
fn a_folder_is_for_one_process() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    let inner = plan(&[]);
    let mut seen = None;
    run(&inner, &texts, &options, &mut |_| {
        seen.get_or_insert_with(|| run(&inner, &texts, &options, &mut |_| ()).unwrap_err().to_string());
    })
    .unwrap();
    assert!(seen.unwrap().contains(&format!("process {} trains here", std::process::id())));
}

#[test]
fn a_checkpoint_that_cannot_be_saved_stops_nothing_until_it_happens_again_and_again() {
    let (folder, texts, plan) = (tempfile::tempdir().unwrap(), texts(false), plan(&[]));
    let options = options(folder.path());
    std::fs::create_dir_all(&options.folder).unwrap();
    // A file in the way of the folder that a checkpoint is written to.
    std::fs::write(options.folder.join("step-16.tmp"), "").unwrap();
    let (outcome, seen) = go(&plan, &texts, &options);
    outcome.unwrap();
    let failed: Vec<u64> =
        seen.iter().filter(|e| matches!(e, Event::CheckpointFailed { .. })).map(Event::step).collect();
    assert_eq!(failed, [16]);
    let folder = tempfile::tempdir().unwrap();
    let options = self::options(folder.path());
    std::fs::create_dir_all(&options.folder).unwrap();
    for step in [16, 24, 32] {
        std::fs::write(options.folder.join(format!("step-{step}.tmp")), "").unwrap();
    }
    let error = go(&plan, &texts, &options).0.unwrap_err();
    assert!(matches!(error, TrainError::Limit { .. }), "{error}");
    assert!(checkpoint::newest(&options.folder).unwrap().ends_with("step-8"));
}

#[test]
fn a_damaged_checkpoint_gives_way_to_the_one_before() {
    let (folder, other, texts, plan) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), texts(false), plan(&[]));
    let (options, straight) = (options(folder.path()), self::options(other.path()));
    go(&plan, &texts, &straight).0.unwrap();
    go_until(&plan, &texts, &options, 20);
    let file = options.folder.join("step-20/optimizer.safetensors");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    let (outcome, seen) = go(&plan, &texts, &options);
    outcome.unwrap();
    assert!(matches!(&seen[0], Event::CheckpointDamaged { why, .. } if why.contains("optimizer.safetensors")));
    assert!(matches!(seen[1], Event::Resume { step: 16, .. }), "{:?}", seen[1]);
    assert!(weights(&options) == weights(&straight));
}

/// A learning rate that makes numbers overflow within a few steps.
const EXPLOSIVE: &str = "train.lr=1e30";

#[test]
fn a_run_that_explodes_stops_and_leaves_its_checkpoints_whole() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    let explosive = plan(&[EXPLOSIVE, "train.warmup=0", "checkpoint.every=1", "train.weight_decay=0"]);
    let error = go(&explosive, &texts, &options).0.unwrap_err();
    assert!(matches!(error, TrainError::NotFinite { .. } | TrainError::Limit { .. }), "{error}");
    if let Some(path) = checkpoint::newest(&options.folder) {
        let bytes = std::fs::read(path.join("model.safetensors")).unwrap();
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize + 8;
        let values = bytes[header..].as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
        assert!(values.into_iter().all(f32::is_finite), "{}", path.display());
    }
}

#[test]
fn rollbacks_lower_the_rate_and_are_limited() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    let policy = ["train.guard.not_finite=rollback", "train.guard.rollback_rate=1e-35", "train.guard.max_rollbacks=2"];
    let keys = [&[EXPLOSIVE, "train.warmup=0", "train.weight_decay=0"], policy.as_slice()].concat();
    let (outcome, seen) = go(&plan(&keys), &texts, &options);
    let rollbacks: Vec<&Event> = seen.iter().filter(|e| matches!(e, Event::Rollback { .. })).collect();
    let [Event::Rollback { to, rate_factor, .. }] = rollbacks[..] else { panic!("{rollbacks:?}") };
    assert!(*to < 8 && (rate_factor / 1e-35 - 1.0).abs() < 1e-9);
    assert_eq!(outcome.unwrap().reason, Reason::Finished);
    let noted = std::fs::read_to_string(options.folder.join("bad_batches.jsonl")).unwrap();
    assert!(noted.lines().count() == 1 && noted.contains("\"rollback\":true"), "{noted}");
    let folder = tempfile::tempdir().unwrap();
    let keys = [&keys[..], &["train.guard.rollback_rate=1"]].concat();
    let (outcome, seen) = go(&plan(&keys), &texts, &self::options(folder.path()));
    assert!(matches!(outcome.unwrap_err(), TrainError::NotFinite { .. }));
    assert_eq!(seen.iter().filter(|e| matches!(e, Event::Rollback { .. })).count(), 2);
}

#[test]
fn a_run_whose_checkpoints_are_all_damaged_does_not_begin_again_by_itself() {
    let (folder, texts, plan) = (tempfile::tempdir().unwrap(), texts(false), plan(&[]));
    let options = options(folder.path());
    go_until(&plan, &texts, &options, 20);
    for path in checkpoint::complete(&options.folder) {
        std::fs::write(path.join("model.safetensors"), "nothing").unwrap();
    }
    let (outcome, seen) = go(&plan, &texts, &options);
    assert!(matches!(outcome.unwrap_err(), TrainError::Checkpoint { .. }));
    assert!(seen.iter().all(|e| matches!(e, Event::CheckpointDamaged { .. })), "{seen:?}");
    assert!(options.folder.join("step-20.bad").exists());
    let again = go(&plan, &texts, &options).0.unwrap_err();
    assert!(again.to_string().contains("no whole checkpoint is left") && again.hint().contains("--force"), "{again}");
    let forced = RunOptions { force: true, ..options.clone() };
    assert_eq!(go(&plan, &texts, &forced).0.unwrap().step, 40);
    assert!(!options.folder.join("step-20.bad").exists());
}

#[test]
fn an_average_may_begin_late_and_is_the_model_that_is_saved() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    go_until(&plan(&[]), &texts, &options, 20);
    let (outcome, seen) = go(&plan(&["train.ema=0.9"]), &texts, &options);
    assert!(matches!(seen[0], Event::Resume { step: 20, .. }), "{:?}", seen[0]);
    let loss = outcome.unwrap().evaluation.loss;
    // What a reader of the checkpoint finds is what was evaluated.
    let newest = checkpoint::newest(&options.folder).unwrap();
    let decoder = kleiber_models::checkpoint::read(&newest).unwrap().decoder;
    let sequential = kleiber_data::StreamOptions {
        order: kleiber_data::Order::Sequential,
        ..kleiber_data::StreamOptions::new(32, 0)
    };
    let rows = kleiber_data::Stream::new(texts.validation.clone(), sequential).unwrap().batch(0, 16).unwrap();
    let losses = decoder.token_losses(&rows.inputs, &rows.targets, 16, None);
    let mean = losses.iter().map(|l| f64::from(*l)).sum::<f64>() / losses.len() as f64;
    assert!((mean - loss).abs() < 1e-6, "{mean} and {loss}");
}

#[test]
fn steps_keep_their_size_and_a_run_does_not_get_shorter_than_it_is() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let options = options(folder.path());
    go_until(&plan(&[]), &texts, &options, 20);
    let refused = |overrides: &[&str]| go(&plan(overrides), &texts, &options).0.unwrap_err();
    let error = refused(&["train.batch_tokens=256"]);
    assert!(error.to_string().contains("train.batch_tokens was 128, is 256") && !error.hint().contains("allow"));
    assert!(refused(&["train.tokens=1280"]).to_string().contains("the run has made 20 steps"));
    // A finished run enters itself in whatever table it is asked to.
    go(&plan(&[]), &texts, &options).0.unwrap();
    let other = RunOptions { table: Some(folder.path().join("other.jsonl")), ..options.clone() };
    assert!(go(&plan(&[]), &texts, &other).0.unwrap().already);
    assert_eq!(Table::read(&folder.path().join("other.jsonl")).unwrap().rows(), 1);
    let wrong = RunOptions { table: Some(folder.path().join("runs.txt")), ..options.clone() };
    assert!(go(&plan(&[]), &texts, &wrong).0.unwrap_err().to_string().contains("unknown table format"));
}

#[test]
fn a_run_in_few_bits_has_its_format_in_the_row_and_continues_to_the_same_bits() {
    let (folder, texts) = (tempfile::tempdir().unwrap(), texts(false));
    let all = "train.quantise={format=\"E2M1\", block=16, tensors=[\"P1\", \"P2\", \"P3\", \"P4\", \"P5\", \"P6\"]}";
    let (plain, coarse) = (plan(&[]), plan(&[all, "train.micro_batch=2"]));
    assert_ne!(plain.name(&texts), coarse.name(&texts));
    let (straight, broken) = (options(folder.path()), options(&folder.path().join("broken")));
    let whole = go(&coarse, &texts, &straight).0.unwrap();
    go_until(&coarse, &texts, &broken, 17);
    go(&coarse, &texts, &broken).0.unwrap();
    assert!(weights(&broken) == weights(&straight), "the weights differ");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let alone = options(&folder.path().join("alone"));
    pool.install(|| go(&coarse, &texts, &alone)).0.unwrap();
    assert!(weights(&alone) == weights(&straight), "the weights differ with the threads");
    let table = Table::read(straight.table.as_ref().unwrap()).unwrap();
    let number = |name: &str| table.numbers(name).unwrap()[0];
    assert_eq!([number("exponent_bits"), number("mantissa_bits"), number("block")], [2.0, 1.0, 16.0]);
    assert_eq!(&*table.labels("quantised").unwrap()[0], "P1+P2+P3+P4+P5+P6");
    // Coarse numbers cost something, and the row of a run without them has no such columns.
    let other = options(&folder.path().join("plain"));
    let exact = go(&plain, &texts, &other).0.unwrap().evaluation.loss;
    assert!(whole.evaluation.loss > exact && whole.evaluation.loss < 1.5 * exact, "{} {exact}", whole.evaluation.loss);
    assert!(Table::read(other.table.as_ref().unwrap()).unwrap().column("block").is_none());
}
