//! What the options of a fit do: held and tied coefficients, known noise, groups, checkpoints and clusters.
#![allow(missing_docs)]

mod common;

use common::{EPOCH, assert_close, assert_coefficients, changed, has, law, numbers, quick, texts, value};
use kleiber_core::rng::Rng;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::simulate::Design;
use kleiber_laws::{Checkpoints, Fit, Objective, Options};

fn table() -> Table {
    Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.005, 1)
}

fn fit(table: &Table, options: &Options) -> Fit {
    law("chinchilla").fit(table, options).unwrap()
}

#[test]
fn held_coefficients_stay_and_have_no_interval() {
    let options = Options { bootstrap: 100, fixed: vec![("E".into(), 1.8)], influence: false, ..Options::default() };
    let (held, free) = (fit(&table(), &options), fit(&table(), &quick()));
    let e = held.coefficients["E"];
    assert_eq!((e.value, e.low, e.high), (Some(1.8), None, None));
    assert!(held.coefficients["alpha"].low.is_some());
    assert!(held.objective.value.unwrap() > free.objective.value.unwrap());
    assert!(held.model.unwrap().draws.iter().all(|d| d[0] == 1.8));
    // Holding a coefficient at its fitted value changes nothing.
    let at = fit(&table(), &Options { fixed: vec![("beta".into(), value(&free, "beta"))], ..quick() });
    assert_coefficients(&at, &free.point(), 1e-5);
}

#[test]
fn tied_coefficients_are_one() {
    let options =
        Options { bootstrap: 100, tied: vec![("alpha".into(), "beta".into())], influence: false, ..Options::default() };
    let tied = fit(&table(), &options);
    assert_eq!(tied.coefficients["alpha"], tied.coefficients["beta"]);
    assert_eq!(value(&tied, "a"), 0.5);
    // Tied and held at once: both take the value.
    let both = fit(&table(), &Options { fixed: vec![("beta".into(), 0.35)], ..options });
    assert_eq!((value(&both, "alpha"), value(&both, "beta")), (0.35, 0.35));
}

#[test]
fn known_noise_weighs_rows() {
    // Every fourth row is ten times as noisy as the rest.
    let noisy = |i: usize| i.is_multiple_of(4);
    let (mut weighed, mut plain) = (0.0, 0.0);
    for seed in 0..20 {
        let clean = Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.0, 0);
        let sd = |i: usize| if noisy(i) { 0.05 } else { 0.005 };
        let table =
            changed(&clean, "loss", |i, l| l * (sd(i) * Rng::new(seed, "known noise", i as u32).normal()).exp());
        let losses = table.numbers("loss").unwrap();
        let sigma = losses.iter().enumerate().map(|(i, l)| sd(i) * l).collect();
        let table = table.with_column(numbers("sd", sigma)).unwrap();
        let options = Options { objective: Some(Objective::LogMse), ..quick() };
        let miss = |sigma: Option<String>| {
            (value(&fit(&table, &Options { sigma, ..options.clone() }), "alpha") - EPOCH[3]).powi(2)
        };
        weighed += miss(Some("sd".into()));
        plain += miss(None);
    }
    eprintln!("mean squared error of alpha: {:.2e} weighed, {:.2e} not", weighed / 20.0, plain / 20.0);
    assert!(weighed < 0.5 * plain, "{weighed} {plain}");
    let zero = table().with_column(numbers("sd", vec![0.0; 56])).unwrap();
    let zero = fit(&zero, &Options { sigma: Some("sd".into()), ..quick() });
    assert!(has(&zero.reasons, "non-positive"), "{:?}", zero.reasons);
}

#[test]
fn equal_noise_changes_nothing() {
    let losses = table().numbers("loss").unwrap();
    let same = table().with_column(numbers("sd", losses.iter().map(|l| 0.01 * l).collect())).unwrap();
    let (with, without) = (fit(&same, &Options { sigma: Some("sd".into()), ..quick() }), fit(&table(), &quick()));
    assert_coefficients(&with, &without.point(), 1e-6);
}

#[test]
fn groups_are_fitted_by_themselves() {
    let design = Design::grid(8, 7);
    let truths = [("c4", EPOCH), ("rpj", [2.1, 300.0, 1500.0, 0.32, 0.35])];
    let made = truths.map(|(_, c)| design.table(&law("chinchilla"), &c, 0.0, 0));
    let join = |name: &str| made.iter().flat_map(|t| t.numbers(name).unwrap()).collect::<Vec<f64>>();
    let corpus = truths.iter().flat_map(|(name, _)| std::iter::repeat_n((*name).to_string(), 56));
    let mut columns: Vec<Column> = ["params", "tokens", "flops", "loss"]
        .map(|n| Column { name: n.into(), cells: Cells::Number(join(n)) })
        .to_vec();
    columns.push(texts("corpus", corpus));
    let groups = Table::new("both", columns).unwrap().group_by("corpus").unwrap();
    assert_eq!(groups.len(), 2);
    for ((label, rows), (name, truth)) in groups.iter().zip(truths) {
        assert_eq!(label.as_ref(), name);
        assert_coefficients(&fit(rows, &quick()), &truth, 1e-8);
    }
}

