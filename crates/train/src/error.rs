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
    /// A configuration that cannot be read.
    #[error("{source_name}: {why}")]
    Config {
        /// File name.
        source_name: String,
        /// What is wrong.
        why: String,
    },
    /// An option out of range.
    #[error("{option} = {found}: {expected}")]
    Option {
        /// The option.
        option: String,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
    /// A run that did not come to its end.
    #[error("{}: this run has not come to its end", folder.display())]
    Unfinished {
        /// Its folder.
        folder: std::path::PathBuf,
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
    /// A folder that another process trains in.
    #[error("{}: {holder} trains here", folder.display())]
    Locked {
        /// The folder.
        folder: PathBuf,
        /// Who has it.
        holder: String,
    },
    /// A run that cannot be continued with another configuration.
    #[error("{}: the run was begun with other settings: {changes}", folder.display())]
    Changed {
        /// The folder.
        folder: PathBuf,
        /// Keys with the values then and now.
        changes: String,
        /// The first key.
        key: String,
    },
    /// A limit that ended a run.
    #[error("{what}")]
    Limit {
        /// What was reached.
        what: String,
    },
    /// Too many steps left out in a row.
    #[error("step {step}: {count} steps in a row were left out")]
    Skips {
        /// The last of them.
        step: u64,
        /// How many.
        count: u32,
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
    /// An option out of range.
    pub(crate) fn option(option: &str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Option { option: option.into(), found: found.to_string(), expected: expected.into() }
    }

    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Config { .. } => "`kleiber train --print-config` prints every key with its default".into(),
            Self::Option { option, .. } => format!("give another `{option}`"),
            Self::NotFinite { .. } => {
                "lower the learning rate or lengthen the warm-up; no checkpoint holds such values".into()
            }
            Self::Unfinished { .. } => "the command that began it continues it".into(),
            Self::Locked { .. } => "wait for it, or give this run another --name".into(),
            Self::Changed { key, .. } if !crate::folder::may_change(key) => {
                "give another --name, or start over with --force".into()
            }
            Self::Changed { key, .. } => {
                format!(
                    "give another --name, start over with --force, or continue all the same with --allow-change {key}"
                )
            }
            Self::Limit { .. } => "free space, then run the same command again: it continues".into(),
            Self::Skips { .. } => {
                "see bad_batches.jsonl of the run; lower the learning rate, or look at the data".into()
            }
            Self::Checkpoint { .. } => {
                "start over with --force; what is damaged stays beside it under the name step-N.bad".into()
            }
        }
    }
}
