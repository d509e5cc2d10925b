//! Turning a panic inside somebody else's decoder into a value.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
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

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_becomes_its_message() {
        let result: Result<(), String> = super::quiet(|| panic!("index 7 out of range"));
        assert_eq!(result.unwrap_err(), "index 7 out of range");
        assert_eq!(super::quiet(|| 3), Ok(3));
    }
}
