//! Published claims about size, declared as data, re-tested end to end and judged.
//!
//! A [`Study`] is a folder `studies/<slug>` with a `study.toml`: the claim, the [`steps`] that test it, what is expected
//! of their tables, and a negative control. [`run`] makes the steps and gives an [`Outcome`]; its [`Verdict`] follows from the
//! declaration alone. Studies that need mechanisms which do not exist say which.

pub mod catalogue;
mod context;
mod control;
mod error;
mod figure;
mod judge;
mod result;
mod run;
pub mod special;
pub mod steps;
mod study;

pub use context::{Context, Options, Progress};
pub use control::{Control, ControlOutcome};
pub use error::StudyError;
pub use figure::Figure;
pub use judge::{Judged, Verdict};
pub use result::{Declared, Outcome, SCHEMA};
pub use run::{Finished, run};
pub use study::{Header, NamedStep, Preset, Study};
