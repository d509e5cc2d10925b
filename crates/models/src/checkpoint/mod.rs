//! Checkpoints in the layout of Hugging Face: `config.json` and `model.safetensors` in a folder.
//!
//! A decoder that GPT-2, GPT-NeoX or Llama can express is written as that family, so that Python `transformers` loads
//! the folder unchanged; any other is written with `model_type` `kleiber` for this reader. What is read is held against
//! the configuration array by array before memory is reserved: reading takes the parameters in single precision, the
//! bytes and numbers of one array at a time, and 16 times the header, so at most three times a file in single precision,
//! five times one in half precision. See `docs/checkpoints.md` for the mapping.

mod archive;
mod fields;
mod gpt2;
mod gpt_neox;
mod llama;
mod own;
mod piece;
mod read;
mod write;

pub use read::{Checkpoint, read, read_config, values};
pub use write::{Files, encode, write};

use crate::{DecoderConfig, ModelError};
use fields::{Fields, shown};
use piece::{Order, Piece};
use serde_json::Value;

/// Name of the configuration in a folder.
pub const CONFIG: &str = "config.json";
/// Name of the arrays in a folder.
pub const MODEL: &str = "model.safetensors";
/// Name of the list of files when the arrays are in several.
pub const INDEX: &str = "model.safetensors.index.json";

/// A family of models that the decoder can be.
struct Family {
    /// Its `model_type`.
    model_type: &'static str,
    /// In front of the names of the body; files saved without a head leave it out.
    prefix: &'static str,
    /// Name of an output head that is not the embedding.
    head: &'static str,
    /// Endings of names that hold no parameters and are passed over.
    buffers: &'static [&'static str],
    /// Whether it can express a configuration.
    fits: fn(&DecoderConfig) -> bool,
    /// The fields of `config.json`.
    write: fn(&DecoderConfig) -> Vec<(&'static str, Value)>,
    /// The configuration of a `config.json`.
    read: fn(&mut Fields) -> Result<DecoderConfig, ModelError>,
    /// Its arrays and the numbers of the decoder they hold.
    pieces: fn(&DecoderConfig) -> Vec<Piece>,
}

/// In order of preference; the last can express every decoder.
const FAMILIES: [Family; 4] = [gpt2::FAMILY, gpt_neox::FAMILY, llama::FAMILY, own::FAMILY];

/// Names of the activation that the decoder computes: GELU in its tanh form.
const GELU: &[&str] = &["gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast"];

impl Family {
    fn of(config: &DecoderConfig) -> &'static Self {
        let alone = config.encoder_layers == 0 && config.experts == 1;
        FAMILIES.iter().find(|f| alone && (f.fits)(config)).unwrap_or(&FAMILIES[FAMILIES.len() - 1])
    }
}

/// `model_type` that a configuration is written with: `gpt2`, `gpt_neox`, `llama`, or `kleiber` when `transformers` has
/// no such model.
pub fn model_type(config: &DecoderConfig) -> &'static str {
    Family::of(config).model_type
}

fn value(v: impl Into<Value>) -> Value {
    v.into()
}
