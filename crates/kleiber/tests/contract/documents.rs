//! The JSON documents of fit, compare, predict and plan.

use crate::common::{Folder, codes};
use serde_json::{Value, json};

/// A value with an interval around it.
#[track_caller]
fn estimate(e: &Value) {
    let part = |name: &str| e[name].as_f64().unwrap_or_else(|| panic!("{name} of {e}"));
    assert!(part("low") < part("value") && part("value") < part("high") && part("level") == 0.95, "{e}");
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap_or_else(|| panic!("no object: {value}")).keys().map(String::as_str).collect()
}

#[test]
fn a_fit_has_every_field() {
    let folder = Folder::with_runs();
    let fit = folder.json(&["fit", "runs.csv", "--bootstrap", "200", "--holdout", "flops > 1e21", "-o", "law.json"]);
    assert_eq!(
        (&fit["schema"], &fit["law"], &fit["status"]),
        (&json!("kleiber.fit/1"), &json!("chinchilla"), &json!("ok"))
    );
    assert_eq!((&fit["method"], &fit["reasons"]), (&json!("varpro"), &json!([])));
    let held = fit["holdout"]["rows"].as_u64().unwrap();
    assert_eq!(fit["rows"].as_u64().unwrap() + held, 30);
    assert!(held > 3);
    for name in ["mean_abs_rel_error", "max_abs_rel_error"] {
        assert!((1e-5..0.2).contains(&fit["holdout"][name].as_f64().unwrap()), "{}", fit["holdout"]);
    }
    assert_eq!(fit["objective"]["name"], "log-huber:0.001");
    assert!(fit["objective"]["value"].as_f64().unwrap() > 0.0);
    assert_eq!(keys(&fit["coefficients"]), ["E", "A", "B", "alpha", "beta"]);
    fit["coefficients"].as_object().unwrap().values().for_each(estimate);
    ["a", "b"].iter().for_each(|n| estimate(&fit["derived"][n]));
    let starts = |name: &str| fit["starts"][name].as_u64().unwrap();
    assert!(
        starts("tried") >= starts("converged") && starts("converged") >= starts("at_best") && starts("at_best") >= 1
    );
    for finding in fit["warnings"].as_array().unwrap() {
        assert_eq!(keys(finding), ["code", "message"]);
    }
    assert!(fit.get("model").is_none(), "the printed fit holds the model");
    let saved: Value = serde_json::from_str(&folder.read("law.json")).unwrap();
    assert_eq!(saved["coefficients"], fit["coefficients"]);
    assert!(folder.json(&["fit", "runs.csv", "--bootstrap", "0"])["holdout"].is_null());
}

#[test]
fn without_bootstrap_intervals_are_null() {
    let fit = Folder::with_runs().json(&["fit", "runs.csv", "--bootstrap", "0"]);
    for e in fit["coefficients"].as_object().unwrap().values().chain([&fit["derived"]["a"]]) {
        assert!(e["value"].is_f64() && e["low"].is_null() && e["high"].is_null() && e["level"] == 0.95, "{e}");
    }
}

#[test]
fn a_refusal_has_no_numbers_and_force_keeps_its_reason() {
    let folder = Folder::with_runs();
    let args = ["fit", "runs.csv", "--bootstrap", "0", "--where", "params < 4.1e7", "-o", "law.json", "--json"];
    let refused = folder.run(&args);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    let document = refused.document();
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.fit/1"), &json!("refused")));
    assert_eq!((&document["coefficients"], &document["derived"]), (&json!({}), &json!({})));
    assert!(codes(&document["reasons"]).contains(&"too-few-rows"));
    assert!(!folder.path("law.json").exists(), "a refusal was saved");
    let six = ["fit", "runs.csv", "--bootstrap", "0", "--map", "loss=loss*20", "--json"];
    assert_eq!(codes(&folder.run(&six).document()["reasons"]), ["loss-domain"]);
    let forced = folder.run(&[&six[..], &["--force"]].concat()).ok().document();
    assert_eq!((&forced["status"], &forced["reasons"]), (&json!("ok"), &json!([])));
    assert!(codes(&forced["warnings"]).contains(&"loss-domain"));
    assert!(forced["coefficients"]["E"]["value"].is_f64());
}

