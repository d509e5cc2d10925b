//! `kleiber train`.

use super::{TINY, texts};
use kleiber_core::table::Table;

#[test]
fn a_run_trains_is_entered_and_is_found_finished() {
    let folder = texts();
    let args = [&["train", "--tokens", "20k", "--name", "one"], TINY.as_slice()].concat();
    let document = folder.json(&args);
    assert_eq!((document["schema"].as_str(), document["status"].as_str()), (Some("kleiber.train/1"), Some("finished")));
    let loss = document["result"]["evaluation"]["loss"].as_f64().unwrap();
    assert!(loss > 0.5 && loss < 5.0, "{loss}");
    let derived: Vec<&str> =
        document["derived"].as_array().unwrap().iter().map(|n| n["key"].as_str().unwrap()).collect();
    assert_eq!(derived, ["data.vocab", "train.lr", "train.warmup"]);
    let table = Table::read(&folder.path("runs/runs.parquet")).unwrap();
    assert_eq!(table.numbers("loss").unwrap(), [loss]);
    for file in ["run.json", "resolved.toml", "events.jsonl", "tokenizer.json"] {
        assert!(folder.path("runs/one").join(file).exists(), "{file}");
    }
    let again = folder.run(&args).ok();
    assert!(again.stdout.contains("finished before"), "{}", again.stdout);
    // The resolved configuration makes the same run elsewhere.
    let copy = folder.json(&["train", "runs/one/resolved.toml", "--name", "copy"]);
    assert_eq!(copy["result"]["evaluation"], document["result"]["evaluation"]);
}

#[test]
fn a_dry_run_says_what_a_run_costs_and_the_memory_is_right() {
    let folder = texts();
    for (name, shape) in [
        ("small", ["model.layers=2", "model.width=128", "train.batch_tokens=4096", "model.mlp=gelu"]),
        ("large", ["model.layers=4", "model.width=256", "train.batch_tokens=2048", "model.mlp=swiglu"]),
    ] {
        let set: Vec<&str> = shape.iter().flat_map(|s| ["--set", s]).collect();
        let more = ["train", "--tokens", "40k", "--set", "model.context=256", "--set", "evaluate.tokens=2048"];
        let args = [more.as_slice(), &TINY[..4], &set].concat();
        let dry = folder.json(&[args.as_slice(), &["--dry-run"]].concat());
        assert_eq!(dry["status"], "planned");
        assert!(dry["seconds_expected"].as_f64().unwrap() > 0.0 && !folder.path("runs/runs.parquet").exists());
        let real = folder.json(&[args.as_slice(), &["--name", name]].concat());
        let (estimate, peak) = (dry["memory_total"].as_f64().unwrap(), real["peak_memory"].as_f64());
        // Only Linux tells how much was held.
        if let Some(peak) = peak {
            eprintln!("estimated {:.1} MiB, measured {:.1} MiB", estimate / 1048576.0, peak / 1048576.0);
            assert!((estimate / peak - 1.0).abs() < 0.2, "estimated {estimate}, measured {peak} for {shape:?}");
        }
        std::fs::remove_dir_all(folder.path("runs")).unwrap();
    }
}

#[test]
fn minutes_alone_decide_the_tokens() {
    let folder = texts();
    let document = folder.json(&[&["train", "--minutes", "0.05", "--name", "short"], TINY.as_slice()].concat());
    let seconds = document["result"]["seconds"].as_f64().unwrap();
    assert!((0.5..6.0).contains(&seconds), "{seconds} s instead of 3");
}

#[test]
fn a_time_limit_ends_with_a_checkpoint_and_code_3() {
    let folder = texts();
    let args = [&["train", "--tokens", "5M", "--minutes", "0.02", "--name", "cut"], TINY.as_slice()].concat();
    let outcome = folder.run(&args);
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("stopped by its time limit") && outcome.stderr.contains("continues the run"));
    assert!(kleiber_train::checkpoint::newest(&folder.path("runs/cut")).is_some());
}

#[test]
fn texts_are_mixed_by_weight_and_the_main_one_is_held_out() {
    let folder = texts();
    folder.run(&["data", "synth", "bigram", "--count", "60", "--out", "letters.jsonl"]).ok();
    let train = |name: &str, mix: &[&str]| {
        let args = [&["train", "--tokens", "30k", "--name", name], TINY.as_slice(), mix].concat();
        folder.json(&args)
    };
    let loss = |document: &serde_json::Value| document["result"]["evaluation"]["loss"].as_f64().unwrap();
    let alone = train("alone", &[]);
    let mixed = train("mixed", &["--set", "data.mix=[{source=\"letters.jsonl\", weight=9, epochs=1}]"]);
    assert_eq!(alone["result"]["evaluation"]["tokens"], mixed["result"]["evaluation"]["tokens"]);
    assert!(mixed["text_tokens"].as_u64() > alone["text_tokens"].as_u64(), "{mixed}");
    // Nine in ten sequences are letters that the held-out text has not.
    assert!(loss(&mixed) > loss(&alone) + 0.1, "{} and {}", loss(&mixed), loss(&alone));
    // As a store that lies ready in the same tokens.
    let args = ["data", "tokenize", "--source", "letters.jsonl", "--tokenizer", "bytes", "--dedup", "none"];
    let store = folder.json(&args)["folder"].as_str().unwrap().to_string();
    let ready = format!("data.mix=[{{source=\"{store}\", weight=9, epochs=1}}]");
    assert_eq!(train("ready", &["--set", &ready])["text_tokens"], mixed["text_tokens"]);
    let (bpe, weight) = ("data.tokenizer=bpe", "data.mix=[{source=\"letters.jsonl\", weight=0}]");
    let other =
        folder.run(&[&["train", "--name", "other"], TINY.as_slice(), &["--set", bpe, "--set", &ready]].concat());
    assert!(other.code == Some(2) && other.stderr.contains("tokenizer"), "{}", other.stderr);
    let none = folder.run(&[&["train", "--name", "none"], TINY.as_slice(), &["--set", weight]].concat());
    assert!(none.code == Some(2) && none.stderr.contains("a positive number"), "{}", none.stderr);
    assert!(!folder.path("runs/other").exists() && !folder.path("runs/none").exists());
}

