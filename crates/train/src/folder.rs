//! The files of a run's folder that are not checkpoints or events.

use crate::checkpoint;
use crate::config::RunConfig;
use crate::plan::{Counts, Note};
use crate::run::RunOptions;
use crate::{Plan, Texts, TrainError};
use kleiber_core::{CoreError, atomic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

const RECORD: &str = "run.json";
pub(crate) const CONFIG: &str = "resolved.toml";
const BAD_BATCHES: &str = "bad_batches.jsonl";
/// Name of the tokenizer in the folder of a run, a checkpoint, or a prepared text.
pub(crate) const TOKENIZER: &str = "tokenizer.json";

/// `run.json`: what a run is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Schema of this file.
    pub schema: String,
    /// Version of Kleiber that began the run.
    pub version: String,
    /// What the run table calls the text.
    pub corpus: String,
    /// Hash of the tokens that are learned.
    pub train: String,
    /// Hash of the tokens that are held out.
    pub validation: String,
    /// Hash of the tokenizer.
    pub tokenizer: String,
    /// Hash of the checkpoint that the run started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Different tokens that are learned by the end of the run.
    pub unique_tokens: u64,
    /// Sizes of the model.
    pub counts: Counts,
    /// What was left open and what it became.
    pub notes: Vec<Note>,
}

impl Record {
    /// The record of a run.
    pub fn new(plan: &Plan, texts: &Texts) -> Self {
        Self {
            schema: "kleiber.run/1".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            corpus: texts.corpus.clone(),
            train: texts.train_hash().to_string(),
            validation: texts.validation.content_hash().to_string(),
            tokenizer: texts.tokenizer.hash().to_string(),
            start: plan.start.map(|hash| hash.to_string()),
            unique_tokens: texts.unique(plan.tokens(), plan.config.data.unique_tokens.value()),
            counts: plan.counts,
            notes: plan.notes.clone(),
        }
    }

    /// Reads the record of a run's folder.
    ///
    /// # Errors
    /// [`TrainError::Core`], [`TrainError::Config`].
    pub fn read(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(RECORD);
        let bytes = fs::read(&path).map_err(|source| CoreError::Io { path: path.clone(), action: "read", source })?;
        let fail =
            |e: serde_json::Error| TrainError::Config { source_name: path.display().to_string(), why: e.to_string() };
        serde_json::from_slice(&bytes).map_err(fail)
    }
}

/// The name of a run: that of its folder.
pub(crate) fn name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned())
}

pub(crate) fn write_error(path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.to_path_buf();
    move |source| CoreError::Io { path, action: "write", source }.into()
}

/// Removes what an earlier run left.
pub(crate) fn clear(folder: &Path) -> Result<(), TrainError> {
    for path in checkpoint::complete(folder).into_iter().chain(put_aside(folder)) {
        fs::remove_dir_all(&path).map_err(write_error(&path))?;
    }
    for file in [crate::events::FILE, BAD_BATCHES, RECORD, CONFIG] {
        match fs::remove_file(folder.join(file)) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(write_error(&folder.join(file))(e)),
            _ => {}
        }
    }
    Ok(())
}

/// Checks that a run that was begun is still made of the same; returns the keys that changed.
pub(crate) fn check(plan: &Plan, record: &Record, options: &RunOptions) -> Result<Vec<String>, TrainError> {
    let folder = &options.folder;
    let mut changed = Vec::new();
    if folder.join(CONFIG).exists() && folder.join(RECORD).exists() {
        let before = Record::read(folder)?;
        let config = RunConfig::load(Some(&folder.join(CONFIG)), &[])?;
        let mut all = config.differences(&plan.config);
        let start = |record: &Record| record.start.clone().unwrap_or_default();
        for (key, a, b) in [
            ("model.start", &start(&before), &start(record)),
            ("data.train", &before.train, &record.train),
            ("data.validation", &before.validation, &record.validation),
            ("data.tokenizer", &before.tokenizer, &record.tokenizer),
        ] {
            if a != b {
                all.push((key.into(), a.chars().take(12).collect(), b.chars().take(12).collect()));
            }
        }
        let allowed = |key: &str| {
            let listed =
                |k: &String| key == k || key.strip_prefix(k.as_str()).is_some_and(|rest| rest.starts_with('.'));
            may_change(key) && (key_is_free(key) || options.allow_change.iter().any(listed))
        };
        let refused: Vec<_> = all.iter().filter(|(key, ..)| !allowed(key)).collect();
        if let Some((key, ..)) = refused.first() {
            let changes: Vec<String> = refused.iter().map(|(k, a, b)| format!("{k} was {a}, is {b}")).collect();
            return Err(TrainError::Changed { folder: folder.clone(), changes: changes.join("; "), key: key.clone() });
        }
        changed = all.into_iter().map(|(key, ..)| key).collect();
    }
    Ok(changed)
}

