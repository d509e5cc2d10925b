//! Memory of training: model states sharded over devices, activations, traffic, and the estimators people use.
//!
//! Four files, none of which needs a model: [`States`] (Rajbhandari et al. 2020, ZeRO), [`Activations`] (Korthikanti et
//! al. 2022), [`traffic`], and [`estimators`], which reproduce what DeepSpeed and accelerate print. Parameters are counted by
//! [`kleiber_core::shape`]; everything here is bytes (never GB), so that the reader chooses between 1e9 and 2^30.

mod activations;
pub mod estimators;
mod states;
pub mod traffic;

pub use activations::{Activations, Dropout, Recompute, zero_estimate};
pub use states::{Optimizer, Precision, Stage, States};