#[test]
fn a_run_starts_from_the_parameters_of_another() {
    let folder = texts();
    let loss = |document: &serde_json::Value| document["result"]["evaluation"]["loss"].as_f64().unwrap();
    let first = folder.json(&[&["train", "--tokens", "20k", "--name", "first"], TINY.as_slice()].concat());
    let held = ["--source", "texts", "--tokens", "1", "--set", "evaluate.tokens=1024"];
    // A step of no length leaves the parameters, so the loss is that of the first run.
    let start = |from: &str, name: &str, lr: &str| {
        let rate = format!("train.lr={lr}");
        [&["train", "--start", from, "--name", name, "--set", &rate], held.as_slice()]
            .concat()
            .into_iter()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let run = |args: &[String]| folder.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let second: serde_json::Value = serde_json::from_str(
        &run(&[start("runs/first", "second", "1e-30"), vec!["--json".into()]].concat()).ok().stdout,
    )
    .unwrap();
    assert!((loss(&first) - loss(&second)).abs() < 1e-6, "{} and {}", loss(&first), loss(&second));
    assert_eq!(second["counts"], first["counts"]);
    let record = std::fs::read_to_string(folder.path("runs/second/run.json")).unwrap();
    assert!(record.contains("\"start\""), "{record}");
    let shape = run(&[start("runs/first", "third", "1e-3"), vec!["--set".into(), "model.layers=3".into()]].concat());
    assert!(
        shape.code == Some(2)
            && shape.stderr.contains("model.layers = 3")
            && shape.stderr.contains("the shape is the checkpoint's"),
        "{}",
        shape.stderr
    );
    let absent = run(&start("absent", "fourth", "1e-3"));
    assert!(absent.code == Some(2) && absent.stderr.contains("model.start = absent"), "{}", absent.stderr);
    // Another model under the same path is another run.
    folder
        .run(&[&["train", "--tokens", "20k", "--name", "first", "--seed", "9", "--force"], TINY.as_slice()].concat())
        .ok();
    let changed = run(&start("runs/first", "second", "1e-30"));
    assert!(changed.code == Some(2) && changed.stderr.contains("model.start was"), "{}", changed.stderr);
}

#[test]
fn the_only_file_of_a_folder_is_split_and_gets_a_vocabulary_that_suits_it() {
    let folder = texts();
    let text: String = (0..3000).map(|i| format!("line {} of the only text\n", i * 7919 % 1000)).collect();
    std::fs::create_dir(folder.path("one")).unwrap();
    folder.write("one/input.txt", text.as_bytes());
    let plan = folder.json(&["train", "--source", "./one/", "--params", "30k", "--tokens", "5k", "--dry-run"]);
    assert_eq!(plan["config"]["data"]["source"], "one");
    let vocab = plan["decoder"]["vocab"].as_u64().unwrap();
    assert!((300..=512).contains(&vocab), "{vocab}");
}

#[test]
fn slips_are_named() {
    let folder = texts();
    let fails = |args: &[&str], text: &str| {
        let outcome = folder.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(text) && outcome.stderr.contains("help: "), "{args:?}: {}", outcome.stderr);
    };
    fails(&["train", "--set", "train.lrr=1"], "no key `train.lrr`; did you mean `train.lr`?");
    fails(&["train", "--device", "tpu"], "train.device=");
    fails(&["train", "absent.toml"], "absent.toml: cannot read");
    fails(&["train", "--source", "absent", "--set", "data.tokenizer=bytes"], "absent");
    fails(&[&["train", "--name", "../up"], TINY.as_slice()].concat(), "cannot be the name of a run");
    fails(&[&["train", "--params", "1M"], TINY.as_slice()].concat(), "give params, or layers and width, not both");
    fails(&[&["train"], TINY.as_slice(), &["--set", "model.heads=5"]].concat(), "heads = 5");
    fails(&[&["train"], TINY.as_slice(), &["--set", "train.lr=-1"]].concat(), "a positive learning rate is needed");
    let outcome = folder
        .run(&[&["train"], TINY.as_slice(), &["--set", "model.width=30000", "--set", "model.layers=64"]].concat());
    assert_eq!(outcome.code, Some(3), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("of memory"), "{}", outcome.stderr);
    let printed = folder.run(&["train", "--print-config", "--set", "train.lr=0.5"]).ok().stdout;
    folder.write("all.toml", printed.as_bytes());
    assert_eq!(folder.run(&["train", "all.toml", "--print-config"]).ok().stdout, printed);
}