/// Writes what the run is made of.
pub(crate) fn begin(plan: &Plan, texts: &Texts, record: &Record, folder: &Path) -> Result<(), TrainError> {
    let json = serde_json::to_vec_pretty(record).expect("a record is plain data");
    atomic::write(&folder.join(TOKENIZER), texts.tokenizer.to_json()?.as_bytes())?;
    atomic::write(&folder.join(RECORD), &json)?;
    Ok(atomic::write(&folder.join(CONFIG), plan.config.to_toml().as_bytes())?)
}

/// Whether a key may change at all while a run lasts: not what the model is, nor how steps count tokens.
pub(crate) fn may_change(key: &str) -> bool {
    !key.starts_with("model.") && key != "train.batch_tokens"
}

/// Whether a key may change without being named: how it is trained and watched, not what it is.
fn key_is_free(key: &str) -> bool {
    ["train.", "evaluate.", "checkpoint."].iter().any(|part| key.starts_with(part))
}

#[derive(Serialize, Deserialize)]
struct BadBatch {
    step: u64,
    why: String,
    rollback: bool,
}

/// Records a batch that was left out, so that it stays out when the run is continued.
pub(crate) fn note_bad_batch(folder: &Path, step: u64, why: &str, rollback: bool) -> Result<(), TrainError> {
    let path = folder.join(BAD_BATCHES);
    let mut line = serde_json::to_vec(&BadBatch { step, why: why.into(), rollback }).expect("plain data");
    line.push(b'\n');
    let mut file = OpenOptions::new().create(true).append(true).open(&path).map_err(write_error(&path))?;
    file.write_all(&line).and_then(|()| file.sync_data()).map_err(write_error(&path))
}

/// Steps whose batches are left out, and how often the run went back to a checkpoint. A line that a kill cut short is
/// no entry.
pub(crate) fn bad_batches(folder: &Path) -> Result<(BTreeSet<u64>, u32), TrainError> {
    let path = folder.join(BAD_BATCHES);
    let text = match fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((BTreeSet::new(), 0)),
        Err(source) => return Err(CoreError::Io { path, action: "read", source }.into()),
        Ok(text) => text,
    };
    let entries = text.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice::<BadBatch>(line).ok());
    let entries: Vec<BadBatch> = entries.collect();
    let rollbacks = entries.iter().filter(|e| e.rollback).count() as u32;
    Ok((entries.iter().map(|e| e.step).collect(), rollbacks))
}

/// Damaged checkpoints that were put aside.
pub(crate) fn put_aside(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let bad = |path: &PathBuf| path.extension().is_some_and(|e| e == "bad") && path.is_dir();
    entries.filter_map(Result::ok).map(|e| e.path()).filter(bad).collect()
}

/// Puts right what a kill left half way: a checkpoint that was being replaced comes back, one that was being written or
/// removed goes.
pub(crate) fn tidy(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|e| e.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((step, end)) = name.rsplit_once('.').filter(|(step, _)| step.starts_with("step-")) else { continue };
        let whole = folder.join(step);
        if end == "old" && !whole.exists() {
            let _ = fs::rename(&path, &whole);
        } else if end == "old" || end == "tmp" {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Removes all but the newest checkpoints. What cannot be removed stays.
pub(crate) fn keep_newest(folder: &Path, keep: usize) {
    let all = checkpoint::complete(folder);
    for path in &all[..all.len().saturating_sub(keep)] {
        // Renamed first: a kill half way through must not leave a folder that looks complete.
        let doomed = path.with_extension("tmp");
        if fs::rename(path, &doomed).is_ok() {
            let _ = fs::remove_dir_all(&doomed);
        }
    }
}
