//! Checkpoints on tasks.

use crate::common::Folder;
use kleiber_data::Tokenizer;
use kleiber_models::{Decoder, DecoderConfig, Mlp, checkpoint};
use serde_json::{Value, json};

/// A folder `model` with a Llama that was never trained, and a tokenizer of bytes.
fn folder() -> Folder {
    let folder = Folder::new();
    let config =
        DecoderConfig { vocab: 257, context: 32, layers: 1, width: 32, mlp: Mlp::Swiglu, ..DecoderConfig::default() };
    std::fs::create_dir_all(folder.path("model")).unwrap();
    checkpoint::write(&Decoder::new(&config, 4).unwrap(), Some(256), &folder.path("model")).unwrap();
    Tokenizer::Bytes.save(&folder.path("model/tokenizer.json")).unwrap();
    folder
}

fn eval(folder: &Folder, args: &[&str]) -> Value {
    folder.json(&[&["eval", "model", "--task", "addition", "--set", "digits=2", "--count", "20"], args].concat())
}

#[test]
fn a_document_holds_what_was_asked_and_a_row_for_each_group() {
    let folder = folder();
    let document = eval(&folder, &[]);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.eval/1"), &json!("ok")));
    assert_eq!((&document["task"], &document["parameters"]), (&json!("addition"), &json!({ "digits": 2 })));
    assert_eq!(
        (&document["fold"], &document["count"], &document["measure"]),
        (&json!("test"), &json!(20), &json!("accuracy"))
    );
    let rows = document["rows"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["count"], &rows[0]["accuracy"]), (1, &json!(20.0), &json!(0.0)));
    let each = eval(&folder, &["--by", "each"]);
    let rows = each["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 20);
    let question = rows[3]["prompt"].as_str().unwrap().trim_end_matches('=').split_once('+').unwrap();
    let sum = question.0.parse::<u32>().unwrap() + question.1.parse::<u32>().unwrap();
    assert_eq!(rows[3]["answer"], format!("{sum}\n"));
    let lengths: f64 = eval(&folder, &["--by", "length"])["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["count"].as_f64().unwrap())
        .sum();
    assert_eq!(lengths, 20.0);
    // An untrained model finds every byte about equally likely: three symbols cost about 3 ln 257.
    let losses = eval(&folder, &["--measure", "losses"]);
    for row in losses["rows"].as_array().unwrap() {
        let nats = row["nats"].as_f64().unwrap() / row["tokens"].as_f64().unwrap();
        assert!((nats - 257f64.ln()).abs() < 0.5, "{row}");
    }
    let passes = eval(&folder, &["--measure", "passes", "--cap", "20"]);
    assert_eq!(passes["drawing"], json!({ "passes": 2, "cap": 20, "temperature": 1.0 }));
    assert!(passes["rows"].as_array().unwrap().iter().all(|row| row["draws"] == 20.0 && row["censored"] == 1.0));
}

#[test]
fn a_source_is_a_task_and_set_goes_over_it() {
    let folder = folder();
    let args =
        ["eval", "model", "--task", "task:copy?symbols=3&max_length=9&count=2000&seed=5", "--set", "max_length=8"];
    let document = folder.json(&[&args[..], &["--count", "5", "--fold", "train"]].concat());
    assert_eq!(document["parameters"], json!({ "symbols": 3, "max_length": 8 }));
    assert_eq!((&document["count"], &document["fold"], &document["seed"]), (&json!(5), &json!("train"), &json!(0)));
    let text = folder.run(&[&args[..], &["--count", "5"]].concat()).ok().stdout;
    assert!(text.starts_with("greedy answers of model on 5 examples of copy\n\ncount"), "{text}");
}

#[test]
fn what_cannot_be_asked_is_named() {
    let folder = folder();
    for (args, expected) in [
        (&["eval", "nowhere", "--task", "copy"][..], "nowhere: holds neither config.json nor a finished step-N"),
        (&["eval", "model", "--task", "sums"], "no task `sums`; the tasks are addition"),
        (&["eval", "model", "--task", "copy", "--set", "letters=3"], "unknown field `letters`"),
        (&["eval", "model", "--task", "copy", "--set", "symbols"], "--set symbols: is not KEY=VALUE"),
        (&["eval", "model", "--task", "copy?count=0"], "count is 0"),
        (&["eval", "model", "--task", "copy", "--count", "0"], "0 is not in 1..=10000000"),
        (&["eval", "model", "--task", "copy", "--set", "min_length=20"], "the model's context is 32"),
        (&["eval", "model", "--task", "addition", "--measure", "passes", "--temperature", "0"], "temperature is 0"),
        (
            &["eval", "model", "--task", "addition", "--measure", "passes", "--cap", "5"],
            "to draw until 2 pass within 5 draws",
        ),
    ] {
        let outcome = folder.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty(), "{args:?}: {}", outcome.stdout);
    }
}
