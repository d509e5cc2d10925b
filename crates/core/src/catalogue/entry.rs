//! One entry, and how entries are read.

use super::arch::Arch;
use crate::CoreError;
use crate::shape::{Parts, Shape};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// What a model is said to have, and which of the three counts that is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Nominal {
    /// Without embeddings and head.
    Params(f64),
    /// Body plus head.
    ParamsMatmul(f64),
    /// All.
    ParamsTotal(f64),
}

impl Nominal {
    /// The number of parameters.
    pub fn value(self) -> f64 {
        match self {
            Self::Params(n) | Self::ParamsMatmul(n) | Self::ParamsTotal(n) => n,
        }
    }

    /// The name of the count.
    pub fn count(self) -> &'static str {
        match self {
            Self::Params(_) => "params",
            Self::ParamsMatmul(_) => "params_matmul",
            Self::ParamsTotal(_) => "params_total",
        }
    }

    /// The same count of a recount.
    ///
    /// # Errors
    /// [`CoreError::Overflow`].
    pub fn recounted(self, parts: &Parts) -> Result<u64, CoreError> {
        match self {
            Self::Params(_) => parts.params(),
            Self::ParamsMatmul(_) => parts.params_matmul(),
            Self::ParamsTotal(_) => parts.params_total(),
        }
    }
}

/// How a model was trained, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Train {
    /// Tokens seen.
    pub tokens: Option<f64>,
    /// Tokens per step, at its largest.
    pub batch_tokens: Option<f64>,
    /// Tokens per step at the start, where the batch grew.
    pub batch_tokens_start: Option<f64>,
    /// Peak learning rate.
    pub lr: Option<f64>,
    /// Optimiser.
    pub optimizer: Option<String>,
}

/// A published model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name, unique in the catalogue.
    pub name: String,
    /// Family.
    pub family: String,
    /// Month of publication, `2022-03`.
    pub released: String,
    /// Whether weights can be had.
    pub open: bool,
    /// What the model is said to have.
    pub params_nominal: Nominal,
    /// Trainable parameters of the released checkpoint, where its shape is known to give exactly these.
    pub params_exact: Option<u64>,
    /// The architecture.
    #[serde(default)]
    pub arch: Arch,
    /// Training.
    #[serde(default)]
    pub train: Train,
    /// Where this stands.
    pub source: String,
    /// Whether the recount gives `params_exact` to the parameter.
    pub verified: bool,
    /// Why the fields are known not to give the nominal size.
    pub doubt: Option<String>,
}

impl Entry {
    /// The shape.
    ///
    /// # Errors
    /// [`CoreError::Incomplete`] with the fields that are missing, or [`CoreError::Shape`].
    pub fn shape(&self) -> Result<Shape, CoreError> {
        self.arch.shape(&self.name)
    }

    /// Year and month as a number: 2022.25 is April 2022.
    pub fn year(&self) -> f64 {
        let mut parts = self.released.split('-').map(|p| p.parse::<f64>().unwrap_or(f64::NAN));
        let year = parts.next().unwrap_or(f64::NAN);
        year + (parts.next().unwrap_or(1.0) - 1.0) / 12.0
    }
}

/// The fields of a family and the model laid over them, tables within tables alike.
fn overlay(below: &Table, above: &Table) -> Table {
    let mut out = below.clone();
    for (key, value) in above {
        let merged = match (below.get(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => Value::Table(overlay(below, above)),
            _ => value.clone(),
        };
        out.insert(key.clone(), merged);
    }
    out
}

/// The entries of a file.
pub(super) fn parse(source: &str, text: &str) -> Result<Vec<Entry>, CoreError> {
    let bad = |field: String, found: String, expected: &str| CoreError::Config {
        source_name: source.into(),
        field,
        found,
        expected: expected.into(),
    };
    let mut document: Table = toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        let line = text.bytes().take(at).filter(|&b| b == b'\n').count() as u64 + 1;
        CoreError::Malformed {
            source_name: source.into(),
            line,
            found: e.message().to_string(),
            expected: "TOML with a [[model]] for each model".into(),
        }
    })?;
    let families = match document.remove("family") {
        None => Table::new(),
        Some(Value::Table(table)) => table,
        Some(other) => return Err(bad("family".into(), other.type_str().into(), "tables such as [family.llama]")),
    };
    let models = match document.remove("model") {
        Some(Value::Array(models)) => models,
        None => return Err(bad("model".into(), "nothing".into(), "a [[model]] for each model")),
        Some(other) => return Err(bad("model".into(), other.type_str().into(), "a [[model]] for each model")),
    };
    if let Some(key) = document.keys().next() {
        return Err(bad(shorten(key), "it".into(), "only [[model]] and [family.NAME] at the top"));
    }
    let entry = |(index, model): (usize, Value)| {
        let place = |name: Option<&Value>| match name {
            Some(Value::String(name)) => format!("model `{}`", shorten(name)),
            _ => format!("model {}", index + 1),
        };
        let Value::Table(model) = model else {
            return Err(bad(place(None), model.type_str().into(), "a table of fields"));
        };
        let place = place(model.get("name"));
        let family = match model.get("family") {
            Some(Value::String(name)) => families.get(name.as_str()),
            _ => None,
        };
        let merged = match family {
            Some(Value::Table(family)) => overlay(family, &model),
            Some(other) => return Err(bad(place, other.type_str().into(), "a table for its family")),
            None => model,
        };
        let entry = Entry::deserialize(Value::Table(merged))
            .map_err(|e| bad(place.clone(), shorten(e.message()), "the fields of a model"))?;
        check(&entry).map_err(|(field, found, expected)| bad(format!("{place}: {field}"), found, expected))?;
        Ok(entry)
    };
    models.into_iter().enumerate().map(entry).collect()
}

/// What the types do not say.
fn check(entry: &Entry) -> Result<(), (&'static str, String, &'static str)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if entry.name.is_empty() || entry.name.len() > 64 || !entry.name.chars().all(plain) {
        return Err(("name", format!("`{}`", shorten(&entry.name)), "up to 64 letters, digits, `-`, `.` and `_`"));
    }
    let month = entry.released.split_once('-').filter(|(year, month)| {
        let digits = |text: &str, len| text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
        digits(year, 4) && digits(month, 2) && ("01"..="12").contains(month)
    });
    if month.is_none() {
        return Err(("released", format!("`{}`", shorten(&entry.released)), "year and month, such as 2022-03"));
    }
    let train = &entry.train;
    for (field, value) in [
        ("params_nominal", Some(entry.params_nominal.value())),
        ("train.tokens", train.tokens),
        ("train.batch_tokens", train.batch_tokens),
        ("train.batch_tokens_start", train.batch_tokens_start),
        ("train.lr", train.lr),
    ] {
        if value.is_some_and(|v| !(v.is_finite() && v > 0.0)) {
            return Err((field, format!("{}", value.unwrap_or_default()), "a positive number"));
        }
    }
    Ok(())
}

fn shorten(text: &str) -> String {
    let line = text.replace(['\n', '\r'], " ");
    if line.chars().count() > 200 { line.chars().take(197).chain("...".chars()).collect() } else { line }
}
