//! The configuration of a run: TOML with dotted overrides. Every key has a default and unknown keys are refused.

mod data;
mod model;
mod optimise;
mod quantise;
mod value;

pub use data::{DataConfig, MixRule};
pub use model::ModelConfig;
pub use optimise::{GroupRule, ScheduleKind, TrainConfig};
pub use quantise::{BlockName, FormatName, OperandName, QuantiseConfig};
pub use value::{Auto, Scalar, TokenBudget};

use crate::TrainError;
use kleiber_core::CoreError;
use kleiber_core::guard::load_small;
use kleiber_core::table::nearest;
use serde::{Deserialize, Serialize};
use std::path::Path;
use toml::{Table, Value};

/// Largest configuration file.
const MAX_BYTES: u64 = 1 << 20;

/// Everything that makes a run what it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunConfig {
    /// Seed of the parameters, of the order of the text, and of what is drawn during training.
    pub seed: u64,
    /// Text.
    pub data: DataConfig,
    /// Model.
    pub model: ModelConfig,
    /// Training.
    pub train: TrainConfig,
    /// Held-out loss.
    pub evaluate: EvaluateConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
}

/// `[evaluate]`: when the loss on held-out text is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluateConfig {
    /// Steps between evaluations; otherwise up to twenty in a run, as many as add 5% to its work. The end is always
    /// evaluated.
    pub every: Auto<u64>,
    /// Held-out tokens of each, the same every time.
    pub tokens: u64,
}

impl Default for EvaluateConfig {
    fn default() -> Self {
        Self { every: Auto::Auto, tokens: 1 << 17 }
    }
}

/// `[checkpoint]`: when the state of the run is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckpointConfig {
    /// Minutes between checkpoints; the end is always saved.
    pub minutes: f64,
    /// Steps between checkpoints, besides; 0 for none.
    pub every: u64,
    /// Whether those steps double each time: checkpoints at `every`, twice, four times `every`, and so on.
    pub doubling: bool,
    /// Newest ones that are kept.
    pub keep: u64,
    /// Whether each evaluation along the way is also a row of the run table.
    pub rows: bool,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        Self { minutes: 5.0, every: 0, doubling: false, keep: 2, rows: false }
    }
}

impl CheckpointConfig {
    /// Whether the state is saved after so many steps, whatever the time.
    pub(crate) fn is_due(&self, step: u64) -> bool {
        let whole = self.every > 0 && step.is_multiple_of(self.every);
        whole && (!self.doubling || (step / self.every).is_power_of_two())
    }
}

impl RunConfig {
    /// Reads a file and applies overrides such as `train.lr=3e-4`; without a file the defaults are overridden.
    ///
    /// # Errors
    /// [`TrainError::Config`] naming the key and what is near it.
    pub fn load(path: Option<&Path>, overrides: &[String]) -> Result<Self, TrainError> {
        Self::load_over(&Self::default(), path, overrides)
    }

