//! Sequences for training, addressed by their number: position n is computed, never replayed, so a resumed run
//! continues with the same sequences.

mod batch;
mod mixture;
mod packing;
mod permute;

pub use batch::{Batch, IGNORE, Sequence};
pub use permute::Permutation;

use crate::hash::mix;
use crate::{DataError, TokenStore};
use mixture::Schedule;
use packing::Packing;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How documents become sequences of equal length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// Consecutive pieces of all documents in a row: no padding, the last incomplete piece is left out.
    #[default]
    Chunks,
    /// Whole documents, best fit first; documents longer than the context are split, gaps are padded and ignored.
    Packed,
    /// Each document alone from the first position on, so that positions mean the same in training as in a prompt; the
    /// rest is padded and ignored. A batch is as long as its longest document.
    Single,
}

/// In which order an epoch visits its sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Another keyed bijection in every epoch.
    #[default]
    Shuffled,
    /// As they lie in the store: for validation.
    Sequential,
}

/// What a stream makes of its stores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamOptions {
    /// Tokens per sequence.
    pub context: usize,
    /// Key of the order.
    #[serde(default)]
    pub seed: u64,
    /// Chunks or packed documents.
    #[serde(default)]
    pub layout: Layout,
    /// Shuffled or sequential.
    #[serde(default)]
    pub order: Order,
    /// Whether `starts` keeps documents apart; without it every position starts at 0 and attends across documents.
    /// Padding is kept apart always.
    #[serde(default)]
    pub document_mask: bool,
    /// Only what follows these tokens in a document counts, such as the answer behind a question; a document without
    /// them counts whole, and so do all when it is empty. For single documents.
    #[serde(default)]
    pub loss_after: Vec<u32>,
}

impl StreamOptions {
    /// Shuffled chunks without a document mask.
    pub fn new(context: usize, seed: u64) -> Self {
        let (layout, order) = (Layout::default(), Order::default());
        Self { context, seed, layout, order, document_mask: false, loss_after: Vec::new() }
    }
}

/// A store in a mixture.
#[derive(Debug, Clone)]
pub struct Part {
    /// The tokens.
    pub store: Arc<TokenStore>,
    /// Share of the sequences, relative to the other weights.
    pub weight: f64,
    /// How often its sequences may be seen; fractions count. Afterwards the others share its weight.
    pub max_epochs: Option<f64>,
    /// Uses only that many tokens, in whole sequences chosen by the seed.
    pub unique_tokens: Option<u64>,
}

impl Part {
    /// A part that may be repeated without end.
    pub fn new(store: Arc<TokenStore>, weight: f64) -> Self {
        Self { store, weight, max_epochs: None, unique_tokens: None }
    }
}

/// Which sequence of which store stands at a position of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index of the part.
    pub part: usize,
    /// How often the part was gone through before.
    pub epoch: u64,
    /// Sequence in the part's layout.
    pub item: u64,
}

/// Sequences from one store or a mixture.
///
/// ```
/// use kleiber_data::{Document, Stream, StreamOptions, TokenStore, Tokenizer};
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// let text = "a text of some length, cut in pieces";
/// let store = TokenStore::in_memory(&Tokenizer::Bytes, &[Document::new(text, "docs", "example")])?;
/// let stream = Stream::new(store.into(), StreamOptions::new(8, 1))?;
/// let batch = stream.batch(0, 4)?;
/// assert_eq!((batch.inputs.len(), batch.batch, batch.context), (32, 4, 8));
/// assert_eq!(batch.inputs[1..8], batch.targets[0..7]);
/// assert_eq!(stream.epoch_of(4)?, 1);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Stream {
    options: StreamOptions,
    sources: Vec<Source>,
    schedule: Schedule,
}

#[derive(Debug)]
struct Source {
    store: Arc<TokenStore>,
    rows: Rows,
    seed: u64,
    /// Sequences of one epoch.
    count: u64,
    /// Chooses the sequences of an epoch when not all are used.
    subset: Option<Permutation>,
}

/// What the sequences of a store are.
#[derive(Debug)]
enum Rows {
    Chunks,
    Packed(Packing),
    Single,
}

impl Stream {
    /// All of one store, epoch after epoch.
    ///
    /// # Errors
    /// As [`Stream::mixture`].
    pub fn new(store: Arc<TokenStore>, options: StreamOptions) -> Result<Self, DataError> {
        Self::mixture(vec![Part::new(store, 1.0)], options)
    }

