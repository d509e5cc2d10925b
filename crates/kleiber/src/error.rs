//! What the binary prints when something cannot be done: cause and cure, and the exit code.

use crate::output::{write_stderr, write_stdout};
use crate::render::RenderError;
use kleiber_compress::CompressError;
use kleiber_core::CoreError;
use kleiber_data::DataError;
use kleiber_evaluate::EvaluateError;
use kleiber_laws::LawError;
use kleiber_models::ModelError;
use kleiber_studies::StudyError;
use kleiber_sweep::SweepError;
use kleiber_train::TrainError;
use std::io::ErrorKind;
use std::process::ExitCode;

/// Any failure of a command.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Tables and files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Corpora, tokenizers, token stores and tasks.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Models made smaller.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// Checkpoints on tasks.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Laws.
    #[error(transparent)]
    Law(#[from] LawError),
    /// Checkpoints and models.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Reports.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// Studies.
    #[error(transparent)]
    Study(#[from] StudyError),
    /// Runs.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Sweeps.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// What the machine cannot hold.
    #[error("{message}")]
    Limit {
        /// What is too large.
        message: String,
        /// What to try.
        hint: String,
    },
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

    /// Something larger than the machine.
    pub(crate) fn limit(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Limit { message: message.into(), hint: hint.into() }
    }

    /// One thing to try.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Compress(e) => e.hint(),
            Self::Evaluate(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Render(e) => e.hint().to_string(),
            Self::Train(e) => e.hint(),
            Self::Study(e) => e.hint(),
            Self::Sweep(e) => e.hint(),
            Self::Limit { hint, .. } | Self::Usage { hint, .. } => hint.clone(),
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
            print_document(self.kind(), &self.to_string(), &hint);
        }
        ExitCode::from(self.code())
    }

    /// 1 for a run that came to nothing, 3 for a limit of the machine or of time, 130 for an interruption, 2 for unusable
    /// input.
    fn code(&self) -> u8 {
        match self {
            Self::Train(TrainError::NotFinite { .. } | TrainError::Skips { .. }) => 1,
            Self::Limit { .. } | Self::Train(TrainError::Limit { .. }) | Self::Study(StudyError::Time { .. }) => 3,
            Self::Study(StudyError::Interrupted { .. }) => 130,
            _ if self.disk_is_full() => 3,
            _ => 2,
        }
    }

    /// What kind of reason it is, for programs.
    fn kind(&self) -> &'static str {
        match self.code() {
            3 => "limit",
            130 => "interrupted",
            _ => "input",
        }
    }

    fn disk_is_full(&self) -> bool {
        let mut cause: Option<&dyn std::error::Error> = Some(self);
        while let Some(error) = cause {
            if let Some(io) = error.downcast_ref::<std::io::Error>() {
                return matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded);
            }
            cause = error.source();
        }
        false
    }
}

/// Cause and cure as one JSON document on stdout.
pub(crate) fn print_document(kind: &str, message: &str, hint: &str) {
    let document = serde_json::json!({
        "schema": "kleiber.error/1",
        "status": "error",
        "reasons": [{ "code": kind, "message": message }],
        "hint": hint,
    });
    let _ = write_stdout(&format!("{document}\n"));
}