#[test]
fn a_prediction_has_every_field() {
    let folder = Folder::with_runs();
    folder.json(&["fit", "runs.csv", "--bootstrap", "200", "-o", "law.json"]);
    let at = [
        "predict",
        "law.json",
        "--at",
        "params=7B,tokens=140B",
        "--at",
        "params=7B,multiplier=20",
        "--at",
        "flops=5.88e21,params=7e9",
    ];
    let document = folder.json(&at);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.predict/1"), &json!("ok")));
    assert_eq!((&document["reasons"], document["warnings"].is_array()), (&json!([]), true));
    let predictions = document["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 3);
    for p in predictions {
        estimate(p);
        assert_eq!(p["value"], predictions[0]["value"], "three ways to name one point");
        assert!(p["at"]["params"] == 7e9 && p["extrapolation"].as_f64().unwrap() >= 1.0, "{p}");
    }
    let far = folder.json(&["predict", "law.json", "--at", "params=1e13,tokens=1e15"]);
    assert_eq!(codes(&far["warnings"]), ["extrapolation"]);
    assert!(far["predictions"][0]["extrapolation"].as_f64().unwrap() > 1e3);
    let fitted = ["predict", "law.json", "--at", "params=4e7,tokens=1.6e8", "--json"];
    let refused = folder.run(&fitted);
    assert_eq!((refused.code, codes(&refused.document()["reasons"])), (Some(2), vec!["target-in-fit"]));
    assert!(refused.document()["predictions"][0]["value"].is_null());
    let forced = folder.run(&[&fitted[..], &["--force"]].concat()).ok().document();
    assert!(codes(&forced["warnings"]).contains(&"target-in-fit") && forced["predictions"][0]["value"].is_f64());
}

#[test]
fn a_plan_has_every_field() {
    let folder = Folder::with_runs();
    folder.json(&["fit", "runs.csv", "--bootstrap", "200", "-o", "law.json"]);
    let plan = folder
        .json(&["plan", "compute", "law.json", "--flops", "1e22", "--gpu", "h100", "--mfu", "0.5", "--price", "2"]);
    assert_eq!((&plan["schema"], &plan["status"]), (&json!("kleiber.plan/1"), &json!("ok")));
    ["params", "tokens", "loss"].iter().for_each(|n| estimate(&plan[n]));
    let value = |name: &str| plan[name]["value"].as_f64().unwrap();
    assert!((6.0 * value("params") * value("tokens") / 1e22 - 1.0).abs() < 1e-9);
    assert!((plan["cost"]["gpu_hours"].as_f64().unwrap() * 989.4e12 * 0.5 * 3600.0 / 1e22 - 1.0).abs() < 1e-9);
    let loss = format!("{}", value("loss"));
    let back = folder.json(&["plan", "compute", "law.json", "--loss", &loss]);
    assert!((back["flops"]["value"].as_f64().unwrap() / 1e22 - 1.0).abs() < 1e-3, "{}", back["flops"]);
    let limited = folder.json(&["plan", "compute", "law.json", "--flops", "1e22", "--tokens-max", "20B"]);
    assert!(limited["epochs"].as_f64().unwrap() > 1.0 && !limited["assumptions"].as_array().unwrap().is_empty());
    let served = folder.json(&["plan", "compute", "law.json", "--flops", "1e22", "--serve-tokens", "1e12"]);
    assert!(served["params"]["value"].as_f64().unwrap() < value("params"));
    let design = folder.json(&[
        "plan",
        "design",
        "law.json",
        "--target",
        "params=70B,tokens=1.4T",
        "--budget",
        "1e21",
        "--runs",
        "3",
    ]);
    assert_eq!((&design["schema"], design["runs"].as_array().unwrap().len()), (&json!("kleiber.plan/1"), 3));
}

#[test]
fn a_comparison_ranks_the_best_first() {
    let document = Folder::with_runs().json(&[
        "compare",
        "runs.csv",
        "--law",
        "m2",
        "--law",
        "chinchilla",
        "--law",
        "data-constrained",
        "--map",
        "x=flops",
    ]);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.compare/1"), &json!("ok")));
    let laws = document["laws"].as_array().unwrap();
    let names: Vec<&str> = laws.iter().map(|l| l["law"].as_str().unwrap()).collect();
    assert_eq!((names[0], names.len(), &laws[2]["status"]), ("chinchilla", 3, &json!("refused")), "{names:?}");
    let error = |i: usize| laws[i]["holdout_mean_abs_rel_error"].as_f64().unwrap();
    assert!(error(0) < error(1) && laws[0]["aicc"].as_f64().unwrap() < laws[1]["aicc"].as_f64().unwrap());
    assert!(laws[2]["holdout_mean_abs_rel_error"].is_null() && !codes(&laws[2]["reasons"]).is_empty());
}

#[test]
fn the_sample_ladder_can_be_fitted_and_its_report_is_there() {
    let folder = Folder::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/../../samples/ladder");
    let rungs = "params < 600000";
    let table = format!("{sample}/runs.parquet");
    let fit = folder.json(&["fit", &table, "--law", "kaplan", "--where", rungs, "--bootstrap", "50"]);
    assert_eq!((&fit["status"], &fit["rows"]), (&json!("ok"), &json!(11)), "{fit}");
    for file in ["report.md", "report-ladder.svg", "report-trajectory.svg"] {
        assert!(std::path::Path::new(sample).join(file).is_file(), "{file}");
    }
}
