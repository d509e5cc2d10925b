//! Checkpoints: a folder per step that is whole or absent.
//!
//! A folder holds the model as [`kleiber_models::checkpoint`] writes it (`config.json`, `model.safetensors`), so that
//! whatever reads Hugging Face folders reads it; beside them the moments of the optimiser under the names of the
//! decoder's arrays, the step, and `tokenizer.json` when the run's folder has one. The model's file holds the same
//! numbers as the decoder in another order, so nothing is rounded on the way.
//!
//! Files are written and synced in `step-N.tmp`, the manifest with their sizes and SHA-256 last, and the folder is
//! renamed to `step-N`; a kill at any moment leaves earlier steps as they were. The order of sequences and all random
//! numbers are functions of the step, so the step number is all there is to save of them.

use crate::folder::TOKENIZER;
use crate::guard::Guard;
use crate::{TrainError, Trainer};
use kleiber_core::{CoreError, atomic};
use kleiber_data::Tokenizer;
use kleiber_models::DecoderConfig;
use kleiber_models::checkpoint::{self as layout, CONFIG, MODEL};
use kleiber_tensor::parameters::Parameters;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

const OPTIMIZER: &str = "optimizer.safetensors";
/// The parameters that are trained, where the model is their moving average.
const TRAINED: &str = "trained.safetensors";
const STATE: &str = "state.json";
const MANIFEST: &str = "manifest.json";

/// What is saved beside the arrays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    schema: String,
    step: u64,
    optimizer_steps: u64,
    config: DecoderConfig,
    guard: Guard,
    /// Seconds of training.
    seconds: f64,
}

const SCHEMA: &str = "kleiber.checkpoint/2";

/// Size and SHA-256 of every file.
type Manifest = BTreeMap<String, (u64, String)>;

/// Saves the run as `folder/step-N`, with `folder/tokenizer.json` when there is one, and returns that path.
///
/// # Errors
/// [`TrainError::Core`] with the path and the system's reason, [`TrainError::Model`] when a parameter is not finite,
/// [`TrainError::Data`] for a tokenizer that cannot be read; earlier checkpoints are untouched then.
pub fn save(trainer: &mut Trainer, folder: &Path) -> Result<PathBuf, TrainError> {
    // The model of a checkpoint is the one that is evaluated.
    trainer.exchange();
    let result = write(trainer, folder);
    trainer.exchange();
    result
}

