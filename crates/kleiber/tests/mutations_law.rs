//! Ten thousand seeded mutations of saved laws: reading them, predicting and planning answers or fails with an
//! error. Nothing panics, and nothing takes long.
#![allow(missing_docs)]

mod common;

use common::{runs, simulated};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::plan::{ComputeRequest, DesignRequest, plan_compute, plan_design};
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, Law, Method, Options};
use serde_json::{Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

const MUTATIONS: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(250);

fn saved(law: &str, table: &Table, method: Option<Method>) -> Value {
    let options = Options { bootstrap: 52, method, influence: false, ..Options::default() };
    let fit = Law::parse(law, &[], &[]).unwrap().fit(table, &options).unwrap();
    assert!(fit.is_ok(), "{law}: {:?}", fit.reasons);
    let mut fit = serde_json::to_value(fit).unwrap();
    // Few rows and residuals, so that a mutation hits the rest as often.
    fit["model"]["rows"].as_array_mut().unwrap().truncate(3);
    fit["model"]["residuals"].as_array_mut().unwrap().truncate(5);
    fit
}

fn seeds() -> Vec<Value> {
    let runs = runs();
    let slices = Design::isoflop(&[1e18, 1e19, 1e20, 1e21], |c| 0.3 * (c / 6.0).sqrt(), 6.0, 7);
    let chinchilla = saved("chinchilla", &runs, None);
    let formula = saved("E + A*params^-alpha + B*tokens^-beta", &runs, None);
    let mut chained = saved("m2", &runs, None);
    chained["model"]["chained"] = chinchilla.clone();
    vec![
        chinchilla,
        formula,
        chained,
        saved("over-training", &runs, None),
        saved("chinchilla", &simulated(&slices), Some(Method::IsoflopParabola)),
    ]
}

/// Changes one place of the document, anywhere in the tree.
fn change(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.below(30) > 0;
    match value {
        Value::Object(map) if deeper && !map.is_empty() => {
            let at = rng.below(map.len());
            if rng.below(60) == 0 {
                let key = map.keys().nth(at).unwrap().clone();
                map.remove(&key);
            } else {
                change(map.values_mut().nth(at).unwrap(), rng);
            }
        }
        Value::Array(list) if deeper && !list.is_empty() => {
            let at = rng.below(list.len());
            match rng.below(60) {
                0 => drop(list.remove(at)),
                1 => list.push(list[at].clone()),
                2 => list.truncate(at),
                _ => change(&mut list[at], rng),
            }
        }
        place => {
            let number = [0.0, -1.0, 1e-300, 1e300, -1e300, 0.5, 50.0, 1e18, 7.0][rng.below(9)];
            let texts =
                ["chinchilla", "allocation", "bnsl:4", "m4", "", "E + A*x^-a", "loss = E + A*params^-a*flops^-b"];
            *place = match (place.is_number(), rng.below(10)) {
                (true, 2..) => json!(number),
                (false, 6..) => json!(texts[rng.below(texts.len())]),
                (_, 0) => Value::Null,
                (_, 1) => json!([]),
                (_, 2) => json!({}),
                (_, 3) => json!(u64::MAX),
                (_, 4) => json!(true),
                _ => json!(number),
            };
        }
    }
}

/// Everything a saved law is used for.
fn use_law(path: &Path) -> bool {
    let Ok(fit) = Fit::read(path) else { return false };
    let point = |pairs: &[(&str, f64)]| pairs.iter().map(|(n, v)| ((*n).to_string(), *v)).collect::<IndexMap<_, _>>();
    for at in [
        point(&[("params", 7e9), ("tokens", 1.4e11)]),
        point(&[("flops", 1e24)]),
        point(&[("x", 3.0)]),
        point(&[("loss", 2.0)]),
    ] {
        let _ = fit.predict(&[at], 0.95, false);
    }
    let request = ComputeRequest { flops: Some(1e22), level: 0.9, ..ComputeRequest::default() };
    let plan = plan_compute(&fit, &request);
    let _ = plan_compute(&fit, &ComputeRequest { tokens_max: Some(1e9), serve_tokens: Some(1e12), ..request });
    let _ = plan_design(&fit, &DesignRequest { target: (7e9, 1.4e11), budget: 1e21, runs: 2 });
    plan.is_ok()
}

#[test]
fn no_mutated_law_breaks_a_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("law.json");
    let seeds = seeds();
    let mut failures = Vec::new();
    let mut usable = 0;
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(3, "mutations", index);
        let mut law = seeds[rng.below(seeds.len())].clone();
        (0..1 + rng.below(3)).for_each(|_| change(&mut law, &mut rng));
        let mut bytes = law.to_string().into_bytes();
        // One in four is damaged as text as well.
        if index % 4 == 0 {
            let at = rng.below(bytes.len());
            match rng.below(3) {
                0 => bytes.truncate(at),
                1 => bytes[at] ^= 1 << rng.below(8),
                _ => bytes[at] = b"0123456789eE.-,:[]{}\""[rng.below(21)],
            }
        }
        std::fs::write(&path, &bytes).unwrap();
        let started = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| use_law(&path)));
        let time = started.elapsed();
        match result {
            Err(_) => failures.push(format!("mutation {index}: panic")),
            Ok(ok) => usable += u32::from(ok),
        }
        // The machine may be busy: slow is what is slow twice.
        if time > SLOWEST && result.is_ok() {
            let again = Instant::now();
            use_law(&path);
            if again.elapsed() > SLOWEST {
                failures.push(format!("mutation {index}: {time:?}"));
            }
        }
        if failures.len() > 20 {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(usable > MUTATIONS / 20, "{usable} of {MUTATIONS} were usable");
}
