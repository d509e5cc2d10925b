//! A task's pass rate at a size that no law was fitted to (Hu et al. 2023).

use super::Function;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::stats::mean;
use kleiber_core::table::Table;
use kleiber_laws::pass_until::{InstanceLaws, Ladder, PassCount};
use serde::Deserialize;
use std::collections::BTreeMap;

pub(super) const FUNCTION: Function =
    Function { name: "pass-until", about: "pass rates of a size predicted from counts at smaller ones", run };

/// Smallest rate that a baseline is taken to say: a straight line may fall below 0.
const LEAST: f64 = 1e-6;

/// Counts and rates of one size by the number of the example.
type Counts = BTreeMap<u64, (PassCount, f64)>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Rows of `pass_rate` for runs of several sizes.
    rows: String,
    /// Column whose values are told apart; a row of the result for each.
    #[serde(default = "seed")]
    by: String,
    /// Whether the fitted sizes are given each other's counts, for a negative control.
    #[serde(default)]
    mixed: bool,
}

fn seed() -> String {
    "seed".into()
}

/// A row for each value of `by`: laws of instances are fitted to the counts of all sizes but the largest, of which they predict
/// the mean pass rate. Columns: `params` of the largest size, `predicted`, `measured`, their distance `error` as a difference
/// of logarithms, `line_error` and `last_error` of a line of the mean rate over `ln params` and of the rate of the last
/// fitted size, `gain`, how much smaller the error is than the better of both, and `straight`, the R^2 of `ln(-ln p)` of the
/// mean rates over `ln params` at all sizes.
fn run(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: Keys = keys.clone().try_into().map_err(|e: toml::de::Error| {
        StudyError::refused(e.to_string().trim_end().to_string(), "give `rows`, and `by` where it is not seed")
    })?;
    let rows = context.table(&keys.rows)?;
    let number = |name: &str| rows.numbers(name);
    let (params, examples, rates) = (number("params")?, number("example")?, number("rate")?);
    let (passes, draws, censored) = (number("passes")?, number("draws")?, number("censored")?);
    let groups = rows.labels(&keys.by)?;
    let mut found: Vec<[f64; 8]> = Vec::new();
    let mut names: IndexMap<String, BTreeMap<u64, Counts>> = IndexMap::new();
    for row in 0..rows.rows() {
        let count = PassCount { passes: passes[row] as u64, draws: draws[row] as u64, censored: censored[row] > 0.0 };
        let sizes = names.entry(groups[row].to_string()).or_default();
        sizes.entry(params[row] as u64).or_default().insert(examples[row] as u64, (count, rates[row]));
    }
    for sizes in names.values() {
        let means: Vec<(f64, f64)> = sizes
            .iter()
            .map(|(size, of)| (*size as f64, mean(&of.values().map(|(_, rate)| *rate).collect::<Vec<_>>())))
            .collect();
        let Some(((target, measured), below)) = means.split_last().map(|(last, below)| (*last, below)) else {
            continue;
        };
        let mut fitted: Vec<&BTreeMap<u64, (PassCount, f64)>> = sizes.values().take(below.len()).collect();
        if keys.mixed {
            fitted.rotate_left(below.len() / 2);
        }
        let of = |example: &u64| fitted.iter().map(|size| size.get(example).map(|c| c.0)).collect::<Option<Vec<_>>>();
        let counts = fitted.first().map_or_else(Vec::new, |size| size.keys().filter_map(of).collect());
        let ladder = Ladder { sizes: below.iter().map(|(size, _)| *size).collect(), counts };
        let predicted = InstanceLaws::of(&ladder)?.predict(target);
        let (x, y): (Vec<f64>, Vec<f64>) = below.iter().map(|(size, rate)| (size.ln(), *rate)).unzip();
        let (slope, centre, height) = line(&x, &y);
        let straight = height + slope * (target.ln() - centre);
        let error = |said: f64| (said.max(LEAST) / measured.max(LEAST)).ln().abs();
        let last = below.last().map_or(f64::NAN, |(_, rate)| *rate);
        let (own, by_line, by_last) = (error(predicted), error(straight), error(last));
        let gain = by_line.min(by_last) - own;
        found.push([target, predicted, measured, own, by_line, by_last, gain, squared(&means)]);
    }
    let column = |at: usize| found.iter().map(|row| row[at]).collect::<Vec<f64>>();
    let group: Vec<f64> = names.keys().map(|name| name.parse().unwrap_or(f64::NAN)).collect();
    let heads = ["params", "predicted", "measured", "error", "line_error", "last_error", "gain", "straight"];
    let columns: Vec<Vec<f64>> = (0..heads.len()).map(column).collect();
    let named = heads.iter().zip(&columns).map(|(head, column)| (*head, column.as_slice()));
    Ok(Table::from_numbers(
        context.step,
        &std::iter::once((keys.by.as_str(), group.as_slice())).chain(named).collect::<Vec<_>>(),
    )?)
}

/// Least squares: slope, and the point that the line goes through.
fn line(x: &[f64], y: &[f64]) -> (f64, f64, f64) {
    let (centre, height) = (mean(x), mean(y));
    let across: f64 = x.iter().zip(y).map(|(x, y)| (x - centre) * (y - height)).sum();
    let along: f64 = x.iter().map(|x| (x - centre).powi(2)).sum();
    (across / along, centre, height)
}

/// R^2 of the line of `ln(-ln p)` over `ln N`.
fn squared(means: &[(f64, f64)]) -> f64 {
    let bent = |p: f64| (-p.clamp(LEAST, 1.0 - LEAST).ln()).ln();
    let (x, y): (Vec<f64>, Vec<f64>) = means.iter().map(|(size, rate)| (size.ln(), bent(*rate))).unzip();
    let (slope, centre, height) = line(&x, &y);
    let left: f64 = x.iter().zip(&y).map(|(x, y)| (y - height - slope * (x - centre)).powi(2)).sum();
    let all: f64 = y.iter().map(|y| (y - height).powi(2)).sum();
    1.0 - left / all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;

    /// Counts of two instances at five sizes whose rates follow exp(-C N^-0.5).
    fn rates() -> Table {
        let mut rows = String::from("seed,params,example,passes,draws,censored,rate\n");
        for size in [1e4f64, 3e4, 1e5, 3e5, 1e6] {
            for (example, c) in [(0, 600.0), (1, 900.0)] {
                let rate = (-c * size.powf(-0.5)).exp();
                rows += &format!("0,{size},{example},20,{},0,{rate}\n", (20.0 / rate).round());
            }
        }
        Table::from_csv_text("rates", &rows).unwrap()
    }

    fn forecast(mixed: bool) -> Table {
        let options = Options::of_tests(None);
        let tables = IndexMap::from([("rates".to_string(), rates())]);
        let context = Context { options: &options, step: "forecast", tables: &tables, tell: &|_| () };
        let keys = format!("rows = \"rates\"\nmixed = {mixed}").parse().unwrap();
        run(&keys, &context).unwrap()
    }

    #[test]
    fn counts_along_a_law_forecast_the_next_size_and_mixed_ones_do_not() {
        let value = |table: &Table, name: &str| table.numbers(name).unwrap()[0];
        let found = forecast(false);
        // The mean of exp(-0.6) and exp(-0.9).
        assert!((value(&found, "measured") - 0.477_691).abs() < 1e-6);
        assert!(value(&found, "error") < 0.1 && value(&found, "gain") > 0.0, "{found:?}");
        assert!(value(&found, "straight") > 0.99 && value(&found, "params") == 1e6, "{found:?}");
        assert!(value(&forecast(true), "error") > 0.7);
    }
}
