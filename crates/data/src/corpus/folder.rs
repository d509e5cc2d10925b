//! Folders of files.

use super::{BuildOptions, Read, file};
use crate::DataError;
use std::path::Path;

/// Deepest folder that is entered.
const MAX_DEPTH: usize = 64;

/// Everything readable below `path`, in the order of names.
pub(super) fn read(path: &Path, options: &BuildOptions) -> Result<Read, DataError> {
    let mut read = Read::default();
    walk(path, "", options, 0, &mut read)?;
    Ok(read)
}

fn walk(path: &Path, prefix: &str, options: &BuildOptions, depth: usize, read: &mut Read) -> Result<(), DataError> {
    let fail = |source| DataError::Io { path: path.into(), action: "list", source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // Names that are not Unicode differ between systems.
        match entry.file_name().into_string() {
            Ok(name) => entries.push((name, entry)),
            Err(_) => read.skipped += 1,
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, entry) in entries {
        let kind = entry.file_type().map_err(fail)?;
        let relative = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            if depth < MAX_DEPTH && !name.starts_with('.') && name != "target" && name != "node_modules" {
                walk(&entry.path(), &relative, options, depth + 1, read)?;
            }
        } else if kind.is_file() && file::is_readable(&name) {
            read.append(file::read_as(&entry.path(), &relative, options, false)?);
        } else {
            read.skipped += 1;
        }
    }
    Ok(())
}
