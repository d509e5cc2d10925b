//! Saved laws that are damaged or edited by hand, and requests that a law cannot answer.

use crate::case::{Case, case};
use crate::common::{Folder, runs};
use kleiber_core::table::Column;
use kleiber_laws::{Law, Options};
use serde_json::{Value, json};

const PREDICT: [&str; 4] = ["predict", "law.json", "--at", "params=7e9,tokens=1.4e11"];
const PLAN: [&str; 5] = ["plan", "compute", "law.json", "--flops", "1e22"];
const DESIGN: [&str; 7] = ["plan", "design", "law.json", "--target", "params=7e9,tokens=1.4e11", "--budget", "1e21"];

/// A saved law.
fn saved(options: &[&str]) -> Value {
    let folder = Folder::with_runs();
    folder.run(&[&["fit", "runs.csv", "--bootstrap", "60", "-o", "law.json"], options].concat()).ok();
    serde_json::from_str(&folder.read("law.json")).unwrap()
}

/// More sizes than any named law has.
const WIDE: &str = "E + A*params^-a*params_total^-b*params_matmul^-c + B*tokens^-d*flops^-f";

/// A saved law of five sizes, made without the binary.
fn wide() -> Value {
    let mut table = runs();
    for name in ["params_total", "params_matmul"] {
        table = table.with_column(Column { name: name.into(), ..table.column("params").unwrap().clone() }).unwrap();
    }
    let fixed = ["b", "c", "f"].map(|n| (n.to_string(), 0.1)).to_vec();
    let options = Options { fixed, bootstrap: 60, ..Options::default() };
    let fit = Law::formula(WIDE, &[], &[]).unwrap().fit(&table, &options).unwrap();
    serde_json::to_value(fit).unwrap()
}

/// Each way to use a saved law, on this file.
fn every_use(name: &str, law: impl Into<Vec<u8>>, cause: &'static str, cure: &'static str) -> Vec<Case> {
    let bytes: Vec<u8> = law.into();
    let one = |args: &[&str]| {
        case(format!("{name}: {}", args[..2].join(" ")), args).file("law.json", bytes.clone()).fails(cause, cure)
    };
    vec![one(&PREDICT), one(&PLAN), one(&DESIGN)]
}

/// The saved law with one edit.
fn changed(law: &Value, pointer: &str, value: Value) -> Vec<u8> {
    let mut law = law.clone();
    *law.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    law.to_string().into_bytes()
}

fn without(law: &Value, key: &str) -> Vec<u8> {
    let mut law = law.clone();
    law.as_object_mut().unwrap().remove(key);
    law.to_string().into_bytes()
}

