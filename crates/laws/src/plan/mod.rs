//! What to run: the best allocation of a budget, and the runs that would teach most.

pub mod accelerators;
mod answer;
mod bits;
mod compute;
mod design;
mod format;

pub use answer::{Answer, Rows, Value};
pub use bits::{BitsForm, BitsRequest, plan_bits};
pub use compute::{ComputePlan, ComputeRequest, Cost, plan_compute, plans};
pub use design::{DesignPlan, DesignRequest, ProposedRun, designs, plan_design};
pub use format::{FormatRequest, ScaleBlock, plan_format};
