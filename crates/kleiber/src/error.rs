//! What the binary prints when something cannot be done: cause and cure, exit code 2.

use crate::output::{write_stderr, write_stdout};
use crate::render::RenderError;
use kleiber_core::CoreError;
use kleiber_data::DataError;
use kleiber_laws::LawError;
use kleiber_models::ModelError;
use std::process::ExitCode;

/// Any failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Tables and files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Laws.
    #[error(transparent)]
    Law(#[from] LawError),
    /// Tokenizers.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Checkpoints and models.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Reports.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Options that contradict each other or cannot be read.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to try.
        hint: String,
    },
}

impl CliError {
    /// A usage error.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// One thing to try.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Render(e) => e.hint().to_string(),
            Self::Usage { hint, .. } => hint.clone(),
        }
    }

    /// Prints cause and cure to stderr, and with `--json` the same as one document to stdout.
    pub(crate) fn print(&self, json: bool) -> ExitCode {
        let hint = self.hint();
        write_stderr(&format!("error: {self}"));
        if !hint.is_empty() {
            write_stderr(&format!("  help: {hint}"));
        }
        if json {
            print_document(&self.to_string(), &hint);
        }
        ExitCode::from(2)
    }
}

/// Cause and cure as one JSON document on stdout.
pub(crate) fn print_document(message: &str, hint: &str) {
    let document = serde_json::json!({
        "schema": "kleiber.error/1",
        "status": "error",
        "reasons": [{ "code": "input", "message": message }],
        "hint": hint,
    });
    let _ = write_stdout(&format!("{document}\n"));
}
