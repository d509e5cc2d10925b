//! What a command hands back: the result for stdout, notes for stderr, and the exit code.

use kleiber_laws::{Finding, Status};
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// The outcome of a command.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// The result: a table, or exactly one JSON document.
    pub(crate) text: String,
    /// Notes and warnings for stderr, one line each.
    pub(crate) notes: Vec<String>,
    /// What to do next; hidden by `--quiet`.
    pub(crate) hints: Vec<String>,
    /// Whether the answer was refused.
    pub(crate) refused: bool,
    /// Whether a claim or check turned out false.
    pub(crate) failed: bool,
}

impl Output {
    /// A result without notes.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// A result as one JSON document.
    pub(crate) fn json(value: &impl serde::Serialize) -> Self {
        // Values here are numbers, texts and maps with text keys: serialisation cannot fail.
        let mut text = serde_json::to_string_pretty(value).unwrap_or_else(|e| format!("{{\"error\":\"{e}\"}}"));
        text.push('\n');
        Self::text(text)
    }

    /// Adds refusal reasons and warnings as notes.
    pub(crate) fn with_findings(mut self, status: Status, reasons: &[Finding], warnings: &[Finding]) -> Self {
        let line = |kind: &str, f: &Finding| format!("{kind}: {} [{}]", f.message, f.code);
        self.notes.extend(reasons.iter().map(|f| line("refused", f)));
        self.notes.extend(warnings.iter().map(|f| line("warning", f)));
        self.refused |= status == Status::Refused;
        self
    }

    /// Prints everything and gives the exit code: 0, 1 for a false claim, or 2 for a refusal.
    pub(crate) fn print(&self, quiet: bool) -> ExitCode {
        let written = write_stdout(&self.text);
        self.notes.iter().for_each(|note| write_stderr(note));
        if !quiet {
            self.hints.iter().for_each(|hint| write_stderr(hint));
        }
        ExitCode::from(if self.refused || !written { 2 } else { u8::from(self.failed) })
    }
}

/// Writes a line to stderr; a closed stderr is nobody's loss.
pub(crate) fn write_stderr(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Writes to stdout and says whether that worked; a reader that has seen enough (`| head`) ends the program quietly.
pub(crate) fn write_stdout(text: &str) -> bool {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => {
            write_stderr(&format!("error: cannot write the result: {e}"));
            false
        }
        Ok(()) => true,
    }
}
