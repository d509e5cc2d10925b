//! A run that starts from a checkpoint's parameters instead of random ones.

use crate::config::{ModelConfig, RunConfig};
use crate::folder::TOKENIZER;
use crate::{TrainError, checkpoint};
use kleiber_core::CoreError;
use kleiber_data::{ContentHash, ContentHasher};
use kleiber_models::checkpoint::{self as layout, CONFIG};
use kleiber_models::{Decoder, DecoderConfig};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder of the checkpoint that `model.start` names: itself, or the newest step of a run.
pub(crate) fn folder(start: &str) -> Result<PathBuf, TrainError> {
    checkpoint::locate(Path::new(start)).ok_or_else(|| {
        let expected = format!("a folder with {CONFIG}, or of a run with a finished step");
        TrainError::option("model.start", start, expected)
    })
}

/// The tokenizer that the checkpoint was trained with.
pub(crate) fn tokenizer(start: &str) -> Result<String, TrainError> {
    let path = folder(start)?.join(TOKENIZER);
    match path.to_str().filter(|_| path.exists()) {
        Some(path) => Ok(path.into()),
        None => {
            let expected = format!("{} is not there; name the tokenizer of the checkpoint", path.display());
            Err(TrainError::option("data.tokenizer", "bpe", expected))
        }
    }
}

/// The shape of the checkpoint, which the other keys must not contradict.
pub(crate) fn shape(config: &ModelConfig, vocab: usize) -> Result<DecoderConfig, TrainError> {
    let decoder = layout::read_config(&folder(&config.start)?.join(CONFIG))?;
    let unsaid = ModelConfig { start: config.start.clone(), ..ModelConfig::default() };
    let whole = |model: &ModelConfig| RunConfig { model: model.clone(), ..RunConfig::default() };
    let said: Vec<String> = whole(config).differences(&whole(&unsaid)).into_iter().map(|d| d.0).collect();
    let other = whole(config).differences(&whole(&unsaid.resolved(&decoder)));
    if let Some((key, value, there)) = other.into_iter().find(|(key, ..)| said.contains(key)) {
        let expected = format!("the shape is the checkpoint's, which has {there}; leave the key out");
        return Err(TrainError::option(&key, value, expected));
    }
    if vocab > decoder.vocab {
        let expected = format!("the checkpoint has {} tokens; name its own tokenizer", decoder.vocab);
        return Err(TrainError::option("data.tokenizer", format!("{vocab} tokens"), expected));
    }
    Ok(decoder)
}

/// The model of the checkpoint.
pub(crate) fn model(start: &str) -> Result<Decoder, TrainError> {
    Ok(layout::read(&folder(start)?)?.decoder)
}

/// A hash of the checkpoint's configuration and arrays.
pub(crate) fn hash(start: &str) -> Result<ContentHash, TrainError> {
    let folder = folder(start)?;
    let fail = |path: &Path, source| CoreError::Io { path: path.into(), action: "read", source };
    let entries = std::fs::read_dir(&folder).map_err(|e| fail(&folder, e))?;
    let mut names: Vec<String> = entries.filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    // The run's own state beside them, such as moments, does not matter here.
    names.retain(|name| name == CONFIG || (name.starts_with("model") && name.ends_with(".safetensors")));
    names.sort();
    let mut hasher = ContentHasher::new();
    for name in names {
        let path = folder.join(&name);
        let mut file = File::open(&path).map_err(|e| fail(&path, e))?;
        let hash = ContentHash::of_reader(&mut file).map_err(|e| fail(&path, e))?;
        hasher.piece(name.as_bytes()).piece(&hash.0);
    }
    Ok(hasher.finish())
}
