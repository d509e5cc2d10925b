//! The catalogue of published models: one TOML file compiled in, and files of the same kind that users add.
//!
//! A `[[model]]` may name a `family`; what it does not say itself it takes from the table `[family.NAME]` of the same file.
//! A field that neither gives is missing: it is named wherever it matters and never filled in.

mod arch;
mod check;
mod entry;
mod list;

pub use arch::{Arch, BiasWord, PositionWord};
pub use check::{Recount, TOLERANCE, Verdict};
pub use entry::{Entry, Nominal, Train};
pub use list::{SortKey, columns};

use crate::CoreError;
use crate::guard::load_small;
use crate::table::nearest;
use std::path::Path;
use std::sync::OnceLock;

/// Largest catalogue file that is read.
pub const MAX_BYTES: u64 = 1 << 20;

/// Models by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
}

impl Catalogue {
    /// The catalogue that comes with this crate.
    ///
    /// # Panics
    /// Never: the file is part of the crate and read in its tests.
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Catalogue> = OnceLock::new();
        BUILTIN.get_or_init(|| {
            Self::from_toml("the catalogue", include_str!("models.toml")).expect("the compiled-in catalogue is valid")
        })
    }

    /// Reads a catalogue file.
    ///
    /// # Errors
    /// [`CoreError::Io`], [`CoreError::TooLarge`], [`CoreError::Encoding`], or as [`Catalogue::from_toml`].
    pub fn read(path: &Path) -> Result<Self, CoreError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let bytes = load_small(path, MAX_BYTES)?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let before = &e.as_bytes()[..e.utf8_error().valid_up_to()];
            let line = before.iter().filter(|&&b| b == b'\n').count() as u64 + 1;
            CoreError::Encoding { source_name: name.to_string(), line }
        })?;
        Self::from_toml(&name, &text)
    }

    /// Reads a catalogue that is already in memory; `source` names it in messages.
    ///
    /// # Errors
    /// [`CoreError::Malformed`] for what is not TOML, [`CoreError::Config`] for a field that is unknown, of the wrong kind
    /// or, if it identifies the model, missing. Never panics, whatever the text.
    pub fn from_toml(source: &str, text: &str) -> Result<Self, CoreError> {
        let mut catalogue = Self::default();
        catalogue.add(source, entry::parse(source, text)?)?;
        Ok(catalogue)
    }

    /// This catalogue and another, whose names must be new.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the first name that is not.
    pub fn with(mut self, other: Self) -> Result<Self, CoreError> {
        self.add("the added catalogue", other.entries)?;
        Ok(self)
    }

    fn add(&mut self, source: &str, entries: Vec<Entry>) -> Result<(), CoreError> {
        for entry in entries {
            if self.entries.iter().any(|e| e.name == entry.name) {
                return Err(CoreError::Config {
                    source_name: source.into(),
                    field: "name".into(),
                    found: format!("`{}` twice", entry.name),
                    expected: "a name that no other model has".into(),
                });
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    /// Every entry, in the order of the files.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// [`CoreError::UnknownModel`] with names that are close.
    pub fn entry(&self, name: &str) -> Result<&Entry, CoreError> {
        self.entries.iter().find(|e| e.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.entries.iter().map(|e| e.name.as_str()).collect();
            let wanted = name.to_lowercase();
            let alike = |n: &&&str| !wanted.is_empty() && (n.contains(&wanted) || wanted.starts_with(**n));
            let mut near: Vec<&str> = nearest(name, &names).into_iter().collect();
            near.extend(names.iter().filter(alike).copied());
            near.extend(names.iter().filter(|n| n.split('-').next() == wanted.split('-').next()).copied());
            let mut seen = std::collections::HashSet::new();
            near.retain(|n| seen.insert(*n));
            let near = near.into_iter().take(5).map(str::to_string).collect();
            CoreError::UnknownModel { name: name.chars().take(60).collect(), near }
        })
    }
}

#[cfg(test)]
mod tests;
