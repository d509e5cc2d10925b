//! Build, tokenize, inspect, mix, pack.

use crate::common::Folder;
use crate::with_texts;
use serde_json::{Value, json};

/// Tokenizes and gives the document.
fn tokenize(folder: &Folder, options: &[&str]) -> Value {
    folder.json(&[&["data", "tokenize"], options].concat())
}

#[test]
fn texts_become_a_corpus_that_becomes_tokens() {
    let folder = with_texts();
    let built = folder.json(&["data", "build", "--source", "texts", "--out", "corpus"]);
    assert_eq!((&built["schema"], &built["source"]), (&json!("kleiber.data-build/1"), &json!("texts")));
    let number = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value}"));
    assert_eq!((number(&built["found"]), number(&built["groups"])), (40, 40));
    let sides = ["train", "validation"].map(|side| number(&built[side]["documents"]));
    assert!(sides[0] + sides[1] == 40 && sides[1] > 0, "{sides:?}");
    assert_eq!(number(&built["domains"]["rust"]) + number(&built["domains"]["docs"]), number(&built["found_bytes"]));
    assert_eq!(built["hash"].as_str().unwrap().len(), 64);

    let again = folder.json(&["data", "build", "--source", "texts", "--out", "again"]);
    assert_eq!(again["hash"], built["hash"]);
    assert_eq!(
        std::fs::read(folder.path("again/train.jsonl.zst")).unwrap(),
        std::fs::read(folder.path("corpus/train.jsonl.zst")).unwrap()
    );
    let other = folder.json(&["data", "build", "--source", "texts", "--seed", "1"]);
    assert_ne!(other["hash"], built["hash"]);

    let tokens = tokenize(&folder, &["--source", "corpus", "--vocab", "300"]);
    assert_eq!((&tokens["schema"], &tokens["vocab"]), (&json!("kleiber.data-tokenize/1"), &json!(300)));
    assert_eq!((&tokens["corpus"], &tokens["cached"]), (&built["hash"], &json!(false)));
    for (side, documents) in ["train", "validation"].into_iter().zip(sides) {
        assert_eq!(number(&tokens[side]["documents"]), documents);
        assert_eq!(tokens[side]["bytes"], built[side]["bytes"]);
        assert!(number(&tokens[side]["tokens"]) < number(&tokens[side]["bytes"]));
    }
    let direct = tokenize(&folder, &["--source", "texts", "--vocab", "300"]);
    assert_eq!((&direct["train"], &direct["tokenizer"]), (&tokens["train"], &tokens["tokenizer"]));
    let cached = tokenize(&folder, &["--source", "corpus", "--vocab", "300"]);
    assert_eq!((&cached["cached"], &cached["key"]), (&json!(true), &tokens["key"]));

    let place = tokens["folder"].as_str().unwrap();
    assert!(place.starts_with("runs/data/"), "{place}");
    let seen = folder.json(&["data", "inspect", place, "--sample", "3", "--side", "validation"]);
    assert_eq!((&seen["kind"], &seen["validation"]), (&json!("prepared"), &tokens["validation"]));
    assert_eq!(seen["sample"].as_array().unwrap().len(), 3);
    assert!(seen["sample"][0]["text"].as_str().unwrap().starts_with("line 0 of text "), "{}", seen["sample"][0]);
    let store = folder.json(&["data", "inspect", &format!("{place}/train.tokens"), "--sample", "1"]);
    assert_eq!((&store["kind"], &store["store"]), (&json!("store"), &tokens["train"]));
    let corpus = folder.json(&["data", "inspect", "corpus", "--sample", "2"]);
    assert_eq!((&corpus["kind"], &corpus["corpus"]["hash"]), (&json!("corpus"), &built["hash"]));
    assert_eq!(corpus["largest_groups"].as_array().unwrap().len(), 5);
}

#[test]
fn every_kind_of_source_and_tokenizer_is_read() {
    let folder = with_texts();
    let bytes = tokenize(&folder, &["--source", "texts.jsonl", "--tokenizer", "bytes", "--dedup", "exact"]);
    assert_eq!((&bytes["vocab"], &bytes["train"]["documents"]), (&json!(257), &json!(200 - held(&bytes))));
    let trained = tokenize(&folder, &["--source", "texts", "--tokenizer", "bpe:280"]);
    let file = format!("{}/tokenizer.json", trained["folder"].as_str().unwrap());
    let loaded = tokenize(&folder, &["--source", "texts", "--tokenizer", &file]);
    assert_eq!((&loaded["train"], loaded["key"] == trained["key"]), (&trained["train"], false));
    let one = folder.json(&["data", "build", "--source", "texts", "--domains", "rust", "--validation", "0.3"]);
    assert_eq!((&one["found"], one["domains"].as_object().unwrap().len()), (&json!(10), 1));
    let small = folder.json(&["data", "build", "--source", "texts", "--max-bytes", "20KB", "--dedup", "none"]);
    assert!(small["train"]["bytes"].as_u64().unwrap() <= 20_000 && small["over_cap"].as_u64().is_some());
}

