//! `kleiber sweep`.

use super::texts;
use kleiber_core::table::Table;

const GRID: &str = r#"
[set]
"data.source" = "texts"
"data.tokenizer" = "bytes"
"model.context" = 32
"model.layers" = 1
"train.tokens" = "10k"
"train.batch_tokens" = 256
"evaluate.tokens" = 1024
[grid]
"model.width" = [16, 32]
seed = [0, 1]
[[cells]]
"model.width" = 48
"#;

#[test]
fn every_cell_is_made_once_and_fitting_can_begin() {
    let folder = texts();
    folder.write("grid.toml", GRID.as_bytes());
    let plan = folder.json(&["sweep", "grid.toml", "--dry-run"]);
    assert_eq!((plan["cells"].as_array().unwrap().len(), plan["status"].as_str()), (5, Some("planned")));
    let done = folder.json(&["sweep", "grid.toml", "--parallel", "2"]);
    let cells = done["cells"].as_array().unwrap();
    assert!(cells.iter().all(|c| c["status"] == "finished" && c["loss"].as_f64().unwrap() < 6.0), "{done}");
    let table = Table::read(&folder.path("runs/runs.parquet")).unwrap();
    assert_eq!(table.rows(), 5);
    // Again: nothing is made, and a cell of another sweep is the same run.
    let again = folder.json(&["sweep", "grid.toml"]);
    assert!(again["cells"].as_array().unwrap().iter().all(|c| c["status"] == "finished before"), "{again}");
    folder.write("other.toml", GRID.replace("seed = [0, 1]", "seed = [1, 2]").as_bytes());
    let other = folder.json(&["sweep", "other.toml"]);
    let states: Vec<&str> = other["cells"].as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["finished before", "finished", "finished before", "finished", "finished before"]);
    // Beside each other or alone, a run has the same loss.
    let alone = folder.json(&["sweep", "grid.toml", "--runs", "alone", "--parallel", "1", "--cache", "runs/data"]);
    let losses = |d: &serde_json::Value| {
        d["cells"].as_array().unwrap().iter().map(|c| c["loss"].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(losses(&alone), losses(&done));
    folder.run(&["fit", "runs/runs.parquet", "--law", "power"]);
}

#[test]
fn a_cell_that_fails_stops_no_other() {
    let folder = texts();
    folder.write("grid.toml", GRID.replace("seed = [0, 1]", "\"train.lr\" = [1e30, 1e-3]").as_bytes());
    let outcome = folder.run(&["sweep", "grid.toml", "--json", "--set", "train.warmup=0"]);
    assert_eq!(outcome.code, Some(1), "{}", outcome.stderr);
    let document = outcome.document();
    let states: Vec<&str> =
        document["cells"].as_array().unwrap().iter().map(|c| c["status"].as_str().unwrap()).collect();
    assert_eq!(states, ["failed", "finished", "failed", "finished", "finished"]);
    assert!(document["cells"][0]["error"].as_str().unwrap().contains("step"), "{document}");
}

#[test]
fn cells_larger_than_the_memory_are_refused() {
    let folder = texts();
    folder.write("grid.toml", GRID.as_bytes());
    let outcome = folder.run(&["sweep", "grid.toml", "--memory", "10MiB"]);
    assert_eq!(outcome.code, Some(3));
    assert!(outcome.stderr.contains("more than the 10MiB allowed"), "{}", outcome.stderr);
    folder.write("twins.toml", GRID.replace("[0, 1]", "[1, 1]").as_bytes());
    let twins = folder.run(&["sweep", "twins.toml"]);
    assert!(twins.code == Some(2) && twins.stderr.contains("are the same run"), "{}", twins.stderr);
    let slip = folder.run(&["sweep", "texts/0.txt"]);
    assert_eq!(slip.code, Some(2), "{}", slip.stderr);
}