fn write(trainer: &Trainer, folder: &Path) -> Result<PathBuf, TrainError> {
    let target = folder.join(format!("step-{}", trainer.step));
    let scratch = folder.join(format!("step-{}.tmp", trainer.step));
    let io = |path: &Path| {
        let path = path.to_path_buf();
        move |source| CoreError::Io { path, action: "write", source }
    };
    if scratch.exists() {
        fs::remove_dir_all(&scratch).map_err(io(&scratch))?;
    }
    fs::create_dir_all(&scratch).map_err(io(&scratch))?;
    let state = State {
        schema: SCHEMA.into(),
        step: trainer.step,
        optimizer_steps: trainer.optimizer.count,
        config: trainer.decoder.config().clone(),
        guard: trainer.guard.clone(),
        seconds: trainer.seconds,
    };
    let unusable = |why: String| TrainError::Checkpoint { path: target.clone(), why };
    let parameters = trainer.decoder.parameters();
    let tokenizer = folder.join(TOKENIZER);
    let tokenizer = if tokenizer.exists() { Some(Tokenizer::load(&tokenizer)?) } else { None };
    let model = layout::encode(&trainer.decoder, tokenizer.as_ref().map(Tokenizer::end_of_text))?;
    let moments = [("first.", trainer.optimizer.first.as_slice()), ("second.", trainer.optimizer.second.as_slice())];
    let state = serde_json::to_vec_pretty(&state).map_err(|e| unusable(e.to_string()))?;
    let mut manifest = Manifest::new();
    let mut files = vec![(CONFIG, model.config), (MODEL, model.model), (STATE, state)];
    if let Some(tokenizer) = &tokenizer {
        files.push((TOKENIZER, tokenizer.to_json()?.into_bytes()));
    }
    for (name, bytes) in files {
        atomic::write(&scratch.join(name), &bytes)?;
        manifest.insert(name.into(), (bytes.len() as u64, hash(&bytes)));
    }
    let trained = trainer.average.iter().map(|kept| (TRAINED, vec![("", kept.values.as_slice())]));
    for (name, buffers) in [(OPTIMIZER, moments.to_vec())].into_iter().chain(trained) {
        manifest.insert(name.into(), write_arrays(&scratch.join(name), parameters, &buffers)?);
    }
    let manifest = serde_json::to_vec_pretty(&manifest).map_err(|e| unusable(e.to_string()))?;
    atomic::write(&scratch.join(MANIFEST), &manifest)?;
    if target.exists() {
        // Only a run that makes a step again comes here: what it replaces holds the same bits.
        let old = folder.join(format!("step-{}.old", trainer.step));
        let _ = fs::remove_dir_all(&old);
        fs::rename(&target, &old).map_err(io(&target))?;
        fs::rename(&scratch, &target).map_err(io(&target))?;
        let _ = fs::remove_dir_all(&old);
        return Ok(target);
    }
    fs::rename(&scratch, &target).map_err(io(&target))?;
    let _ = File::open(folder).and_then(|f| f.sync_all());
    Ok(target)
}

/// The complete checkpoints in `folder`, the newest last.
pub fn complete(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let numbered = entries.filter_map(Result::ok).filter_map(|e| {
        let path = e.path();
        let step = step_of(&path)?;
        path.join(MANIFEST).exists().then_some((step, path))
    });
    let mut numbered: Vec<(u64, PathBuf)> = numbered.collect();
    numbered.sort();
    numbered.into_iter().map(|(_, path)| path).collect()
}

/// The step of a folder `step-N`.
pub fn step_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.parse().ok()
}

/// The newest complete checkpoint in `folder`.
pub fn newest(folder: &Path) -> Option<PathBuf> {
    complete(folder).pop()
}

/// The checkpoint that a path means: itself when it holds a model, otherwise the newest one in it.
pub fn locate(path: &Path) -> Option<PathBuf> {
    if path.join(CONFIG).exists() { Some(path.to_path_buf()) } else { newest(path) }
}

/// Puts a saved state into a trainer made with the same configuration and stream.
///
/// # Errors
/// [`TrainError::Checkpoint`] for files that are missing, damaged, or of another model, [`TrainError::Model`] for arrays
/// that are not those of its configuration.
pub fn restore(trainer: &mut Trainer, path: &Path) -> Result<(), TrainError> {
    let unusable = |why: String| TrainError::Checkpoint { path: path.to_path_buf(), why };
    let read = |name: &str| fs::read(path.join(name)).map_err(|e| unusable(format!("{name}: {e}")));
    let manifest: Manifest =
        serde_json::from_slice(&read(MANIFEST)?).map_err(|e| unusable(format!("{MANIFEST}: {e}")))?;
    let checked = |name: &str| {
        let bytes = read(name)?;
        let (size, expected) = manifest.get(name).ok_or_else(|| unusable(format!("{name} is not in the manifest")))?;
        if bytes.len() as u64 != *size || hash(&bytes) != *expected {
            return Err(unusable(format!("{name} is not what was written: {} bytes, expected {size}", bytes.len())));
        }
        Ok(bytes)
    };
    let state: State = serde_json::from_slice(&checked(STATE)?).map_err(|e| unusable(format!("{STATE}: {e}")))?;
    if state.schema != SCHEMA {
        return Err(unusable(format!("its schema is `{}`, expected `{SCHEMA}`", state.schema)));
    }
    if state.config != *trainer.decoder.config() {
        return Err(unusable("it is of another model configuration".into()));
    }
    checked(CONFIG)?;
    if manifest.contains_key(TOKENIZER) {
        checked(TOKENIZER)?;
    }
    let (model, optimizer) = (checked(MODEL)?, checked(OPTIMIZER)?);
    let parameters = trainer.decoder.parameters();
    let values = layout::values(&state.config, &path.join(MODEL).display().to_string(), &model)?;
    let first = numbers(parameters, &optimizer, "first.").map_err(&unusable)?;
    let second = numbers(parameters, &optimizer, "second.").map_err(&unusable)?;
    let trained = match manifest.contains_key(TRAINED) {
        true => numbers(parameters, &checked(TRAINED)?, "").map_err(&unusable)?,
        false => values.clone(),
    };
    trainer.decoder.parameters_mut().values_mut().copy_from_slice(&trained);
    // An average that begins in the middle of a run begins with the parameters of that moment.
    if let Some(average) = &mut trainer.average {
        average.values = values;
    }
    (trainer.optimizer.first, trainer.optimizer.second) = (first, second);
    trainer.optimizer.count = state.optimizer_steps;
    trainer.step = state.step;
    trainer.guard = state.guard;
    trainer.seconds = state.seconds;
    Ok(())
}

