//! The one error type of this crate: each variant carries the values needed to find the fault, and
//! [`DataError::hint`] says what to try.

use kleiber_core::CoreError;
use std::path::PathBuf;

/// Everything that can go wrong while reading, tokenizing, storing or streaming data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The operating system refused a file operation.
    #[error("{path}: cannot {action}: {source}", path = path.display())]
    Io {
        /// The file in question.
        path: PathBuf,
        /// What was being done ("read", "list", "map").
        action: &'static str,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A fault reported by the core.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Bytes that are not the format they claim to be.
    #[error("{source_name}{}: found {found}, expected {expected}", if *line > 0 { format!(", line {line}") } else { String::new() })]
    Malformed {
        /// File name.
        source_name: String,
        /// Line in the file, the first is 1; 0 when the format has no lines.
        line: u64,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// A file that is, unpacks to, or claims to be more than may be loaded.
    #[error("{source_name}: {found}, more than the limit of {limit}")]
    TooLarge {
        /// File name.
        source_name: String,
        /// What was found or declared.
        found: String,
        /// The limit.
        limit: String,
    },
    /// A member of an archive that no archive of source code should have.
    #[error("{source_name}: member `{member}` {why}")]
    Archive {
        /// Archive name.
        source_name: String,
        /// Name of the member, shortened.
        member: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Package archives of the default corpus that the registry cache does not hold.
    #[error("{} of {total} package archives are missing below {folder}: {}", missing.len(), first(missing), folder = folder.display())]
    MissingArchives {
        /// File names of the missing ones.
        missing: Vec<String>,
        /// How many the corpus is made of.
        total: usize,
        /// The folder that was searched.
        folder: PathBuf,
    },
    /// Bytes whose hash is not the recorded one.
    #[error("{source_name}: SHA-256 is {found}, expected {expected}")]
    Checksum {
        /// File name.
        source_name: String,
        /// Hash of the bytes.
        found: String,
        /// The recorded hash.
        expected: String,
    },
    /// A source without a single usable document.
    #[error("{source_name}: no documents: {found}")]
    Empty {
        /// Where documents were looked for.
        source_name: String,
        /// What was there instead.
        found: String,
    },
    /// Too few document groups for what was asked.
    #[error("{found} document groups, but {what} needs at least {needed}")]
    TooFewGroups {
        /// Groups in the source.
        found: usize,
        /// Groups that are needed.
        needed: usize,
        /// What needs them.
        what: String,
    },
    /// A file whose extension names no known format.
    #[error("{path}: unknown corpus format `{extension}`", path = path.display())]
    UnknownFormat {
        /// The file.
        path: PathBuf,
        /// Its extension.
        extension: String,
    },
    /// An option or task parameter outside its range.
    #[error("{name} is {found}, expected {expected}")]
    Option {
        /// Name of the option.
        name: String,
        /// The value given.
        found: String,
        /// The values that are possible.
        expected: String,
    },
    /// A tokenizer that cannot be loaded, trained or used.
    #[error("{source_name}: {why}")]
    Tokenizer {
        /// File name, or "training".
        source_name: String,
        /// What is wrong.
        why: String,
    },
    /// A store that was written with another tokenizer.
    #[error("{source_name}: written with tokenizer {found}, expected {expected}")]
    TokenizerMismatch {
        /// Store name.
        source_name: String,
        /// Hash in the store.
        found: String,
        /// Hash of the tokenizer at hand.
        expected: String,
    },
    /// A position beyond the end of a stream whose epochs are capped.
    #[error("sequence {index} asked for, but the epoch caps end the stream after {length}")]
    Exhausted {
        /// The index asked for.
        index: u64,
        /// Sequences in the stream.
        length: u64,
    },
    /// A store too short for a single sequence.
    #[error("{source_name}: {tokens} tokens, but one sequence of context {context} needs as many")]
    TooShort {
        /// Store name.
        source_name: String,
        /// Tokens in the store.
        tokens: u64,
        /// Context asked for.
        context: usize,
    },
    /// A task name that the registry does not hold.
    #[error("no task `{name}`; the tasks are {available}")]
    UnknownTask {
        /// The name asked for.
        name: String,
        /// Names in the registry.
        available: String,
    },
    /// An assignment to a parameter of a task that is none.
    #[error("parameter `{text}` {why}")]
    Parameter {
        /// The assignment.
        text: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The first names of a list.
fn first(names: &[String]) -> String {
    let shown = names[..names.len().min(3)].join(", ");
    if names.len() > 3 { format!("{shown}, ...") } else { shown }
}

impl DataError {
    /// One thing to try, in a sentence.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(error) => error.hint(),
            Self::Io { .. } => "check that the path exists and may be read".into(),
            Self::Malformed { line: 0, .. } => "the file is damaged or of another format; write it again".into(),
            Self::Malformed { .. } => "open the file at that line; each line is one JSON object with `text`".into(),
            Self::TooLarge { .. } => "split the file, or unpack it and point at the folder".into(),
            Self::Archive { .. } => "do not use this archive; fetch it again from where it was published".into(),
            Self::MissingArchives { .. } => {
                "run `cargo fetch --locked` in the source tree (or `cargo build --release`), or give text of your own with --source".into()
            }
            Self::Checksum { .. } => "the file was changed or damaged; write or fetch it again".into(),
            Self::Empty { .. } => "point at a folder of text, a .jsonl or a .parquet file with a column `text`".into(),
            Self::TooFewGroups { .. } => "give more files, a larger cap per group, or no validation".into(),
            Self::UnknownFormat { .. } => {
                "use a folder, or a .txt, .md, .jsonl or .parquet file; .gz and .zst may be appended".into()
            }
            Self::Option { expected, .. } => format!("set it to {expected}"),
            Self::Tokenizer { source_name, .. } if source_name == "training" => {
                "ask for a smaller vocabulary (`kleiber train`: data.vocab), for bytes (data.tokenizer), or give more text"
                    .into()
            }
            Self::Tokenizer { .. } => "use a BPE tokenizer.json of Hugging Face tokenizers, or train one".into(),
            Self::TokenizerMismatch { .. } => "tokenize again, or load the tokenizer it was made with".into(),
            Self::Exhausted { .. } => "raise the epoch caps, add data, or train for fewer steps".into(),
            Self::TooShort { .. } => "lower the context or give more text".into(),
            Self::UnknownTask { .. } => "choose one of the listed tasks".into(),
            Self::Parameter { .. } => "write digits=3, or spaces.p=0.5 for a parameter inside another".into(),
        }
    }

    /// A read error with its path.
    pub(crate) fn read(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::Io { path, action: "read", source }
    }

    /// A parameter outside its range.
    pub(crate) fn option(name: &str, found: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        Self::Option { name: name.into(), found: found.to_string(), expected: expected.into() }
    }
}