    /// Several stores by weight. The counts of the parts differ from their weights (rounded to 1/65536) by less than
    /// one sequence at every position.
    ///
    /// # Errors
    /// [`DataError::Option`] for a context of 0 or above 2^24, no parts, more than 1024 parts, weights or caps that
    /// are not positive numbers, `loss_after` without single documents, a single document longer than the context;
    /// [`DataError::TooShort`] for a store without a single sequence;
    /// [`DataError::TokenizerMismatch`] for stores of different tokenizers.
    pub fn mixture(parts: Vec<Part>, options: StreamOptions) -> Result<Self, DataError> {
        if !(1..=1 << 24).contains(&options.context) {
            return Err(DataError::option("context", options.context, "1 to 16777216 tokens"));
        }
        if !(1..=1024).contains(&parts.len()) {
            return Err(DataError::option("number of parts", parts.len(), "1 to 1024"));
        }
        if !options.loss_after.is_empty() && options.layout != Layout::Single {
            let found = format!("{:?}", options.loss_after);
            return Err(DataError::option("loss_after", found, "nothing, unless the layout is `single`"));
        }
        let mut sources = Vec::new();
        let mut limits = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if !part.weight.is_normal() || part.weight < 0.0 {
                return Err(DataError::option("weight", part.weight, "a positive number"));
            }
            if part.store.tokenizer_hash() != parts[0].store.tokenizer_hash() {
                return Err(DataError::TokenizerMismatch {
                    source_name: part.store.name().into(),
                    found: part.store.tokenizer_hash().to_string(),
                    expected: parts[0].store.tokenizer_hash().to_string(),
                });
            }
            let source = Source::new(part, &options, mix(options.seed ^ mix(index as u64)))?;
            let limit = match part.max_epochs {
                None => u64::MAX,
                Some(epochs) if epochs > 0.0 && epochs.is_finite() => (epochs * source.count as f64).max(1.0) as u64,
                Some(epochs) => return Err(DataError::option("max_epochs", epochs, "a positive number")),
            };
            limits.push(limit);
            sources.push(source);
        }
        let weights: Vec<f64> = parts.iter().map(|p| p.weight).collect();
        Ok(Self { options, sources, schedule: Schedule::new(&weights, &limits) })
    }

    /// What the stream was made with.
    pub fn options(&self) -> &StreamOptions {
        &self.options
    }

    /// Sequences in one epoch of part `part`; 0 for an unknown part.
    pub fn epoch_len(&self, part: usize) -> u64 {
        self.sources.get(part).map_or(0, |s| s.count)
    }

    /// Sequences until every epoch cap is reached; `None` without an end.
    pub fn len(&self) -> Option<u64> {
        self.schedule.end()
    }

    /// Sequences that each part gives to the first `n` positions.
    ///
    /// # Errors
    /// [`DataError::Exhausted`] when the stream ends before.
    pub fn taken(&self, n: u64) -> Result<Vec<u64>, DataError> {
        self.schedule.taken(n)
    }

    /// A stream holds at least one sequence.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Share of positions that hold text, the rest is padding: 1 for chunks.
    pub fn utilisation(&self) -> f64 {
        let (mut used, mut all) = (0.0, 0.0);
        for source in &self.sources {
            let rows = match &source.rows {
                Rows::Chunks => return 1.0,
                Rows::Packed(packing) => packing.rows(),
                Rows::Single => source.store.documents(),
            };
            used += source.store.tokens() as f64;
            all += rows as f64 * self.options.context as f64;
        }
        used / all
    }

    /// What stands at position `n`.
    ///
    /// # Errors
    /// [`DataError::Exhausted`] beyond the end.
    pub fn place(&self, n: u64) -> Result<Place, DataError> {
        let (part, local) = self.schedule.at(n)?;
        let source = &self.sources[part];
        let (epoch, index) = (local / source.count, local % source.count);
        let index = match self.options.order {
            Order::Sequential => index,
            // Epochs beyond 2^32 repeat their orders.
            Order::Shuffled => Permutation::new(source.count, source.seed, "epoch", epoch as u32).apply(index),
        };
        Ok(Place { part, epoch, item: source.subset.as_ref().map_or(index, |s| s.apply(index)) })
    }

    /// The epoch that position `n` belongs to, of the part it comes from.
    ///
    /// # Errors
    /// [`DataError::Exhausted`] beyond the end.
    pub fn epoch_of(&self, n: u64) -> Result<u64, DataError> {
        Ok(self.place(n)?.epoch)
    }

    /// The sequence at position `n`.
    ///
    /// # Errors
    /// [`DataError::Exhausted`] beyond the end, [`DataError::Malformed`] for a damaged store.
    pub fn sequence(&self, n: u64) -> Result<Sequence, DataError> {
        let (mut sequence, end_of_text) = self.text(n)?;
        sequence.pad(self.options.context, end_of_text);
        Ok(sequence)
    }

    /// The sequence at position `n` before it is padded, and what it is padded with.
    fn text(&self, n: u64) -> Result<(Sequence, u32), DataError> {
        let place = self.place(n)?;
        let source = &self.sources[place.part];
        let context = self.options.context;
        let mut sequence = Sequence::with_capacity(context);
        match &source.rows {
            Rows::Chunks => {
                let first = place.item * context as u64;
                sequence.push_range(&source.store, first, context as u32)?;
            }
            Rows::Packed(packing) => {
                for piece in packing.row(place.item) {
                    sequence.push_range(&source.store, piece.start, piece.length)?;
                }
            }
            Rows::Single => {
                let range = source.store.document_range(place.item);
                sequence.push_range(&source.store, range.start, (range.end - range.start) as u32)?;
                sequence.count_after(&self.options.loss_after);
            }
        }
        if !self.options.document_mask {
            sequence.starts.fill(0);
        }
        Ok((sequence, source.store.end_of_text()))
    }

    /// The sequences `first .. first + count` below each other; single documents only as far as the longest goes.
    ///
    /// # Errors
    /// As [`Stream::sequence`].
    pub fn batch(&self, first: u64, count: usize) -> Result<Batch, DataError> {
        if self.options.layout == Layout::Single {
            let texts = (0..count as u64).map(|index| self.text(first.saturating_add(index)));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            let longest = texts.iter().map(|(text, _)| text.inputs.len()).max().unwrap_or(0);
            let mut batch = Batch::with_capacity(count, longest);
            for (mut text, end_of_text) in texts {
                text.pad(longest, end_of_text);
                batch.push(&text);
            }
            return Ok(batch);
        }
        let mut batch = Batch::with_capacity(count, self.options.context);
        for index in 0..count as u64 {
            batch.push(&self.sequence(first.saturating_add(index))?);
        }
        Ok(batch)
    }
}

