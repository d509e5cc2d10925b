//! Mixtures chosen by a regression on small runs (study `regmix`).

use super::Function;
use crate::{Context, StudyError, steps};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::mixture::{Design, Method, Points, Regression, Search, TreeOptions};
use serde::Deserialize;
use std::sync::Arc;
use toml::Value;

pub(super) const RUNS: Function = Function {
    name: "mixture-runs",
    about: "training runs on random mixtures of domains, with a column for the share of each; their loss is that of the first domain",
    run: runs,
};
pub(super) const REGRESSION: Function = Function {
    name: "mixture-regression",
    about: "losses of mixtures predicted by regressions on other runs",
    run: regression,
};
pub(super) const CHOSEN: Function = Function {
    name: "mixture-chosen",
    about: "training runs on the mixture that a regression on small runs chooses, beside even, middling and single-domain ones",
    run: chosen,
};

/// Smallest share of the first domain, whose held-out text is measured: a run learns from it at least this much.
const LEAST: f64 = 0.01;
/// What a column of shares begins with.
const SHARE: &str = "share_";
/// Random mixtures that are predicted, and how many of the best are averaged.
const CANDIDATES: usize = 100_000;
const KEPT: usize = 100;

/// Domains by name, the target first, with their sources; what all runs have in common.
#[derive(Debug, Deserialize)]
struct Domains {
    domains: IndexMap<String, String>,
    /// Keys of all runs.
    set: IndexMap<String, Value>,
}

#[derive(Debug, Deserialize)]
struct RunKeys {
    #[serde(flatten)]
    of: Domains,
    /// Number of mixtures.
    mixtures: usize,
    /// Seed of the mixtures; another one gives others.
    #[serde(default)]
    draw: u64,
}

impl Domains {
    fn check(&self) -> Result<(), StudyError> {
        match self.domains.len() {
            0 | 1 => {
                Err(StudyError::refused("a mixture has two domains or more", "give `domains = { name = source }`"))
            }
            _ => Ok(()),
        }
    }

    /// An arm of a sweep for these shares.
    fn arm(&self, name: &str, shares: &[f64]) -> toml::Table {
        let mut arm = toml::Table::new();
        arm.insert("arm".into(), Value::String(name.into()));
        let besides = self.domains.values().zip(shares).skip(1).filter(|(_, share)| **share > 0.0);
        let rule = |(source, share): (&String, &f64)| {
            let weight = Value::Float(share / shares[0]);
            Value::Table(toml::Table::from_iter([("source".into(), source.as_str().into()), ("weight".into(), weight)]))
        };
        arm.insert("data.mix".into(), Value::Array(besides.map(rule).collect()));
        for (domain, share) in self.domains.keys().zip(shares) {
            arm.insert(format!("{SHARE}{domain}"), Value::Float(*share));
        }
        arm
    }

    /// A sweep of these arms, each with every seed.
    fn sweep(&self, arms: Vec<toml::Table>, seeds: &[i64], context: &Context<'_>) -> Result<Table, StudyError> {
        let mut set: toml::Table = self.set.clone().into_iter().collect();
        let target = self.domains.values().next().map_or("", String::as_str);
        set.insert("data.source".into(), target.into());
        let seeds = Value::Array(seeds.iter().map(|s| Value::Integer(*s)).collect());
        let keys = toml::Table::from_iter([
            ("set".to_string(), Value::Table(set)),
            ("arms".to_string(), Value::Array(arms.into_iter().map(Value::Table).collect())),
            ("grid".to_string(), Value::Table(toml::Table::from_iter([("seed".to_string(), seeds)]))),
        ]);
        let sweep = steps::kind("sweep").and_then(|kind| (kind.read)(keys));
        sweep.map_err(|why| StudyError::refused(why, "the keys of `set` are those of a run"))?.run(context)
    }
}

/// As many mixtures as are asked for, drawn as Liu et al. 2024 do around equal shares; columns `share_NAME` and those of a sweep.
fn runs(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: RunKeys = super::keys(keys)?;
    keys.of.check()?;
    let count = keys.of.domains.len();
    let design = Design { seed: keys.draw, ..Design::published(&vec![1.0; count]) };
    // Some have too little of the first domain.
    let drawn = design.mixtures(4 * keys.mixtures + 16)?;
    let kept: Vec<&[f64]> = drawn.iter().filter(|shares| shares[0] >= LEAST).take(keys.mixtures).collect();
    if kept.len() < keys.mixtures {
        let why = format!("{} of {} mixtures have enough of the first domain", kept.len(), keys.mixtures);
        return Err(StudyError::refused(why, "ask for fewer"));
    }
    let arms = kept.iter().enumerate().map(|(i, shares)| keys.of.arm(&format!("mixture {i}"), shares)).collect();
    keys.of.sweep(arms, &[0], context)
}

fn shares(table: &Table) -> Result<Points, StudyError> {
    let names = table.columns().iter().map(|c| c.name.as_str()).filter(|name| name.starts_with(SHARE));
    let columns = names.map(|name| Ok(table.numbers(name)?)).collect::<Result<Vec<_>, StudyError>>()?;
    let rows = (0..table.rows()).flat_map(|row| columns.iter().map(move |column| column[row])).collect();
    Ok(Points::new(columns.len(), rows))
}

