//! `[data]`: what is learned.

use super::{Auto, optimise::one};
use kleiber_data::Layout;
use serde::{Deserialize, Serialize};

/// What is learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataConfig {
    /// `cargo` for the sources of Kleiber's dependencies, a folder, `.jsonl`, `.parquet`, text or packed file, or a
    /// synthetic task: `task:addition?digits=2&count=20000`.
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
    /// Consecutive pieces of the text, whole documents packed, or each document alone.
    pub layout: Layout,
    /// Only what follows this text in a document counts; everything when empty. For documents alone.
    pub loss_after: String,
    /// Whether documents in a sequence are kept apart.
    pub document_mask: bool,
    /// Texts that are learned besides, in tokens of the same kind; what is held out is of `source` alone.
    pub mix: Vec<MixRule>,
}

/// A text that is learned besides the main one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MixRule {
    /// As `data.source`; all of it is learned but what a split would hold out.
    pub source: String,
    /// Its share of the sequences, relative to 1 for `data.source`.
    #[serde(default = "one")]
    pub weight: f64,
    /// How often it may be repeated; the others share its weight afterwards. Without end otherwise.
    pub epochs: Option<f64>,
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
            loss_after: String::new(),
            document_mask: false,
            mix: Vec::new(),
        }
    }
}
