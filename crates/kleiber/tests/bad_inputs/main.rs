//! Malformed and degenerate inputs, end to end: exit 2 with the cause and a cure on stderr, exactly one JSON
//! document with `--json`, and never a panic. One list per theme; all failures are printed at once.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod case;
mod data;
mod delimited;
mod json;
mod laws;
mod options;
mod parquet;
mod reports;
mod sizes;
mod values;

use case::Case;

#[test]
fn bad_inputs_are_named_with_cause_and_cure() {
    let lists = [
        delimited::cases(),
        values::cases(),
        json::cases(),
        parquet::cases(),
        options::cases(),
        laws::cases(),
        reports::cases(),
        sizes::cases(),
        data::cases(),
    ];
    let cases: Vec<Case> = lists.into_iter().flatten().collect();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let failures: Vec<String> = cases.iter().filter_map(Case::failure).collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}
