//! The estimators that people use, as their code computes them (DeepSpeed `runtime/zero/stage_1_and_2.py` and `stage3.py` at
//! 38327e0, accelerate `commands/estimate.py`).
//!
//! They differ from [`super::States`]: DeepSpeed keeps 32-bit gradients as well, so 18 bytes per parameter are shared where
//! the paper says 14 or 16; accelerate knows neither sharding nor activations.

use kleiber_core::shape::Dtype;
use serde::Serialize;

/// Room that DeepSpeed adds in host memory.
const BUFFER: f64 = 1.5;

/// Machines that train together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cluster {
    /// Accelerators of a machine.
    pub per_node: u64,
    /// Machines.
    pub nodes: u64,
}

impl Cluster {
    /// All accelerators.
    pub fn total(self) -> f64 {
        self.per_node as f64 * self.nodes as f64
    }
}

/// What lies in host memory between steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offload {
    /// Nothing.
    None,
    /// The optimiser.
    Optimizer,
    /// The optimiser and the weights (stage 3 only).
    Everything,
}

/// Bytes that an estimator prints.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Estimated {
    /// On each accelerator.
    pub device: f64,
    /// In the memory of each machine.
    pub host: f64,
}

/// DeepSpeed's estimate for stages 1 and 2: `2P + 18P/W` on a device, or `2P` with the optimiser offloaded.
///
/// `before_5099` gives what the code computed before pull request 5099 and what its documentation still prints,
/// `4P + 16P/W` without offload.
pub fn deepspeed_stage2(params: f64, on: Cluster, offload: bool, before_5099: bool) -> Estimated {
    let all = on.total();
    if offload {
        return Estimated { device: 2.0 * params, host: params * (4.0 * all).max(16.0) * BUFFER };
    }
    let device = if before_5099 { 4.0 * params + 16.0 * params / all } else { 2.0 * params + 18.0 * params / all };
    Estimated { device, host: params * 4.0 * on.per_node as f64 * BUFFER }
}

/// DeepSpeed's estimate for stage 3. `largest_layer` is the parameters of the largest layer, of which four bytes each stay on
/// the device; with `shared_start` the model is built in pieces (`zero.Init`).
pub fn deepspeed_stage3(
    params: f64,
    largest_layer: f64,
    on: Cluster,
    offload: Offload,
    shared_start: bool,
) -> Estimated {
    let (per_node, nodes, live) = (on.per_node as f64, on.nodes as f64, 4.0 * largest_layer);
    let (device, bytes) = match offload {
        Offload::None => {
            let built = if shared_start { largest_layer } else { params };
            let host = built * 4.0 * per_node * BUFFER;
            return Estimated { device: live + 18.0 * params / on.total(), host };
        }
        Offload::Optimizer => (live + 2.0 * params / on.total(), 16.0),
        Offload::Everything => (live, 18.0),
    };
    let per_param = if shared_start { bytes / nodes } else { (4.0 * per_node).max(bytes / nodes) };
    Estimated { device, host: params * per_param * BUFFER }
}

/// What accelerate prints for training a model with Adam at batch 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accelerate {
    /// Weights.
    pub weights: f64,
    /// Gradients; `None` for formats that it does not train in.
    pub gradients: Option<f64>,
    /// Optimiser.
    pub optimizer: Option<f64>,
    /// The step, which is the largest of all.
    pub step: Option<f64>,
}

impl Accelerate {
    /// The largest of its rows, which it calls the training size.
    pub fn largest(&self) -> Option<f64> {
        Some(self.weights.max(self.gradients?).max(self.optimizer?).max(self.step?))
    }
}

/// accelerate's `estimate-memory`, in multiples of the 32-bit size B: weights B, gradients B, optimiser 2B, step 4B in 32 bits;
/// in 16 bits gradients 1.5B, optimiser 2B, step 2B; integers are not trained in.
pub fn accelerate(params: f64, dtype: Dtype) -> Accelerate {
    let full = 4.0 * params;
    let weights = params * dtype.bits() as f64 / 8.0;
    match dtype {
        Dtype::F32 => {
            Accelerate { weights: full, gradients: Some(full), optimizer: Some(2.0 * full), step: Some(4.0 * full) }
        }
        // The row of weights shows 32 bits here too: the copy that mixed precision keeps.
        Dtype::F16 | Dtype::Bf16 => Accelerate {
            weights: full,
            gradients: Some(1.5 * full),
            optimizer: Some(2.0 * full),
            step: Some(2.0 * full),
        },
        _ => Accelerate { weights, gradients: None, optimizer: None, step: None },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: Cluster = Cluster { per_node: 8, nodes: 1 };

    fn gib(bytes: f64) -> f64 {
        bytes / f64::powi(2.0, 30)
    }

    /// The example of DeepSpeed's documentation, 2.851B parameters on 8 accelerators, and what its code gives now.
    #[test]
    fn documented_and_current_stage_2() {
        let old = deepspeed_stage2(2.851e9, NODE, false, true);
        assert!((gib(old.device) - 15.93).abs() < 0.005, "{}", gib(old.device));
        let now = deepspeed_stage2(2.851e9, NODE, false, false);
        assert!((gib(now.device) - 11.28).abs() < 0.005, "{}", gib(now.device));
        // 4 bytes per parameter are more than the paper shares: 2P + 14P/N.
        let paper = 2.851e9 * (2.0 + 14.0 / 8.0);
        assert!((now.device - paper - 4.0 * 2.851e9 / 8.0).abs() < 1.0);
    }

    #[test]
    fn accelerate_reports_its_largest_row() {
        let f32 = accelerate(1e9, Dtype::F32);
        assert_eq!((f32.largest(), accelerate(1e9, Dtype::Bf16).largest()), (Some(16e9), Some(8e9)));
        let int8 = accelerate(1e9, Dtype::Int8);
        assert_eq!((int8.weights, int8.largest()), (1e9, None));
        assert_eq!(accelerate(1e9, Dtype::Int4).weights, 0.5e9);
    }
}
