//! Shapes for a size: of convolutional networks for more operations, of decoders for parameters, of encoders for a file.

mod bytes;
mod cnn;
mod transformer;

pub use bytes::{BytesRequest, plan_bytes};
pub use cnn::{CnnRequest, plan_cnn};
pub use transformer::{TransformerRequest, plan_transformer};
