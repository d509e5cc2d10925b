//! The bytes of a store: mapped or owned.
#![allow(unsafe_code)] // Mapping a file has no safe interface: another process may change it.

use crate::DataError;
use std::fs::File;
use std::path::Path;

#[derive(Debug)]
pub(super) enum Storage {
    Mapped(memmap2::Mmap),
    Owned(Vec<u8>),
}

impl Storage {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// Maps a file for reading.
pub(super) fn map(path: &Path) -> Result<Storage, DataError> {
    let fail = |action| move |source| DataError::Io { path: path.into(), action, source };
    let file = File::open(path).map_err(fail("read"))?;
    if !file.metadata().map_err(fail("read"))?.is_file() {
        return Err(DataError::Malformed {
            source_name: path.display().to_string(),
            line: 0,
            found: "something that is not a file".into(),
            expected: "a complete token store".into(),
        });
    }
    // SAFETY: The bytes are only read as plain numbers, each checked against the vocabulary when it is read, so a
    // change by another process gives other numbers or an error; shortening the file is excluded in the
    // documentation of `TokenStore::open`, and our own writer replaces files without touching the old one.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(fail("map"))?;
    Ok(Storage::Mapped(map))
}
