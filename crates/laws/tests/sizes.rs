//! Published sizes: estimators of memory, counts of convolutional networks and what tells their time, small encoders.
#![allow(missing_docs)]

mod common;

use common::data;
use indexmap::IndexMap;
use kleiber_core::stats::{line, mean};
use kleiber_laws::cnn::{Rule, named, names, scaled};
use kleiber_laws::memory::estimators::{Cluster, Offload, deepspeed_stage2, deepspeed_stage3};
use kleiber_laws::student::{Counting, Limit, Student, Target, exhaustive};
use serde_json::Value;
use std::path::Path;

#[test]
fn deepspeeds_documented_examples() {
    let Some(table) = data("zero/deepspeed_estimator_examples.csv") else { return };
    let number = |name: &str| table.numbers(name).unwrap();
    let word = |name: &str| table.labels(name).unwrap();
    let (params, layer) = (number("params"), number("largest_layer_params"));
    let (per_node, nodes) = (number("gpus_per_node"), number("nodes"));
    let (stage, init, host, device) = (number("stage"), number("zero_init"), number("cpu_gib"), number("gpu_gib"));
    let (params_at, optimizer_at, version) =
        (word("offload_param"), word("offload_optimizer"), word("formula_version"));
    let mut stale = 0;
    for i in 0..table.rows() {
        let on = Cluster { per_node: per_node[i] as u64, nodes: nodes[i] as u64 };
        let old = version[i].starts_with("before");
        let offload = match (params_at[i].as_ref(), optimizer_at[i].as_ref()) {
            ("cpu", _) => Offload::Everything,
            (_, "cpu") => Offload::Optimizer,
            _ => Offload::None,
        };
        let got = |old| match stage[i] {
            2.0 => deepspeed_stage2(params[i], on, offload == Offload::Optimizer, old),
            _ => deepspeed_stage3(params[i], layer[i], on, offload, init[i] == 1.0),
        };
        let gib = |bytes: f64| bytes / f64::powi(2.0, 30);
        let (found, now) = (got(old), got(false));
        assert!((gib(found.device) - device[i]).abs() < 0.0051, "row {i}: {} for {}", gib(found.device), device[i]);
        assert!((gib(found.host) - host[i]).abs() < 0.0051, "row {i}: {} for {}", gib(found.host), host[i]);
        // The documentation's row without offload is not what the code gives today.
        if (gib(now.device) - device[i]).abs() > 0.01 {
            assert!(old, "row {i}");
            stale += 1;
        }
    }
    assert_eq!((table.rows(), stale), (8, 1));
}

fn json(path: &str) -> Option<IndexMap<String, Value>> {
    let file = std::env::var_os("KLEIBER_DATA").map(|folder| Path::new(&folder).join(path))?;
    let text = std::fs::read_to_string(file).ok()?;
    let all: IndexMap<String, Value> = serde_json::from_str(&text).unwrap();
    Some(all)
}

/// Our name of a recorded configuration.
fn our_name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap().to_lowercase();
    let stem = file.split('_').next().unwrap();
    let depth = stem.split('-').nth(1).unwrap_or("");
    match stem.split('-').next().unwrap() {
        "r" if path.contains("cifar") => format!("resnet-{depth}-cifar"),
        "v" => format!("vanilla-{depth}-cifar"),
        "r" => format!("resnet-{depth}"),
        "x" => format!("resnext-{depth}"),
        "en" => format!("efficientnet-{depth}"),
        _ => stem.to_string(),
    }
}

#[test]
fn counts_equal_every_recorded_configuration() {
    let Some(recorded) = json("cnn-scaling/model_complexity.json") else {
        eprintln!("skipped: KLEIBER_DATA/cnn-scaling/model_complexity.json is absent");
        return;
    };
    let recorded: Vec<_> = recorded.into_iter().filter(|(path, _)| path.ends_with(".yaml")).collect();
    for (path, want) in &recorded {
        let got = named(&our_name(path)).unwrap().complexity().unwrap();
        assert_eq!(serde_json::to_value(got).unwrap(), *want, "{path}");
    }
    assert!(recorded.len() >= 65, "{}", recorded.len());
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let products =
        |a: &[f64], ma: f64, b: &[f64], mb: f64| a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>();
    products(x, mx, y, my) / (products(x, mx, x, mx) * products(y, my, y, my)).sqrt()
}

fn logs(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.ln()).collect()
}