fn method(name: &str, rows: usize) -> Result<Method, StudyError> {
    // Leaves of 20 runs, as published for 512 runs, would leave a few dozen runs with one or two splits.
    let usual = TreeOptions::default();
    let trees = TreeOptions { rows: usual.rows.min(rows / 16).max(2), ..usual };
    let all = [Method::Linear, Method::SquareRoot, Method::Trees(trees), Method::Exponential];
    all.into_iter()
        .find(|m| m.name() == name)
        .ok_or_else(|| StudyError::refused(format!("no regression `{name}`"), "linear, sqrt, trees or exponential"))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegressionKeys {
    /// Runs that are fitted.
    table: String,
    /// Runs that are predicted.
    held: String,
    /// Regressions.
    methods: Vec<String>,
}

/// A row for each regression and run of `held`: `method`, `predicted`, `measured`. The method `share` is the baseline: the share of
/// the first domain, negated.
fn regression(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: RegressionKeys = super::keys(keys)?;
    let (fitted, held) = (context.table(&keys.table)?, context.table(&keys.held)?);
    let (x, y) = (shares(fitted)?, fitted.numbers("loss")?);
    let (at, truth) = (shares(held)?, held.numbers("loss")?);
    let (mut predicted, mut measured) = (Vec::new(), Vec::new());
    let mut methods: Vec<Arc<str>> = Vec::new();
    for name in &keys.methods {
        predicted.extend(Regression::fit(&method(name, y.len())?, &x, &y)?.predict_all(&at));
        measured.extend_from_slice(&truth);
        methods.extend(truth.iter().map(|_| name.as_str().into()));
    }
    predicted.extend(at.iter().map(|shares| -shares[0]));
    measured.extend_from_slice(&truth);
    methods.extend(truth.iter().map(|_| "share".into()));
    let columns = vec![
        Column { name: "method".into(), cells: Cells::Text(methods) },
        Column { name: "predicted".into(), cells: Cells::Number(predicted) },
        Column { name: "measured".into(), cells: Cells::Number(measured) },
    ];
    Ok(Table::new(context.step, columns)?)
}

#[derive(Debug, Deserialize)]
struct ChosenKeys {
    #[serde(flatten)]
    of: Domains,
    /// Runs that are fitted.
    table: String,
    /// Runs of the larger size, of which the middling one is made again with every seed.
    held: String,
    /// The regression.
    method: String,
    /// Seeds of each mixture.
    seeds: Vec<i64>,
}

/// A sweep of four arms: `chosen`, the mean of the best of many random mixtures by the regression; `even`; `median`, the mixture of
/// `held` with the middle loss; `target`, the first domain alone.
fn chosen(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: ChosenKeys = super::keys(keys)?;
    keys.of.check()?;
    let (fitted, held) = (context.table(&keys.table)?, context.table(&keys.held)?);
    let (x, y) = (shares(fitted)?, fitted.numbers("loss")?);
    let model = Regression::fit(&method(&keys.method, y.len())?, &x, &y)?;
    let count = keys.of.domains.len();
    let even = vec![1.0 / count as f64; count];
    let search = Search {
        candidates: CANDIDATES,
        keep: KEPT,
        strength: count as f64,
        seed: context.options.seed,
        ..Search::around(&even)
    };
    let mut best = search.lowest(&model)?.shares;
    // What trains on nothing of the target cannot be written as weights relative to it.
    best[0] = best[0].max(LEAST);
    let losses = held.numbers("loss")?;
    let mut order: Vec<usize> = (0..losses.len()).collect();
    order.sort_by(|a, b| losses[*a].total_cmp(&losses[*b]));
    let middle = order.get(order.len() / 2).copied().unwrap_or(0);
    let median = shares(held)?.row(middle).to_vec();
    let alone: Vec<f64> = (0..count).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect();
    let arms = [("chosen", &best), ("even", &even), ("median", &median), ("target", &alone)];
    keys.of.sweep(arms.map(|(name, shares)| keys.of.arm(name, shares)).to_vec(), &keys.seeds, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::tests::with;
    use kleiber_core::stats::mean;

    #[test]
    fn regressions_are_fitted_to_one_table_and_asked_of_another() {
        let table = |rows: &[(f64, f64)]| {
            let of = |f: &dyn Fn(&(f64, f64)) -> f64| rows.iter().map(f).collect::<Vec<f64>>();
            let (a, b) = (of(&|r| r.0), of(&|r| 1.0 - r.0));
            Table::from_numbers("t", &[("share_a", &a), ("share_b", &b), ("loss", &of(&|r| r.1))]).unwrap()
        };
        let small: Vec<(f64, f64)> = (0..20).map(|i| f64::from(i) / 19.0).map(|p| (p, 3.0 - p)).collect();
        let tables = IndexMap::from([
            ("small".to_string(), table(&small)),
            ("large".to_string(), table(&[(0.1, 2.5), (0.5, 2.2), (0.9, 2.0)])),
        ]);
        let found = with(
            "mixture-regression",
            "table = \"small\"\nheld = \"large\"\nmethods = [\"linear\", \"trees\"]",
            &tables,
        );
        let predicted = found.numbers("predicted").unwrap();
        assert_eq!(found.rows(), 9);
        // The line is 3 - p, the baseline the share.
        for (got, want) in predicted.iter().zip([2.9, 2.5, 2.1]).chain(predicted[6..].iter().zip([-0.1, -0.5, -0.9])) {
            assert!((got - want).abs() < 1e-6, "{got} {want}: {predicted:?}");
        }
        assert!(predicted[3] > predicted[4] && predicted[4] > predicted[5] && mean(&predicted[3..6]) > 2.0);
    }

    #[test]
    fn shares_become_weights_relative_to_the_first() {
        let domains = IndexMap::from(["a", "b", "c"].map(|n| (n.to_string(), format!("task:{n}"))));
        let arm = Domains { domains, set: IndexMap::new() }.arm("x", &[0.5, 0.25, 0.0]);
        assert_eq!(arm["data.mix"].to_string(), "[{ source = \"task:b\", weight = 0.5 }]");
        assert_eq!((arm["share_a"].as_float(), arm["share_c"].as_float()), (Some(0.5), Some(0.0)));
    }
}
