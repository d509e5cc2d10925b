//! Model families for Kleiber: a configuration, its parameters, the pass from tokens to loss, writing token by token, and
//! checkpoints in the layout of Hugging Face.
//!
//! ```
//! use kleiber_models::{Decoder, DecoderConfig};
//! let config = DecoderConfig { vocab: 64, context: 16, layers: 1, width: 32, heads: 2, groups: 2, ..DecoderConfig::default() };
//! let decoder = Decoder::new(&config, 0).unwrap();
//! let tokens: Vec<u32> = (0..16).collect();
//! let losses = decoder.token_losses(&tokens, &tokens, 1, None);
//! // A new model knows nothing: every token costs about ln 64 nats.
//! assert!((losses.iter().sum::<f32>() / 16.0 - 64f32.ln()).abs() < 0.2);
//! ```

mod blocks;
pub mod checkpoint;
mod config;
mod decoder;
mod encoder_decoder;
mod error;
mod experts;
mod init;
mod layout;
mod noise;
mod sampler;
mod session;
mod sizing;
mod tables;

pub use config::{DecoderConfig, Mlp, NormKind, Positions};
pub use decoder::{Batch, Decoder, Pass};
pub use error::ModelError;
pub use init::Init;
pub use noise::Noise;
pub use sampler::{Choice, Sampling};
pub use session::Session;
