//! Optimal transport between small samples, and what a model trained on a mixture of partly seen sources will reach (Kang et al.
//! 2023, arXiv 2307.02460).
//!
//! The distance of a training sample to the validation sample says much of the performance. [`PerformanceModel`] regresses performance at
//! one size on it, [`project()`] extends two sizes to a third. The published regression without a penalty is unsafe outside of the
//! mixtures it was fitted to; here the penalty is chosen by leaving rows out, and the distance alone is taken where that is better.
//!
//! Written here because the samples are small and the crates for transport are bindings or bring their own array types.

mod exact;
mod labels;
mod performance;
mod projection;
mod sinkhorn;

pub use exact::{Transport, exact, squared_distances, uniform};
pub use labels::labelled_costs;
pub use performance::{PerformanceModel, PilotRun, Terms};
pub use projection::{Link, Projection, project};
pub use sinkhorn::{Entropic, Sinkhorn, source_gradient};
