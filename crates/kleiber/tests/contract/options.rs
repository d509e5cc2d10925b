//! What each option of fit does.

use crate::common::{Folder, codes, csv, edited, runs_csv, simulated};
use kleiber_laws::simulate::Design;
use serde_json::Value;

fn value(fit: &Value, name: &str) -> f64 {
    let group = if fit["coefficients"][name].is_null() { "derived" } else { "coefficients" };
    fit[group][name]["value"].as_f64().unwrap_or_else(|| panic!("{name}: {fit}"))
}

/// `fit FILE --bootstrap 0` and these options.
fn fit(folder: &Folder, file: &str, options: &[&str]) -> Value {
    folder.json(&[&["fit", file, "--bootstrap", "0"], options].concat())
}

#[test]
fn maps_take_spaces_and_expressions() {
    let folder = Folder::with_runs();
    folder.write(
        "odd.csv",
        runs_csv().replacen("params,tokens,flops,loss", "Model Size (M),T,Total FLOP,Final Loss", 1).as_bytes(),
    );
    let maps =
        ["--map", "params=Model Size (M)", "--map", "tokens={Total FLOP}/(6*params)", "--map", "loss=Final Loss"];
    let odd = fit(&folder, "odd.csv", &maps);
    let plain = fit(&folder, "runs.csv", &[]);
    assert!((value(&odd, "alpha") / value(&plain, "alpha") - 1.0).abs() < 1e-6);
    assert_eq!(odd["rows"], 30);
}

#[test]
fn tables_come_through_stdin() {
    let folder = Folder::with_runs();
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_kleiber"));
    let output = command.args(["fit", "-", "--bootstrap", "0", "--json"]).write_stdin(runs_csv()).output().unwrap();
    let piped: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value(&piped, "alpha"), value(&fit(&folder, "runs.csv", &[]), "alpha"));
}

#[test]
fn conditions_come_before_validation() {
    let folder = Folder::new();
    let dirty = edited(|row, name, cell| match (row, name) {
        (3, "loss") => "diverged".into(),
        (7, "params") => "-1".into(),
        (9, "tokens") => String::new(),
        _ => cell.into(),
    });
    folder.write("t.csv", dirty.as_bytes());
    let clean = fit(&folder, "t.csv", &["--where", "loss < 9", "--where", "params > 0 && tokens > 0"]);
    assert_eq!(clean["rows"], 27);
}

#[test]
fn groups_are_fitted_by_themselves() {
    let folder = Folder::new();
    let text: String = ["corpus,params,tokens,loss\n".to_string()]
        .into_iter()
        .chain(runs_csv().lines().skip(1).flat_map(|l| {
            let cells: Vec<&str> = l.split(',').collect();
            let loss: f64 = cells[3].parse().unwrap();
            [("c4", loss), ("pile", loss * 1.1)].map(|(c, l)| format!("{c},{},{},{l}\n", cells[0], cells[1]))
        }))
        .collect();
    folder.write("t.csv", (text + "few,1e9,1e10,3.0\n").as_bytes());
    let outcome = folder.run(&["fit", "t.csv", "--by", "corpus", "--bootstrap", "0", "--json"]).ok();
    let document = outcome.document();
    assert_eq!((document["schema"].as_str(), document["by"].as_str()), (Some("kleiber.fit-by/1"), Some("corpus")));
    let fits = &document["fits"];
    assert!((value(&fits["pile"], "E") / value(&fits["c4"], "E") - 1.1).abs() < 1e-3);
    assert_eq!(fits["few"]["status"], "refused");
    assert!(outcome.stderr.contains("few: 1 row"), "{}", outcome.stderr);
}

#[test]
fn coefficients_are_held_and_tied() {
    let folder = Folder::with_runs();
    assert_eq!(value(&fit(&folder, "runs.csv", &["--fix", "alpha=0.34"]), "alpha"), 0.34);
    let tied = fit(&folder, "runs.csv", &["--tie", "alpha=beta"]);
    assert_eq!(value(&tied, "alpha"), value(&tied, "beta"));
    let all = ["--fix", "E=1.8", "--fix", "A=480", "--fix", "B=2000", "--fix", "alpha=0.35", "--fix", "beta=0.37"];
    let outcome = folder.run(&[&["fit", "runs.csv", "--bootstrap", "0", "--json"], &all[..]].concat());
    assert!(outcome.code == Some(0) || outcome.code == Some(2), "{:?} {}", outcome.code, outcome.stderr);
    outcome.document();
}

