//! One table in every format, and the exports of experiment trackers.

use crate::common::{Folder, runs};
use serde_json::Value;
use std::fmt::Write;

#[test]
fn every_format_gives_the_same_coefficients() {
    let folder = Folder::with_runs();
    let of = |name: &str| folder.json(&["fit", name, "--bootstrap", "0"])["coefficients"].clone();
    let from_csv = of("runs.csv");
    for name in ["runs.tsv", "runs.jsonl", "runs.parquet"] {
        runs().write(&folder.path(name)).unwrap();
        assert_eq!(of(name), from_csv, "{name}");
    }
}

/// Loss of a run of this quality after a step.
fn curve(quality: f64, step: f64) -> f64 {
    2.0 + quality * step.powf(-0.4)
}

/// Curves follow loss = 2 + quality * step^-0.4.
#[track_caller]
fn check(fit: &Value) {
    let value = |name: &str| fit["coefficients"][name]["value"].as_f64().unwrap();
    assert_eq!((&fit["law"], &fit["status"]), (&"m2".into(), &"ok".into()), "{fit}");
    assert!((value("c").abs() - 0.4).abs() < 0.02, "{}", fit["coefficients"]);
}

#[test]
fn a_chart_export_is_a_table_of_curves() {
    let folder = Folder::new();
    let mut text = String::from(
        "\"Step\",\"a - eval/loss\",\"a - eval/loss__MIN\",\"a - eval/loss__MAX\",\"b - eval/loss\",\"b - eval/loss__MIN\",\"b - eval/loss__MAX\"\n",
    );
    for i in 1..30 {
        let step = 100.0 * f64::from(i);
        let (a, b) = (curve(20.0, step), curve(20.0, step) * (1.0 + 1e-4 * f64::from(i % 3)));
        // The shorter run is padded with empty cells.
        let b = if i < 20 { format!("{b},{b},{b}") } else { ",,".into() };
        writeln!(text, "{step},{a},{a},{a},{b}").unwrap();
    }
    folder.write("chart.csv", text.as_bytes());
    check(&folder.json(&[
        "fit",
        "chart.csv",
        "--law",
        "m2",
        "--map",
        "x=step",
        "--map",
        "loss=eval/loss",
        "--bootstrap",
        "0",
    ]));
}

#[test]
fn a_scalar_export_is_a_curve() {
    let folder = Folder::new();
    let mut text = String::from("Wall time,Step,Value\n");
    for i in 1..30 {
        let step = 100.0 * f64::from(i);
        writeln!(text, "{},{step},{}", 1.7e9 + step, curve(30.0, step) * (1.0 + 1e-4 * f64::from(i % 2))).unwrap();
    }
    folder.write("small.csv", text.as_bytes());
    check(&folder.json(&["fit", "small.csv", "--law", "m2", "--map", "x=step", "--bootstrap", "0"]));
    check(&folder.json(&["fit", "small.csv", "--bootstrap", "0"]));
}
