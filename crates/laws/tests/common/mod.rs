//! What the integration tests share: tables, reference numbers and comparisons.
//!
//! Published tables are read from the folder named by `KLEIBER_DATA`; without it the tests on them say that
//! they are skipped. Reference numbers are those of `benches/peers`, made by independent programs.
#![allow(dead_code)]

use kleiber_core::table::{Cells, Column, Selection, Table};
use kleiber_laws::{Finding, Fit, Law, Options};
use serde_json::Value;
use std::path::Path;

/// E, A, B, alpha and beta as printed with more digits in the source of Hoffmann et al. 2022.
pub(crate) const HOFFMANN: [f64; 5] = [1.693_373_68, 406.401_018, 410.722_827, 0.339_170_84, 0.284_908_3];
/// The same of the refit by Besiroglu et al. 2024.
pub(crate) const EPOCH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];

/// The table at `path` below `KLEIBER_DATA`, or `None` after saying so.
pub(crate) fn data(path: &str) -> Option<Table> {
    let file = std::env::var_os("KLEIBER_DATA").map(|folder| Path::new(&folder).join(path)).filter(|f| f.exists());
    if file.is_none() {
        eprintln!("skipped: KLEIBER_DATA/{path} is absent");
    }
    file.map(|f| Table::read(&f).unwrap())
}

/// The tasks whose average Gadre et al. 2024 predict.
const TASKS: [&str; 17] = [
    "acc_bigbench_operators",
    "acc_bigbench_dyck_languages",
    "acc_bigbench_novel_concepts",
    "acc_bigbench_cs_algorithms",
    "acc_bigbench_qa_wikidata",
    "acc_pubmed_qa_labeled",
    "acc_hellaswag_zeroshot",
    "acc_hellaswag",
    "acc_boolq",
    "acc_arc_easy",
    "acc_coqa",
    "acc_lambada_openai",
    "acc_winograd",
    "acc_commonsense_qa",
    "acc_copa",
    "acc_squad",
    "acc_piqa",
];

/// The 104 runs of Gadre et al. 2024 with canonical names and, as `score`, the average accuracy on the 17 tasks.
pub(crate) fn gadre() -> Option<Table> {
    let table = data("over-training/testbed_104_models.csv")?;
    let accuracies: Vec<Vec<f64>> = TASKS.iter().map(|t| table.numbers(t).unwrap()).collect();
    let score = (0..table.rows()).map(|i| accuracies.iter().map(|a| a[i]).sum::<f64>() / 17.0).collect();
    let table = table.with_column(numbers("score", score)).unwrap();
    Some(select(&table, &["run=name", "params_total=N", "tokens=D", "loss=loss_c4_val"], None))
}

/// The results of one reference program.
pub(crate) fn reference(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../benches/peers/results").join(name);
    let text = std::fs::read_to_string(&path).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["results"].take()
}

/// A number of the reference results, also when it stands there as text with 50 digits.
pub(crate) fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .or_else(|| value.as_str().and_then(|t| t.parse().ok()))
        .unwrap_or_else(|| panic!("no number: {value}"))
}

/// The law of this name.
pub(crate) fn law(name: &str) -> Law {
    Law::named(name).unwrap()
}

/// Point estimates only.
pub(crate) fn quick() -> Options {
    Options { bootstrap: 0, influence: false, ..Options::default() }
}

/// A coefficient or derived quantity of a fit that must have one.
pub(crate) fn value(fit: &Fit, name: &str) -> f64 {
    fit.value(name).unwrap_or_else(|| panic!("no {name}: {:?}", fit.reasons))
}

/// |got / want - 1|.
pub(crate) fn relative(got: f64, want: f64) -> f64 {
    (got / want - 1.0).abs()
}

/// Fails unless `got` is `want` to the relative `tolerance`.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: f64, want: f64, tolerance: f64) {
    assert!(relative(got, want) <= tolerance, "{what}: {got} instead of {want} (relative {:.2e})", relative(got, want));
}

/// Fails unless the fit has these coefficients to the relative `tolerance`.
#[track_caller]
pub(crate) fn assert_coefficients(fit: &Fit, want: &[f64], tolerance: f64) {
    assert!(fit.is_ok(), "{:?}", fit.reasons);
    for ((name, estimate), want) in fit.coefficients.iter().zip(want) {
        assert_close(name, estimate.value.unwrap(), *want, tolerance);
    }
}

/// The codes of findings, in order.
pub(crate) fn codes(findings: &[Finding]) -> Vec<&str> {
    findings.iter().map(|f| f.code.as_str()).collect()
}

/// Whether a finding has this code.
pub(crate) fn has(findings: &[Finding], code: &str) -> bool {
    findings.iter().any(|f| f.code == code)
}

/// Mappings `NAME=RIGHT` applied in order, then the condition.
pub(crate) fn select(table: &Table, maps: &[&str], condition: Option<&str>) -> Table {
    let selection = maps.iter().fold(Selection::new(), |s, m| s.map(m).unwrap());
    let selection = condition.into_iter().fold(selection, |s, c| s.filter(c).unwrap());
    selection.apply(table).unwrap()
}

/// A numeric column.
pub(crate) fn numbers(name: &str, values: Vec<f64>) -> Column {
    Column { name: name.into(), cells: Cells::Number(values) }
}

/// A text column.
pub(crate) fn texts(name: &str, values: impl IntoIterator<Item = String>) -> Column {
    Column { name: name.into(), cells: Cells::Text(values.into_iter().map(Into::into).collect()) }
}

/// `table` with the column `name` computed row by row from another.
pub(crate) fn changed(table: &Table, name: &str, change: impl Fn(usize, f64) -> f64) -> Table {
    let values = table.numbers(name).unwrap().into_iter().enumerate().map(|(i, v)| change(i, v)).collect();
    table.with_column(numbers(name, values)).unwrap()
}