#[test]
fn noise_and_clusters_change_weights_and_intervals() {
    let folder = Folder::with_runs();
    let plain = fit(&folder, "runs.csv", &["--objective", "log-mse"]);
    let weighted =
        fit(&folder, "runs.csv", &["--objective", "log-mse", "--map", "sd=loss*0.005*flops^0.1", "--sigma", "sd"]);
    assert_ne!(value(&plain, "alpha"), value(&weighted, "alpha"));
    let even = fit(&folder, "runs.csv", &["--objective", "log-mse", "--map", "sd=loss*0.005", "--sigma", "sd"]);
    assert!((value(&plain, "alpha") / value(&even, "alpha") - 1.0).abs() < 1e-6);
    let clustered = folder.json(&["fit", "runs.csv", "--bootstrap", "100", "--cluster", "params"]);
    let free = folder.json(&["fit", "runs.csv", "--bootstrap", "100"]);
    assert_eq!(value(&clustered, "E"), value(&free, "E"));
    assert_ne!(clustered["coefficients"]["E"]["low"], free["coefficients"]["E"]["low"]);
}

#[test]
fn formulas_take_bounds() {
    let folder = Folder::with_runs();
    let law = "E + A*params^-alpha + B*tokens^-beta";
    let same = fit(&folder, "runs.csv", &["--law", law, "--bounds", "alpha=0..1", "--bounds", "beta=0..1"]);
    let named = fit(&folder, "runs.csv", &[]);
    for name in ["E", "alpha", "beta"] {
        assert!((value(&same, name) / value(&named, name) - 1.0).abs() < 1e-4, "{name}");
    }
    let bounded = fit(&folder, "runs.csv", &["--law", law, "--bounds", "alpha=0.01..0.2"]);
    assert!(codes(&bounded["warnings"]).contains(&"bound-hit") && value(&bounded, "alpha") <= 0.2 + 1e-9, "{bounded}");
}

#[test]
fn every_method_and_objective_runs() {
    let folder = Folder::with_runs();
    let slices = Design::isoflop(&[1e18, 1e19, 1e20, 1e21], |c| 0.3 * (c / 6.0).sqrt(), 6.0, 7);
    folder.write("slices.csv", csv(&simulated(&slices)).as_bytes());
    for objective in ["log-huber", "log-huber:0.01", "log-mse", "mse", "mae", "asym:3"] {
        let fit = fit(&folder, "runs.csv", &["--objective", objective]);
        assert!((value(&fit, "alpha") - 0.35).abs() < 0.1, "{objective}: {}", fit["coefficients"]);
    }
    for method in ["varpro", "grid"] {
        let fit = fit(&folder, "runs.csv", &["--method", method]);
        assert!(
            fit["method"] == method && (value(&fit, "alpha") - 0.35).abs() < 0.1,
            "{method}: {}",
            fit["coefficients"]
        );
    }
    for (method, file) in
        [("isoflop:parabola", "slices.csv"), ("isoflop:akima", "slices.csv"), ("envelope", "runs.csv")]
    {
        let fit = fit(&folder, file, &["--method", method]);
        assert!(fit["method"] == method && (0.2..0.8).contains(&value(&fit, "a")), "{method}: {fit}");
    }
    for interval in ["percentile", "bca", "profile"] {
        let fit = folder.json(&["fit", "runs.csv", "--bootstrap", "60", "--interval", interval, "--level", "0.8"]);
        let alpha = &fit["coefficients"]["alpha"];
        assert!(alpha["low"].as_f64() < alpha["high"].as_f64() && alpha["level"] == 0.8, "{interval}: {alpha}");
    }
}

#[test]
fn threads_do_not_change_a_byte() {
    let folder = Folder::with_runs();
    for args in [
        &["fit", "runs.csv", "--bootstrap", "150"][..],
        &["fit", "runs.csv", "--bootstrap", "150", "--json"],
        &["compare", "runs.csv", "--json"],
    ] {
        let with = |threads: &str| folder.run(&[args, &["--threads", threads]].concat()).ok().stdout;
        assert_eq!(with("1"), with("2"), "{args:?}");
    }
}
