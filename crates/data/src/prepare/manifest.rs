//! `prepared.json`: what lies beside it, written last.

use crate::corpus::Summary;
use crate::{ContentHash, DataError, TokenStore, Tokenizer};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;

pub(super) const NAME: &str = "prepared.json";
/// Largest file that is read; longer ones are cut and then no JSON.
const MAX_FILE: u64 = 16 << 20;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) schema: String,
    pub(super) key: ContentHash,
    pub(super) tokenizer: ContentHash,
    pub(super) vocab: u64,
    pub(super) train: StoreFacts,
    pub(super) validation: StoreFacts,
    pub(super) corpus: Summary,
}

/// Size and hash of a token store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreFacts {
    /// Number of documents.
    pub documents: u64,
    /// Number of tokens, end-of-text tokens included.
    pub tokens: u64,
    /// Bytes of text that the tokens stand for.
    pub bytes: u64,
    /// SHA-256 of offsets and tokens.
    pub hash: ContentHash,
}

impl StoreFacts {
    /// Those of a store.
    pub fn of(store: &TokenStore) -> Self {
        Self {
            documents: store.documents(),
            tokens: store.tokens(),
            bytes: store.text_bytes(),
            hash: store.content_hash(),
        }
    }

    /// Checks that a store is the recorded one.
    pub(super) fn expect(&self, store: &TokenStore) -> Result<(), DataError> {
        let found = Self::of(store);
        if found == *self {
            return Ok(());
        }
        let show = |f: &Self| format!("{} of {} tokens for {} bytes", f.hash, f.tokens, f.bytes);
        Err(DataError::Checksum { source_name: store.name().into(), found: show(&found), expected: show(self) })
    }
}

impl Manifest {
    /// That of the stores in `folder`.
    pub(super) fn of(
        key: ContentHash,
        tokenizer: &Tokenizer,
        corpus: &Summary,
        folder: &Path,
    ) -> Result<Self, DataError> {
        let facts = |side: &str| Ok::<_, DataError>(StoreFacts::of(&TokenStore::open(&folder.join(side))?));
        Ok(Self {
            schema: super::FORMAT.into(),
            key,
            tokenizer: tokenizer.hash(),
            vocab: tokenizer.vocab() as u64,
            train: facts("train.tokens")?,
            validation: facts("validation.tokens")?,
            corpus: corpus.clone(),
        })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), DataError> {
        let path = folder.join(NAME);
        let bytes = serde_json::to_vec_pretty(self).map_err(|e| DataError::Io {
            path: path.clone(),
            action: "write",
            source: e.into(),
        })?;
        Ok(kleiber_core::atomic::write(&path, &bytes)?)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(NAME);
        let file = std::fs::File::open(&path).map_err(DataError::read(&path))?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE).read_to_end(&mut bytes).map_err(DataError::read(&path))?;
        let malformed = |found: String| DataError::Malformed {
            source_name: path.display().to_string(),
            line: 0,
            found,
            expected: "a prepared corpus".into(),
        };
        let manifest: Self = serde_json::from_slice(&bytes).map_err(|e| malformed(e.to_string()))?;
        if manifest.schema != super::FORMAT {
            return Err(malformed(format!("schema {}", manifest.schema)));
        }
        Ok(manifest)
    }
}
