//! Convolutional networks by size: operations, parameters and activations, and how they grow when depth, width and resolution
//! share more operations (Dollar et al. 2021, "Fast and accurate model scaling", arXiv 2103.06877).
//!
//! A stage of d layers of k x k convolutions of width w at resolution r takes `k^2 d w^2 r^2` multiply-adds, has `k^2 d w^2`
//! parameters and `d w r^2` activations (numbers that convolutions put out). Activations, not operations, tell the time on
//! machines that are bound by memory, so the scaling that keeps them few is the fast one: mostly width.

mod complexity;
mod networks;
mod scale;

pub use complexity::{Block, Complexity, Network, Stage, Stem};
pub use networks::{efficientnet, named, names};
pub use scale::{FAST_ALPHA, Rule, Scaled, scaled};