impl Source {
    fn new(part: &Part, options: &StreamOptions, seed: u64) -> Result<Self, DataError> {
        let context = options.context as u64;
        let store = &part.store;
        let rows = match options.layout {
            Layout::Chunks => Rows::Chunks,
            Layout::Packed => Rows::Packed(Packing::new(store, options.context as u32)),
            Layout::Single => {
                let lengths = (0..store.documents()).map(|d| store.document_range(d));
                let longest = lengths.map(|range| range.end - range.start).max().unwrap_or(0);
                if longest > context {
                    let expected = format!("{longest} or more: as many tokens has the longest of the single documents");
                    return Err(DataError::option("context", context, expected));
                }
                Rows::Single
            }
        };
        let (total, mean) = match &rows {
            Rows::Chunks => (store.tokens() / context, context),
            Rows::Packed(packing) => (packing.rows(), context),
            Rows::Single => (store.documents(), store.tokens().div_ceil(store.documents().max(1))),
        };
        let wanted = part.unique_tokens.map_or(total, |tokens| tokens / mean.max(1));
        if total == 0 || wanted == 0 {
            return Err(DataError::TooShort {
                source_name: part.store.name().into(),
                tokens: part.unique_tokens.unwrap_or(u64::MAX).min(part.store.tokens()),
                context: options.context,
            });
        }
        let count = wanted.min(total);
        let subset = (count < total).then(|| Permutation::new(total, seed, "subset", 0));
        Ok(Self { store: store.clone(), rows, seed, count, subset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Document, Tokenizer};

    fn store(lengths: &[usize]) -> Arc<TokenStore> {
        let documents: Vec<Document> = lengths
            .iter()
            .enumerate()
            .map(|(i, &n)| Document::new(char::from(b'a' + i as u8 % 26).to_string().repeat(n), "docs", "g"))
            .collect();
        Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap())
    }

    fn options(context: usize, layout: Layout) -> StreamOptions {
        StreamOptions { layout, document_mask: true, ..StreamOptions::new(context, 5) }
    }

    #[test]
    fn every_chunk_comes_once_per_epoch_and_holds_the_text_in_order() {
        let store = store(&[50, 3, 0, 200, 17]);
        let mut all = Vec::new();
        store.copy_tokens(0, u64::MAX, &mut all).unwrap();
        let stream = Stream::new(store.clone(), options(16, Layout::Chunks)).unwrap();
        let per_epoch = stream.epoch_len(0);
        assert_eq!(per_epoch, 275 / 16);
        let mut orders = Vec::new();
        for epoch in 0..3 {
            let mut items = Vec::new();
            for n in epoch * per_epoch..(epoch + 1) * per_epoch {
                let place = stream.place(n).unwrap();
                assert_eq!((place.epoch, stream.epoch_of(n).unwrap()), (epoch, epoch));
                let sequence = stream.sequence(n).unwrap();
                let at = place.item as usize * 16;
                assert_eq!(sequence.inputs, all[at..at + 16]);
                assert_eq!(sequence.targets[..15], all[at + 1..at + 16]);
                for (i, &start) in sequence.starts.iter().enumerate() {
                    let range = store.document_range(store.document_of((at + i) as u64));
                    assert_eq!(u64::from(start), range.start.saturating_sub(at as u64));
                }
                items.push(place.item);
            }
            orders.push(items.clone());
            items.sort_unstable();
            assert_eq!(items, (0..per_epoch).collect::<Vec<_>>());
        }
        assert_ne!(orders[0], orders[1]);
    }

    #[test]
    fn a_batch_is_its_sequences_and_resumes_anywhere() {
        let stream = Stream::new(store(&[400, 300]), options(10, Layout::Chunks)).unwrap();
        let whole = stream.batch(0, 100).unwrap();
        let again = Stream::new(store(&[400, 300]), options(10, Layout::Chunks)).unwrap();
        for first in [0usize, 17, 69, 83] {
            let part = again.batch(first as u64, 17).unwrap();
            assert_eq!(part.inputs, whole.inputs[first * 10..(first + 17) * 10]);
            assert_eq!(part.targets, whole.targets[first * 10..(first + 17) * 10]);
            assert_eq!(part.starts, whole.starts[first * 10..(first + 17) * 10]);
        }
    }

    #[test]
    fn the_end_of_the_store_predicts_end_of_text() {
        let stream = Stream::new(store(&[7]), StreamOptions::new(4, 0)).unwrap();
        let last = (0..2).map(|n| stream.sequence(n).unwrap()).find(|s| s.inputs[0] != 256).unwrap();
        assert_eq!(last.targets, [97, 97, 97, 256]);
        assert_eq!(last.starts, [0; 4]);
    }

    #[test]
    fn single_documents_begin_at_the_first_position() {
        let store = store(&[5, 2, 0, 7]);
        let single = StreamOptions { layout: Layout::Single, order: Order::Sequential, ..StreamOptions::new(16, 0) };
        let stream = Stream::new(store.clone(), single.clone()).unwrap();
        assert_eq!((stream.epoch_len(0), stream.utilisation()), (4, 18.0 / 64.0));
        let b = u32::from(b'b');
        let second = stream.sequence(1).unwrap();
        assert_eq!((&second.inputs[..4], &second.targets[..4]), (&[256, b, b, 256][..], &[b, b, 256, IGNORE][..]));
        assert_eq!((second.inputs.len(), second.targets[3..].iter().all(|t| *t == IGNORE)), (16, true));
        // A batch is no longer than it must be, and says the same.
        let batch = stream.batch(1, 3).unwrap();
        assert_eq!((batch.context, batch.inputs.len(), batch.tokens()), (8, 24, 12));
        for (row, n) in batch.targets.chunks(8).zip(1..) {
            assert_eq!(row, &stream.sequence(n).unwrap().targets[..8]);
        }
        let short = StreamOptions { context: 7, ..single.clone() };
        let error = Stream::new(store.clone(), short).unwrap_err().to_string();
        assert!(error.starts_with("context is 7, expected 8 or more"), "{error}");
        let mut part = Part::new(store.clone(), 1.0);
        part.unique_tokens = Some(10);
        assert_eq!(Stream::mixture(vec![part], single).unwrap().epoch_len(0), 2);
    }

    #[test]
    fn the_loss_counts_from_a_mark_on() {
        let documents = ["1+2=3\n", "no mark", "1==2"].map(|text| Document::new(text, "docs", "g"));
        let store = Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap());
        let after = |mark: &str| StreamOptions {
            layout: Layout::Single,
            order: Order::Sequential,
            loss_after: mark.bytes().map(u32::from).collect(),
            ..StreamOptions::new(8, 0)
        };
        let counted = |mark, n| {
            let sequence = Stream::new(store.clone(), after(mark)).unwrap().sequence(n).unwrap();
            sequence.targets.into_iter().filter(|t| *t != IGNORE).collect::<Vec<u32>>()
        };
        assert_eq!(counted("=", 0), [51, 10, 256]);
        assert_eq!(counted("2=", 0), [51, 10, 256]);
        assert_eq!(counted("=", 1).len(), 8);
        assert_eq!(counted("=", 2), [61, 50, 256]);
        assert_eq!(counted("", 0).len(), 7);
        let error = Stream::new(store.clone(), StreamOptions { layout: Layout::Packed, ..after("=") }).unwrap_err();
        assert!(error.to_string().contains("unless the layout is `single`"), "{error}");
    }

