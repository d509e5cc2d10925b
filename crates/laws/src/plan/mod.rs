//! What to run: the best allocation of a budget, and the runs that would teach most.

pub mod accelerators;
mod answer;
mod compute;
mod design;
mod vocab;

pub use answer::{Answer, Rows, Value};
pub use compute::{ComputePlan, ComputeRequest, Cost, plan_compute, plans};
pub use design::{DesignPlan, DesignRequest, ProposedRun, designs, plan_design};
pub use vocab::{VocabApproach, VocabRequest, plan_vocab};
