//! `[data]`: what is learned.

use super::Auto;
use kleiber_data::Layout;
use serde::{Deserialize, Serialize};

/// What is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// `cargo` for the sources of Kleiber's dependencies, or a folder, `.jsonl`, `.parquet`, text or packed file.
    pub source: String,
    /// `bpe` for one learned from the text, `bytes`, or a `tokenizer.json`.
    pub tokenizer: String,
    /// Tokens that a learned tokenizer has; otherwise what suits the text, at most 4096.
    pub vocab: Auto<u64>,
    /// Share of the documents, whole groups of them, that are held out.
    pub validation: f64,
    /// Most bytes of text to use.
    pub max_bytes: Auto<u64>,
    /// Tokens that are repeated when more are asked for; all of them otherwise.
    pub unique_tokens: Auto<u64>,
    /// Consecutive pieces of the text, or whole documents packed.
    pub layout: Layout,
    /// Whether documents in a sequence are kept apart.
    pub document_mask: bool,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: "cargo".into(),
            tokenizer: "bpe".into(),
            vocab: Auto::Auto,
            validation: 0.1,
            max_bytes: Auto::Auto,
            unique_tokens: Auto::Auto,
            layout: Layout::Chunks,
            document_mask: false,
        }
    }
}
