//! Assertions from and to TOML.

use super::{Assertion, properties};
use crate::CoreError;
use crate::guard::load_small;
use crate::table::nearest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashSet;
use std::path::Path;
use toml::{Table, Value};

/// Largest file of assertions.
const MAX_BYTES: u64 = 1 << 20;
/// Keys that every assertion may have.
const KEYS: [&str; 8] = ["name", "because", "table", "where", "gate", "by_value", "source", "property"];
/// Key of a file of assertions that says of which table they were suggested.
const DERIVED: &str = "derived_from";

impl Assertion {
    /// Reads one assertion.
    ///
    /// # Errors
    /// [`CoreError::Assertion`] naming the key and what is near it.
    pub fn from_toml(given: &Table) -> Result<Self, CoreError> {
        let called = given.get("name").and_then(Value::as_str).unwrap_or("without a name").to_string();
        let fail = |why: String| CoreError::Assertion { name: called.clone(), why };
        let text = |key: &str| match given.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(fail(format!("`{key}` is a text, found {}", other.type_str()))),
        };
        let name = text("name")?.filter(|n| !n.trim().is_empty()).ok_or_else(|| fail("`name` is missing".into()))?;
        let property = text("property")?.ok_or_else(|| {
            let near = given.keys().find(|k| nearest(k, &["property"]).is_some());
            let near = near.map_or_else(String::new, |k| format!("; did you mean it by `{k}`?"));
            fail(format!("`property` is missing{near}"))
        })?;
        let Some(info) = properties::registry().iter().find(|info| info.name == property) else {
            let names: Vec<&str> = properties::registry().iter().map(|info| info.name).collect();
            let near = nearest(&property, &names);
            let near = near
                .map_or_else(|| format!("the properties are {}", names.join(", ")), |n| format!("did you mean `{n}`?"));
            return Err(fail(format!("no property `{property}`; {near}")));
        };
        let own: Table =
            given.iter().filter(|(k, _)| !KEYS.contains(&k.as_str())).map(|(k, v)| (k.clone(), v.clone())).collect();
        let keys = (info.keys)();
        if let Some(unknown) = own.keys().find(|key| !keys.contains(&key.as_str())) {
            let all: Vec<&str> = keys.iter().copied().chain(KEYS).collect();
            let near = match nearest(unknown, &all) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("those of `{property}` are {}", keys.join(", ")),
            };
            return Err(fail(format!("no key `{unknown}`; {near}")));
        }
        let property = (info.read)(own).map_err(fail)?;
        let filter = match given.get("where") {
            None => Vec::new(),
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => several
                .iter()
                .map(|v| {
                    v.as_str().map(str::to_string).ok_or_else(|| fail("`where` is a text or a list of texts".into()))
                })
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(fail("`where` is a text or a list of texts".into())),
        };
        let flag = |key: &str| match given.get(key) {
            None => Ok(false),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(other) => Err(fail(format!("`{key}` is true or false, found {}", other.type_str()))),
        };
        let (gate, by_value) = (flag("gate")?, flag("by_value")?);
        let (because, table) = (text("because")?.unwrap_or_default(), text("table")?.unwrap_or_default());
        Ok(Self { because, table, filter, gate, by_value, source: text("source")?, property, name })
    }

    /// Reads the text of one assertion.
    ///
    /// # Errors
    /// As [`Assertion::from_toml`].
    pub fn parse(text: &str) -> Result<Self, CoreError> {
        Self::from_toml(&parsed("text", text)?)
    }

    /// Reads a text of several, each under `[[assert]]`; `source` names it in messages.
    ///
    /// # Errors
    /// As [`Assertion::from_toml`]; also for a text without any, or with two of one name.
    pub fn list(source: &str, text: &str) -> Result<Vec<Self>, CoreError> {
        let fail = |why: String| CoreError::Assertion { name: source.into(), why };
        let mut given = parsed(source, text)?;
        let list = given.remove("assert");
        given.remove(DERIVED);
        if let Some(other) = given.keys().next() {
            return Err(fail(format!("no key `{other}` outside of `[[assert]]`")));
        }
        let Some(Value::Array(list)) = list else {
            return Err(fail("there is no `[[assert]]` in it".into()));
        };
        let mut names = HashSet::new();
        let mut read = Vec::with_capacity(list.len());
        for (position, one) in list.iter().enumerate() {
            let table =
                one.as_table().ok_or_else(|| fail(format!("`assert` {} is not a table of keys", position + 1)))?;
            let assertion = Self::from_toml(table)?;
            if !names.insert(assertion.name.clone()) {
                return Err(fail(format!("two assertions are called `{}`", assertion.name)));
            }
            read.push(assertion);
        }
        if read.is_empty() {
            return Err(fail("there is no `[[assert]]` in it".into()));
        }
        Ok(read)
    }

    /// The fingerprint of the table that a text of several was suggested from, where it says so.
    pub fn derived_from(text: &str) -> Option<String> {
        parsed("text", text).ok()?.get(DERIVED)?.as_str().map(str::to_string)
    }

    /// Reads a file of several.
    ///
    /// # Errors
    /// As [`Assertion::list`]; [`CoreError::Io`], [`CoreError::TooLarge`] beyond 1 MiB.
    pub fn load(path: &Path) -> Result<Vec<Self>, CoreError> {
        let source = path.display().to_string();
        let text = String::from_utf8(load_small(path, MAX_BYTES)?)
            .map_err(|_| CoreError::Encoding { source_name: source.clone(), line: 0 })?;
        Self::list(&source, &text)
    }

    /// The assertion as TOML; [`Assertion::from_toml`] reads it back.
    pub fn to_toml(&self) -> Table {
        let text = |text: &str| Value::String(text.into());
        let mut table = Table::from_iter([
            ("name".to_string(), text(&self.name)),
            ("property".to_string(), text(self.property.info().name)),
        ]);
        let mut set = |key: &str, value: Value| table.insert(key.into(), value);
        match self.filter.as_slice() {
            [] => {}
            [one] => _ = set("where", text(one)),
            several => _ = set("where", Value::Array(several.iter().map(|t| text(t)).collect())),
        }
        for (key, value) in [("because", &self.because), ("table", &self.table)] {
            if !value.is_empty() {
                set(key, text(value));
            }
        }
        if let Some(source) = &self.source {
            set("source", text(source));
        }
        for (key, flag) in [("gate", self.gate), ("by_value", self.by_value)] {
            if flag {
                set(key, Value::Boolean(true));
            }
        }
        table.extend(self.property.keys());
        table
    }

    /// The assertion as text under `[[assert]]`: what it is called and says first, why last.
    pub fn to_text(&self) -> String {
        let mut table = self.to_toml();
        let mut text = String::from("[[assert]]\n");
        let mut line = |key: &str, value: Value| text.push_str(&format!("{key} = {value}\n"));
        let last = ["source", "because"].map(|key| (key, table.remove(key)));
        for key in ["name", "table", "where", "gate", "by_value", "property"] {
            if let Some(value) = table.remove(key) {
                line(key, value);
            }
        }
        // Keys of a property in the order in which its file declares them.
        for key in (self.property.info().keys)() {
            if let Some(value) = table.remove(*key) {
                line(key, value);
            }
        }
        for (key, value) in last {
            if let Some(value) = value {
                line(key, value);
            }
        }
        text
    }
}

fn parsed(source: &str, text: &str) -> Result<Table, CoreError> {
    toml::from_str(text)
        .map_err(|e| CoreError::Assertion { name: source.into(), why: e.to_string().trim_end().to_string() })
}

impl<'de> Deserialize<'de> for Assertion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let table = Table::deserialize(deserializer)?;
        Self::from_toml(&table).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Assertion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_toml().serialize(serializer)
    }
}