    /// As [`RunConfig::load`], with other defaults.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn load_over(defaults: &Self, path: Option<&Path>, overrides: &[String]) -> Result<Self, TrainError> {
        let Some(path) = path else { return Self::parse_over(defaults, "the defaults", "", overrides) };
        let name = path.display().to_string();
        let fail = |why: String| TrainError::Config { source_name: name.clone(), why };
        let bytes = load_small(path, MAX_BYTES).map_err(|e| match e {
            CoreError::Io { source, .. } => fail(format!("cannot read: {source}")),
            _ => fail(format!("more than the {MAX_BYTES} bytes that a configuration may have")),
        })?;
        let text = String::from_utf8(bytes).map_err(|_| fail("it is not UTF-8".into()))?;
        Self::parse_over(defaults, &name, &text, overrides)
    }

    /// Reads the text of a file; `source` names it in messages.
    ///
    /// # Errors
    /// [`TrainError::Config`].
    pub fn parse(source: &str, text: &str, overrides: &[String]) -> Result<Self, TrainError> {
        Self::parse_over(&Self::default(), source, text, overrides)
    }

    fn parse_over(defaults: &Self, source: &str, text: &str, overrides: &[String]) -> Result<Self, TrainError> {
        let fail = |source: &str, why: String| TrainError::Config { source_name: source.into(), why };
        let given: Table = toml::from_str(text).map_err(|e| fail(source, e.to_string().trim_end().to_string()))?;
        let mut merged = defaults.table();
        merge(&mut merged, given, "").map_err(|why| fail(source, why))?;
        let read = |merged: &Table, from: &str| {
            Self::deserialize(merged.clone()).map_err(|e| fail(from, e.to_string().trim_end().to_string()))
        };
        let mut config = read(&merged, source)?;
        for assignment in overrides {
            let given = assigned(assignment).map_err(|why| fail("--set", why))?;
            merge(&mut merged, given, "").map_err(|why| fail("--set", why))?;
            config = read(&merged, assignment)?;
        }
        Ok(config)
    }

    /// Whether the numbers that no other part checks make sense.
    ///
    /// # Errors
    /// [`TrainError::Option`].
    pub(crate) fn check(&self) -> Result<(), TrainError> {
        let positive = |option, value: f64| match value > 0.0 && value.is_finite() {
            true => Ok(()),
            false => Err(TrainError::option(option, value, "a positive number is needed")),
        };
        positive("checkpoint.minutes", self.checkpoint.minutes)?;
        positive("checkpoint.keep", self.checkpoint.keep as f64)?;
        positive("evaluate.tokens", self.evaluate.tokens as f64)?;
        positive("evaluate.every", self.evaluate.every.value().map_or(1.0, |every| every as f64))
    }

    /// As TOML with every key but those of what is off and was not always there: names of runs are made from it.
    pub fn to_toml(&self) -> String {
        // All values are numbers, texts and lists of them: serialisation cannot fail.
        toml::to_string(self).expect("a configuration is a table")
    }

    /// Keys and values that differ from `other`, as (key, here, there).
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        differences("", &self.table(), &other.table(), &mut found);
        found
    }

    /// Every key with its value, also those that are not written while they are off.
    fn table(&self) -> Table {
        let mut table = Table::try_from(self).expect("a configuration is a table");
        let quantise = Value::try_from(&self.train.quantise).expect("a configuration is a table");
        if let Some(Value::Table(train)) = table.get_mut("train") {
            train.insert("quantise".into(), quantise);
        }
        if let Some(Value::Table(model)) = table.get_mut("model") {
            model.insert("encoder_layers".into(), Value::Integer(self.model.encoder_layers as i64));
            model.insert("experts".into(), Value::Integer(self.model.experts as i64));
        }
        table
    }
}

