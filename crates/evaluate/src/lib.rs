//! What checkpoints can do: answers to tasks, rates below one over the size of a test set, and losses.
//!
//! Everything here takes a [`Model`] and gives a table or plain numbers, the same whatever the threads.
//!
//! ```
//! use kleiber_data::{Tokenizer, tasks};
//! use kleiber_evaluate::{By, Model, Questions, accuracy};
//! use kleiber_models::{Decoder, DecoderConfig};
//! # fn main() -> Result<(), kleiber_evaluate::EvaluateError> {
//! let config = DecoderConfig { vocab: 257, context: 32, layers: 1, width: 32, heads: 2, groups: 2, ..DecoderConfig::default() };
//! let model = Model::new(Decoder::new(&config, 0)?, Tokenizer::Bytes)?;
//! let task = tasks::build("addition", &serde_json::json!({ "digits": 2 }))?;
//! let table = accuracy(&model, &*task, &Questions::new(20), By::All)?;
//! // A model that was never trained answers nothing right.
//! assert_eq!((table.numbers("count")?[0], table.numbers("accuracy")?[0]), (20.0, 0.0));
//! # Ok(()) }
//! ```

mod accuracy;
mod bleu;
mod error;
mod losses;
mod model;
mod pass_rate;
mod questions;
mod write;

pub use accuracy::{Answer, By, accuracy, answers};
pub use error::EvaluateError;
pub use losses::{HeldOut, answer_losses, loss};
pub use model::Model;
pub use pass_rate::{Drawing, pass_rate};
pub use questions::{Question, Questions};