fn damaged(law: &Value) -> Vec<Case> {
    let text = law.to_string();
    let mut refused = law.clone();
    (refused["status"], refused["coefficients"], refused["reasons"]) =
        (json!("refused"), json!({}), json!([{"code": "single-size", "message": "m"}]));
    let mut printed = law.clone();
    printed.as_object_mut().unwrap().remove("model");
    let mut chained = law.clone();
    chained["model"]["chained"] = law.clone();
    chained["model"]["chained"]["model"]["draws"] = json!(vec![vec![1.0]; 60]);
    let write = "write one with `kleiber fit";
    [
        every_use("not JSON", "hello", "not a fitted law", write),
        every_use("an empty file", "", "not a fitted law", write),
        every_use("a JSON array", "[]", "not a fitted law", write),
        every_use("another JSON object", "{}", "not a fitted law", write),
        every_use("cut off", &text[..text.len() / 2], "not a fitted law", write),
        every_use("binary", [0u8, 159, 146, 150], "not a fitted law", write),
        every_use("nested 100k deep", "[".repeat(100_000), "not a fitted law", write),
        every_use("a refused fit", refused.to_string(), "the fit was refused (single-size)", write),
        every_use("printed with --json", printed.to_string(), "no model part", "-o"),
        every_use(
            "another schema",
            changed(law, "/schema", json!("kleiber.fit/9")),
            "its schema is `kleiber.fit/9`",
            write,
        ),
        every_use("an unknown law", changed(law, "/law", json!("zebra")), "no law `zebra`", "help:"),
        every_use("another law's name", changed(law, "/law", json!("kaplan")), "not those of kaplan", write),
        every_use("the allocation's name", changed(law, "/law", json!("allocation")), "not a fitted law", write),
        every_use("no coefficients", changed(law, "/coefficients", json!({})), "its coefficients are not those", write),
        every_use("coefficients missing", without(law, "coefficients"), "missing field `coefficients`", write),
        every_use(
            "a null coefficient",
            changed(law, "/coefficients/alpha/value", Value::Null),
            "not a fitted law",
            write,
        ),
        every_use(
            "a draw too short",
            changed(law, "/model/draws/7", json!([1.0])),
            "a draw has the wrong number",
            write,
        ),
        every_use(
            "a draw too long",
            changed(law, "/model/draws/7", json!([1.0, 1.0, 1.0, 1.0, 1.0, 1.0])),
            "a draw has the wrong number",
            write,
        ),
        every_use("a chained law with short draws", chained.to_string(), "a draw has the wrong number", write),
        every_use(
            "1e400",
            text.replacen("\"seed\":0", "\"residual_sd\":1e400,\"seed\":0", 1),
            "not a fitted law",
            write,
        ),
        every_use("a formula without end", changed(law, "/law", json!("(".repeat(5000))), "5000 bytes", "help:"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let law = saved(&[]);
    let with_law = |args: &[&str]| case(args.join(" "), args).file("law.json", law.to_string());
    let plain = |args: &[&str]| {
        case(args.join(" "), args).file("law.json", saved(&["--law", "m2", "--map", "x=flops"]).to_string())
    };
    let wide = wide();
    let mut cases = damaged(&law);
    cases.extend([
        case("a folder as a law", &["predict", ".", "--at", "params=1e9"]).fails("cannot read", "help:"),
        case("a missing law", &["predict", "law.json", "--at", "params=1e9"]).fails("cannot read", "kleiber fit"),
        case("a table as a law", &["plan", "compute", "runs.csv", "--flops", "1e21"])
            .fails("not a fitted law", "kleiber fit"),
        with_law(&["predict", "law.json", "--at", "params=7e9"])
            .fails("`tokens` is missing", "--at params=1e9,tokens=1e9"),
        with_law(&["predict", "law.json", "--at", "params=-7e9,tokens=1e9"]).fails("-7e9", "positive"),
        with_law(&["predict", "law.json", "--at", "params=0,tokens=1e9"]).fails("`0`", "positive"),
        with_law(&["predict", "law.json", "--at", "params=nan,tokens=1e9"]).fails("`nan`", "positive"),
        with_law(&["predict", "law.json", "--at", "params=7e9,words=1e9"]).fails("words", "help:"),
        with_law(&["predict", "law.json", "--at", "params=7e9,tokens=1e9,wrods=3"]).fails("wrods", "help:"),
        with_law(&["predict", "law.json", "--at", "params=7e9,params=8e9,tokens=1e9"]).fails("params", "twice"),
        with_law(&["predict", "law.json", "--at", "params=7e9,tokens=1e9,flops=1e30"]).fails("flops", "help:"),
        with_law(&["predict", "law.json", "--at", "params"]).fails("`params` is not NAME=VALUE", "--help"),
        with_law(&["predict", "law.json", "--at", ""]).fails("NAME=VALUE", "--help"),
        with_law(&["predict", "law.json"]).fails("--at", "--help"),
        with_law(&["predict", "law.json", "--at", "params=7e9,tokens=1e9", "--level", "2"])
            .fails("between 0.5 and 0.999", "--help"),
        with_law(&["predict", "law.json", "--at", "params=4e7,tokens=1.6e8"]).refuses(
            "target-in-fit",
            "was used in the fit",
            "--holdout",
        ),
        with_law(&["predict", "law.json", "--at", "params=1e300,tokens=1e300"]).works(),
        with_law(&["plan", "compute", "law.json"]).fails("--flops", "--help"),
        with_law(&["plan", "compute", "law.json", "--flops", "1e21", "--loss", "2"])
            .fails("cannot be used with", "--help"),
        with_law(&["plan", "compute", "law.json", "--flops", "-1"]).fails("-1", "--help"),
        with_law(&["plan", "compute", "law.json", "--flops", "0"]).fails("`0`", "1e21FLOP"),
        with_law(&["plan", "compute", "law.json", "--flops", "1"]).refuses(
            "no-interior-optimum",
            "no interior optimum",
            "budget",
        ),
        with_law(&["plan", "compute", "law.json", "--loss", "0.5"]).refuses(
            "outside-range",
            "the loss to reach must lie between",
            "and",
        ),
        with_law(&["plan", "compute", "law.json", "--flops", "1e21", "--gpu", "abacus"])
            .fails("found `abacus`", "one of v100"),
        with_law(&["plan", "compute", "law.json", "--flops", "1e21", "--gpu", "h100", "--mfu", "2"])
            .fails("`2` is not a share", "--help"),
        with_law(&["plan", "compute", "law.json", "--flops", "1e21", "--price", "-2"]).fails("-2", "--help"),
        with_law(&["plan", "design", "law.json", "--target", "params=7e9", "--budget", "1e21"])
            .fails("`tokens` is missing", "--help"),
        with_law(&["plan", "design", "law.json", "--target", "params=7e9,tokens=1e11", "--budget", "1"])
            .fails("the budget buys no run", "at least"),
        with_law(&[
            "plan",
            "design",
            "law.json",
            "--target",
            "params=7e9,tokens=1e11",
            "--budget",
            "1e21",
            "--runs",
            "0",
        ])
        .fails("between 1 and 100", "help:"),
        with_law(&["plan", "nonsense", "law.json"]).fails("nonsense", "--help"),
        plain(&["plan", "compute", "law.json", "--flops", "1e21"]).fails("not a law of params and tokens", "help:"),
        plain(&["predict", "law.json", "--at", "y=3,z=4"]).fails("`y`", "`x`"),
        case(
            "a fit of five sizes",
            &[
                "fit",
                "runs.csv",
                "--bootstrap",
                "0",
                "--law",
                WIDE,
                "--map",
                "params_total=params",
                "--map",
                "params_matmul=params",
                "--fix",
                "b=0.1",
                "--fix",
                "c=0.1",
                "--fix",
                "f=0.1",
            ],
        )
        .works(),
        case("a law of five sizes", &PREDICT).file("law.json", wide.to_string()).works(),
        case("a plan by a law of five sizes", &PLAN).file("law.json", wide.to_string()).works(),
    ]);
    cases
}
