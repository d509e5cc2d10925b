//! Smaller models from trained ones: weights in few bits, pruning, and what it costs.
//!
//! [`quantize`] takes the matrices of a decoder through a [`Format`] and back: the result computes what a model stored in
//! that format computes, and says what storing it takes.
//!
//! ```
//! use kleiber_compress::{Format, Scope, quantize};
//! use kleiber_models::{Decoder, DecoderConfig};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = DecoderConfig { vocab: 32, context: 8, layers: 1, width: 64, heads: 2, groups: 2, ..DecoderConfig::default() };
//! let decoder = Decoder::new(&config, 0)?;
//! let small = quantize(&decoder, &Format::named("nf4", None, None)?, Scope::default())?;
//! assert_eq!(small.bits_per_weight(), 4.5);
//! assert!((small.nmse() / 0.0085 - 1.0).abs() < 0.1);
//! # Ok(()) }
//! ```

mod error;
mod format;
mod magnitude;
mod penalty;
mod quantize;
mod scope;
pub mod tempered;

pub use error::CompressError;
pub use format::{Block, Code, Codebook, Encoded, FORMATS, Format, GROUP, Integer, float, fp4, nf4};
pub use magnitude::{Pruned, prune};
pub use penalty::{Penalty, paired_error, penalties, penalty_table};
pub use quantize::{Array, Quantised, quantize};
pub use scope::Scope;
