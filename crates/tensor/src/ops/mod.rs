//! Fused operators on tensors: on the CPU the kernels of this crate, elsewhere the composed reference.
//!
//! Activations are matrices, one row per token; a batch of sequences is their rows one after another.

mod attention;
mod embedding;
mod head;
mod linear;
mod norm;
mod record;
pub mod reference;

pub use attention::{Pattern, attention};
pub use embedding::embedding;
pub use head::{cross_entropy, token_losses};
pub use linear::{linear, linear_activated};
pub use norm::norm;
