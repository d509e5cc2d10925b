//! The main job: a ladder of small runs, the law they follow, a prediction that is written down, and the run that tests
//! it.
//!
//! A [`Design`] says which runs; [`climb`] makes them. All of it lives in one folder and goes on from what is there.

mod baseline;
mod batches;
mod climb;
mod design;
mod prediction;
mod trajectory;

pub use climb::{Ascent, DESIGN, Made, PREDICTIONS, Phase, Progress, TABLE, climb};
pub use design::{Design, FACTORS, Preset, Rung, base_config};
pub use prediction::{Claim, Forecast, Prediction};
pub use trajectory::Curve;
