//! Whether fits find known coefficients again: for every law with a published set, tables of runs drawn from it with
//! noise, and the share of nominal 95% intervals that hold each coefficient. A table that is refused counts as refused
//! and names what it does not determine.
//!
//!     cargo run --release -p kleiber-laws --example recovery -- [TABLES] [ROWS] [LAW]
//!
//! Prints a table in Markdown.

use indexmap::IndexMap;
use kleiber_laws::form::Info;
use kleiber_laws::forms::every;
use kleiber_laws::published::Preset;
use kleiber_laws::{Law, Options, simulate};
use rayon::prelude::*;

/// Noise of a response, relative.
const NOISE: f64 = 0.01;
/// Bootstrap fits of a table.
const BOOTSTRAP: usize = 200;

/// A range for a variable whose published one is not known.
fn usual(name: &str) -> (f64, f64) {
    match name {
        "tokens" | "unique_tokens" => (2e9, 4e11),
        "flops" => (1e18, 1e22),
        "loss" => (1.5, 5.0),
        "params" => (4e7, 1e10),
        _ => (1.0, 1e3),
    }
}

fn ranges(info: &Info, preset: &Preset) -> Vec<(f64, f64)> {
    let known = |r: &(f64, f64)| r.0 > 0.0 && r.1.is_finite();
    let of = |(v, r): (&kleiber_laws::form::Variable, &(f64, f64))| if known(r) { *r } else { usual(&v.name) };
    info.variables.iter().zip(preset.ranges).map(of).collect()
}

/// What came of the tables of one law.
#[derive(Default)]
struct Recovered {
    fitted: usize,
    held: IndexMap<String, usize>,
    open: IndexMap<String, usize>,
    refusals: IndexMap<String, usize>,
}

fn recover(law: &Law, preset: &Preset, tables: u64, rows: usize) -> Recovered {
    let info = law.info();
    let ranges = ranges(info, preset);
    let fit = |seed: u64| {
        let table = simulate::scatter(law, preset.coefficients, &ranges, rows, NOISE, seed);
        law.fit(&table, &Options { bootstrap: BOOTSTRAP, influence: false, seed, ..Options::default() })
    };
    let fits: Vec<_> = (0..tables).into_par_iter().map(fit).collect();
    let mut out = Recovered::default();
    for fit in fits {
        let fit = match fit {
            Ok(fit) if fit.is_ok() => fit,
            Ok(fit) => {
                let codes: Vec<&str> = fit.reasons.iter().map(|r| r.code.as_str()).collect();
                *out.refusals.entry(codes.join(" ")).or_default() += 1;
                continue;
            }
            Err(error) => {
                *out.refusals.entry(error.to_string()).or_default() += 1;
                continue;
            }
        };
        out.fitted += 1;
        for ((name, estimate), truth) in fit.coefficients.iter().zip(preset.coefficients) {
            let (low, high) = (estimate.low.unwrap_or(f64::NEG_INFINITY), estimate.high.unwrap_or(f64::INFINITY));
            *out.held.entry(name.clone()).or_default() += usize::from(low <= *truth && *truth <= high);
            *out.open.entry(name.clone()).or_default() +=
                usize::from(estimate.low.is_none() || estimate.high.is_none());
        }
    }
    out
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let tables: u64 = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(200);
    let rows: usize = arguments.next().and_then(|a| a.parse().ok()).unwrap_or(60);
    let wanted = arguments.next();
    println!("{tables} tables of {rows} runs each, {:.0}% noise, {BOOTSTRAP} bootstrap fits\n", 100.0 * NOISE);
    println!(
        "| preset | fitted | share of 95% intervals that hold the truth | open ends | refused |\n|---|---|---|---|---|"
    );
    for law in every() {
        let info = law.info();
        let Some(preset) = info.published.presets.iter().find(|p| !p.compat).or(info.published.presets.first()) else {
            continue;
        };
        if wanted.as_ref().is_some_and(|w| *w != info.name) {
            continue;
        }
        let found = recover(&law, preset, tables, rows);
        let shares: Vec<String> =
            found.held.iter().map(|(n, k)| format!("{n} {:.3}", *k as f64 / found.fitted.max(1) as f64)).collect();
        let open: Vec<String> = found.open.iter().filter(|(_, k)| **k > 0).map(|(n, k)| format!("{n} {k}")).collect();
        let refused: Vec<String> = found.refusals.iter().map(|(why, k)| format!("{k}: {why}")).collect();
        println!(
            "| {} | {} | {} | {} | {} |",
            preset.name,
            found.fitted,
            shares.join(", "),
            open.join(", "),
            refused.join("; ")
        );
    }
}
