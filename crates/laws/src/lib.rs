//! Scaling laws: functional forms, fitting, uncertainty, comparison and planning.
//!
//! A [`Law`] is fitted to a run table with [`Law::fit`]; the [`Fit`] is printed, saved, predicted from
//! ([`predict`]) and planned with ([`plan`]). A table that does not support an answer gives a refusal
//! with [`Reason`]s, not a number.
//!
//! ```
//! use kleiber_laws::{Law, Options, simulate::Design};
//! # fn main() -> Result<(), kleiber_laws::LawError> {
//! let law = Law::named("chinchilla")?;
//! let table = Design::grid(8, 6).table(&law, &[1.8, 480.0, 2000.0, 0.35, 0.37], 0.01, 1);
//! let fit = law.fit(&table, &Options { bootstrap: 200, ..Options::default() })?;
//! let alpha = fit.coefficients["alpha"];
//! assert!(alpha.low < alpha.value && alpha.value < alpha.high);
//! # Ok(()) }
//! ```

mod allocation;
pub mod batch;
mod checks;
pub mod cnn;
pub mod compare;
pub mod control;
mod coordinates;
pub mod counts;
pub mod data;
pub mod datastore;
pub mod density;
mod error;
pub mod evaluate;
mod fit;
mod fitted;
pub mod float_format;
pub mod flops;
pub mod form;
pub mod forms;
pub mod growth;
mod holdout;
pub mod hyperparameters;
pub mod knowledge;
mod law;
pub mod learning_curve;
pub mod memory;
pub mod mixture;
pub mod multitask;
pub mod objective;
mod options;
pub mod pass_until;
pub mod plan;
pub mod power_law;
pub mod predict;
mod prepare;
mod problem;
pub mod pruning;
pub mod published;
pub use kleiber_core::rank;
pub mod real;
mod reason;
pub mod recovery;
pub mod recurrent;
pub mod repetition;
pub mod serving;
pub mod simulate;
mod solve;
pub mod spans;
pub mod sparse;
pub mod storage;
pub mod student;
pub mod trajectory;
pub mod transfer;
pub mod translation;
pub mod transport;
pub mod trend;
mod uncertainty;
pub mod vocabulary;

pub use coordinates::Coordinates;
pub use error::LawError;
pub use fitted::{Estimate, Fit, HeldOut, Holdout, Influence, Model, ObjectiveValue, Profile};
pub use law::Law;
pub use objective::Objective;
pub use options::{Checkpoints, DEFAULT_BOOTSTRAP, Method, Options};
pub use reason::{Finding, Reason, Status};
pub use solve::Starts;
pub use uncertainty::IntervalKind;
