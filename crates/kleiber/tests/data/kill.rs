//! A kill at any moment leaves no half corpus.

use crate::common::Folder;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Enough text that a kill can come at every stage.
fn with_much_text() -> Folder {
    let folder = Folder::new();
    let mut text = String::new();
    for i in 0..60_000u64 {
        text += &format!("{{\"text\":\"document {i} holds {} and {}\",\"group\":\"g{}\"}}\n", i * i, i * 7919, i % 50);
    }
    folder.write("much.jsonl", text.as_bytes());
    folder
}

/// Starts the binary and kills it after a while; whether it was still running.
fn killed_after(folder: &Folder, args: &[&str], millis: u64) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kleiber"));
    command.current_dir(folder.root()).args(args).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(millis));
    let running = child.try_wait().unwrap().is_none();
    let _ = child.kill();
    child.wait().unwrap();
    running
}

#[test]
fn kills_leave_nothing_or_all_of_it() {
    let folder = with_much_text();
    let build = ["data", "build", "--source", "much.jsonl", "--dedup", "exact", "--out", "corpus"];
    let tokenize = ["data", "tokenize", "--source", "much.jsonl", "--dedup", "exact", "--tokenizer", "bytes"];
    let mut caught = 0;
    for millis in [1, 10, 30, 60, 90, 120, 160, 200, 300, 400, 600] {
        caught += u32::from(killed_after(&folder, &build, millis));
        if folder.path("corpus").exists() {
            folder.run(&["data", "inspect", "corpus"]).ok();
            std::fs::remove_dir_all(folder.path("corpus")).unwrap();
        }
        caught += u32::from(killed_after(&folder, &tokenize, millis));
        for entry in std::fs::read_dir(folder.path("runs/data")).into_iter().flatten() {
            let entry = entry.unwrap();
            if !entry.file_name().to_str().unwrap().starts_with('.') {
                folder.run(&["data", "inspect", entry.path().to_str().unwrap()]).ok();
                std::fs::remove_dir_all(entry.path()).unwrap();
            }
        }
    }
    assert!(caught >= 3, "nothing was killed while it ran");
    // What kills left behind disturbs nobody.
    folder.run(&build).ok();
    folder.run(&["data", "inspect", "corpus"]).ok();
    let done = folder.json(&tokenize);
    assert_eq!(done["cached"], false);
    assert_eq!(folder.json(&tokenize)["train"], done["train"]);
}
