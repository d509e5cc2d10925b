//! What to run: the best allocation of a budget, and the runs that would teach most.

pub mod accelerators;
mod answer;
mod bits;
mod capacity;
mod compute;
mod datastore;
mod design;
mod memory;
mod serve;
mod shape;
mod format;
mod vocab;
mod mixture;

pub use answer::{Answer, Rows, Value};
pub use bits::{BitsForm, BitsRequest, plan_bits};
mod epochs;
mod prune;
mod rates;

pub use answer::{Answer, Rows, Value};
pub use capacity::{CapacityRequest, plan_capacity};
pub use compute::{ComputePlan, ComputeRequest, Cost, plan_compute, plans};
pub use datastore::{DatastoreRequest, plan_datastore};
pub use design::{DesignPlan, DesignRequest, ProposedRun, designs, plan_design};
pub use memory::{Like, MemoryModel, MemoryRequest, plan_memory};
pub use serve::{ServeRequest, plan_serve};
pub use shape::{BytesRequest, CnnRequest, TransformerRequest, plan_bytes, plan_cnn, plan_transformer};
pub use format::{FormatRequest, ScaleBlock, plan_format};
pub use vocab::{VocabApproach, VocabRequest, plan_vocab};
pub use epochs::{EpochsRequest, plan_epochs};
pub use prune::{PruneRequest, plan_prune};
pub use rates::{RateRequest, plan_batch, plan_lr};
pub use mixture::{MixtureRequest, plan_mixture};
