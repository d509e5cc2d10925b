//! What is asked of a plan of memory.

use crate::LawError;
use crate::memory::estimators::{self, Cluster, Offload};
use crate::memory::{Activations, Dropout, Optimizer, Precision, Recompute, Stage, States};
use kleiber_core::shape::{Dtype, Shape};

/// Whose count of model states is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Like {
    /// Rajbhandari et al. 2020.
    Paper,
    /// DeepSpeed's estimators.
    Deepspeed,
    /// accelerate's `estimate-memory`.
    Accelerate,
}

/// The model: its parameters, and its shape when activations are wanted.
#[derive(Debug, Clone)]
pub struct MemoryModel {
    /// Trainable parameters, all of them.
    pub params: f64,
    /// The shape; without one there are no activations.
    pub shape: Option<Shape>,
    /// What it is called.
    pub name: String,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct MemoryRequest {
    /// The model.
    pub model: MemoryModel,
    /// Data-parallel ranks.
    pub ranks: u64,
    /// Stage; without one the least that fits the device, or 0 without a device.
    pub stage: Option<Stage>,
    /// Optimiser.
    pub optimizer: Optimizer,
    /// Formats.
    pub precision: Precision,
    /// Sequences of a micro-batch on a device.
    pub batch: u64,
    /// Tokens of a sequence; without it the model's longest.
    pub context: Option<u64>,
    /// What is computed again.
    pub recompute: Recompute,
    /// Whether dropout is used.
    pub dropout: bool,
    /// Tensor-parallel ranks, over which parameters and activations are split.
    pub tensor: u64,
    /// Whether the sequence is split over them as well.
    pub sequence_parallel: bool,
    /// Bytes of a device.
    pub device: Option<f64>,
    /// Whose count.
    pub like: Like,
    /// Offloading, for DeepSpeed's count.
    pub offload: Offload,
    /// Accelerators of a machine, for DeepSpeed's count.
    pub per_node: u64,
}

impl MemoryRequest {
    /// A model with defaults: one rank, mixed precision, Adam, one sequence, nothing computed again.
    pub fn new(model: MemoryModel) -> Self {
        Self {
            model,
            ranks: 1,
            stage: None,
            optimizer: Optimizer::Adam,
            precision: Precision::Mixed,
            batch: 1,
            context: None,
            recompute: Recompute::None,
            dropout: false,
            tensor: 1,
            sequence_parallel: false,
            device: None,
            like: Like::Paper,
            offload: Offload::None,
            per_node: 8,
        }
    }

    pub(super) fn check(&self) -> Result<(), LawError> {
        let wrong = |what: &str| Err(LawError::Request(what.into()));
        if !(self.model.params >= 1.0 && self.model.params < 1e18) {
            return wrong("a plan of memory needs between 1 and 1e18 parameters");
        }
        if self.ranks == 0 || self.tensor == 0 || self.batch == 0 || self.per_node == 0 || self.context == Some(0) {
            return wrong("ranks, tensor-parallel ranks, batch and context must be at least 1");
        }
        if self.ranks > 1 << 24 || self.tensor > 1 << 16 || self.batch > 1 << 32 || self.context > Some(1 << 40) {
            return wrong("ranks, batch or context are larger than any machine: check the units");
        }
        if self.sequence_parallel && self.tensor == 1 {
            return wrong(
                "the sequence is split over tensor-parallel ranks: give more than one with --tensor-parallel",
            );
        }
        if let Some(shape) = self.model.shape.as_ref().filter(|s| !s.heads.is_multiple_of(self.tensor)) {
            return wrong(&format!(
                "{} tensor-parallel ranks do not divide {} heads: choose a divisor",
                self.tensor, shape.heads
            ));
        }
        if self.offload != Offload::None && self.like != Like::Deepspeed {
            return wrong("only DeepSpeed's estimators know offloading: add --like deepspeed");
        }
        if self.like == Like::Deepspeed
            && (self.optimizer != Optimizer::Adam || self.precision != Precision::Mixed || self.tensor > 1)
        {
            return wrong(
                "DeepSpeed's estimators are for Adam in mixed precision, data parallel alone: use --like paper",
            );
        }
        if self.like == Like::Accelerate && (self.optimizer != Optimizer::Adam || self.ranks * self.tensor > 1) {
            return wrong(
                "accelerate estimates Adam on one device: use --like paper for other optimisers or several ranks",
            );
        }
        Ok(())
    }

    pub(super) fn states(&self, stage: Stage) -> Result<States, LawError> {
        let params = self.model.params / self.tensor as f64;
        let like = match self.like {
            Like::Paper => return Ok(States::of(params, self.ranks, stage, self.optimizer, self.precision)),
            Like::Accelerate => {
                let dtype = if self.precision == Precision::F32 { Dtype::F32 } else { Dtype::Bf16 };
                estimators::accelerate(params, dtype).largest().unwrap_or(0.0)
            }
            Like::Deepspeed => self.deepspeed(stage)?.device,
        };
        // Estimators print one number.
        Ok(States { weights: like, gradients: 0.0, optimizer: 0.0 })
    }

    pub(super) fn deepspeed(&self, stage: Stage) -> Result<estimators::Estimated, LawError> {
        let per_node = self.per_node.min(self.ranks);
        if !self.ranks.is_multiple_of(per_node) {
            return Err(LawError::Request(format!(
                "{} ranks are no multiple of the {per_node} of a machine: change --ranks or --per-node",
                self.ranks
            )));
        }
        let on = Cluster { per_node, nodes: self.ranks / per_node };
        match stage {
            Stage::Two => Ok(estimators::deepspeed_stage2(self.model.params, on, self.offload != Offload::None, false)),
            Stage::Three => {
                let largest = self.model.shape.as_ref().map_or(0.0, |s| (s.vocab * s.width) as f64);
                Ok(estimators::deepspeed_stage3(self.model.params, largest, on, self.offload, true))
            }
            _ => Err(LawError::Request("DeepSpeed estimates stages 2 and 3 only: give --stage 2 or 3".into())),
        }
    }

    /// Activations: kept, computed again, and at the ends.
    pub(super) fn activations(&self) -> Result<Option<[f64; 3]>, LawError> {
        let Some(shape) = &self.model.shape else { return Ok(None) };
        let context = self.context.unwrap_or(shape.context);
        let of = Activations {
            dropout: if self.dropout { Dropout::On } else { Dropout::Off },
            tensor: self.tensor as f64,
            sequence_parallel: self.sequence_parallel,
            ..Activations::of(shape, context, self.batch, self.precision.bytes())?
        };
        Ok(Some([of.kept(self.recompute), of.again(self.recompute), of.ends()]))
    }
}
