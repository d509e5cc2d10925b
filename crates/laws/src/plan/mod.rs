//! What to run: the best allocation of a budget, and the runs that would teach most.

pub mod accelerators;
mod answer;
mod bits;
mod capacity;
mod compute;
mod datastore;
mod design;
mod format;
mod memory;
mod mixture;
mod serve;
mod shape;
mod vocab;

pub use answer::{Answer, Rows, Value};
pub use bits::{BitsForm, BitsRequest, plan_bits};
mod epochs;
mod prune;
mod rates;

pub use capacity::{CapacityRequest, plan_capacity};
pub use compute::{ComputePlan, ComputeRequest, Cost, plan_compute, plans};
pub use datastore::{DatastoreRequest, plan_datastore};
pub use design::{DesignPlan, DesignRequest, ProposedRun, designs, plan_design};
pub use epochs::{EpochsRequest, plan_epochs};
pub use format::{FormatRequest, ScaleBlock, plan_format};
pub use memory::{Like, MemoryModel, MemoryRequest, plan_memory};
pub use mixture::{MixtureRequest, plan_mixture};
pub use prune::{PruneRequest, plan_prune};
pub use rates::{RateRequest, plan_batch, plan_lr};
pub use serve::{ServeRequest, plan_serve};
pub use shape::{BytesRequest, CnnRequest, TransformerRequest, plan_bytes, plan_cnn, plan_transformer};
pub use vocab::{VocabApproach, VocabRequest, plan_vocab};
