//! What a long operation is about to do, for whoever shows it.

/// A step of building or preparing a corpus; shown as a line without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// A prepared corpus of the same key is there.
    Cached {
        /// Its key.
        key: String,
    },
    /// A prepared corpus of the same key is damaged and is made again.
    Damaged {
        /// What is wrong with it.
        why: String,
    },
    /// Documents are read.
    Reading {
        /// Where from.
        source: String,
    },
    /// Documents that resemble earlier ones are dropped, groups are capped.
    Deduplicating {
        /// Documents read.
        documents: u64,
        /// Bytes of text read.
        bytes: u64,
    },
    /// A tokenizer is trained.
    TrainingTokenizer {
        /// Tokens it shall have.
        vocab: usize,
        /// Bytes of text it is trained on.
        bytes: u64,
    },
    /// Documents become tokens.
    Tokenizing {
        /// Side of the corpus.
        side: &'static str,
        /// Bytes of text.
        bytes: u64,
    },
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mb = |bytes: &u64| format!("{:.1} MB", *bytes as f64 / 1e6);
        match self {
            Self::Cached { key } => write!(f, "prepared before as {key}"),
            Self::Damaged { why } => write!(f, "preparing again, as the prepared corpus is damaged: {why}"),
            Self::Reading { source } => write!(f, "reading {source}"),
            Self::Deduplicating { documents, bytes } => {
                write!(f, "deduplicating {documents} documents of {}", mb(bytes))
            }
            Self::TrainingTokenizer { vocab, bytes } => {
                write!(f, "training a tokenizer of {vocab} tokens on {}", mb(bytes))
            }
            Self::Tokenizing { side, bytes } => write!(f, "tokenizing {} for {side}", mb(bytes)),
        }
    }
}
