//! The one error type of this crate.

use kleiber_core::CoreError;
use kleiber_data::DataError;
use kleiber_laws::LawError;
use kleiber_models::ModelError;
use kleiber_train::TrainError;
use std::path::PathBuf;

/// Everything that can keep a checkpoint from being measured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// Tables and files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Tasks and texts.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Counts of passes.
    #[error(transparent)]
    Law(#[from] LawError),
    /// The model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Its run.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A path without a model.
    #[error("{}: holds neither config.json nor a finished step-N", path.display())]
    NoModel {
        /// The path.
        path: PathBuf,
    },
    /// A model without its tokenizer.
    #[error("{}: holds no tokenizer.json", folder.display())]
    NoTokenizer {
        /// The model's folder.
        folder: PathBuf,
    },
    /// A tokenizer of another model.
    #[error("the tokenizer has {tokenizer} tokens, the model {model}")]
    Vocabulary {
        /// Tokens of the tokenizer.
        tokenizer: usize,
        /// Tokens of the model.
        model: usize,
    },
    /// An example that the model cannot hold.
    #[error("example {index}: prompt and answer have {tokens} tokens, the model's context is {context}")]
    TooLong {
        /// The example.
        index: u64,
        /// Tokens of prompt and answer.
        tokens: usize,
        /// Tokens that the model can hold.
        context: usize,
    },
    /// An option out of range.
    #[error("{option} is {found}, expected {expected}")]
    Option {
        /// Its name.
        option: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: String,
    },
}

impl EvaluateError {
    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Model(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::NoModel { .. } => "give the folder of a run, of one of its steps, or of a Hugging Face model".into(),
            Self::NoTokenizer { .. } => {
                "put the tokenizer that the model was trained with beside it (Hugging Face format)".into()
            }
            Self::Vocabulary { .. } => "use the tokenizer.json that the model was trained with".into(),
            Self::TooLong { .. } => "ask for shorter examples, or train with a larger model.context".into(),
            Self::Option { option, expected, .. } => format!("set {option} to {expected}"),
        }
    }

    pub(crate) fn option(option: &'static str, found: impl ToString, expected: impl Into<String>) -> Self {
        Self::Option { option, found: found.to_string(), expected: expected.into() }
    }
}
