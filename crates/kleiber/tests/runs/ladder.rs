//! `kleiber ladder`.

use super::common::Folder;
use kleiber_core::table::{Cells, Column, Table};
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A ladder of some seconds on text of known entropy.
const TINY: [&str; 17] = [
    "ladder",
    "--corpus",
    "text.jsonl",
    "--set",
    "data.tokenizer=bytes",
    "--set",
    "data.vocab=auto",
    "--set",
    "model.context=32",
    "--set",
    "model.params=60k",
    "--set",
    "train.tokens=200k",
    "--set",
    "evaluate.tokens=4096",
    "--out",
    "out",
];

fn text() -> Folder {
    let folder = Folder::new();
    let synth = ["data", "synth", "bigram", "--count", "400", "--set", "symbols=16", "--set", "length=1024"];
    folder.run(&[synth.as_slice(), &["--out", "text.jsonl"]].concat()).ok();
    folder
}

fn climb(folder: &Folder, more: &[&str]) -> Value {
    let outcome = folder.run(&[TINY.as_slice(), more, &["--json"]].concat());
    assert!(matches!(outcome.code, Some(0 | 1)), "{:?}: {}", outcome.code, outcome.stderr);
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let inside = document["inside_interval"].as_bool().unwrap();
    assert_eq!(outcome.code, Some(i32::from(!inside)));
    document
}

/// The document without what the clock says.
fn timeless(mut document: Value) -> Value {
    let object = document.as_object_mut().unwrap();
    object.remove("seconds");
    object.remove("target_begun");
    for name in ["made", "hash"] {
        object["prediction"].as_object_mut().unwrap().remove(name);
    }
    for rung in object["rungs"].as_array_mut().unwrap() {
        rung.as_object_mut().unwrap().remove("seconds");
    }
    object["target"].as_object_mut().unwrap().remove("seconds");
    document
}