/// Activations tell the time across families better than operations and parameters do; within one family all three do.
#[test]
fn activations_tell_the_time_across_families() {
    let Some(table) = data("cnn-scaling/model_zoo.csv") else { return };
    let of = |name: &str| table.numbers(name).unwrap();
    let (flops, params, acts, time) = (of("flops_B"), of("params_M"), of("acts_M"), of("infer_ms_64img_V100"));
    let log = |x: &[f64]| (correlation(&logs(x), &logs(&time)), line(&logs(x), &logs(&time)).0);
    let plain = |x: &[f64]| correlation(x, &time);
    for (name, got, want) in [
        ("acts", log(&acts), (0.974, 1.12)),
        ("flops", log(&flops), (0.937, 0.65)),
        ("params", log(&params), (0.918, 0.87)),
    ] {
        assert!((got.0 - want.0).abs() < 5.1e-4 && (got.1 - want.1).abs() < 5.1e-3, "{name}: {got:?}");
    }
    assert!((plain(&acts) - 0.891).abs() < 5.1e-4 && (plain(&flops) - 0.808).abs() < 5.1e-4);
    assert!(log(&acts).0 > log(&flops).0 && log(&acts).0 > log(&params).0);
    let models = table.labels("model").unwrap();
    let within = |prefixes: &[&str], x: &[f64]| {
        let rows: Vec<usize> =
            (0..table.rows()).filter(|&i| prefixes.iter().any(|p| models[i].starts_with(p))).collect();
        let take = |v: &[f64]| rows.iter().map(|&i| v[i]).collect::<Vec<f64>>();
        correlation(&take(x), &take(&time))
    };
    // The claim fails inside one family: there operations do as well.
    for family in ["RegNetX", "RegNetY", "EfficientNet"] {
        assert!(within(&[family], &flops) > 0.96 && within(&[family], &acts) > 0.96, "{family}");
    }
    let residual = ["ResNet", "ResNeXt"];
    let (a, f) = (within(&residual, &acts), within(&residual, &flops));
    assert!((a - 0.988).abs() < 5.1e-4 && (f - 0.843).abs() < 5.1e-4, "{a} {f}");
}

/// EfficientNets were scaled by all three axes, and their activations grew as that rule says, not as the fast one would.
#[test]
fn the_exponent_of_published_activations() {
    let Some(table) = data("cnn-scaling/model_zoo.csv") else { return };
    let models = table.labels("model").unwrap();
    let (flops, acts) = (table.numbers("flops_B").unwrap(), table.numbers("acts_M").unwrap());
    let exponent = |family: &str| {
        let rows = (0..table.rows()).filter(|&i| models[i].starts_with(family));
        let (x, y): (Vec<f64>, Vec<f64>) = rows.map(|i| (flops[i].ln(), acts[i].ln())).unzip();
        line(&x, &y).0
    };
    let (compound, uniform, fast) = (
        Rule::named("efficientnet").unwrap().acts_exponent(),
        Rule::named("uniform").unwrap().acts_exponent(),
        Rule::named("fast").unwrap().acts_exponent(),
    );
    let efficient = exponent("EfficientNet");
    eprintln!(
        "EfficientNet {efficient:.3} for {compound:.3}, RegNetX {:.3}, RegNetY {:.3}",
        exponent("RegNetX"),
        exponent("RegNetY")
    );
    assert!((efficient - compound).abs() < 0.08 && (efficient - uniform).abs() < 0.08, "{efficient}");
    assert!((efficient - fast).abs() > 0.15, "{efficient}");
    // RegNets, found by searching designs, grow mostly in width: at or below the fast rule.
    for family in ["RegNetX", "RegNetY"] {
        assert!((0.5..0.62).contains(&exponent(family)), "{family} {}", exponent(family));
    }
}

/// Every published network can be scaled by every rule; a factor of 4 is met within a quarter.
#[test]
fn every_network_scales() {
    for name in names() {
        let base = named(name).unwrap();
        for rule in Rule::NAMED {
            let got = scaled(&base, Rule::named(rule).unwrap(), 4.0);
            let got = got.unwrap_or_else(|e| panic!("{name} {rule}: {e}"));
            assert!((got.times / 4.0 - 1.0).abs() < 0.25 || name.contains("cifar"), "{name} {rule}: {}", got.times);
        }
    }
}

#[test]
fn released_encoders() {
    let Some(table) = data("compressor/released_configs.csv") else { return };
    let of = |name: &str| table.numbers(name).unwrap();
    let columns = ["attention_heads", "hidden_dim", "intermediate_size", "n_layers", "vocab_size"].map(of);
    let (params, flops, size) = (of("params_by_repo_formula"), of("gflops_by_repo_formula"), of("size_mb"));
    let target = |mb: f64| Target { bytes: mb * 1e6, bits: 32.0, limit: Limit::Soft, counting: Counting::Published };
    for i in 0..table.rows() {
        let [heads, width, hidden, layers, vocab] = [0, 1, 2, 3, 4].map(|c: usize| columns[c][i] as u64);
        let student = Student { heads, width, hidden, layers, vocab };
        let counted = student.params().unwrap();
        assert_eq!(counted as f64, params[i], "{student:?}");
        assert!((student.flops(Counting::Published) / 1e9 - flops[i]).abs() < 5.1e-4, "{student:?}");
        assert!((target(1.0).size(counted) / 1e6 - size[i]).abs() < 6e-4, "{student:?}");
        // Halving the width is another size by far: the formula tells shapes apart.
        assert!(Student { heads: 1, width: width / 2, ..student }.params().unwrap() as f64 <= 0.55 * params[i]);
    }
    // Of the released shapes only that of 3 MB is the best of its size; those of 25 and 50 MB are far from it.
    for (row, mb, released, best) in [(2, 25.0, 8.97, 10.43), (3, 50.0, 15.77, 18.53)] {
        let [heads, width, hidden, layers, vocab] = [0, 1, 2, 3, 4].map(|c: usize| columns[c][row] as u64);
        let fitness = target(mb).fitness(&Student { heads, width, hidden, layers, vocab }).unwrap();
        let found = exhaustive(&target(mb), 1).unwrap();
        eprintln!("{mb} MB: {fitness:.3} released, {:.3} by {:?}", found.fitness, found.student);
        assert!((fitness - released).abs() < 0.0051 && (found.fitness - best).abs() < 0.0051, "{fitness} {found:?}");
    }
}
