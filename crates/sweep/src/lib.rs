//! Many training runs as one thing.
//!
//! A [`SweepConfig`] names the runs: a grid of values, a list of cells, or both. Each cell becomes a plan whose name is a
//! hash of everything it is made of, so a cell that was finished, by this sweep or another, is not made again; [`run`]
//! makes the others beside each other, as many as memory holds.

mod config;
mod error;
mod schedule;

pub use config::{Cell, SweepConfig};
pub use error::SweepError;
pub use schedule::{Finished, Job, SweepOptions, Update, run};
