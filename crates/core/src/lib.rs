//! What every room of Kleiber shares: units, the run table, expressions over columns, counter-based
//! random numbers, statistics, atomic files, the size of models and the catalogue of published ones.
//!
//! ```
//! use kleiber_core::table::{Selection, Table};
//! # fn main() -> Result<(), kleiber_core::CoreError> {
//! let runs = Table::from_csv_text("runs.csv", "N,D,loss\n70M,1.4B,3.4\n140M,2.8B,3.1\n")?;
//! let runs = Selection::new().map("params=N")?.map("flops=6*N*D")?.apply(&runs)?;
//! assert_eq!(runs.numbers("flops")?, vec![6.0 * 70e6 * 1.4e9, 6.0 * 140e6 * 2.8e9]);
//! # Ok(()) }
//! ```

pub mod assertion;
pub mod atomic;
pub mod catalogue;
mod error;
pub mod expr;
pub mod guard;
pub mod process;
pub mod rank;
pub mod rng;
pub mod shape;
pub mod stats;
pub mod table;
pub mod units;

pub use error::CoreError;
