//! The one error type of this crate.

/// A configuration that describes no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// A field that does not fit the others.
    #[error("{field} = {found}: {expected}")]
    Config {
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What would fit.
        expected: String,
    },
}

impl ModelError {
    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Config { field, .. } => format!("change `{field}`, or the fields it depends on"),
        }
    }
}
