//! Writes run tables with known coefficients.
//!
//! ```text
//! cargo run --release -p kleiber-laws --example sample_table -- samples/runs.csv      # the sample of the README
//! cargo run --release -p kleiber-laws --example sample_table -- big.csv 1000000       # that many rows, for benchmarks
//! ```

use kleiber_laws::{LawError, simulate};
use std::path::Path;

fn main() -> Result<(), LawError> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "samples/runs.csv".into());
    let rows = arguments.next().and_then(|n| n.parse().ok());
    Ok(simulate::sample(rows)?.write(Path::new(&path))?)
}
