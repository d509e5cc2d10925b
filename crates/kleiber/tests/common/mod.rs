//! What the end-to-end tests share: a scratch folder, runs of the binary, simulated run tables.
#![allow(dead_code)]

use kleiber_core::table::Table;
use kleiber_laws::{Law, simulate::Design};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Coefficients of the simulated runs: E, A, B, alpha, beta.
pub(crate) const TRUTH: [f64; 5] = [1.8, 480.0, 2000.0, 0.35, 0.37];
/// No command of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(120);

/// A folder that vanishes with the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder with the simulated runs in `runs.csv`.
    pub(crate) fn with_runs() -> Self {
        let folder = Self::new();
        folder.write("runs.csv", runs_csv().as_bytes());
        folder
    }

    pub(crate) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// Runs the binary in this folder.
    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_kleiber"));
        command.current_dir(self.root()).args(args).timeout(LIMIT).env("RUST_BACKTRACE", "1").env("NO_COLOR", "1");
        // Huge pages, where the system gives them, round memory up by more than the tests of estimates allow.
        command.env("MIMALLOC_ALLOW_THP", "0");
        let output = command.output().unwrap();
        Outcome {
            args: args.iter().map(|a| a.chars().take(60).collect::<String>()).collect::<Vec<_>>().join(" "),
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
        }
    }

    /// Runs the binary, which must succeed and print one JSON document.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let outcome = self.run(&[args, &["--json"]].concat());
        assert_eq!(outcome.code, Some(0), "{}\n{}\n{}", outcome.args, outcome.stdout, outcome.stderr);
        outcome.document()
    }
}

/// What a run of the binary left behind.
pub(crate) struct Outcome {
    pub(crate) args: String,
    /// `None` when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// stdout, which must be exactly one JSON document.
    #[track_caller]
    pub(crate) fn document(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| {
            panic!("kleiber {}: stdout is not one JSON document ({e}):\n{}\n{}", self.args, self.stdout, self.stderr)
        })
    }

    /// The run must have answered.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "kleiber {}\n{}\n{}", self.args, self.stdout, self.stderr);
        self
    }
}

/// Runs of six sizes and five token counts each, with 0.5% noise.
pub(crate) fn runs() -> Table {
    simulated(&Design::grid(6, 5))
}

/// The runs of a design under the usual truth.
pub(crate) fn simulated(design: &Design) -> Table {
    design.table(&Law::named("chinchilla").unwrap(), &TRUTH, 0.005, 1)
}

/// The usual runs as CSV.
pub(crate) fn runs_csv() -> String {
    csv(&runs())
}

/// A table as CSV.
pub(crate) fn csv(table: &Table) -> String {
    let mut lines = vec![table.columns().iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(",")];
    lines.extend(
        (0..table.rows()).map(|i| table.columns().iter().map(|c| c.cells.text(i)).collect::<Vec<_>>().join(",")),
    );
    lines.join("\n") + "\n"
}

/// The usual runs with every cell passed through `change`: data row (from 1), column name, cell.
pub(crate) fn edited(change: impl Fn(usize, &str, &str) -> String) -> String {
    let text = runs_csv();
    let names: Vec<&str> = text.lines().next().unwrap().split(',').collect();
    let line = |(row, line): (usize, &str)| {
        line.split(',')
            .zip(&names)
            .map(|(cell, name)| if row == 0 { cell.to_string() } else { change(row, name, cell) })
            .collect::<Vec<_>>()
            .join(",")
    };
    text.lines().enumerate().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

/// Codes of a list of findings.
pub(crate) fn codes(findings: &Value) -> Vec<&str> {
    findings.as_array().unwrap().iter().map(|f| f["code"].as_str().unwrap()).collect()
}
