//! Rows that belong together: checkpoints of a run, runs that are held out whole, runs that share an effect; and what
//! a fit made by force says wherever it is used.
#![allow(missing_docs)]

mod common;

use common::{EPOCH, assert_close, has, law, quick, value};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::plan::{DesignRequest, plan_design};
use kleiber_laws::simulate::Design;
use kleiber_laws::{Objective, Options};

/// Each run of a grid with checkpoints at 20%, 60% and 100% of its tokens, as a column `step` counts them.
fn with_checkpoints(repeat_last: bool) -> (Table, Table) {
    let design = Design::grid(7, 6);
    let mut rows: Vec<(String, f64, f64, f64, f64)> = Vec::new();
    for (i, &(n, d)) in design.runs.iter().enumerate() {
        for (step, share) in [(100.0, 0.2), (300.0, 0.6), (500.0, 1.0)] {
            // Half-trained models are worse than the law says: their learning rate has not come down.
            let loss = law("chinchilla").predict(&EPOCH, &[n, d * share]) * (1.0 + 0.05 * (1.0 - share));
            rows.push((format!("run{i}"), n, d * share, step, loss));
        }
    }
    if repeat_last {
        let again = rows[8].clone();
        rows.push(again);
        rows.last_mut().unwrap().4 *= 1.0001;
    }
    let table = |rows: &[(String, f64, f64, f64, f64)]| {
        let number = |name: &str, of: fn(&(String, f64, f64, f64, f64)) -> f64| Column {
            name: name.into(),
            cells: Cells::Number(rows.iter().map(of).collect()),
        };
        let run = Column { name: "run".into(), cells: Cells::Text(rows.iter().map(|r| r.0.as_str().into()).collect()) };
        let columns = vec![
            run,
            number("params", |r| r.1),
            number("tokens", |r| r.2),
            number("step", |r| r.3),
            number("loss", |r| r.4),
        ];
        Table::new("checkpoints", columns).unwrap()
    };
    let last: Vec<_> = rows.iter().filter(|r| r.3 == 500.0).cloned().collect();
    (table(&rows), table(&last))
}

#[test]
fn held_out_runs_leave_no_checkpoint_behind() {
    let (all, last) = with_checkpoints(false);
    let options = Options { holdout: Some("params*tokens > 1e20".into()), ..quick() };
    let (a, b) = (law("chinchilla").fit(&all, &options).unwrap(), law("chinchilla").fit(&last, &options).unwrap());
    assert_eq!((a.rows, a.holdout.as_ref().unwrap().rows), (b.rows, b.holdout.as_ref().unwrap().rows));
    assert_close("E", value(&a, "E"), value(&b, "E"), 1e-9);
    let compared = |table: &Table| kleiber_laws::compare::compare(table, &[law("chinchilla")], &quick()).unwrap();
    assert_eq!(compared(&all).laws[0].holdout_mean_abs_rel_error, compared(&last).laws[0].holdout_mean_abs_rel_error);
}

#[test]
fn a_step_logged_twice_changes_nothing() {
    let (all, last) = with_checkpoints(true);
    let fit = law("chinchilla").fit(&all, &quick()).unwrap();
    assert_eq!(fit.rows, 42);
    assert!(has(&fit.warnings, "checkpoints"));
    assert_close("alpha", value(&fit, "alpha"), value(&law("chinchilla").fit(&last, &quick()).unwrap(), "alpha"), 1e-3);
}

#[test]
fn unusable_held_out_rows_are_named() {
    let table = Design::grid(6, 6).table(&law("chinchilla"), &EPOCH, 0.0, 0);
    let broken = common::changed(&table, "loss", |i, l| if i == 35 { f64::NAN } else { l });
    let options = Options { holdout: Some("params*tokens > 1e21".into()), ..quick() };
    let fit = law("chinchilla").fit(&broken, &options).unwrap();
    assert!(!fit.is_ok() && has(&fit.reasons, "non-finite"), "{:?}", fit.reasons);
    let none = Options { holdout: Some("loss < 0".into()), ..quick() };
    assert!(has(&law("chinchilla").fit(&table, &none).unwrap().reasons, "nothing-held-out"));
}

