//! Checkpoints in the layout of Hugging Face: the same logits as `transformers`, the same decoder after writing and
//! reading, training that goes on, and files made to break a reader.
#![allow(missing_docs)]

mod common;

mod hostile;
mod parity;
mod round_trip;
mod unsupported;
