//! Tensors, devices and automatic differentiation for Kleiber, with fused operators for the CPU; the GPU is behind the
//! feature `gpu`.
//!
//! [`kernels`] hold the arithmetic on plain slices, [`ops`] the operators on tensors that use it, with gradients;
//! [`parameters`] and [`optimizer`] keep a model's numbers in flat buffers. No other crate names the framework.

pub mod device;
pub mod kernels;
pub mod memory;
pub mod ops;
pub mod optimizer;
pub mod parameters;

pub use burn::tensor::{Gradients, Tensor};
pub use device::{Device, DeviceError};
