//! Files that are either the old version or the new one, never half of each.

use crate::CoreError;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes `bytes` to `path` through a sibling scratch file: written, synced, renamed over the
/// target, folder synced. A kill at any moment leaves the old file or the new one; a power cut may
/// in addition leave the scratch file, which the next write replaces.
///
/// # Errors
/// [`CoreError::Io`] with the path and the system's reason; the target is untouched then.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), CoreError> {
    stream(path, |file| file.write_all(bytes).map_err(|source| failure(path, source)))
}

/// As [`write()`], with what `fill` writes piece by piece.
///
/// # Errors
/// Those of `fill`, and [`CoreError::Io`] with the path and the system's reason; the target is untouched then.
pub fn stream<T, E: From<CoreError>>(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<T, E>) -> Result<T, E> {
    let scratch = scratch_path(path);
    let fail = |source| E::from(failure(path, source));
    let result = (|| {
        let mut file = BufWriter::new(File::create(&scratch).map_err(fail)?);
        let filled = fill(&mut file)?;
        let file = file.into_inner().map_err(|e| fail(e.into_error()))?;
        file.sync_all().map_err(fail)?;
        drop(file);
        std::fs::rename(&scratch, path).map_err(fail)?;
        sync_parent(path);
        Ok(filled)
    })();
    if result.is_err() {
        let _ = std::fs::remove_file(&scratch);
    }
    result
}

fn failure(path: &Path, source: std::io::Error) -> CoreError {
    CoreError::Io { path: path.to_path_buf(), action: "write", source }
}

/// Lets `fill` write a folder beside `path` and renames it to `path`. A kill while it is filled leaves `path` as it
/// was, and a folder `.NAME.*.tmp` beside it, which no reader takes for the result. A folder that is there already is
/// replaced; between the two renames this takes there is, for an instant, none.
///
/// Files are as safe as `fill` makes them: [`write()`] syncs, for example.
///
/// # Errors
/// Those of `fill`, and [`CoreError::Io`] with the path and the system's reason; `path` is as it was then.
pub fn folder<T, E: From<CoreError>>(path: &Path, fill: impl FnOnce(&Path) -> Result<T, E>) -> Result<T, E> {
    let io = |source| E::from(failure(path, source));
    let name = path.file_name().ok_or_else(|| io(std::io::ErrorKind::InvalidInput.into()))?;
    let sibling = |what: &str| {
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        // Threads of one process may fill the same folder.
        let thread = format!("{:?}", std::thread::current().id()).replace(|c: char| !c.is_ascii_digit(), "");
        hidden.push(format!(".{}-{thread}.{what}", std::process::id()));
        path.with_file_name(hidden)
    };
    let (scratch, old) = (sibling("tmp"), sibling("old"));
    let result = (|| {
        let _ = std::fs::remove_dir_all(&scratch);
        std::fs::create_dir_all(&scratch).map_err(io)?;
        let result = fill(&scratch)?;
        match std::fs::rename(path, &old) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
            _ => {}
        }
        if let Err(e) = std::fs::rename(&scratch, path) {
            let _ = std::fs::rename(&old, path);
            return Err(io(e));
        }
        let _ = std::fs::remove_dir_all(&old);
        sync_parent(path);
        Ok(result)
    })();
    if result.is_err() {
        let _ = std::fs::remove_dir_all(&scratch);
    }
    result
}

/// Makes a rename last. Not every file system lets a folder be synced; the rename itself has happened.
fn sync_parent(path: &Path) {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        let _ = File::open(parent).and_then(|folder| folder.sync_all());
    }
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
    fn a_folder_is_there_whole_or_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("deep").join("corpus");
        let entries = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        folder(&path, |f| write(&f.join("a"), b"1")).unwrap();
        assert_eq!((std::fs::read(path.join("a")).unwrap(), entries()), (b"1".to_vec(), 1));
        let fails = |f: &Path| {
            write(&f.join("b"), b"2")?;
            write(&f.join("no/such/c"), b"3")
        };
        assert!(folder(&path, fails).is_err());
        assert!(path.join("a").exists() && !path.join("b").exists() && entries() == 1);
        folder(&path, |f| write(&f.join("b"), b"2")).unwrap();
        assert!(!path.join("a").exists() && path.join("b").exists() && entries() == 1);
        std::fs::write(root.path().join("file"), b"x").unwrap();
        assert!(folder(&root.path().join("file").join("sub"), |f| write(&f.join("a"), b"1")).is_err());
        assert!(folder(Path::new("/"), |f| write(&f.join("a"), b"1")).is_err());
    }

    #[test]
    fn a_missing_folder_is_an_error_with_the_path() {
        let error = write(Path::new("no/such/folder/x.json"), b"").unwrap_err();
        assert!(error.to_string().contains("no/such/folder/x.json"), "{error}");
    }
}