/// Checkpoints of runs whose noise is one per run: a run that is lucky is so at every checkpoint.
fn checkpoints(seed: u64) -> Table {
    let mut rng = Rng::new(seed, "lucky runs", 0);
    let (mut n, mut d, mut loss, mut run, mut step) = (vec![], vec![], vec![], vec![], vec![]);
    for (index, (params, tokens)) in Design::grid(5, 4).runs.into_iter().enumerate() {
        let luck = (0.01 * rng.normal()).exp();
        for k in 1..=5 {
            n.push(params);
            d.push(tokens * f64::from(k) / 5.0);
            step.push(f64::from(100 * k));
            run.push(format!("run {index}"));
            let y = law("chinchilla").predict(&EPOCH, &[params, tokens * f64::from(k) / 5.0]);
            loss.push(y * luck * (0.0005 * rng.normal()).exp());
        }
    }
    let rows = (0..n.len()).map(|i| format!("row {i}"));
    let columns =
        vec![numbers("params", n.clone()), numbers("tokens", d), numbers("loss", loss), numbers("step", step)];
    Table::new("checkpoints", [columns, vec![texts("run", run), texts("row", rows)]].concat()).unwrap()
}

#[test]
fn only_the_last_checkpoint_counts_unless_all_are_asked_for() {
    let table = checkpoints(1);
    for last in [None, Some(Checkpoints::Last)] {
        let fit = fit(&table, &Options { checkpoints: last, ..quick() });
        assert!(fit.is_ok() && fit.rows == 20 && has(&fit.warnings, "checkpoints"), "{} {:?}", fit.rows, fit.warnings);
        assert_eq!(fit.runs.len(), 20);
    }
    let shuffled = table.take(&(0..100).rev().collect::<Vec<_>>());
    let (one, other) = (fit(&table, &quick()), fit(&shuffled, &quick()));
    assert_coefficients(&other, &one.point(), 1e-6);
    let all = fit(&table, &Options { checkpoints: Some(Checkpoints::All), ..quick() });
    assert!(all.rows == 100 && all.runs.len() == 20 && !has(&all.warnings, "checkpoints"));
    // Laws of curves take every point.
    let curve = law("m2").fit(&table.take(&[0, 1, 2, 3, 4]), &quick()).unwrap();
    assert!(curve.rows == 5 && curve.is_ok(), "{:?}", curve.reasons);
}

#[test]
fn checkpoints_of_a_run_are_drawn_together() {
    let (mut by_run, mut by_row, mut inside) = (0.0, 0.0, 0);
    for seed in 0..10 {
        let options =
            Options { bootstrap: 200, checkpoints: Some(Checkpoints::All), influence: false, ..Options::default() };
        let runs = fit(&checkpoints(seed), &options);
        let rows = fit(&checkpoints(seed), &Options { cluster: Some("row".into()), ..options });
        let e = |f: &Fit| f.coefficients["E"];
        by_run += (e(&runs).high.unwrap() - e(&runs).low.unwrap()) / 10.0;
        by_row += (e(&rows).high.unwrap() - e(&rows).low.unwrap()) / 10.0;
        inside += usize::from(e(&runs).low.unwrap() < EPOCH[0] && EPOCH[0] < e(&runs).high.unwrap());
        assert_close("value", value(&rows, "E"), value(&runs, "E"), 1e-12);
    }
    eprintln!(
        "width of the interval of E: {by_run:.4} drawn by run (holds the truth in {inside} of 10), {by_row:.4} drawn by row"
    );
    assert!(by_run > 1.3 * by_row && inside >= 8, "{by_run} {by_row} {inside}");
}

#[test]
fn columns_are_found_derived_and_stood_in_for() {
    let plain = table();
    let keep = |names: &[&str]| {
        Table::new("part", plain.columns().iter().filter(|c| names.contains(&c.name.as_str())).cloned().collect())
            .unwrap()
    };
    let derived = fit(&keep(&["params", "flops", "loss"]), &quick());
    assert!(has(&derived.warnings, "derived-column"), "{:?}", derived.warnings);
    assert_coefficients(&derived, &fit(&plain, &quick()).point(), 1e-5);
    let mut columns = keep(&["tokens", "loss"]).columns().to_vec();
    columns.push(numbers("params_total", plain.numbers("params").unwrap()));
    let stand_in = fit(&Table::new("part", columns).unwrap(), &quick());
    assert!(has(&stand_in.warnings, "stand-in-column") && stand_in.columns["params"] == "params_total");
    assert!(law("chinchilla").fit(&keep(&["params", "loss"]), &quick()).is_err());
}
