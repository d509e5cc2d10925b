//! The one error type of this crate.

use kleiber_core::CoreError;
use kleiber_laws::LawError;
use kleiber_models::ModelError;
use kleiber_train::TrainError;
use std::path::PathBuf;

/// Everything that can go wrong when a model is made smaller.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompressError {
    /// Tables and files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Storage.
    #[error(transparent)]
    Law(#[from] LawError),
    /// Checkpoints.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The run that a checkpoint is of.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A format that does not exist.
    #[error("{option} = {found}: {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A weight that is not a number, or infinite.
    #[error("array `{array}`: number {at} is {value}, which has no code")]
    NotFinite {
        /// Name of the array.
        array: String,
        /// Its place in the array.
        at: usize,
        /// Its value.
        value: f32,
    },
    /// A model without a matrix that was asked for.
    #[error("no array of this model was chosen: it has {arrays}")]
    Nothing {
        /// The first names.
        arrays: String,
    },
    /// A run without a checkpoint.
    #[error("{}: holds no finished step-N", folder.display())]
    NoCheckpoint {
        /// The folder.
        folder: PathBuf,
    },
}

impl CompressError {
    /// An option out of range.
    pub(crate) fn option(option: &'static str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Option { option, found: found.to_string(), expected: expected.into() }
    }

    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::Option { option, .. } => format!("give another `{option}`"),
            Self::NotFinite { .. } => "use a checkpoint from before the training diverged".into(),
            Self::Nothing { .. } => "choose the embedding or the head besides".into(),
            Self::NoCheckpoint { .. } => "let the run go on to its first checkpoint".into(),
        }
    }
}
