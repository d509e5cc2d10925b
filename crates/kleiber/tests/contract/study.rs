//! Studies: the list, a declaration of one's own, verdicts and exit codes.

use crate::common::Folder;
use serde_json::{Value, json};

/// A study without runs: `y` falls with `x` unless told otherwise.
fn declaration(y: &str, control: &str) -> String {
    format!(
        r#"
title = "Falling"
question = "Does y fall with x?"
claim = "y falls with x"
axis = ["params"]
source = "nobody 2026"
expectation = "the ranks of x and y are opposite"
failure = "they are not"
baseline = "none"
negative_control = "it must fail"
minutes = 1
rooms = ["core"]
needs = []
[[step]]
name = "rows"
do = "table"
columns = {{ x = [1, 2, 3, 4, 5, 6, 7, 8], y = {y} }}
[[step]]
name = "same"
do = "derive"
table = "rows"
[[expect]]
name = "falls"
table = "rows"
property = "rank_correlation"
x = "x"
y = "y"
at_most = -0.5
because = "it is declared so"
[[control]]
because = "elsewhere it must not"
table = "rows"
{control}
expect = ["falls"]
[[figure]]
title = "y by x"
table = "rows"
x = "x"
y = "y"
"#
    )
}

/// Writes a declaration where a study's would be.
fn declare(folder: &Folder, text: &str) {
    std::fs::create_dir_all(folder.path("own")).unwrap();
    folder.write("own/study.toml", text.as_bytes());
}

const FALLING: &str = "[9, 8, 7, 6, 5, 4, 3, 2]";
const RISING: &str = "[2, 3, 4, 5, 6, 7, 8, 9]";

fn run(folder: &Folder, y: &str, control: &str) -> Value {
    declare(folder, &declaration(y, control));
    folder.json(&["study", "run", "own/study.toml", "--out", "out"])
}

#[test]
fn the_list_has_every_claim_with_an_honest_state() {
    let list = Folder::new().json(&["study", "list"]);
    assert_eq!(list["schema"], "kleiber.studies/1");
    let studies = list["studies"].as_array().unwrap();
    assert!(studies.len() >= 71, "{}", studies.len());
    for study in studies {
        let needs = study["needs"].as_array().unwrap();
        let state = if needs.is_empty() { "runnable" } else { "needs" };
        assert_eq!(study["state"], state, "{study}");
        assert!(study["title"].as_str().is_some_and(|t| !t.is_empty()), "{study}");
        let verdict = &study["verdict"];
        let known = ["reproduced", "not-reproduced", "inconclusive", "broken"];
        assert!(verdict.is_null() || known.contains(&verdict.as_str().unwrap()), "{study}");
        assert!(verdict.is_null() == study["date"].is_null() && (state == "runnable" || verdict.is_null()), "{study}");
        assert!(study["current"] != json!(false), "a committed result is of another declaration: {study}");
    }
}

#[test]
fn a_verdict_follows_from_the_declaration() {
    let folder = Folder::new();
    let found = run(&folder, FALLING, "shuffle = \"y\"");
    assert_eq!((&found["schema"], &found["verdict"]), (&json!("kleiber.study/1"), &json!("reproduced")), "{found}");
    assert_eq!(found["expectations"][0]["truth"], "true");
    assert_eq!(found["controls"][0]["fails"], true);
    for file in ["out/own/result.json", "out/own/report.md", "out/own/report.html", "out/own/rows.csv"] {
        assert!(folder.path(file).is_file(), "{file}");
    }
    assert!(
        folder.read("out/own/report.md").contains("The verdict")
            || folder.read("out/own/report.md").contains("Verdict: reproduced")
    );
    let found = run(&folder, RISING, "shuffle = \"y\"");
    assert_eq!(found["verdict"], "not-reproduced");
    // Another declaration than at first: both are kept, in the result and in the report.
    assert_eq!(found["declared"].as_array().unwrap().len(), 2);
    assert!(folder.read("out/own/report.md").contains("changed after a first run"));
}

#[test]
fn a_control_that_does_not_fail_breaks_a_study() {
    let folder = Folder::new();
    declare(&folder, &declaration(FALLING, "instead = \"same\""));
    let outcome = folder.run(&["study", "run", "own/study.toml", "--out", "out", "--json"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    assert_eq!(outcome.document()["verdict"], "broken");
}

#[test]
fn a_control_that_holds_too_little_tests_nothing() {
    let folder = Folder::new();
    let nothing = "[[step]]\nname = \"nothing\"\ndo = \"derive\"\ntable = \"rows\"\nwhere = [\"x > 100\"]\n[[expect]]";
    declare(&folder, &declaration(FALLING, "instead = \"nothing\"").replacen("[[expect]]", nothing, 1));
    let found = folder.json(&["study", "run", "own/study.toml", "--out", "out"]);
    assert_eq!(
        (&found["verdict"], &found["controls"][0]["untested"]),
        (&json!("inconclusive"), &json!(true)),
        "{found}"
    );
    assert!(folder.read("out/own/report.md").contains("tests nothing"));
}

#[test]
fn time_that_is_over_is_a_limit_and_a_dry_run_lists_steps() {
    let folder = Folder::new();
    folder.write("study.toml", declaration(FALLING, "shuffle = \"y\"").as_bytes());
    let late = folder.run(&["study", "run", "study.toml", "--minutes", "0.000001"]);
    assert_eq!(late.code, Some(3), "{}", late.stderr);
    assert!(
        late.stderr.contains("the time is over in step `rows`")
            && late.stderr.contains("the same command continues it")
    );
    let steps = folder.run(&["study", "run", "study.toml", "--dry-run"]).ok().stdout;
    assert!(steps.ends_with(", 1 min on 2 cores:\n  rows: table\n  same: derive\n"), "{steps}");
    // A declaration is named by its folder, also where the path does not say it.
    assert_ne!(folder.json(&["study", "run", "study.toml"])["slug"], "study");
}

#[test]
fn what_cannot_run_says_what_is_missing() {
    let folder = Folder::new();
    let outcome = folder.run(&["study", "run", "zero"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("cannot run yet; it needs"), "{}", outcome.stderr);
    let outcome = folder.run(&["study", "run", "over-trainin"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("over-training"), "{}", outcome.stderr);
    declare(&folder, &declaration(FALLING, "shuffle = \"y\"").replace("at_most", "at_mots"));
    let outcome = folder.run(&["study", "run", "own/study.toml"]);
    assert!(outcome.code == Some(2) && outcome.stderr.contains("at_mots"), "{}", outcome.stderr);
    let shown = folder.run(&["study", "show", "over-training"]).stdout;
    assert!(shown.contains("within-3-percent") && shown.contains("arXiv:2403.08540"), "{shown}");
}
