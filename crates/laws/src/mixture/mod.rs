//! Data mixtures by regression (Liu et al. 2024, arXiv 2407.01492): a loss is regressed on the domain shares of many small
//! runs, and the best of many simulated mixtures is taken.
//!
//! The regression is linear, linear with square roots, an exponential law, or boosted trees. Only the *order* of mixtures carries
//! over to larger models, not the loss: rank correlations are what such a model is judged by.
//!
//! Trees, distributions and searches are written here: the crates with gradient boosting are bindings to C++ or do not grow trees
//! by their best leaf as LightGBM does, and none scores a million candidates in a second.
//!
//! ```
//! use kleiber_laws::mixture::{Method, Points, Regression, Search};
//! # fn main() -> Result<(), kleiber_laws::LawError> {
//! let shares = Points::new(2, vec![0.1, 0.9, 0.3, 0.7, 0.5, 0.5, 0.7, 0.3, 0.9, 0.1]);
//! let losses: Vec<f64> = shares.iter().map(|w| 3.0 + (w[0] - 0.6) * (w[0] - 0.6)).collect();
//! let model = Regression::fit(&Method::SquareRoot, &shares, &losses)?;
//! let best = Search { candidates: 20_000, ..Search::around(&[0.5, 0.5]) }.lowest(&model)?;
//! assert!((best.shares[0] - 0.6).abs() < 0.1, "{best:?}");
//! # Ok(()) }
//! ```

mod dirichlet;
mod exponential;
mod linear;
mod points;
mod regression;
mod search;
mod simplex;
mod table;
mod trees;

pub use dirichlet::{Design, Dirichlet};
pub use exponential::Exponential;
pub use linear::Linear;
pub use points::Points;
pub use regression::{HeldOut, Method, Regression, held_out};
pub use search::{Best, Search};
pub use simplex::{caps_of_epochs, project};
pub use table::{MOST_OFF, MixtureTable, pair};
pub use trees::{Boosted, TreeOptions};
