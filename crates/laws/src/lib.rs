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
pub mod compare;
mod coordinates;
pub mod data;
mod error;
pub mod evaluate;
mod fit;
mod fitted;
pub mod form;
pub mod forms;
mod holdout;
mod law;
pub mod mixture;
pub mod objective;
mod options;
pub mod plan;
pub mod predict;
mod prepare;
mod problem;
pub mod published;
pub mod real;
mod reason;
pub mod simulate;
mod solve;
pub mod transport;
mod uncertainty;

pub use coordinates::Coordinates;
pub use error::LawError;
pub use fitted::{Estimate, Fit, HeldOut, Holdout, Influence, Model, ObjectiveValue, Profile};
pub use law::Law;
pub use objective::Objective;
pub use options::{Checkpoints, DEFAULT_BOOTSTRAP, Method, Options};
pub use reason::{Finding, Reason, Status};
pub use solve::Starts;
pub use uncertainty::IntervalKind;
