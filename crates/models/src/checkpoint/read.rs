//! From a folder to a decoder.

use super::archive::Archive;
use super::{CONFIG, FAMILIES, Family, Fields, INDEX, MODEL, Piece, shown};
use crate::layout::Declared;
use crate::{Decoder, DecoderConfig, ModelError};
use kleiber_tensor::parameters::Entry;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Largest `config.json` that is read; those of language models are below 64 KiB.
const MAX_CONFIG: u64 = 1 << 20;
/// Largest list of files that is read.
const MAX_INDEX: u64 = 16 << 20;

/// What a folder holds.
#[derive(Debug)]
pub struct Checkpoint {
    /// The model.
    pub decoder: Decoder,
    /// The `model_type` it was saved with: `gpt2`, `gpt_neox`, `llama` or `kleiber`.
    pub model_type: &'static str,
    /// Tokens that end a text, by `eos_token_id`; empty when the configuration names none.
    pub ends: Vec<u32>,
}

/// Reads `config.json` and `model.safetensors`, or the files of `model.safetensors.index.json`, from a folder. Numbers
/// may be F32, F16 or BF16. Fields that the decoder cannot represent are refused by name; so are arrays that are
/// missing, superfluous, of another shape, or hold numbers that are not finite.
///
/// # Errors
/// Every variant of [`ModelError`] that speaks of files.
pub fn read(folder: &Path) -> Result<Checkpoint, ModelError> {
    let path = folder.join(CONFIG);
    if !path.exists() {
        let found = format!("holds no {CONFIG}");
        return Err(ModelError::NoCheckpoint { folder: folder.into(), found });
    }
    let (family, config, ends) = described(&path)?;
    let archive = open(folder)?;
    config.check()?;
    let (declared, values) = assemble(family, &config, &archive)?;
    let decoder = Decoder::assemble(&config, declared, values);
    Ok(Checkpoint { decoder, model_type: family.model_type, ends })
}

/// The decoder that a `config.json` describes.
///
/// # Errors
/// As [`read`].
pub fn read_config(path: &Path) -> Result<DecoderConfig, ModelError> {
    let (_, config, _) = described(path)?;
    config.check()?;
    Ok(config)
}

/// Family, configuration and the tokens that end a text.
fn described(path: &Path) -> Result<(&'static Family, DecoderConfig, Vec<u32>), ModelError> {
    let mut fields = Fields::parse(&path.display().to_string(), &bounded(path, MAX_CONFIG)?)?;
    let family = match fields.peek("model_type") {
        Some(Value::String(name)) => FAMILIES.iter().find(|f| f.model_type == name),
        _ => None,
    };
    let Some(family) = family else {
        let known: Vec<&str> = FAMILIES.iter().map(|f| f.model_type).collect();
        let found = shown(fields.peek("model_type").unwrap_or(&Value::Null));
        return Err(fields.unsupported("model_type", found, &known.join(", ")));
    };
    let config = (family.read)(&mut fields)?;
    let ends = fields.ends();
    fields.finish()?;
    Ok((family, config, ends))
}

/// The parameters of `config`, array after array as the decoder keeps them, from the bytes of the `model.safetensors`
/// that [`super::encode`] made for it; `name` stands in messages.
///
/// # Errors
/// [`ModelError::Malformed`], [`ModelError::Array`], [`ModelError::Config`].
pub fn values(config: &DecoderConfig, name: &str, bytes: &[u8]) -> Result<Vec<f32>, ModelError> {
    config.check()?;
    let mut archive = Archive::default();
    archive.add_bytes(name, bytes)?;
    Ok(assemble(Family::of(config), config, &archive)?.1)
}

