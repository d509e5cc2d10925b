//! The shape that a Hugging Face `config.json` describes. A field that files in the wild leave out takes the default
//! that the transformers library gives it, and a note says so; a field without which there is no model is an error.

mod families;
mod fields;
pub mod names;

pub use families::{FAMILIES, Family, family};
pub use fields::Fields;

use super::Shape;
use crate::CoreError;
use crate::guard::load_small;
use std::path::Path;

/// Largest `config.json` that is read; those of published models have a few kilobytes.
pub const MAX_BYTES: u64 = 1 << 20;

/// What a `config.json` says.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The family by its `model_type`.
    pub model_type: &'static str,
    /// The shape.
    pub shape: Shape,
    /// Every default that was applied and everything that the shape leaves out, one sentence each.
    pub notes: Vec<String>,
}

impl Config {
    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`CoreError::Io`], [`CoreError::TooLarge`], or as [`Config::from_json`].
    pub fn read(path: &Path) -> Result<Self, CoreError> {
        Self::from_json(&path.display().to_string(), &load_small(path, MAX_BYTES)?)
    }

    /// Reads a configuration that is already in memory; `source` names it in messages.
    ///
    /// # Errors
    /// [`CoreError::Malformed`] for what is no JSON object, [`CoreError::Config`] with the field that is missing or cannot
    /// be used, [`CoreError::Shape`] when fields do not fit each other. Never panics, whatever the bytes.
    ///
    /// ```
    /// use kleiber_core::shape::hugging_face::Config;
    /// let json = r#"{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
    ///     "intermediate_size": 11008, "vocab_size": 32000, "max_position_embeddings": 2048}"#;
    /// let config = Config::from_json("config.json", json.as_bytes()).unwrap();
    /// assert_eq!(config.shape.parts().unwrap().params_total().unwrap(), 6_738_415_616);
    /// assert!(config.notes[0].starts_with("num_key_value_heads is missing: 32"));
    /// ```
    pub fn from_json(source: &str, bytes: &[u8]) -> Result<Self, CoreError> {
        let mut fields = Fields::parse(source, bytes)?;
        let family = fields.family()?;
        let shape = (family.shape)(&mut fields)?;
        shape.check()?;
        Ok(Self { model_type: family.model_type, shape, notes: fields.into_notes() })
    }
}
