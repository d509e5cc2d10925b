//! From a decoder to the files of a folder.

use super::{CONFIG, Family, MODEL, Piece};
use crate::{Decoder, ModelError};
use kleiber_tensor::parameters::Entry;
use safetensors::{Dtype, View};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The contents of [`CONFIG`] and [`MODEL`].
#[derive(Debug)]
pub struct Files {
    /// `config.json`.
    pub config: Vec<u8>,
    /// `model.safetensors`: arrays in single precision.
    pub model: Vec<u8>,
}

/// The files of a decoder: the same decoder gives the same bytes. `end` is written as `eos_token_id` and
/// `bos_token_id`: texts of a training stream start and end with the same token.
///
/// # Errors
/// [`ModelError::Array`] when a parameter is not finite.
pub fn encode(decoder: &Decoder, end: Option<u32>) -> Result<Files, ModelError> {
    let config = decoder.config();
    let family = Family::of(config);
    let mut fields: Map<String, Value> = Map::new();
    fields.insert("model_type".into(), family.model_type.into());
    fields.extend((family.write)(config).into_iter().map(|(name, value)| (name.to_string(), value)));
    fields.insert("bos_token_id".into(), json!(end));
    fields.insert("eos_token_id".into(), json!(end));
    fields.insert("torch_dtype".into(), "float32".into());
    let malformed = |why: String| ModelError::malformed(MODEL, why);
    let mut text = serde_json::to_vec_pretty(&Value::Object(fields)).map_err(|e| malformed(e.to_string()))?;
    text.push(b'\n');

    let parameters = decoder.parameters();
    let entries: BTreeMap<&str, &Entry> = parameters.entries().iter().map(|e| (e.name.as_str(), e)).collect();
    let mut arrays = Vec::new();
    for piece in (family.pieces)(config) {
        let entry = entries[piece.ours.as_str()];
        let numbers = &parameters.values()[entry.offset..entry.offset + entry.len()];
        if let Some(at) = numbers.iter().position(|v| !v.is_finite()) {
            let why = format!("number {at} is {}, which is not saved", numbers[at]);
            return Err(ModelError::array(MODEL, &entry.name, why));
        }
        arrays.push((piece.theirs.clone(), Out { shape: piece.shape(entry), piece, entry, numbers }));
    }
    let metadata = HashMap::from([("format".to_string(), "pt".to_string())]);
    let model = safetensors::serialize(arrays, Some(metadata)).map_err(|e| malformed(e.to_string()))?;
    Ok(Files { config: text, model })
}

/// Writes `config.json` and `model.safetensors` to an existing folder, each atomically, the arrays first.
///
/// # Errors
/// As [`encode`], and [`ModelError::Core`] with the path and the system's reason.
pub fn write(decoder: &Decoder, end: Option<u32>, folder: &Path) -> Result<(), ModelError> {
    let files = encode(decoder, end)?;
    kleiber_core::atomic::write(&folder.join(MODEL), &files.model)?;
    Ok(kleiber_core::atomic::write(&folder.join(CONFIG), &files.config)?)
}

/// An array as it will stand in the file; its bytes exist only while they are written.
struct Out<'a> {
    piece: Piece,
    entry: &'a Entry,
    shape: Vec<usize>,
    numbers: &'a [f32],
}

impl View for Out<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.piece.gather(self.entry, self.numbers))
    }

    fn data_len(&self) -> usize {
        4 * self.shape.iter().product::<usize>()
    }
}
