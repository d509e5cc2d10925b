//! The one error type of this crate.

use kleiber_core::CoreError;
use std::path::PathBuf;

/// Everything that can go wrong with a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A file that cannot be written.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// A device that cannot be used.
    #[error(transparent)]
    Device(#[from] kleiber_tensor::DeviceError),
    /// A file that cannot be read.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A field that does not fit the others.
    #[error("{field} = {found}: {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would fit.
        expected: String,
    },
    /// A folder without a model that can be read.
    #[error("{}: {found}", folder.display())]
    NoCheckpoint {
        /// The folder.
        folder: PathBuf,
        /// What is there, or is not.
        found: String,
    },
    /// A file that is not what it claims to be.
    #[error("{source_name}: {why}")]
    Malformed {
        /// File name.
        source_name: String,
        /// What is wrong.
        why: String,
    },
    /// A file beyond the limit.
    #[error("{source_name}: {found} bytes, more than the limit of {limit}")]
    TooLarge {
        /// File name.
        source_name: String,
        /// Bytes of the file, or of the part that it declares.
        found: u64,
        /// The limit.
        limit: u64,
    },
    /// A `config.json` of a model that the decoder cannot be.
    #[error("{source_name}: {field} = {found}, but only {expected} can be represented")]
    Unsupported {
        /// File name.
        source_name: String,
        /// The field.
        field: String,
        /// Its value.
        found: String,
        /// What can be represented.
        expected: String,
    },
    /// An array of a checkpoint that is missing, superfluous, of another shape or type, or not finite.
    #[error("{source_name}: array `{name}`: {why}")]
    Array {
        /// File name.
        source_name: String,
        /// Name of the array.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// More tokens than the model has positions for.
    #[error("{tokens} tokens, but the model sees at most {context}")]
    Context {
        /// Tokens that were given.
        tokens: usize,
        /// The longest sequence.
        context: usize,
    },
    /// A token beyond the vocabulary.
    #[error("token {token}, but the vocabulary ends before {vocab}")]
    Token {
        /// The token.
        token: u32,
        /// Tokens that there are.
        vocab: usize,
    },
    /// Logits that are not numbers.
    #[error("the logits after {tokens} tokens are not finite")]
    NotFinite {
        /// Tokens that were given.
        tokens: usize,
    },
    /// A sampling option out of range.
    #[error("{option} = {found}: {expected}")]
    Sampling {
        /// The option.
        option: &'static str,
        /// Its value.
        found: String,
        /// What would do.
        expected: &'static str,
    },
}

impl ModelError {
    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Device(e) => e.hint().into(),
            Self::Io { .. } => "check that the file exists and may be read".into(),
            Self::Config { field, .. } => format!("change `{field}`, or the fields it depends on"),
            Self::NoCheckpoint { .. } => {
                "give a folder with config.json and model.safetensors; other formats become that with \
                 save_pretrained(folder) in Python"
                    .into()
            }
            Self::Malformed { .. } => "the file is damaged or of another format; write or fetch it again".into(),
            Self::TooLarge { .. } => "check that this is the right file".into(),
            Self::Unsupported { .. } => {
                "use a checkpoint without it; docs/checkpoints.md lists what can be read".into()
            }
            Self::Array { .. } => "check that the arrays belong to this config.json; fetch or write both again".into(),
            Self::Context { .. } => "give fewer tokens, or a model with a longer context".into(),
            Self::Token { .. } => "use the tokenizer that the model was trained with".into(),
            Self::NotFinite { .. } => {
                "the weights are too large for single precision; use an earlier checkpoint".into()
            }
            Self::Sampling { option, .. } => format!("give another `{option}`"),
        }
    }

    /// A file that is not what it claims to be.
    pub(crate) fn malformed(source_name: impl Into<String>, why: impl AsRef<str>) -> Self {
        Self::Malformed { source_name: source_name.into(), why: short(why.as_ref(), 300) }
    }

    /// An array that is not what the configuration needs.
    pub(crate) fn array(source_name: impl Into<String>, name: &str, why: impl AsRef<str>) -> Self {
        Self::Array { source_name: source_name.into(), name: short(name, 100), why: short(why.as_ref(), 300) }
    }

    /// A read error with its path.
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, source }
    }
}

/// The start of a text that may be as long as a hostile file.
pub(crate) fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_string(),
        Some((at, _)) => format!("{}...", &text[..at]),
    }
}
