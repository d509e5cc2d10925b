//! Tensors, devices and automatic differentiation for Kleiber, with fused operators for the CPU.
//!
//! [`kernels`] hold the arithmetic on plain slices.

pub mod kernels;
