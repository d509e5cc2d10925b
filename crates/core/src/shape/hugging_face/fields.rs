//! Fields of a `config.json`, read one by one, and the notes about those that are not there.

use super::families::{FAMILIES, Family, family};
use crate::CoreError;
use crate::table::nearest;
use serde_json::{Map, Value};
use std::fmt::Display;

/// The fields of one file.
#[derive(Debug)]
pub struct Fields {
    source: String,
    object: Map<String, Value>,
    notes: Vec<String>,
}

impl Fields {
    /// The fields of a file in memory; `source` names it in messages.
    ///
    /// # Errors
    /// [`CoreError::Malformed`] for what is no JSON object.
    pub fn parse(source: &str, bytes: &[u8]) -> Result<Self, CoreError> {
        let malformed = |line: u64, found: String| CoreError::Malformed {
            source_name: source.into(),
            line,
            found,
            expected: "one JSON object, as Hugging Face writes a config.json".into(),
        };
        // The parser itself refuses nesting beyond 128.
        match serde_json::from_slice(bytes).map_err(|e| malformed(e.line() as u64, e.to_string()))? {
            Value::Object(object) => Ok(Self { source: source.into(), object, notes: Vec::new() }),
            _ => Err(malformed(1, "a value that is no object".into())),
        }
    }

    /// Every default that was taken and everything else worth saying, one sentence each.
    pub fn into_notes(self) -> Vec<String> {
        self.notes
    }

    /// Adds a sentence to the notes.
    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// The family that `model_type` names.
    ///
    /// # Errors
    /// [`CoreError::Config`] with the families that are read.
    pub fn family(&self) -> Result<&'static Family, CoreError> {
        let known = || FAMILIES.iter().map(|f| f.model_type).collect::<Vec<_>>();
        let expected = || format!("one of {}", known().join(", "));
        let found = match self.object.get("model_type") {
            Some(Value::String(text)) => text.as_str(),
            Some(other) => return Err(self.bad("model_type", shown(other), &expected())),
            None => return Err(self.bad("model_type", "nothing".into(), &expected())),
        };
        family(found).ok_or_else(|| {
            let near = nearest(found, &known()).map_or(String::new(), |near| format!(" (did you mean {near}?)"));
            self.bad("model_type", shown(&Value::String(found.into())), &(expected() + &near))
        })
    }

    /// The error for a field that cannot be used.
    pub fn bad(&self, field: &str, found: String, expected: &str) -> CoreError {
        CoreError::Config { source_name: self.source.clone(), field: field.into(), found, expected: expected.into() }
    }

    /// The value of the first of `names` that is there and not null.
    fn find<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &Value)> {
        names.iter().find_map(|name| Some((*name, self.object.get(*name).filter(|v| !v.is_null())?)))
    }

    /// A positive whole number under the first of `names` that is there, if one is.
    ///
    /// # Errors
    /// [`CoreError::Config`] when something else stands there.
    pub fn optional(&self, names: &[&str]) -> Result<Option<u64>, CoreError> {
        match self.find(names) {
            None => Ok(None),
            Some((name, value)) => match value.as_u64().filter(|n| *n > 0) {
                Some(number) => Ok(Some(number)),
                None => Err(self.bad(name, shown(value), "a positive whole number")),
            },
        }
    }

    /// A positive whole number that must be there.
    ///
    /// # Errors
    /// [`CoreError::Config`] when it is not, or something else stands there.
    pub fn number(&self, names: &[&str]) -> Result<u64, CoreError> {
        let missing = || self.bad(names.first().unwrap_or(&""), "nothing".into(), "a positive whole number");
        self.optional(names)?.ok_or_else(missing)
    }

    /// A positive whole number, or the library's default with a note.
    ///
    /// # Errors
    /// As [`Fields::optional`].
    pub fn number_or(&mut self, names: &[&str], default: u64, why: &str) -> Result<u64, CoreError> {
        let found = self.optional(names)?;
        Ok(found.unwrap_or_else(|| self.default(names.first().unwrap_or(&""), default, why)))
    }

    /// A truth value, or the library's default with a note.
    ///
    /// # Errors
    /// [`CoreError::Config`] when something else stands there.
    pub fn flag(&mut self, name: &str, default: bool) -> Result<bool, CoreError> {
        match self.find(&[name]) {
            Some((_, Value::Bool(value))) => Ok(*value),
            Some((_, other)) => Err(self.bad(name, shown(other), "true or false")),
            None => Ok(self.default(name, default, "")),
        }
    }

    /// A quotient that must be whole.
    pub(super) fn quotient(&self, field: &str, width: u64, heads: u64) -> Result<u64, CoreError> {
        if width.is_multiple_of(heads) {
            return Ok(width / heads);
        }
        Err(self.bad(field, heads.to_string(), &format!("a divisor of the width {width}")))
    }

    fn default<T: Display>(&mut self, field: &str, value: T, why: &str) -> T {
        let why = if why.is_empty() { String::new() } else { format!(", {why}") };
        self.note(format!("{field} is missing: {value} taken{why} (default of the transformers library)"));
        value
    }
}

/// A JSON value in a message.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() > 60 { text.chars().take(57).chain("...".chars()).collect() } else { text }
}