    #[test]
    fn packing_keeps_every_token_once() {
        let store = store(&[5, 9, 40, 1, 0, 3, 3, 15, 16, 17, 8]);
        let stream = Stream::new(store.clone(), options(16, Layout::Packed)).unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for n in 0..stream.epoch_len(0) {
            let sequence = stream.sequence(n).unwrap();
            assert_eq!((sequence.inputs.len(), sequence.targets.len(), sequence.starts.len()), (16, 16, 16));
            for i in 0..16 {
                if sequence.targets[i] != IGNORE {
                    *counts.entry((sequence.inputs[i], sequence.targets[i])).or_insert(0) += 1;
                    let start = sequence.starts[i] as usize;
                    assert!(sequence.inputs[start..=i].iter().skip(1).all(|&t| t != 256), "one document each");
                }
            }
        }
        let mut expected = std::collections::BTreeMap::new();
        for document in 0..store.documents() {
            let tokens = store.document(document).unwrap();
            for (i, &token) in tokens.iter().enumerate() {
                *expected.entry((token, tokens.get(i + 1).copied().unwrap_or(256))).or_insert(0) += 1;
            }
        }
        assert_eq!(counts, expected);
        assert!(stream.utilisation() > 0.85, "{}", stream.utilisation());
    }

    #[test]
    fn mixtures_keep_their_weights_and_caps() {
        let (a, b) = (store(&[639]), store(&[1279]));
        let capped = Part { max_epochs: Some(2.0), ..Part::new(b, 1.0) };
        let stream = Stream::mixture(vec![Part::new(a, 3.0), capped], options(16, Layout::Chunks)).unwrap();
        let mut counts = [0u64; 2];
        for n in 0..2000u64 {
            let place = stream.place(n).unwrap();
            // Part 1 ends after 2 * 80 sequences, at about position 640.
            if counts[1] < 159 {
                assert!((counts[1] as f64 - n as f64 / 4.0).abs() <= 1.0, "{counts:?} at {n}");
            }
            assert_eq!(place.epoch, counts[place.part] / stream.epoch_len(place.part));
            counts[place.part] += 1;
        }
        assert_eq!((counts, stream.taken(2000).unwrap()), ([1840, 160], vec![1840, 160]));
        assert_eq!((stream.taken(0).unwrap(), stream.taken(4).unwrap()), (vec![0, 0], vec![3, 1]));
        assert_eq!(stream.len(), None);
    }