fn held(document: &Value) -> u64 {
    document["validation"]["documents"].as_u64().unwrap()
}

#[test]
fn progress_goes_to_stderr_and_dry_runs_write_nothing() {
    let folder = with_texts();
    let loud = folder.run(&["data", "tokenize", "--source", "texts", "--vocab", "280"]).ok();
    for part in ["reading texts", "deduplicating 40 documents", "training a tokenizer of 280", "for train", "next: "] {
        assert!(loud.stderr.contains(part), "{part}: {}", loud.stderr);
    }
    assert!(loud.stdout.contains("bytes/token") && loud.stdout.contains("folder runs/data/"), "{}", loud.stdout);
    let quiet = folder.run(&["data", "build", "--source", "texts", "--quiet"]).ok();
    assert!(quiet.stderr.is_empty(), "{}", quiet.stderr);
    let before = std::fs::read_dir(folder.path("runs/data")).unwrap().count();
    let dry = folder.run(&["data", "tokenize", "--source", "texts", "--vocab", "290", "--dry-run"]).ok();
    assert!(dry.stdout.contains("would read 40 files") && dry.stdout.contains(" s on two cores"), "{}", dry.stdout);
    folder.run(&["data", "build", "--source", "texts", "--out", "nowhere", "--dry-run"]).ok();
    assert_eq!(std::fs::read_dir(folder.path("runs/data")).unwrap().count(), before);
    assert!(!folder.path("nowhere").exists());
}

#[test]
fn a_corpus_is_replaced_only_when_asked() {
    let folder = with_texts();
    let build = ["data", "build", "--source", "texts", "--out", "corpus"];
    folder.run(&build).ok();
    let refused = folder.run(&build);
    assert!(refused.code == Some(2) && refused.stderr.contains("--force"), "{}", refused.stderr);
    folder.run(&[&build[..], &["--force", "--seed", "3"]].concat()).ok();
    // A folder of something else is never replaced.
    let wrong = folder.run(&["data", "build", "--source", "texts.jsonl", "--out", "texts", "--force"]);
    assert!(wrong.code == Some(2) && wrong.stderr.contains("holds no corpus"), "{}", wrong.stderr);
    assert!(folder.path("texts/0.rs").exists());
}

#[test]
fn mixtures_and_packings_add_up() {
    let folder = with_texts();
    let place = |document: &Value| document["folder"].as_str().unwrap().to_string();
    let a = tokenize(&folder, &["--source", "texts", "--tokenizer", "bytes"]);
    let b = tokenize(&folder, &["--source", "texts.jsonl", "--tokenizer", "bytes"]);
    let (first, second) = (format!("{}=3", place(&a)), format!("{}/train.tokens=1@2", place(&b)));
    let mix = folder.json(&["data", "mix", &first, &second, "--context", "16", "--tokens", "160000"]);
    assert_eq!((&mix["sequences"], &mix["complete"]), (&json!(10_000), &json!(true)));
    let parts = mix["parts"].as_array().unwrap();
    let number = |i: usize, name: &str| parts[i][name].as_f64().unwrap();
    assert_eq!(number(0, "sequences") + number(1, "sequences"), 10_000.0);
    assert!(number(1, "epochs") == 2.0 && parts[1]["exhausted"] == true && number(0, "weight_share") == 0.75);
    let ends = folder.run(&["data", "mix", &second, "--context", "16", "--tokens", "1M"]).ok();
    assert!(ends.stderr.contains("epoch caps end the mixture"), "{}", ends.stderr);

    let pack = folder.json(&["data", "pack", &place(&a), "--context", "64,4096"]);
    let tokens = pack["tokens"].as_u64().unwrap();
    for row in pack["layouts"].as_array().unwrap() {
        let room = row["sequences"].as_u64().unwrap() * row["context"].as_u64().unwrap();
        let (lost, padding) = (row["tokens_lost"].as_u64().unwrap(), row["padding_share"].as_f64().unwrap());
        let kept = tokens - lost;
        assert!((room as f64 * (1.0 - padding) - kept as f64).abs() < 1e-6 * tokens as f64, "{row}");
        assert!(lost == 0 || (row["layout"] == "chunks" && lost < row["context"].as_u64().unwrap()), "{row}");
    }
}
