//! Manners: help, streams, exit codes, closed pipes.

use crate::common::Folder;
use std::io::Read;
use std::process::{Command, Stdio};

#[test]
fn every_command_explains_itself_with_an_example() {
    let folder = Folder::new();
    for command in [
        &["fit"][..],
        &["compare"],
        &["predict"],
        &["plan", "compute"],
        &["plan", "design"],
        &["plan", "vocab"],
        &["size"],
        &["data", "build"],
        &["data", "tokenize"],
        &["data", "inspect"],
        &["data", "synth"],
        &["data", "mix"],
        &["data", "pack"],
        &["train"],
        &["sweep"],
        &["compress", "quantize"],
        &["generate"],
        &["doctor"],
        &["completions"],
        &["man"],
    ] {
        for flag in ["--help", "-h"] {
            let outcome = folder.run(&[command, &[flag]].concat()).ok();
            assert!(outcome.stdout.contains("Example") && outcome.stdout.contains("kleiber "), "{command:?} {flag}");
            assert!(
                outcome.stderr.is_empty() && outcome.stdout.lines().all(|l| l.chars().count() <= 110),
                "{command:?} {flag}"
            );
        }
    }
    assert!(folder.run(&["--help"]).ok().stdout.contains("kleiber fit runs.csv"));
    assert!(folder.run(&["--version"]).ok().stdout.starts_with("kleiber "));
    assert_eq!(folder.run(&[]).code, Some(2));
}

#[test]
fn stdout_carries_the_result_and_quiet_drops_hints() {
    let folder = Folder::with_runs();
    let loud = folder.run(&["fit", "runs.csv", "--bootstrap", "0"]).ok();
    let quiet = folder.run(&["fit", "runs.csv", "--bootstrap", "0", "--quiet"]).ok();
    assert!(loud.stderr.contains("next:") && !quiet.stderr.contains("next:"));
    assert_eq!(loud.stdout, quiet.stdout);
    assert!(!loud.stdout.contains('\u{1b}'), "colours in a pipe");
}

/// Runs with stdout or stderr closed after `bytes` bytes; the exit code and what came out of the other stream.
#[cfg(unix)]
fn closed_after(bytes: usize, args: &[&str], errors: bool) -> (Option<i32>, String) {
    let folder = Folder::with_runs();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kleiber"));
    command.current_dir(folder.root()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let mut text = String::new();
    let mut head = vec![0; bytes];
    if errors {
        let _ = err.read_exact(&mut head);
        drop(err);
        out.read_to_string(&mut text).unwrap();
    } else {
        let _ = out.read_exact(&mut head);
        drop(out);
        err.read_to_string(&mut text).unwrap();
    }
    (child.wait().unwrap().code(), text)
}

#[cfg(unix)]
#[test]
fn a_reader_that_has_seen_enough_ends_the_program_quietly() {
    for args in [&["fit", "runs.csv", "--bootstrap", "0", "--json"][..], &["fit", "--help"], &["completions", "bash"]] {
        for bytes in [0, 20] {
            let (code, stderr) = closed_after(bytes, args, false);
            assert_eq!(code, Some(0), "{args:?}: {stderr}");
            assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{args:?}: {stderr}");
        }
    }
}

#[cfg(unix)]
#[test]
fn closed_messages_do_not_spoil_the_result() {
    for (args, code) in [
        (&["fit", "runs.csv", "--bootstrap", "0", "--json"][..], 0),
        (&["fit", "nowhere.csv", "--json"], 2),
        (&["fit", "runs.csv", "--json", "--where", "params < 1e8"], 2),
    ] {
        let (exit, stdout) = closed_after(0, args, true);
        assert_eq!(exit, Some(code), "{args:?}: {stdout}");
        assert!(serde_json::from_str::<serde_json::Value>(&stdout).is_ok(), "{args:?}: {stdout}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_not_a_success() {
    let folder = Folder::with_runs();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_kleiber"));
    let output = command
        .current_dir(folder.root())
        .args(["fit", "runs.csv", "--bootstrap", "0"])
        .stdout(full)
        .stderr(Stdio::piped());
    let output = output.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("cannot write the result"), "{stderr}");
    assert_ne!(output.status.code(), Some(0), "{stderr}");
}
