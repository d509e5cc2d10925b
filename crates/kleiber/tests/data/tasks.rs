//! Synthetic tasks on the command line.

use crate::common::Folder;
use serde_json::{Value, json};

#[test]
fn documents_are_lines_of_json_that_are_read_back() {
    let folder = Folder::new();
    let args = ["data", "synth", "addition", "--count", "300", "--set", "digits=4", "--set", "format=reverse"];
    let lines = folder.run(&args).ok().stdout;
    let documents: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 300);
    let text = |d: &Value, name: &str| d[name].as_str().unwrap().to_string();
    for d in &documents {
        assert_eq!(text(d, "text"), text(d, "prompt") + &text(d, "answer"));
        let (prompt, answer) = (text(d, "prompt"), text(d, "answer"));
        let (a, b) = prompt.trim_matches(['$', '=']).split_once('+').unwrap();
        let digits: String = answer.trim_matches(['$', '\n']).chars().rev().collect();
        let number = |digits: &str| digits.parse::<u64>().unwrap();
        assert_eq!(number(a) + number(b), number(&digits), "{d}");
    }
    assert_eq!(folder.run(&args).ok().stdout, lines);
    let test = folder.run(&[&args[..], &["--fold", "test"]].concat()).ok().stdout;
    assert_ne!(test, lines);
    folder.run(&[&args[..], &["--out", "sums.jsonl"]].concat()).ok();
    assert_eq!(folder.read("sums.jsonl"), lines);
    let built = folder.json(&["data", "build", "--source", "sums.jsonl", "--dedup", "none"]);
    assert_eq!((&built["found"], &built["domains"].as_object().unwrap().len()), (&json!(300), &1));
}

#[test]
fn tasks_and_parameters_are_listed() {
    let folder = Folder::new();
    let all = folder.json(&["data", "synth", "--list"]);
    let tasks = all["tasks"].as_array().unwrap();
    let names: Vec<&str> = tasks.iter().map(|t| t["name"].as_str().unwrap()).collect();
    for name in ["addition", "subtraction", "multiplication", "sine", "sqrt", "biographies"] {
        assert!(names.contains(&name), "{names:?}");
    }
    assert!(folder.run(&["data", "synth", "--list"]).ok().stdout.contains("subtraction"));
    for name in names {
        let one = folder.json(&["data", "synth", name, "--count", "2"]);
        assert_eq!((&one["task"], one["documents"].as_array().unwrap().len()), (&json!(name), 2));
        assert!(one["parameters"].is_object());
    }
    let nested =
        ["data", "synth", "multiplication", "--set", "spaces.p=1", "--set", "spaces.max=1", "--set", "digits=3"];
    assert_eq!(folder.json(&nested)["parameters"]["spaces"], json!({ "p": 1, "max": 1 }));
}