/// `train.lr=3e-4` as nested tables.
fn assigned(text: &str) -> Result<Table, String> {
    let (key, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` is not KEY=VALUE, such as train.lr=3e-4"))?;
    let (key, value) = (key.trim(), value.trim());
    let parsed = toml::from_str::<Table>(&format!("value = {value}")).ok().and_then(|mut t| t.remove("value"));
    let mut value = parsed.unwrap_or_else(|| Value::String(value.into()));
    let mut parts: Vec<&str> = key.split('.').collect();
    if parts.len() > 8 || parts.iter().any(|p| p.is_empty()) {
        return Err(format!("`{key}` is not a key"));
    }
    let first = parts.remove(0);
    for part in parts.iter().rev() {
        value = Value::Table(Table::from_iter([((*part).to_string(), value)]));
    }
    Ok(Table::from_iter([(first.to_string(), value)]))
}

/// Puts `given` over the defaults; unknown keys are an error that names the nearest.
fn merge(into: &mut Table, given: Table, path: &str) -> Result<(), String> {
    for (key, value) in given {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let keys: Vec<String> = into.keys().cloned().collect();
        let Some(place) = into.get_mut(&key) else {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let near = match nearest(&key, &names) {
                Some(near) if path.is_empty() => format!("; did you mean `{near}`?"),
                Some(near) => format!("; did you mean `{path}.{near}`?"),
                None => format!("; the keys there are {}", names.join(", ")),
            };
            return Err(format!("no key `{full}`{near}"));
        };
        match (place, value) {
            (Value::Table(place), Value::Table(value)) => merge(place, value, &full)?,
            (Value::Table(_), other) => return Err(format!("`{full}` is a table of keys, found {}", other.type_str())),
            (place, value) => *place = value,
        }
    }
    Ok(())
}

fn differences(path: &str, a: &Table, b: &Table, found: &mut Vec<(String, String, String)>) {
    for (key, value) in a {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (value, b.get(key)) {
            (Value::Table(a), Some(Value::Table(b))) => differences(&full, a, b, found),
            (value, Some(other)) if value != other => found.push((full, value.to_string(), other.to_string())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, overrides: &[&str]) -> Result<RunConfig, String> {
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_string()).collect();
        RunConfig::parse("run.toml", text, &overrides).map_err(|e| e.to_string())
    }

    #[test]
    fn the_file_goes_over_the_defaults_and_overrides_go_over_the_file() {
        let config = parse(
            "seed = 3\n[model]\nlayers = 2\n[train]\ntokens = \"1M\"",
            &["train.lr=3e-4", "data.source=a b", "model.tied = true"],
        )
        .unwrap();
        assert_eq!((config.seed, config.model.layers, config.train.lr), (3, Auto::Value(2), Auto::Value(3e-4)));
        assert_eq!((config.data.source.as_str(), config.model.tied), ("a b", true));
        assert_eq!(config.train.tokens, TokenBudget::Tokens(1_000_000));
        assert_eq!(RunConfig::parse("again", &config.to_toml(), &[]).unwrap(), config);
        let encoder = parse("", &["model.encoder_layers=2"]).unwrap();
        assert!(encoder.to_toml().contains("encoder_layers = 2") && !config.to_toml().contains("encoder_layers"));
        let experts = parse("", &["model.experts=4"]).unwrap();
        assert!(experts.to_toml().contains("experts = 4") && !config.to_toml().contains("experts"));
        assert_eq!(RunConfig::default().differences(&encoder).len(), 1);
        let other = parse("seed = 3\n[model]\nlayers = 2", &[]).unwrap();
        let keys: Vec<String> = config.differences(&other).into_iter().map(|d| d.0).collect();
        assert_eq!(keys, ["data.source", "model.tied", "train.lr", "train.tokens"]);
    }

    #[test]
    fn checkpoints_are_due_evenly_or_in_doublings() {
        let due = |doubling| {
            let at = CheckpointConfig { every: 3, doubling, ..CheckpointConfig::default() };
            (0..30).filter(|step| at.is_due(*step)).collect::<Vec<u64>>()
        };
        assert_eq!((due(false)[..4].to_vec(), due(true)), (vec![0, 3, 6, 9], vec![3, 6, 12, 24]));
        assert!(!CheckpointConfig { doubling: true, ..CheckpointConfig::default() }.is_due(4));
    }

    #[test]
    fn slips_are_named_with_what_was_meant() {
        let error = |text, over: &[&str]| parse(text, over).unwrap_err();
        assert_eq!(error("[model]\nlayer = 2", &[]), "run.toml: no key `model.layer`; did you mean `model.layers`?");
        assert_eq!(error("", &["trian.lr=1"]), "--set: no key `trian`; did you mean `train`?");
        assert!(error("", &["train"]).contains("is not KEY=VALUE"));
        assert!(error("seed = 1", &["seed=2", "train.lr=fast"]).starts_with("train.lr=fast: "));
        assert!(error("model = 3", &[]).contains("`model` is a table of keys, found integer"));
        assert!(error("[train]\nlr = true", &[]).contains("a number or \"auto\""));
        assert!(error("[train.guard]\nspikes = 6", &[]).contains("did you mean `train.guard.spike`?"));
        assert!(error("seed = [", &[]).starts_with("run.toml: TOML parse error at line 1"));
    }
}