/// The declared arrays and their values. Nothing is reserved before every array is known to be in the file.
fn assemble(
    family: &Family,
    config: &DecoderConfig,
    archive: &Archive<'_>,
) -> Result<(Declared, Vec<f32>), ModelError> {
    // A block has more arrays than one in every family, so that declaring them is bounded by the file.
    for (field, layers) in [("layers", config.layers), ("encoder_layers", config.encoder_layers)] {
        if layers > archive.len() {
            let expected = format!("the file holds {} arrays", archive.len());
            return Err(ModelError::Config { field, found: layers.to_string(), expected });
        }
    }
    let declared = Declared::new(config);
    let entries: BTreeMap<&str, &Entry> = declared.builder.entries().iter().map(|e| (e.name.as_str(), e)).collect();
    let mut left: BTreeSet<&str> = archive.names().collect();
    let mut places = Vec::new();
    for piece in (family.pieces)(config) {
        let entry = entries[piece.ours.as_str()];
        let name = find(family, &piece, archive)?;
        let refuse = |why: String| ModelError::array(archive.file_of(&name), &name, why);
        let array = archive.get(&name).ok_or_else(|| refuse("is missing".into()))?;
        let expected = piece.shape(entry);
        if array.shape != expected {
            return Err(refuse(format!("has shape {:?}, expected {expected:?}", array.shape)));
        }
        left.remove(name.as_str());
        places.push((piece, entry, name, array));
    }
    if let Some(name) = left.iter().find(|name| !family.buffers.iter().any(|end| name.ends_with(end))) {
        let why = match *name == family.head {
            true => "the head is said to be the embedding, so it has no array of its own",
            false => "is not part of this model",
        };
        return Err(ModelError::array(archive.file_of(name), name, why));
    }
    let mut values = vec![0.0; declared.builder.len()];
    for (piece, entry, name, array) in places {
        let numbers = archive.numbers(&name, array)?;
        piece.scatter(entry, &numbers, &mut values[entry.offset..entry.offset + entry.len()]);
    }
    Ok((declared, values))
}

/// The name of a piece in the file, with the prefix of the body or without.
fn find(family: &Family, piece: &Piece, archive: &Archive<'_>) -> Result<String, ModelError> {
    let short = piece.theirs.strip_prefix(family.prefix).filter(|_| !family.prefix.is_empty());
    let (long, short) = (archive.get(&piece.theirs), short.filter(|name| archive.get(name).is_some()));
    match (long, short) {
        (None, Some(short)) => Ok(short.to_string()),
        (Some(_), Some(short)) => {
            let why = format!("is also there as `{}`", piece.theirs);
            Err(ModelError::array(archive.file_of(short), short, why))
        }
        _ => Ok(piece.theirs.clone()),
    }
}

/// The arrays of a folder.
fn open(folder: &Path) -> Result<Archive<'static>, ModelError> {
    let mut archive = Archive::default();
    let (model, index) = (folder.join(MODEL), folder.join(INDEX));
    if model.exists() {
        archive.add_file(&model)?;
        return Ok(archive);
    }
    if !index.exists() {
        let pickle = folder.join("pytorch_model.bin").exists();
        let but = if pickle { "; pytorch_model.bin is a pickle, which could run code and is not read" } else { "" };
        let found = format!("holds neither {MODEL} nor {INDEX}{but}");
        return Err(ModelError::NoCheckpoint { folder: folder.into(), found });
    }
    let name = index.display().to_string();
    let malformed = |why: String| ModelError::malformed(&name, why);
    let Index { weight_map } =
        serde_json::from_slice(&bounded(&index, MAX_INDEX)?).map_err(|e| malformed(e.to_string()))?;
    let files: BTreeSet<&String> = weight_map.values().collect();
    for file in files {
        // A list may not lead out of its folder.
        let plain = file.ends_with(".safetensors") && !file.contains(['/', '\\', ':', '\0']);
        if !plain {
            return Err(malformed(format!("file `{}` is no name of a safetensors file", file.escape_debug())));
        }
        archive.add_file(&folder.join(file))?;
    }
    let listed: BTreeSet<&str> = weight_map.keys().map(String::as_str).collect();
    let found: BTreeSet<&str> = archive.names().collect();
    if let Some(name) = listed.symmetric_difference(&found).next() {
        let why = if listed.contains(name) { "is listed but in no file" } else { "is in a file but not listed" };
        return Err(malformed(format!("array `{name}` {why}")));
    }
    Ok(archive)
}

/// The list of files: which array is in which.
#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The bytes of a file that is not larger than `limit`.
fn bounded(path: &Path, limit: u64) -> Result<Vec<u8>, ModelError> {
    let file = std::fs::File::open(path).map_err(ModelError::read(path))?;
    let found = file.metadata().map_err(ModelError::read(path))?.len();
    let large = |found| ModelError::TooLarge { source_name: path.display().to_string(), found, limit };
    if found > limit {
        return Err(large(found));
    }
    let mut bytes = Vec::with_capacity(found as usize);
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(ModelError::read(path))?;
    if bytes.len() as u64 > limit { Err(large(bytes.len() as u64)) } else { Ok(bytes) }
}
