//! The training loop of Kleiber.
//!
//! A [`RunConfig`] becomes a [`Plan`] with nothing left open, and [`run`] makes it in a folder of its own. Underneath, a
//! [`Trainer`] owns a decoder, its optimiser and a stream of sequences; every step is a function of its number, so a run
//! continued from a [`checkpoint`] makes the same bits as one that was never stopped.

pub mod checkpoint;
pub mod config;
mod error;
pub mod estimate;
mod evaluation;
pub mod events;
mod folder;
mod guard;
mod held_out;
mod lock;
mod open;
mod plan;
mod row;
mod run;
mod schedule;
pub mod scores;
mod start;
mod texts;
mod trainer;

pub use config::RunConfig;
pub use error::TrainError;
pub use evaluation::{Evaluation, evaluate};
pub use events::{Event, Reason};
pub use folder::Record;
pub use guard::{Fault, GuardOptions, NotFinite};
pub use held_out::{HeldOut, Losses};
pub use lock::Lock;
pub use open::{OpenRun, Saved};
pub use plan::{Counts, Note, Plan};
pub use row::rows;
pub use run::{Outcome, RunOptions, run, token_bytes};
pub use schedule::{Decay, Kind, Schedule};
pub use texts::Texts;
pub use trainer::{Options, Report, Trainer};
