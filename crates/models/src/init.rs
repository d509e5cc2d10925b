//! How parameters start.

use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

/// A scheme of initial values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// Normal with standard deviation .02; projections back into the residual stream divided by sqrt(2 layers)
    /// (Radford et al. 2019).
    #[default]
    Standard,
    /// Normal with standard deviation 1/sqrt(inputs), the head zero, so that a learning rate found at one width holds
    /// at others (Yang et al. 2022, muP, with the rate of hidden matrices divided by the width ratio).
    Mup,
}

/// Standard deviation of the embedding.
const EMBEDDING: f64 = 0.02;

impl Init {
    /// Standard deviation of a projection from `inputs` numbers.
    pub(crate) fn projection(self, inputs: usize) -> f64 {
        match self {
            Self::Standard => 0.02,
            Self::Mup => 1.0 / (inputs as f64).sqrt(),
        }
    }

    /// Standard deviation of a projection back into the residual stream.
    pub(crate) fn output(self, inputs: usize, layers: usize) -> f64 {
        self.projection(inputs) / (2.0 * layers as f64).sqrt()
    }

    /// Standard deviation of embeddings.
    pub(crate) fn embedding(self) -> f64 {
        match self {
            Self::Standard => EMBEDDING,
            Self::Mup => 1.0,
        }
    }

    /// Standard deviation of an untied head.
    pub(crate) fn head(self) -> f64 {
        match self {
            Self::Standard => EMBEDDING,
            Self::Mup => 0.0,
        }
    }
}

/// `len` normal numbers, a function of the seed and the name alone.
pub(crate) fn normal(seed: u64, name: &str, len: usize, deviation: f64) -> Vec<f32> {
    let mut rng = Rng::new(seed, name, 0);
    (0..len).map(|_| (rng.normal() * deviation) as f32).collect()
}
