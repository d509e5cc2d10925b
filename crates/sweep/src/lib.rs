//! Many training runs as one thing.
//!
//! A [`SweepConfig`] names the runs: a grid of values, a list of cells, or both. Each cell becomes a plan whose name is a
//! hash of everything it is made of, so a cell that was finished, by this sweep or another, is not made again; [`run`]
//! makes the others beside each other, as many as memory holds. A [`ladder`] fits a law to such runs and tests it.

mod config;
mod error;
pub mod ladder;
mod schedule;

pub use config::{Cell, SweepConfig, jobs};
pub use error::SweepError;
pub use schedule::{Finished, Job, SweepOptions, Update, run};
