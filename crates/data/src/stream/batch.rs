//! Sequences and batches: flat vectors of token numbers.

use crate::{DataError, TokenStore};

/// Target of a position that does not count, as at padding.
pub const IGNORE: u32 = u32::MAX;

/// One sequence of a stream, `context` positions long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sequence {
    /// Token at each position.
    pub inputs: Vec<u32>,
    /// Token that follows each position, or [`IGNORE`].
    pub targets: Vec<u32>,
    /// First position that each position may attend to: where its document begins in this sequence.
    pub starts: Vec<u32>,
}

impl Sequence {
    pub(super) fn with_capacity(context: usize) -> Self {
        let new = || Vec::with_capacity(context + 1);
        Self { inputs: new(), targets: new(), starts: new() }
    }

    /// Appends `length` tokens of `store` from `first` on, with the tokens that follow them. After the last token of
    /// the store follows an end-of-text.
    pub(super) fn push_range(&mut self, store: &TokenStore, first: u64, length: u32) -> Result<(), DataError> {
        let begin = self.inputs.len();
        let end = first + u64::from(length);
        store.copy_tokens(first, end + 1, &mut self.inputs)?;
        self.targets.extend_from_slice(&self.inputs[begin + 1..]);
        if end >= store.tokens() {
            self.targets.push(store.end_of_text());
        } else {
            self.inputs.pop();
        }
        let mut document = store.document_of(first);
        while self.starts.len() < self.inputs.len() {
            let range = store.document_range(document);
            let start = begin as u64 + range.start.saturating_sub(first);
            let until = (begin as u64 + range.end.saturating_sub(first)).min(self.inputs.len() as u64);
            self.starts.resize((until as usize).max(self.starts.len() + 1), start as u32);
            document += 1;
        }
        Ok(())
    }

    /// Ignores the targets before the end of the first `mark`, if there is one.
    pub(super) fn count_after(&mut self, mark: &[u32]) {
        if mark.is_empty() {
            return;
        }
        if let Some(at) = self.inputs.windows(mark.len()).position(|tokens| tokens == mark) {
            self.targets[..at + mark.len() - 1].fill(IGNORE);
        }
    }

    /// Fills up to `context` positions that count nothing and see only themselves.
    pub(super) fn pad(&mut self, context: usize, end_of_text: u32) {
        for position in self.inputs.len()..context {
            self.inputs.push(end_of_text);
            self.targets.push(IGNORE);
            self.starts.push(position as u32);
        }
    }
}

/// Sequences below each other, each of the vectors `batch * context` long.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Batch {
    /// Tokens, row by row.
    pub inputs: Vec<u32>,
    /// Following tokens, or [`IGNORE`].
    pub targets: Vec<u32>,
    /// First position that each position may attend to, counted from the beginning of its row.
    pub starts: Vec<u32>,
    /// Number of sequences.
    pub batch: usize,
    /// Positions per sequence.
    pub context: usize,
}

impl Batch {
    /// Bytes of text that its targets stand for: what a loss over them is divided by for bits per byte. End-of-text and
    /// padding count 0. Over one packed epoch of a store, this is its [`TokenStore::text_bytes`].
    pub fn text_bytes(&self, tokenizer: &crate::Tokenizer) -> u64 {
        // No vocabulary holds `IGNORE`.
        tokenizer.bytes_of(&self.targets)
    }

    pub(super) fn with_capacity(batch: usize, context: usize) -> Self {
        // A wrong count should fail at its first missing sequence, not while reserving memory for all.
        let new = || Vec::with_capacity(batch.saturating_mul(context).min(1 << 24));
        Self { inputs: new(), targets: new(), starts: new(), batch: 0, context }
    }

    pub(super) fn push(&mut self, sequence: &Sequence) {
        self.inputs.extend_from_slice(&sequence.inputs);
        self.targets.extend_from_slice(&sequence.targets);
        self.starts.extend_from_slice(&sequence.starts);
        self.batch += 1;
    }

    /// Targets that count.
    pub fn tokens(&self) -> usize {
        self.targets.iter().filter(|&&t| t != IGNORE).count()
    }
}
