//! Which runs a sweep has.

use crate::{Job, SweepError};
use kleiber_core::CoreError;
use kleiber_core::guard::load_small;
use kleiber_data::Stage;
use kleiber_train::{Plan, RunConfig, Texts, TrainError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Largest file.
const MAX_BYTES: u64 = 1 << 20;
/// Most cells of a sweep.
const MAX_CELLS: usize = 10_000;

/// Which runs a sweep has.
///
/// ```toml
/// base = "run.toml"                   # what all cells share; the defaults without it
/// [set]                               # keys of all cells, over the base
/// "train.tokens" = "2M"
/// [grid]                              # every combination of these lists
/// "model.params" = ["30k", "100k"]
/// seed = [0, 1]
/// [[cells]]                           # and these besides
/// "model.params" = "300k"
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SweepConfig {
    source: String,
    base: Option<PathBuf>,
    set: Vec<String>,
    grid: Vec<(String, Vec<Value>)>,
    cells: Vec<Vec<String>>,
}

/// One run of a sweep.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What sets it apart, such as `model.params=30k seed=1`.
    pub label: String,
    /// Its configuration.
    pub config: RunConfig,
}

/// The runs of cells, their texts prepared in `cache`; `tell` hears what takes time.
///
/// # Errors
/// [`SweepError::Cell`] for a cell that is no run.
pub fn jobs(cells: Vec<Cell>, cache: &Path, tell: &dyn Fn(Stage)) -> Result<Vec<Job>, SweepError> {
    let mut prepared: HashMap<String, Texts> = HashMap::new();
    let mut job = |Cell { label, config }: Cell| {
        let failed = |source: TrainError| SweepError::Cell { cell: label.clone(), source: Box::new(source) };
        // Cells differ in much, their text in little: each text is prepared once.
        let key = format!("{:?} {}", config.data, config.model.start);
        if !prepared.contains_key(&key) {
            prepared.insert(key.clone(), Texts::prepare(&config, cache, tell).map_err(failed)?);
        }
        let texts = prepared[&key].clone();
        let plan = Plan::new(&config, texts.tokenizer.vocab()).map_err(failed)?;
        Ok(Job { label, plan, texts })
    };
    cells.into_iter().map(&mut job).collect()
}

impl SweepConfig {
    /// Reads a file; `base` is looked for beside it.
    ///
    /// # Errors
    /// [`SweepError::Config`], [`SweepError::Core`].
    pub fn load(path: &Path) -> Result<Self, SweepError> {
        let name = path.display().to_string();
        let bytes = load_small(path, MAX_BYTES)?;
        let text =
            std::str::from_utf8(&bytes).map_err(|_| CoreError::Encoding { source_name: name.clone(), line: 0 })?;
        let mut config = Self::parse(&name, text)?;
        config.base = config.base.map(|base| path.parent().unwrap_or(Path::new("")).join(base));
        Ok(config)
    }

    /// Reads the text of a file; `source` names it in messages.
    ///
    /// # Errors
    /// [`SweepError::Config`].
    pub fn parse(source: &str, text: &str) -> Result<Self, SweepError> {
        let fail = |why: String| SweepError::Config { source_name: source.into(), why };
        let table: Table = toml::from_str(text).map_err(|e| fail(e.to_string().trim_end().to_string()))?;
        let mut config =
            Self { source: source.into(), base: None, set: Vec::new(), grid: Vec::new(), cells: Vec::new() };
        for (key, value) in table {
            match (key.as_str(), value) {
                ("base", Value::String(path)) => config.base = Some(path.into()),
                ("set", Value::Table(table)) => config.set = assignments(&table),
                ("grid", Value::Table(table)) => {
                    for (key, values) in flat("", &table) {
                        let Value::Array(values) = values else {
                            return Err(fail(format!(
                                "grid.{key} is {}, expected a list of values",
                                values.type_str()
                            )));
                        };
                        if values.is_empty() {
                            return Err(fail(format!("grid.{key} is empty")));
                        }
                        config.grid.push((key, values));
                    }
                }
                ("cells", Value::Array(cells)) => {
                    for cell in cells {
                        let Value::Table(cell) = cell else {
                            return Err(fail("cells holds something that is no table".into()));
                        };
                        config.cells.push(assignments(&cell));
                    }
                }
                ("base" | "set" | "grid" | "cells", other) => {
                    return Err(fail(format!("`{key}` cannot be {}", other.type_str())));
                }
                _ => return Err(fail(format!("no key `{key}`; the keys are base, set, grid, cells"))),
            }
        }
        let combinations = config.grid.iter().try_fold(1usize, |n, (_, values)| n.checked_mul(values.len()));
        if combinations.is_none_or(|n| n + config.cells.len() > MAX_CELLS) {
            return Err(fail(format!("more than {MAX_CELLS} cells")));
        }
        Ok(config)
    }

