//! Ten thousand seeded mutations of valid files and as many of expressions: every reader answers or fails with an
//! error, soon and in bounded memory. Nothing panics, nothing aborts.
#![allow(missing_docs)]

mod common;

use common::{Seed, mutate, peak_rss, seeds};
use kleiber_core::expr::{Expr, Value};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

const MUTATIONS: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(250);
const MOST_MEMORY: u64 = 1 << 30;

/// Time of a read, the best of three when the first is slow: the machine may be busy.
fn read(path: &Path) -> (bool, Duration) {
    let once = || {
        let started = Instant::now();
        let table = Table::read(path);
        (table.is_ok(), started.elapsed())
    };
    let (ok, first) = once();
    let best = if first > SLOWEST { once().1.min(once().1).min(first) } else { first };
    (ok, best)
}

#[test]
fn no_mutated_file_breaks_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    // Not captured: where to look if a reader takes the whole process down.
    let _ = writeln!(std::io::stderr(), "mutated files are written to {}", folder.path().display());
    let seeds = seeds(folder.path());
    let mut failures = Vec::new();
    let mut readable = 0;
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(1, "mutations", index);
        // Formats in turn, each with its own seeds.
        let format = ["csv", "tsv", "jsonl", "parquet"][index as usize % 4];
        let of_format: Vec<&Seed> = seeds.iter().filter(|s| s.format == format).collect();
        let seed = of_format[rng.below(of_format.len())];
        let other = of_format[rng.below(of_format.len())];
        let bytes = mutate(&seed.bytes, &other.bytes, &mut rng);
        let path = folder.path().join(format!("mutated.{format}"));
        std::fs::write(&path, &bytes).unwrap();
        match catch_unwind(AssertUnwindSafe(|| read(&path))) {
            Err(_) => failures.push(format!("mutation {index} of {}: panic", seed.name)),
            Ok((_, time)) if time > SLOWEST => failures.push(format!("mutation {index} of {}: {time:?}", seed.name)),
            Ok((ok, _)) => readable += u32::from(ok),
        }
        if peak_rss().is_some_and(|bytes| bytes > MOST_MEMORY) {
            failures.push(format!("mutation {index} of {}: {} MiB", seed.name, peak_rss().unwrap_or(0) >> 20));
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Mutations that are all rejected at the first byte would test nothing.
    assert!((MUTATIONS / 20..MUTATIONS * 19 / 20).contains(&readable), "{readable} of {MUTATIONS} were readable");
}

#[test]
fn no_mutated_expression_breaks_the_parser() {
    let seeds = [
        "loss<5 && flops>1e18 && corpus==\"c4\"",
        "E + A*params^-alpha + B*tokens^-beta",
        "{Seen Examples}/(6*params) - ln(exp(-x)) + log2(8) * sqrt(abs(-3)) >= 300M || !(a != 'b c')",
        "-x + (((1.5e-3))) / .5k ^ (x - 1) <= floor(2.5) == round(x)",
        "1+1-1*1/1^1+x1+x2+x3+x4+x5+x6+x7+x8+x9+x10",
    ];
    let mut parsed = 0;
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(2, "mutations", index);
        let (seed, other) = (seeds[rng.below(seeds.len())], seeds[rng.below(seeds.len())]);
        let mut bytes = mutate(seed.as_bytes(), other.as_bytes(), &mut rng);
        if index % 500 == 0 {
            bytes = bytes.repeat(40);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let started = Instant::now();
        let result = catch_unwind(|| {
            let Ok(expression) = Expr::parse(&text) else { return false };
            let lookup = |name: &str| match name.len() % 3 {
                0 => Some(Value::Number(name.len() as f64)),
                1 => Some(Value::Text("c4".into())),
                _ => None,
            };
            let _ = expression.evaluate(&lookup);
            expression.names().iter().all(|n| text.contains(n))
        });
        let time = started.elapsed();
        assert!(result.is_ok(), "mutation {index} panics: {text:?}");
        assert!(time < 4 * SLOWEST, "mutation {index} takes {time:?}: {text:?}");
        parsed += u32::from(result.unwrap_or(false));
    }
    assert!(parsed > MUTATIONS / 20, "{parsed} of {MUTATIONS} were readable");
}
