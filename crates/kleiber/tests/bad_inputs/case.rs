//! One bad input: files, arguments and what must come out.

use crate::common::{Folder, Outcome};
use serde_json::Value;
use std::time::{Duration, Instant};

/// A bad input must be named within this time, on a busy machine.
const SLOW: Duration = Duration::from_secs(5);

/// What must come out.
#[derive(Clone, Copy, PartialEq)]
enum Expected {
    /// Exit 0 although the input is odd.
    Works,
    /// Exit 2 and an error document.
    Fails,
    /// Exit 2 and a refusal with this code.
    Refuses(&'static str),
}

/// A bad input.
pub(crate) struct Case {
    name: String,
    files: Vec<(String, Vec<u8>)>,
    args: Vec<String>,
    expected: Expected,
    /// What stderr must say; each part must be there.
    parts: Vec<&'static str>,
}

/// Starts a case; the runs of `runs.csv` are always there.
pub(crate) fn case(name: impl Into<String>, args: &[&str]) -> Case {
    let args = args.iter().map(|a| (*a).to_string()).collect();
    Case { name: name.into(), files: Vec::new(), args, expected: Expected::Fails, parts: Vec::new() }
}

/// A case of `kleiber fit FILE`, without bootstrap.
pub(crate) fn fit(name: &str, file: &str, bytes: impl Into<Vec<u8>>) -> Case {
    case(name, &["fit", file, "--bootstrap", "0"]).file(file, bytes)
}

impl Case {
    pub(crate) fn file(mut self, name: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((name.into(), bytes.into()));
        self
    }

    pub(crate) fn with(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|a| (*a).to_string()));
        self
    }

    /// Exit 2, and stderr holds the cause and the cure.
    pub(crate) fn fails(self, cause: &'static str, cure: &'static str) -> Self {
        Self { expected: Expected::Fails, parts: vec![cause, cure], ..self }
    }

    /// Exit 2 with a refusal of this code, and stderr holds the cause and the cure.
    pub(crate) fn refuses(self, code: &'static str, cause: &'static str, cure: &'static str) -> Self {
        Self { expected: Expected::Refuses(code), parts: vec![cause, cure], ..self }
    }

    /// Exit 0.
    pub(crate) fn works(self) -> Self {
        Self { expected: Expected::Works, ..self }
    }

    /// What went wrong, as text and with `--json`, in one paragraph.
    pub(crate) fn failure(&self) -> Option<String> {
        let folder = Folder::with_runs();
        self.files.iter().for_each(|(name, bytes)| folder.write(name, bytes));
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let mut out = Vec::new();
        let started = Instant::now();
        let text = folder.run(&args);
        if started.elapsed() > SLOW {
            out.push(format!("takes {:?}", started.elapsed()));
        }
        self.check_text(&text, &mut out);
        if ["fit", "compare", "predict", "plan", "size", "data"].contains(&args[0]) && !args.contains(&"--json") {
            let json = folder.run(&[&args[..], &["--json"]].concat());
            self.check_common(&json, &mut out);
            self.check_json(&json, &mut out);
        }
        let left = std::fs::read_dir(folder.root()).unwrap().filter_map(|e| e.ok()?.file_name().into_string().ok());
        out.extend(left.filter(|n| n.contains(".tmp")).map(|n| format!("leaves {n} behind")));
        out.dedup();
        let said = if text.stderr.is_empty() { &text.stdout } else { &text.stderr };
        (!out.is_empty())
            .then(|| format!("- {}: {}\n    kleiber {}\n    {}", self.name, out.join("; "), text.args, shorten(said)))
    }

    fn check_common(&self, outcome: &Outcome, out: &mut Vec<String>) {
        let wanted = if self.expected == Expected::Works { 0 } else { 2 };
        if outcome.code != Some(wanted) {
            out.push(format!("exit {:?}, expected {wanted}", outcome.code));
        }
        let words = ["panicked", "stack backtrace", "RUST_BACKTRACE", ".rs:"];
        if let Some(word) = words.iter().find(|w| outcome.stderr.contains(**w) || outcome.stdout.contains(**w)) {
            out.push(format!("the output holds `{word}`"));
        }
        if outcome.stderr.len() > 4000 {
            out.push(format!("{} bytes of messages", outcome.stderr.len()));
        }
    }

    fn check_text(&self, outcome: &Outcome, out: &mut Vec<String>) {
        self.check_common(outcome, out);
        out.extend(self.parts.iter().filter(|p| !outcome.stderr.contains(**p)).map(|p| format!("stderr lacks `{p}`")));
        if self.expected == Expected::Fails && !outcome.stdout.is_empty() {
            out.push("an error prints something on stdout".into());
        }
    }

    fn check_json(&self, outcome: &Outcome, out: &mut Vec<String>) {
        let document: Value = match serde_json::from_str(&outcome.stdout) {
            Ok(document) => document,
            Err(e) => {
                return out.push(format!("--json: stdout is not one document ({e}): `{}`", shorten(&outcome.stdout)));
            }
        };
        let schema = document["schema"].as_str().unwrap_or_default();
        let reasons = document["reasons"].as_array().cloned().unwrap_or_default();
        match self.expected {
            Expected::Works if schema == "kleiber.error/1" => out.push("--json: an error document".into()),
            Expected::Works => {}
            Expected::Fails => {
                if schema != "kleiber.error/1" || document["status"] != "error" || reasons.is_empty() {
                    out.push(format!(
                        "--json: schema {schema}, status {}, expected an error document",
                        document["status"]
                    ));
                }
            }
            Expected::Refuses(code) => {
                let same_schema = schema.starts_with("kleiber.") && schema != "kleiber.error/1";
                if !same_schema || document["status"] != "refused" {
                    out.push(format!("--json: schema {schema}, status {}, expected a refusal", document["status"]));
                }
                if schema == "kleiber.fit/1" && document["coefficients"] != serde_json::json!({}) {
                    out.push("--json: a refusal with coefficients".into());
                }
                if !reasons.iter().any(|r| r["code"] == code && r["message"].as_str().is_some_and(|m| !m.is_empty())) {
                    out.push(format!("--json: no reason `{code}`: {reasons:?}"));
                }
            }
        }
    }
}

fn shorten(text: &str) -> String {
    let line = text.trim().replace('\n', " | ");
    if line.chars().count() > 400 { line.chars().take(400).chain("...".chars()).collect() } else { line }
}
