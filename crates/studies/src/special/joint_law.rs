//! `function = "joint-law"`: one law of size for all sampling weights of a task, and what share of the parameters each gets.

use super::Function;
use crate::{Context, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::multitask::{JointLaw, Measured, joint_law};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FUNCTION: Function = Function {
    name: "joint-law",
    about: "shares of parameters by sampling weight, and whether weights change more than the height",
    run,
};

/// Rows with columns `task_weight`, `params` and `loss`, once for each label of `by`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    table: String,
    #[serde(default)]
    map: Vec<String>,
    #[serde(default, rename = "where")]
    filter: Vec<String>,
    /// Column of replicates, such as the seed.
    by: String,
}

/// A row for each replicate and weight: `share`, the effective share of parameters f(p) against the task alone, and of the
/// law as a whole `alpha`, `floor`, `p` (of one exponent and floor for all weights) and `misfit`, the root mean square of its
/// relative residuals.
fn run(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: Keys = keys
        .clone()
        .try_into()
        .map_err(|e: toml::de::Error| StudyError::refused(e.to_string().trim_end(), "give table, map, where and by"))?;
    shares(context.step, &context.rows(&keys.table, &keys.map, &keys.filter)?, &keys.by)
}

/// Replicate, weight, share, and the law of the replicate.
type Row = (f64, f64, f64, JointLaw);

fn shares(name: &str, rows: &Table, by: &str) -> Result<Table, StudyError> {
    let [weights, params, losses] = ["task_weight", "params", "loss"].map(|column| rows.numbers(column));
    let (weights, params, losses) = (weights?, params?, losses?);
    let replicates = rows.numbers(by)?;
    let mut groups: BTreeMap<u64, Vec<Measured>> = BTreeMap::new();
    for row in 0..rows.rows() {
        let measured = Measured { weight: weights[row], params: params[row], loss: losses[row] };
        groups.entry(replicates[row].to_bits()).or_default().push(measured);
    }
    let mut found: Vec<Row> = Vec::new();
    for (replicate, rows) in groups {
        let law = joint_law(&rows)?;
        for (weight, _, share) in law.heights.clone() {
            found.push((f64::from_bits(replicate), weight, share.unwrap_or(f64::NAN), law.clone()));
        }
    }
    let column = |name: &str, of: &dyn Fn(&Row) -> f64| Column {
        name: name.into(),
        cells: Cells::Number(found.iter().map(of).collect()),
    };
    let columns = vec![
        column(by, &|r| r.0),
        column("task_weight", &|r| r.1),
        column("share", &|r| r.2),
        column("alpha", &|r| r.3.alpha),
        column("floor", &|r| r.3.floor),
        column("p", &|r| r.3.p),
        column("misfit", &|r| r.3.misfit.0),
    ];
    Ok(Table::new(name, columns)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_a_known_law_come_back() {
        // L = 1 + 20 (f N)^-0.5 with f(0.5) = 0.6 and f(1) = 1.
        let mut text = String::from("seed,task_weight,params,loss\n");
        for (seed, params) in [(0, 1e3), (0, 2e3), (0, 4e3), (0, 8e3), (0, 1.6e4), (0, 3.2e4)] {
            for (weight, share) in [(0.5, 0.6), (1.0, 1.0f64)] {
                text += &format!("{seed},{weight},{params},{}\n", 1.0 + 20.0 * (share * params).powf(-0.5));
            }
        }
        let found = shares("s", &Table::from_csv_text("t", &text).unwrap(), "seed").unwrap();
        assert_eq!(found.numbers("task_weight").unwrap(), [0.5, 1.0]);
        let (shares, alpha) = (found.numbers("share").unwrap(), found.numbers("alpha").unwrap());
        assert!((shares[0] - 0.6).abs() < 0.01 && (shares[1] - 1.0).abs() < 1e-9, "{shares:?}");
        assert!((alpha[0] - 0.5).abs() < 0.01, "{alpha:?}");
    }
}
