//! One process at a time in a folder.

use crate::TrainError;
use kleiber_core::CoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Name of the file in the folder.
const FILE: &str = "run.lock";

/// A folder that is held. The system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the folder.
    ///
    /// # Errors
    /// [`TrainError::Locked`] naming the process that has it, [`TrainError::Core`].
    pub fn take(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join(FILE);
        let io = |source| CoreError::Io { path: path.clone(), action: "write", source };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = Read::by_ref(&mut file).take(200).read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() { "another process".into() } else { holder.trim().into() };
                return Err(TrainError::Locked { folder: folder.into(), holder });
            }
            Err(TryLockError::Error(source)) => return Err(io(source).into()),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "process {}", std::process::id()).map_err(io)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The file stays: whoever opened it meanwhile must not hold one that nobody else can see.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap();
        let error = Lock::take(folder.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(lock);
        drop(Lock::take(folder.path()).unwrap());
        // What a killed process left behind is not held by anyone.
        std::fs::write(folder.path().join(FILE), "process 1").unwrap();
        Lock::take(folder.path()).unwrap();
    }
}