/// One array of a flat buffer; its bytes are those in memory.
struct Borrowed<'a> {
    shape: &'a [usize],
    numbers: &'a [f32],
}

impl View for Borrowed<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        if cfg!(target_endian = "little") {
            return bytemuck::cast_slice(self.numbers).into();
        }
        self.numbers.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>().into()
    }

    fn data_len(&self) -> usize {
        size_of_val(self.numbers)
    }
}

/// Writes flat buffers as named arrays in the shapes of the parameters, without a copy of them, and gives the size and
/// hash of the file.
fn write_arrays(path: &Path, parameters: &Parameters, buffers: &[(&str, &[f32])]) -> Result<(u64, String), TrainError> {
    let mut arrays = Vec::new();
    for (prefix, buffer) in buffers {
        for entry in parameters.entries() {
            let numbers = &buffer[entry.offset..entry.offset + entry.len()];
            arrays.push((format!("{prefix}{}", entry.name), Borrowed { shape: &entry.shape, numbers }));
        }
    }
    let io = |source| CoreError::Io { path: path.into(), action: "write", source };
    safetensors::serialize_to_file(arrays, None, path).map_err(|e| match e {
        SafeTensorError::IoError(source) => TrainError::Core(io(source)),
        other => TrainError::Checkpoint { path: path.into(), why: other.to_string() },
    })?;
    let mut file = File::open(path).map_err(io)?;
    file.sync_all().map_err(io)?;
    let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        let read = file.read(&mut buffer).map_err(io)?;
        if read == 0 {
            return Ok((size, hex(hasher.finalize())));
        }
        size += read as u64;
        hasher.update(&buffer[..read]);
    }
}

/// The flat buffer of named arrays, each of the shape of its parameter.
fn numbers(parameters: &Parameters, bytes: &[u8], prefix: &str) -> Result<Vec<f32>, String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut out = Vec::with_capacity(parameters.len());
    for entry in parameters.entries() {
        let name = format!("{prefix}{}", entry.name);
        let view = file.tensor(&name).map_err(|e| format!("{name}: {e}"))?;
        if view.dtype() != Dtype::F32 || view.shape() != entry.shape {
            return Err(format!("{name}: {:?} {:?}, expected F32 {:?}", view.dtype(), view.shape(), entry.shape));
        }
        out.extend(view.data().as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)));
    }
    Ok(out)
}

fn hash(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

fn hex(digest: impl IntoIterator<Item = u8>) -> String {
    digest.into_iter().map(|b| format!("{b:02x}")).collect()
}
