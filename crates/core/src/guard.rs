//! Guards against hostile input: a panic inside somebody else's decoder becomes a value, and a small file is read only
//! as far as a small file goes.

use crate::CoreError;
use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and returns its value, or the text of its panic without printing it. Only for calls
/// into decoders of hostile input; on every other thread and call the panic hook stays as it was.
///
/// # Errors
/// The message of the panic.
pub fn quiet<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                previous(info);
            }
        }));
    });
    QUIET.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<&str>().map(|s| (*s).to_string());
        text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "unknown fault".into())
    })
}

/// Reads a file of at most `limit` bytes; a pipe or device is read no further than that either.
///
/// # Errors
/// [`CoreError::Io`], or [`CoreError::TooLarge`] for a longer file.
pub fn load_small(path: &Path, limit: u64) -> Result<Vec<u8>, CoreError> {
    let fail = |source| CoreError::Io { path: path.into(), action: "open", source };
    let mut bytes = Vec::new();
    File::open(path).map_err(fail)?.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > limit {
        return Err(CoreError::TooLarge {
            source_name: path.display().to_string(),
            declared: format!("{} bytes or more", bytes.len()),
            limit: format!("{limit} bytes"),
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_small_file_is_read_no_further_than_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, b"12345").unwrap();
        assert_eq!(super::load_small(&path, 5).unwrap(), b"12345");
        assert!(super::load_small(&path, 4).unwrap_err().to_string().contains("limit of 4 bytes"));
        assert!(super::load_small(&folder.path().join("no"), 4).unwrap_err().to_string().contains("cannot open"));
    }

    #[test]
    fn a_panic_becomes_its_message() {
        let result: Result<(), String> = super::quiet(|| panic!("index 7 out of range"));
        assert_eq!(result.unwrap_err(), "index 7 out of range");
        assert_eq!(super::quiet(|| 3), Ok(3));
    }
}
