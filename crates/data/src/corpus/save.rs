//! A corpus on disk: a folder with JSON Lines and a summary that is written last.

use super::{Corpus, Split, Summary};
use crate::limits::{Limits, Packing, unpack, unpack_error};
use crate::{DataError, Document};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

pub(super) const SUMMARY: &str = "corpus.json";
/// Largest summary that is read; longer ones are cut and then no JSON.
const MAX_SUMMARY: u64 = 16 << 20;
/// Repetitive text packs well; ours is written by us and verified by its hash.
const LIMITS: Limits = Limits { bytes: 1 << 40, ratio: 100_000, free: 1 << 20 };

#[derive(Serialize, Deserialize)]
struct Line<'a> {
    text: std::borrow::Cow<'a, str>,
    domain: std::borrow::Cow<'a, str>,
    group: std::borrow::Cow<'a, str>,
}

impl Corpus {
    /// Writes a folder with `train.jsonl.zst`, `validation.jsonl.zst` and `corpus.json` with counts and hashes. It is
    /// there whole or not at all, and replaces a folder that was there.
    ///
    /// # Errors
    /// [`DataError::Core`] with the path and the system's reason.
    pub fn save(&self, folder: &Path) -> Result<(), DataError> {
        kleiber_core::atomic::folder(folder, |folder| self.write(folder))
    }

    fn write(&self, folder: &Path) -> Result<(), DataError> {
        let fail = |source| DataError::Io { path: folder.into(), action: "write", source };
        for (name, split) in [("train", &self.train), ("validation", &self.validation)] {
            let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 3).map_err(fail)?;
            for d in &split.documents {
                let line =
                    Line { text: d.text.as_str().into(), domain: (&*d.domain).into(), group: (&*d.group).into() };
                serde_json::to_writer(&mut encoder, &line).map_err(|e| fail(e.into()))?;
                std::io::Write::write_all(&mut encoder, b"\n").map_err(fail)?;
            }
            let bytes = encoder.finish().map_err(fail)?;
            kleiber_core::atomic::write(&folder.join(format!("{name}.jsonl.zst")), &bytes)?;
        }
        let summary = serde_json::to_vec_pretty(&self.summary).map_err(|e| fail(e.into()))?;
        Ok(kleiber_core::atomic::write(&folder.join(SUMMARY), &summary)?)
    }

    /// Reads a folder that [`Corpus::save`] wrote and verifies the hashes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Malformed`], or [`DataError::Checksum`] when the documents are not the recorded
    /// ones.
    pub fn load(folder: &Path) -> Result<Self, DataError> {
        let summary = summary(folder)?;
        let train = read(&folder.join("train.jsonl.zst"), &summary.train.hash)?;
        let validation = read(&folder.join("validation.jsonl.zst"), &summary.validation.hash)?;
        let found = super::hash_of(&train, &validation).to_string();
        if found != summary.hash {
            let (source_name, expected) = (folder.join(SUMMARY).display().to_string(), summary.hash);
            return Err(DataError::Checksum { source_name, found, expected });
        }
        Ok(Self { train, validation, summary })
    }
}

/// The summary of a saved corpus.
pub(super) fn summary(folder: &Path) -> Result<Summary, DataError> {
    let path = folder.join(SUMMARY);
    let file = std::fs::File::open(&path).map_err(DataError::read(&path))?;
    let mut bytes = Vec::new();
    file.take(MAX_SUMMARY).read_to_end(&mut bytes).map_err(DataError::read(&path))?;
    serde_json::from_slice(&bytes).map_err(|e| malformed(&path, 0, &e))
}

fn malformed(path: &Path, line: u64, error: &serde_json::Error) -> DataError {
    let source_name = path.display().to_string();
    DataError::Malformed { source_name, line, found: error.to_string(), expected: "a saved corpus".into() }
}

fn read(path: &Path, expected: &str) -> Result<Split, DataError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path).map_err(DataError::read(path))?;
    let size = file.metadata().map_err(DataError::read(path))?.len();
    let fail = |e: std::io::Error| unpack_error(&name, &e);
    let mut documents = Vec::new();
    let reader = BufReader::new(unpack(file, Packing::Zstd, size, &LIMITS).map_err(fail)?);
    for (index, line) in reader.lines().enumerate() {
        let line = line.map_err(fail)?;
        let line: Line = serde_json::from_str(&line).map_err(|e| malformed(path, index as u64 + 1, &e))?;
        documents.push(Document::new(line.text, &*line.domain, &*line.group));
    }
    let split = Split::new(documents);
    if split.hash.to_string() != expected {
        let (found, expected) = (split.hash.to_string(), expected.to_string());
        return Err(DataError::Checksum { source_name: name, found, expected });
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{BuildOptions, Source, build};

    #[test]
    fn a_saved_corpus_comes_back_and_a_changed_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (0..40).map(|i| format!("{{\"text\":\"text number {i} \\n\"}}\n")).collect();
        let source = folder.path().join("a.jsonl");
        std::fs::write(&source, lines).unwrap();
        let corpus = build(&Source::File(source), &BuildOptions::default()).unwrap();
        let saved = folder.path().join("corpus");
        corpus.save(&saved).unwrap();
        assert_eq!(Corpus::load(&saved).unwrap(), corpus);
        std::fs::copy(saved.join("validation.jsonl.zst"), saved.join("train.jsonl.zst")).unwrap();
        assert!(matches!(Corpus::load(&saved).unwrap_err(), DataError::Checksum { .. }));
    }
}