#[test]
fn a_ladder_predicts_before_it_measures_and_is_the_same_however_it_is_stopped() {
    let folder = text();
    let first = climb(&folder, &[]);
    assert_eq!((first["schema"].as_str(), first["status"].as_str()), (Some("kleiber.ladder/1"), Some("finished")));
    let number = |name: &str| first[name].as_f64().unwrap();
    let prediction = &first["prediction"];
    assert!(prediction["made"].as_u64().unwrap() <= first["target_begun"].as_u64().unwrap());
    assert!(
        prediction["low"].as_f64() <= prediction["value"].as_f64()
            && prediction["value"].as_f64() <= prediction["high"].as_f64()
    );
    let error = (prediction["value"].as_f64().unwrap() - number("measured")) / number("measured");
    assert!((error - number("relative_error")).abs() < 1e-12 && error.abs() < 0.15, "{error}");
    assert!(prediction["times_beyond"].as_f64().unwrap() >= 4.0 && first["rungs"].as_array().unwrap().len() == 11);
    for file in ["report.html", "report.md", "runs.parquet", "law.json", "predictions.json", "design.json"] {
        assert!(folder.path("out").join(file).exists(), "{file}");
    }
    // The second call finds everything.
    let again = climb(&folder, &[]);
    assert_eq!(again, first);
    let minutes = folder.run(&["ladder", "--out", "out", "--minutes", "3"]);
    assert!(minutes.code == Some(2) && minutes.stderr.contains("another time"), "{}", minutes.stderr);
    let other = folder.run(&["ladder", "--out", "out", "--seed", "5"]);
    assert!(other.code == Some(2) && other.stderr.contains("another seed"), "{}", other.stderr);
    let other = folder.run(&[TINY.as_slice(), &["--set", "model.context=64"]].concat());
    assert!(other.code == Some(2) && other.stderr.contains("another model.context (32, not 64)"), "{}", other.stderr);

    // Killed again and again on the way, it ends in the same document.
    let elsewhere = text();
    let mut rng = kleiber_core::rng::Rng::new(7, "kills", 0);
    for _ in 0..6 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kleiber"))
            .args(TINY)
            .current_dir(elsewhere.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300 + rng.below(2500) as u64));
        let _ = child.kill();
        let _ = child.wait();
    }
    assert_eq!(timeless(climb(&elsewhere, &[])), timeless(first));
    // What is written down after the target is no prediction.
    std::fs::remove_file(elsewhere.path("out/predictions.json")).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    let late = elsewhere.run(&["ladder", "--out", "out"]);
    assert!(late.code == Some(1) && late.stdout.contains("after the target: no prediction"), "{}", late.stdout);

    // More rungs are fitted again, and the report says that this came after the target.
    let more = climb(&folder, &["--add-rungs", "2"]);
    assert_eq!(more["rungs"].as_array().unwrap().len(), 13);
    assert_eq!(more["prediction"]["hash"], again["prediction"]["hash"]);
    assert!(std::fs::read_to_string(folder.path("out/report.md")).unwrap().contains("after the target: no prediction"));
    // A prediction that was changed is no prediction.
    let design = folder.path("out/design.json");
    let text = std::fs::read_to_string(&design).unwrap();
    std::fs::write(&design, text.replacen("\"repeat\": 0", "\"repeat\": 7", 1)).unwrap();
    let changed = folder.run(&["ladder", "--out", "out"]);
    assert!(changed.code == Some(2) && changed.stderr.contains("not the design that follows"), "{}", changed.stderr);
    std::fs::write(&design, text).unwrap();
    let path = folder.path("out/predictions.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let value = format!("\"value\": {}", again["prediction"]["value"]);
    assert!(text.contains(&value));
    std::fs::write(&path, text.replace(&value, "\"value\": 1.5")).unwrap();
    let changed = folder.run(&["ladder", "--out", "out"]);
    assert!(changed.code == Some(2) && changed.stderr.contains("is not what was written then"), "{}", changed.stderr);
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let folder = text();
    let outcome = folder.run(&[TINY.as_slice(), &["--dry-run"]].concat()).ok();
    assert!(
        outcome.stdout.contains("tokens/param") && outcome.stdout.contains("11 rungs and a search"),
        "{}",
        outcome.stdout
    );
    assert!(!folder.path("out/design.json").exists());
    let refused = folder.run(&[TINY.as_slice(), &["--set", "train.tokens=2k"]].concat());
    assert!(refused.code == Some(2) && refused.stderr.contains("fewer than 20 steps"), "{}", refused.stderr);
}

#[test]
fn one_text_is_one_ladder_whatever_it_lies_in_and_a_rate_that_is_given_is_the_targets() {
    let folder = text();
    let source = std::fs::read_to_string(folder.path("text.jsonl")).unwrap();
    let texts: Vec<String> = source
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_string())
        .collect();
    std::fs::create_dir(folder.path("folder")).unwrap();
    for (index, text) in texts.iter().enumerate() {
        folder.write(&format!("folder/{index:04}.txt"), text.as_bytes());
    }
    let column = Column { name: "text".into(), cells: Cells::Text(texts.iter().map(|t| t.as_str().into()).collect()) };
    Table::new("texts", vec![column]).unwrap().write(&folder.path("text.parquet")).unwrap();
    for (corpus, out) in [("text.parquet", "p"), ("folder", "f")] {
        let rest = ["--set", "train.lr=0.004", "--corpus", corpus, "--out", out, "--json"];
        let outcome = folder.run(&[&TINY[..1], &TINY[3..15], rest.as_slice()].concat());
        assert!(matches!(outcome.code, Some(0 | 1)), "{:?}: {}", outcome.code, outcome.stderr);
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        // No search, and the target's rate is the one that was given.
        assert_eq!(document["learning_rate"]["search"], Value::Array(Vec::new()));
        let runs = Table::read(&folder.path(out).join("runs.parquet")).unwrap();
        let (params, rates) = (runs.numbers("params").unwrap(), runs.numbers("lr").unwrap());
        let target = (0..params.len()).max_by(|a, b| params[*a].total_cmp(&params[*b])).unwrap();
        assert!((rates[target] / 0.004 - 1.0).abs() < 1e-6, "{rates:?}");
        assert!(document["relative_error"].as_f64().unwrap().abs() < 0.15, "{document}");
    }
}
