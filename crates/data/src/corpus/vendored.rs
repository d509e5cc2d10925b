//! Crates as `cargo vendor` unpacks them, with a list of checksums.

use super::cargo::Package;
use super::{BuildOptions, Raw, Read, archive, domain};
use crate::{ContentHash, DataError, Document};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CHECKSUMS: &str = ".cargo-checksum.json";
/// Largest list of checksums that is read.
const MAX_CHECKSUMS: u64 = 16 << 20;

/// An unpacked crate.
pub(super) struct Vendored {
    folder: PathBuf,
    /// SHA-256 of the archive.
    pub(super) package: String,
    /// SHA-256 of each file.
    files: BTreeMap<String, String>,
}

/// What the list of checksums says; `None` for a folder without one.
pub(super) fn open(folder: &Path) -> Option<Vendored> {
    #[derive(Deserialize)]
    struct Checksums {
        package: Option<String>,
        files: BTreeMap<String, String>,
    }
    let mut bytes = Vec::new();
    std::fs::File::open(folder.join(CHECKSUMS)).ok()?.take(MAX_CHECKSUMS).read_to_end(&mut bytes).ok()?;
    let checksums: Checksums = serde_json::from_slice(&bytes).ok()?;
    Some(Vendored { folder: folder.into(), package: checksums.package?, files: checksums.files })
}

impl Vendored {
    /// The files that may become documents.
    pub(super) fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.files.keys().filter(|name| domain::domain_of(name).is_some()).map(|name| self.folder.join(name))
    }

    /// The documents that the archive would give. The list of checksums says which files belong to the crate and what
    /// they hold.
    pub(super) fn read(&self, package: &Package, group: &Arc<str>, options: &BuildOptions) -> Result<Read, DataError> {
        let mut read = Read::default();
        for (relative, expected) in &self.files {
            archive::check(relative.as_bytes()).map_err(|why| DataError::Archive {
                source_name: self.folder.join(CHECKSUMS).display().to_string(),
                member: relative.chars().take(80).collect(),
                why,
            })?;
            let Some(domain) = domain::domain_of(relative) else {
                read.skipped += 1;
                continue;
            };
            let path = self.folder.join(relative);
            let file = std::fs::File::open(&path).map_err(DataError::read(&path))?;
            if file.metadata().map_err(DataError::read(&path))?.len() > options.max_document {
                read.skipped += 1;
                continue;
            }
            let mut bytes = Vec::new();
            file.take(options.max_document).read_to_end(&mut bytes).map_err(DataError::read(&path))?;
            let found = ContentHash::of(&bytes).to_string();
            if found != *expected {
                let source_name = path.display().to_string();
                return Err(DataError::Checksum { source_name, found, expected: expected.clone() });
            }
            let name = format!("{}-{}/{relative}", package.name, package.version);
            match archive::text(bytes, domain, options) {
                Some(text) => read.documents.push(Raw { document: Document::new(text, domain, group.clone()), name }),
                None => read.skipped += 1,
            }
        }
        Ok(read)
    }
}
