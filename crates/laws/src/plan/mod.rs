//! What to run: the best allocation of a budget, and the runs that would teach most.

pub mod accelerators;
mod answer;
mod compute;
mod design;
mod mixture;

pub use answer::{Answer, Rows, Value};
pub use compute::{ComputePlan, ComputeRequest, Cost, plan_compute, plans};
pub use design::{DesignPlan, DesignRequest, ProposedRun, designs, plan_design};
pub use mixture::{MixtureRequest, plan_mixture};
