//! Times the fit of boosted trees to small runs and the search for the best mixture, for benchmarks.
//!
//! ```text
//! cargo run --release -p kleiber-laws --example mixture -- mixtures.csv losses.csv pile_cc 300 1000000
//! ```

use kleiber_core::table::Table;
use kleiber_laws::LawError;
use kleiber_laws::mixture::{Method, MixtureTable, Regression, Search, TreeOptions, pair};
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), LawError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mixtures, losses, target, trees, candidates] = &arguments[..] else {
        return Err(LawError::Request("arguments: MIXTURES LOSSES TARGET TREES CANDIDATES".into()));
    };
    let number = |text: &String| text.parse().map_err(|_| LawError::Request(format!("`{text}` is not a whole number")));
    let (trees, candidates) = (number(trees)?, number(candidates)?);
    let start = Instant::now();
    let table = pair(&Table::read(Path::new(mixtures))?, &Table::read(Path::new(losses))?)?;
    let runs = MixtureTable::read(&table, None, std::slice::from_ref(target))?;
    let read = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let method = Method::Trees(TreeOptions { trees, ..TreeOptions::default() });
    let model = Regression::fit(&method, &runs.shares, &runs.losses)?;
    let fit = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let best = Search { candidates, ..Search::around(&runs.shares.mean()) }.lowest(&model)?;
    let search = start.elapsed().as_secs_f64();
    let shares: serde_json::Map<String, serde_json::Value> =
        runs.domains.iter().cloned().zip(best.shares.iter().map(|s| (*s).into())).collect();
    println!(
        "{}",
        serde_json::json!({"read_s": read, "fit_s": fit, "search_s": search, "predicted": best.predicted, "shares": shares})
    );
    Ok(())
}
