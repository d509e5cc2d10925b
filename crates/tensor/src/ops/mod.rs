//! Fused operators on tensors: on the CPU the kernels of this crate, elsewhere the composed reference.
//!
//! Activations are matrices, one row per token; a batch of sequences is their rows one after another.

mod attention;
mod dropout;
mod embedding;
mod head;
mod linear;
mod norm;
mod quantise;
mod record;
pub mod reference;

pub use attention::{Pattern, attention, attention_across};
pub use dropout::dropout;
pub use embedding::embedding;
pub use head::{cross_entropy, token_losses};
pub use linear::{linear, linear_activated, linear_activated_with, linear_with};
pub use norm::norm;
pub use quantise::{Operand, Quantise};

use burn::tensor::{Tensor, TensorData};

/// A matrix of numbers that no gradient flows to, on the device of `like`.
pub fn constant(numbers: Vec<f32>, shape: [usize; 2], like: &Tensor<2>) -> Tensor<2> {
    Tensor::from_data(TensorData::new(numbers, shape), &like.device())
}

/// The numbers of a matrix, row by row.
///
/// # Panics
/// When the device cannot hand its numbers over.
pub fn numbers(x: Tensor<2>) -> Vec<f32> {
    x.into_data().convert::<f32>().try_into_vec().expect("matrices are single precision")
}
