//! Folders of files.

use super::{BuildOptions, Read, Survey, file};
use crate::{ContentHash, ContentHasher, DataError};
use std::path::Path;

/// Deepest folder that is entered.
const MAX_DEPTH: usize = 64;

/// Everything readable below `path`, in the order of names.
pub(super) fn read(path: &Path, options: &BuildOptions) -> Result<Read, DataError> {
    // The only file of a folder is cut as one that is named itself: otherwise nothing could be held out.
    let alone = survey(path)?.files == 1;
    let mut read = Read::default();
    walk(path, "", 0, &mut |found| {
        match found {
            Found::File { path, name } => read.append(file::read_as(path, name, options, alone)?),
            Found::Skipped => read.skipped += 1,
        }
        Ok(())
    })?;
    Ok(read)
}

/// A hash of the names and bytes of all that [`read`] reads.
pub(super) fn fingerprint(path: &Path) -> Result<ContentHash, DataError> {
    let mut hasher = ContentHasher::new();
    walk(path, "", 0, &mut |found| {
        if let Found::File { path, name } = found {
            hasher.piece(name.as_bytes()).piece(&file::fingerprint(path)?.0);
        }
        Ok(())
    })?;
    Ok(hasher.finish())
}

/// Number and size of all that [`read`] reads.
pub(super) fn survey(path: &Path) -> Result<Survey, DataError> {
    let mut survey = Survey::default();
    walk(path, "", 0, &mut |found| {
        if let Found::File { path, .. } = found {
            survey.add(path);
        }
        Ok(())
    })?;
    Ok(survey)
}

/// Something in a folder.
enum Found<'a> {
    File { path: &'a Path, name: &'a str },
    Skipped,
}

/// Visits everything readable below `path`, in the order of names.
fn walk(
    path: &Path,
    prefix: &str,
    depth: usize,
    visit: &mut dyn FnMut(Found) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let fail = |source| DataError::Io { path: path.into(), action: "list", source };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        // Names that are not Unicode differ between systems.
        match entry.file_name().into_string() {
            Ok(name) => entries.push((name, entry)),
            Err(_) => visit(Found::Skipped)?,
        }
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, entry) in entries {
        let kind = entry.file_type().map_err(fail)?;
        let relative = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if kind.is_dir() {
            if depth < MAX_DEPTH && !name.starts_with('.') && name != "target" && name != "node_modules" {
                walk(&entry.path(), &relative, depth + 1, visit)?;
            }
        } else if kind.is_file() && file::is_readable(&name) {
            visit(Found::File { path: &entry.path(), name: &relative })?;
        } else {
            visit(Found::Skipped)?;
        }
    }
    Ok(())
}