    #[test]
    fn unique_tokens_repeat_the_same_sequences() {
        let part = Part { unique_tokens: Some(100), max_epochs: Some(2.5), ..Part::new(store(&[1599]), 1.0) };
        let stream = Stream::mixture(vec![part], options(16, Layout::Chunks)).unwrap();
        assert_eq!((stream.epoch_len(0), stream.len()), (6, Some(15)));
        let items = |n: std::ops::Range<u64>| {
            let mut items: Vec<u64> = n.map(|n| stream.place(n).unwrap().item).collect();
            items.sort_unstable();
            items
        };
        assert_eq!(items(0..6), items(6..12));
        let error = stream.sequence(15).unwrap_err().to_string();
        assert_eq!(error, "sequence 15 asked for, but the epoch caps end the stream after 15");
    }

    #[test]
    fn bad_options_are_refused() {
        let fail =
            |part: Part, context| Stream::mixture(vec![part], StreamOptions::new(context, 0)).unwrap_err().to_string();
        let part = || Part::new(store(&[9]), 1.0);
        assert!(fail(part(), 0).starts_with("context is 0"));
        assert!(fail(part(), 11).contains("10 tokens, but one sequence of context 11"));
        assert!(fail(Part { weight: f64::NAN, ..part() }, 4).contains("weight is NaN"));
        assert!(fail(Part { max_epochs: Some(-1.0), ..part() }, 4).contains("max_epochs is -1"));
    }
}
