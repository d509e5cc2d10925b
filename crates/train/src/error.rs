//! The one error type of this crate.

use kleiber_core::CoreError;
use kleiber_data::DataError;
use kleiber_models::ModelError;
use std::path::PathBuf;

/// Everything that can stop a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Sequences.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// An option out of range.
    #[error("{option} = {found}: {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A loss or gradient that is not a number.
    #[error("step {step}: the {what} is {value}")]
    NotFinite {
        /// The step, the first is 1.
        step: u64,
        /// Loss or gradient norm.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A checkpoint that cannot be continued from.
    #[error("{}: not a usable checkpoint: {why}", path.display())]
    Checkpoint {
        /// File or folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl TrainError {
    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Option { option, .. } => format!("give another `{option}`"),
            Self::NotFinite { .. } => {
                "lower the learning rate or lengthen the warm-up; the last checkpoint is intact".into()
            }
            Self::Checkpoint { .. } => "continue from an earlier step, or start again".into(),
        }
    }
}