    /// The runs: the grid's combinations, the last list turning fastest, then the listed cells. `overrides` go over all
    /// of them.
    ///
    /// # Errors
    /// [`SweepError::Cell`] for a cell whose keys or values are wrong; [`SweepError::Config`] for a sweep of none.
    pub fn cells(&self, overrides: &[String]) -> Result<Vec<Cell>, SweepError> {
        for (key, _) in &self.grid {
            if overrides.iter().any(|o| o.split('=').next().is_some_and(|k| k.trim() == key)) {
                let why = format!("`{key}` is a list of the grid, and --set would make its cells the same");
                return Err(SweepError::Config { source_name: self.source.clone(), why });
            }
        }
        let mut all: Vec<Vec<String>> = Vec::new();
        if !self.grid.is_empty() {
            all.push(Vec::new());
            for (key, values) in &self.grid {
                let with = |cell: &Vec<String>| {
                    let cell = cell.clone();
                    let add = move |value: &Value| [cell.clone(), vec![format!("{key}={value}")]].concat();
                    values.iter().map(add).collect::<Vec<_>>()
                };
                all = all.iter().flat_map(with).collect();
            }
        }
        all.extend(self.cells.iter().cloned());
        if all.is_empty() {
            return Err(SweepError::Config { source_name: self.source.clone(), why: "no grid and no cells".into() });
        }
        let cell = |own: Vec<String>| {
            let label = own.join(" ").replace('"', "");
            let assignments: Vec<String> = self.set.iter().chain(&own).chain(overrides).cloned().collect();
            match RunConfig::load(self.base.as_deref(), &assignments) {
                Ok(config) => Ok(Cell { label, config }),
                Err(source) => Err(SweepError::Cell { cell: label, source: Box::new(source) }),
            }
        };
        all.into_iter().map(cell).collect()
    }
}

/// Keys and values, nested tables as dotted keys.
fn flat(path: &str, table: &Table) -> Vec<(String, Value)> {
    let full = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    table
        .iter()
        .flat_map(|(key, value)| match value {
            Value::Table(inner) => flat(&full(key), inner),
            value => vec![(full(key), value.clone())],
        })
        .collect()
}

fn assignments(table: &Table) -> Vec<String> {
    flat("", table).into_iter().map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_and_lists_become_cells() {
        let text = "[set]\n\"train.tokens\" = \"2M\"\n[grid]\nmodel.params = [\"30k\", \"100k\"]\nseed = [0, 1]\n[[cells]]\ntrain.lr = 1e-3\n";
        let cells = SweepConfig::parse("s.toml", text).unwrap().cells(&["data.source=x".into()]).unwrap();
        let labels: Vec<&str> = cells.iter().map(|c| c.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "model.params=30k seed=0",
                "model.params=30k seed=1",
                "model.params=100k seed=0",
                "model.params=100k seed=1",
                "train.lr=0.001"
            ]
        );
        assert!(cells.iter().all(|c| c.config.data.source == "x" && c.config.train.tokens.to_string() == "2M"));
        assert_eq!(cells[3].config.seed, 1);
    }

    #[test]
    fn slips_are_named() {
        let parse = |text: &str| SweepConfig::parse("s.toml", text).map_err(|e| e.to_string());
        assert_eq!(parse("gird = 1").unwrap_err(), "s.toml: no key `gird`; the keys are base, set, grid, cells");
        assert!(parse("[grid]\nseed = 1").unwrap_err().contains("grid.seed is integer, expected a list"));
        assert!(parse("[grid]\nseed = []").unwrap_err().contains("is empty"));
        let cells = |text: &str| parse(text).unwrap().cells(&[]).unwrap_err().to_string();
        assert_eq!(cells(""), "s.toml: no grid and no cells");
        assert!(cells("[grid]\nsede = [1]").starts_with("cell sede=1: --set: no key `sede`; did you mean `seed`?"));
        let list = (0..200).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        assert!(parse(&format!("[grid]\na = [{list}]\nb = [{list}]")).unwrap_err().contains("more than 10000 cells"));
    }
}
