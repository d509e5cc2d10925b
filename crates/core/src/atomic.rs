//! Files that are either the old version or the new one, never half of each.

use crate::CoreError;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` through a sibling scratch file: written, synced, renamed over the
/// target, folder synced. A kill at any moment leaves the old file or the new one; a power cut may
/// in addition leave the scratch file, which the next write replaces.
///
/// # Errors
/// [`CoreError::Io`] with the path and the system's reason; the target is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CoreError> {
    let fail = |source| CoreError::Io { path: path.to_path_buf(), action: "write", source };
    let scratch = scratch_path(path);
    let result = (|| {
        let mut file = File::create(&scratch)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&scratch, path)?;
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            // Not every file system lets a folder be synced; the rename itself has happened.
            let _ = File::open(parent).and_then(|folder| folder.sync_all());
        }
        Ok(())
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&scratch);
    }
    result.map_err(fail)
}

fn scratch_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.tmp", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_the_file_and_leaves_no_scratch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("law.json");
        write(&path, b"old").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_an_error_with_the_path() {
        let error = write(Path::new("no/such/folder/x.json"), b"").unwrap_err();
        assert!(error.to_string().contains("no/such/folder/x.json"), "{error}");
    }
}
