//! Writes run tables with known coefficients.
//!
//! ```text
//! cargo run --release -p kleiber-laws --example sample_table -- samples/runs.csv         # the sample of the README
//! cargo run --release -p kleiber-laws --example sample_table -- big.csv 1000000          # that many rows, for benchmarks
//! ```
//!
//! The loss follows the Chinchilla law with the coefficients of Besiroglu et al. 2024 and 0.6% noise.

use kleiber_core::table::{Cells, Column};
use kleiber_laws::simulate::Design;
use kleiber_laws::{Law, LawError};
use std::path::Path;

const TRUTH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];

fn main() -> Result<(), LawError> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().unwrap_or_else(|| "samples/runs.csv".into());
    let law = Law::named("chinchilla")?;
    let table = match arguments.next().and_then(|n| n.parse::<usize>().ok()) {
        None => {
            let table = Design::grid(8, 6).table(&law, &TRUTH, 0.006, 2026);
            let names = (0..table.rows()).map(|i| format!("size{}-ratio{}", i / 6 + 1, i % 6 + 1).into()).collect();
            table.with_column(Column { name: "run".into(), cells: Cells::Text(names) })?
        }
        Some(rows) => {
            let sizes = (rows as f64).sqrt().ceil() as usize;
            let design = Design::grid(sizes, sizes);
            let table = design.table(&law, &TRUTH, 0.006, 2026);
            table.take(&(0..rows.min(table.rows())).collect::<Vec<_>>())
        }
    };
    Ok(table.write(Path::new(&path))?)
}
