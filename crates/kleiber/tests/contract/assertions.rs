//! Claims about runs: suggested, checked, and what the page says of them.

use crate::common::Folder;
use kleiber_core::rng::Rng;
use serde_json::{Value, json};

/// A log of four runs of 100 points each, numbered from `first`, with every loss changed.
fn log(first: u64, change: impl Fn(u32, f64) -> f64) -> String {
    let mut text = String::from("seed,step,loss\n");
    for seed in first..first + 4 {
        let mut rng = Rng::new(seed, "log", 0);
        for step in 1..=100 {
            let loss = 2.0 + 4.0 / f64::from(step).sqrt() + 0.03 * rng.normal();
            text += &format!("{seed},{step},{}\n", change(step, loss));
        }
    }
    text
}

fn same(_: u32, loss: f64) -> f64 {
    loss
}

#[test]
fn claims_are_suggested_hold_of_new_runs_and_break_where_they_go_wrong() {
    let folder = Folder::new();
    folder.write("log.csv", log(0, same).as_bytes());
    folder.write("new.csv", log(10, same).as_bytes());
    folder.write("bits.csv", log(20, |_, loss| loss / std::f64::consts::LN_2).as_bytes());
    folder.write("hole.csv", log(30, |step, loss| if step == 60 { f64::NAN } else { loss }).as_bytes());
    let document = folder.json(&["assert", "suggest", "log.csv", "-o", "checks.toml"]);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.assert/1"), &json!("ok")));
    assert_eq!((&document["x"], &document["y"], &document["by"]), (&json!("step"), &json!("loss"), &json!("seed")));
    assert_eq!((document["noticed"].as_u64(), document["mutants"].as_array().map(Vec::len)), (Some(9), Some(9)));
    let printed = folder.run(&["assert", "suggest", "log.csv"]).ok().stdout;
    assert_eq!(printed, folder.read("checks.toml"));

    let held = folder.run(&["assert", "check", "new.csv", "checks.toml"]).ok();
    assert!(held.stdout.ends_with(" true, 0 false, 0 undecided\n") && held.stderr.is_empty(), "{}", held.stdout);
    let broken = folder.run(&["assert", "check", "bits.csv", "checks.toml"]);
    assert_eq!(broken.code, Some(1), "{}", broken.stdout);
    assert!(broken.stdout.starts_with("false     loss-"), "{}", broken.stdout);
    assert!(broken.stdout.lines().nth(1).unwrap().starts_with("          because: "), "{}", broken.stdout);
    let hole = folder.run(&["assert", "check", "hole.csv", "checks.toml", "--json"]);
    assert_eq!(hole.code, Some(1));
    let hole = hole.document();
    let first = &hole["assertions"][0];
    assert_eq!((&hole["status"], &hole["rows"]), (&json!("false"), &json!(400)));
    assert_eq!(
        (&first["name"], &first["truth"], &first["value"]),
        (&json!("loss-finite"), &json!("false"), &json!(4.0))
    );
    assert_eq!((&first["low"], &first["n"]), (&Value::Null, &json!(400)));
    assert!(first["why"].as_str().unwrap().contains("row 60"), "{first}");
    let count = |name: &str| hole[name].as_u64().unwrap();
    assert_eq!(
        count("true") + count("false") + count("undecided"),
        hole["assertions"].as_array().unwrap().len() as u64
    );

    let itself = folder.run(&["assert", "check", "log.csv", "checks.toml"]).ok();
    assert!(itself.stderr.contains("suggested from: that they hold says nothing"), "{}", itself.stderr);
    let one = folder.run(&["assert", "suggest", "log.csv", "--where", "seed == 0"]).ok();
    assert!(one.stderr.contains("one run") && one.stdout.contains("seeds = 1"), "{}\n{}", one.stdout, one.stderr);
    let python = folder.run(&["assert", "suggest", "log.csv", "--python"]).ok().stdout;
    assert!(python.contains("import pandas as pd") && python.contains("assert "), "{python}");
}

#[test]
fn a_claim_of_ones_own_is_checked() {
    let folder = Folder::new();
    folder.write("scores.csv", b"positions,seed,accuracy\nnone,0,0.9\nrotary,0,0.5\nnone,1,0.92\nrotary,1,0.51\n");
    let claim = "[[assert]]\nname = 'nope-beats-rotary'\nproperty = 'difference'\ny = 'accuracy'\ngroup = 'positions'\n\
                 a = 'none'\nb = 'rotary'\npaired = 'seed'\nat_least = 0.1\n";
    folder.write("claim.toml", claim.as_bytes());
    let held = folder.run(&["assert", "check", "scores.csv", "claim.toml"]).ok().stdout;
    assert!(held.contains("accuracy of none is 0.405 above rotary (95% interval 0.341 to 0.469, 2 pairs)"), "{held}");
    folder.write("claim.toml", claim.replace("0.1", "0.5").as_bytes());
    let outcome = folder.run(&["assert", "check", "scores.csv", "claim.toml"]);
    assert_eq!((outcome.code, outcome.stdout.lines().last()), (Some(1), Some("0 of 1 true, 1 false, 0 undecided")));
    // One pair decides nothing; whether that is a failure is for the caller to say.
    let one = ["assert", "check", "scores.csv", "claim.toml", "--where", "seed == 0"];
    let open = folder.run(&one).ok();
    assert!(open.stderr.contains("none of the claims could be checked"), "{}", open.stderr);
    assert_eq!(folder.run(&[one.as_slice(), &["--strict"]].concat()).code, Some(1));
}

#[test]
fn slips_are_named_and_cured() {
    let folder = Folder::new();
    folder.write("log.csv", log(0, same).as_bytes());
    let refused = |args: &[&str], parts: [&str; 2]| {
        let outcome = folder.run(args);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{args:?}");
        assert!(parts.iter().all(|part| outcome.stderr.contains(part)), "{args:?}: {}", outcome.stderr);
    };
    folder.write("typo.toml", b"[[assert]]\nname = 'low'\nproperty = 'bound'\ny = 'loss'\nat_mots = 3\n");
    refused(
        &["assert", "check", "log.csv", "typo.toml"],
        ["no key `at_mots`; did you mean `at_most`?", "docs/assertions.md"],
    );
    folder.write("empty.toml", b"");
    refused(&["assert", "check", "log.csv", "empty.toml"], ["there is no `[[assert]]` in it", "help:"]);
    folder.write("column.toml", b"[[assert]]\nname = 'low'\nproperty = 'bound'\ny = 'los'\nat_most = 3\n");
    refused(&["assert", "check", "log.csv", "column.toml"], ["no column `los`", "did you mean `loss`?"]);
    refused(&["assert", "check", "log.csv", "missing.toml"], ["missing.toml", "check the path"]);
    refused(&["assert", "suggest", "log.csv", "--where", "step < 3"], ["too few", "help:"]);
    refused(&["assert", "suggest", "log.csv", "--alpha", "0.9"], ["--alpha 0.9", "0.05"]);
    refused(&["assert", "suggest", "log.csv", "--y", "los"], ["no column `los`", "help:"]);
}

/// docs/assertions.md names every property with every key.
#[test]
fn the_page_of_assertions_is_whole() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/assertions.md")).unwrap();
    for info in kleiber_core::assertion::registry() {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{}` |", info.name)));
        let row = row.unwrap_or_else(|| panic!("no row for {}", info.name));
        assert!(row.contains(info.about), "{row}\n{}", info.about);
        for key in (info.keys)() {
            assert!(row.contains(&format!("`{key}`")), "{}: no `{key}` in {row}", info.name);
        }
    }
}
