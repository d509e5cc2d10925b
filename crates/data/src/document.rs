//! A piece of text with its labels.

use std::sync::Arc;

/// One document of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The text.
    pub text: String,
    /// What kind of text: `rust`, `docs`, ...
    pub domain: Arc<str>,
    /// What the text belongs to (crate, file): a group is either in training or in validation.
    pub group: Arc<str>,
}

impl Document {
    /// A document with its labels.
    pub fn new(text: impl Into<String>, domain: impl Into<Arc<str>>, group: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), domain: domain.into(), group: group.into() }
    }
}
