//! The training loop of Kleiber.
//!
//! A [`Trainer`] owns a decoder, its optimiser and a stream of sequences; every step is a function of its number, so a
//! run continued from a [`checkpoint`] makes the same bits as one that was never stopped.

pub mod checkpoint;
mod error;
mod schedule;
mod trainer;

pub use error::TrainError;
pub use schedule::{Decay, Kind, Schedule};
pub use trainer::{Options, Report, Trainer};