/// Share of seeds whose interval of alpha holds the truth, when runs of a size share an effect.
fn coverage(cluster: Option<&str>) -> f64 {
    let covered = |seed: u64| {
        let table = Design::grid(8, 6).table(&law("chinchilla"), &EPOCH, 0.002, seed);
        let effects: Vec<f64> = (0..8).map(|i| Rng::new(seed, "size effect", i).normal() * 0.01).collect();
        let shaken = common::changed(&table, "loss", |i, l| l * effects[i / 6].exp());
        let options =
            Options { bootstrap: 200, influence: false, cluster: cluster.map(str::to_string), ..Options::default() };
        let alpha = law("chinchilla").fit(&shaken, &options).unwrap().coefficients["alpha"];
        alpha.low.is_none_or(|low| low <= EPOCH[3]) && alpha.high.is_none_or(|high| high >= EPOCH[3])
    };
    (0..60).filter(|seed| covered(*seed)).count() as f64 / 60.0
}

#[test]
fn few_clusters_widen_the_interval_as_they_must() {
    let (rows, clusters) = (coverage(None), coverage(Some("params")));
    assert!(rows < 0.75, "independent rows would cover {rows}");
    assert!((0.85..=1.0).contains(&clusters), "clusters cover {clusters}");
}

fn point(values: &[(&str, f64)]) -> IndexMap<String, f64> {
    values.iter().map(|(name, value)| ((*name).to_string(), *value)).collect()
}

#[test]
fn points_are_checked_against_themselves_and_the_fitted_range() {
    let table = Design::grid(8, 6).table(&law("chinchilla"), &EPOCH, 0.002, 1);
    let fit = law("chinchilla").fit(&table, &Options { bootstrap: 100, ..quick() }).unwrap();
    for bad in [
        &[("N", 1e9), ("D", 2e10), ("flops", 1e25)][..],
        &[("params", 1e9), ("flops", 1e21), ("multiplier", 1.0)],
        &[("params", 1e9), ("params_total", 2e9), ("tokens", 1e10)],
    ] {
        assert!(fit.predict(&[point(bad)], 0.95, false).is_err(), "{bad:?}");
    }
    let (n, d) = Design::grid(8, 6).runs[0];
    let mixed = fit.predict(&[point(&[("N", n), ("D", d)]), point(&[("N", 3e9), ("D", 1e11)])], 0.95, false).unwrap();
    assert!(mixed.predictions[0].value.is_none() && mixed.predictions[1].value.is_some());
    // Each size was seen, their ratio was not.
    let lean = fit.predict(&[point(&[("N", 1.1 * n), ("D", 2e12)])], 0.95, false).unwrap();
    assert!(lean.predictions[0].extrapolation > 10.0, "{}", lean.predictions[0].extrapolation);
}

#[test]
fn force_is_remembered() {
    let tied = Design { runs: (0..12).map(|i| (1e7 * 2f64.powi(i), 2e8 * 2f64.powi(i))).collect() };
    let table = tied.table(&law("chinchilla"), &EPOCH, 0.002, 3);
    let fit = law("chinchilla").fit(&table, &Options { force: true, bootstrap: 60, ..quick() }).unwrap();
    let prediction = fit.predict(&[point(&[("N", 1e9), ("D", 1e10)])], 0.95, false).unwrap();
    assert!(has(&prediction.warnings, "tokens-tied-to-params"), "{:?}", prediction.warnings);
}

#[test]
fn designs_promise_the_same_for_relative_and_absolute_residuals() {
    let table = Design::grid(6, 5).table(&law("chinchilla"), &EPOCH, 0.005, 5);
    let request = DesignRequest { target: (7e10, 1.4e12), budget: 3e22, runs: 3 };
    let promised = |objective| {
        let options = Options { objective: Some(objective), ..Options::default() };
        let fit = law("chinchilla").fit(&table, &options).unwrap();
        let plan = plan_design(&fit, &request).unwrap();
        plan.runs.last().unwrap().sd_after / plan.sd_now
    };
    let (relative, absolute) = (promised(Objective::LogMse), promised(Objective::Mse));
    assert!((absolute / relative - 1.0).abs() < 0.2, "{relative} {absolute}");
}
