//! Text for training: corpora, tokenizers, token stores, streams of sequences and synthetic tasks.
//!
//! A corpus is documents with labels and a hash; a tokenizer turns them into a [`TokenStore`]; a [`Stream`] gives the
//! sequence at any position by arithmetic. Every choice is a function of its seed. [`prepare`] goes from a source to
//! token stores in one step and keeps them.
//!
//! ```
//! use kleiber_data::{Document, Stream, StreamOptions, TokenStore, Tokenizer};
//! # fn main() -> Result<(), kleiber_data::DataError> {
//! let documents = [Document::new("to be or not to be, that is the question", "docs", "hamlet")];
//! let tokenizer = Tokenizer::train_bpe(documents.iter().map(|d| d.text.as_str()), 260)?;
//! let store = TokenStore::in_memory(&tokenizer, &documents)?;
//! let stream = Stream::new(store.into(), StreamOptions::new(8, 0))?;
//! let sequence = stream.sequence(1_000_000)?;
//! assert_eq!(sequence.inputs.len(), 8);
//! # Ok(()) }
//! ```

pub mod corpus;
mod document;
mod error;
mod hash;
mod limits;
mod prepare;
pub mod pruning;
mod stage;
mod store;
mod stream;
pub mod tasks;
mod tokenizer;

pub use document::Document;
pub use error::DataError;
pub use hash::{ContentHash, ContentHasher};
pub use limits::Limits;
pub use prepare::{Prepared, Recipe, StoreFacts, TokenizerSpec, prepare};
pub use stage::Stage;
pub use store::TokenStore;
pub use stream::{Batch, IGNORE, Layout, Order, Part, Permutation, Place, Sequence, Stream, StreamOptions};
pub use tokenizer::{Bpe, END_OF_TEXT, TextStream, Tokenizer};
