//! `kleiber plan memory`: bytes per device in training.

use super::model_source::ModelSource;
use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args};
use kleiber_laws::memory::estimators::Offload;
use kleiber_laws::memory::{Optimizer, Precision, Recompute, Stage};
use kleiber_laws::plan::{Like, MemoryModel, MemoryRequest, plan_memory};

/// Bytes per device of training a model, by stage of sharding.
///
/// Weights, gradients and optimiser by ZeRO's formulas, activations by those of Korthikanti et al. 2022, elements that each rank
/// sends per step. Bytes are plain bytes; GiB are 2^30 of them. Without --stage the least that fits --device is taken.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["model", "config", "layers", "params"]))]
#[command(after_help = "Examples:
  kleiber plan memory llama2-7b --ranks 8 --device 80GB --batch 4 --recompute selective
  kleiber plan memory --params 7.5B --ranks 64 --stage 2
  kleiber plan memory gpt3-175b --ranks 64 --stage 1 --tensor-parallel 8 --sequence-parallel --recompute full
  kleiber plan memory --params 2.851B --ranks 8 --stage 2 --like deepspeed --offload optimizer
  kleiber plan memory --layers 6 --width 384 --heads 6 --vocab 4096 --context 256 --precision f32 --batch 16")]
pub(crate) struct MemoryArgs {
    #[command(flatten)]
    source: ModelSource,
    /// Parameters (all that are trained), when there is no shape; activations are then not counted.
    #[arg(long, value_name = "PARAMS", value_parser = quantity, help_heading = "Use")]
    params: Option<f64>,
    /// Data-parallel ranks.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    ranks: u64,
    /// Stage: 0 shares nothing, 1 the optimiser, 2 gradients too, 3 weights too. [default: the least that fits --device, else 0]
    #[arg(long, value_name = "STAGE", value_parser = clap::value_parser!(u64).range(0..=3), help_heading = "Use")]
    stage: Option<u64>,
    /// Optimiser.
    #[arg(long, default_value = "adam", help_heading = "Use", value_parser = PossibleValuesParser::new(
        ["adam", "adamw", "adam8bit", "momentum", "lion", "sgd"]))]
    optimizer: String,
    /// Formats: 16-bit passes with 32-bit optimiser, or 32 bits throughout.
    #[arg(long, default_value = "mixed", value_parser = PossibleValuesParser::new(["mixed", "f32"]), help_heading = "Use")]
    precision: String,
    /// Sequences of a micro-batch on a device.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    batch: u64,
    /// What is computed again: nothing, scores of attention (as fused attention does), or whole layers.
    #[arg(long, default_value = "none", help_heading = "Use", value_parser = PossibleValuesParser::new(["none", "selective", "full"]))]
    recompute: String,
    /// Count the masks and outputs of dropout.
    #[arg(long, help_heading = "Use")]
    dropout: bool,
    /// Tensor-parallel ranks, beside the data-parallel ones.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    tensor_parallel: u64,
    /// Split norms and dropout along the sequence over tensor-parallel ranks.
    #[arg(long, help_heading = "Use")]
    sequence_parallel: bool,
    /// Bytes of a device, such as 80GB or 24GiB.
    #[arg(long, value_name = "BYTES", value_parser = quantity, help_heading = "Use")]
    device: Option<f64>,
    /// Whose count of model states to follow.
    #[arg(long, default_value = "paper", help_heading = "Estimators", value_parser = PossibleValuesParser::new(
        ["paper", "deepspeed", "accelerate"]))]
    like: String,
    /// What lies in host memory (--like deepspeed).
    #[arg(long, default_value = "none", help_heading = "Estimators", value_parser = PossibleValuesParser::new(
        ["none", "optimizer", "all"]))]
    offload: String,
    /// Accelerators of a machine (--like deepspeed).
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Estimators")]
    per_node: u64,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

/// Runs `kleiber plan memory`.
pub(super) fn run(args: &MemoryArgs) -> Result<Output, CliError> {
    let (model, notes) = match args.params {
        Some(params) => (MemoryModel { params, shape: None, name: "given".into() }, Vec::new()),
        None => {
            let (name, shape, notes) = args.source.read()?;
            let params = shape.parts()?.params_total()? as f64;
            (MemoryModel { params, shape: Some(shape), name }, notes)
        }
    };
    let request = MemoryRequest {
        ranks: args.ranks,
        stage: args.stage.and_then(Stage::numbered),
        optimizer: args.optimizer.parse::<Optimizer>()?,
        precision: args.precision.parse::<Precision>()?,
        batch: args.batch,
        context: args.source.context,
        recompute: args.recompute.parse::<Recompute>()?,
        dropout: args.dropout,
        tensor: args.tensor_parallel,
        sequence_parallel: args.sequence_parallel,
        device: args.device,
        like: match args.like.as_str() {
            "deepspeed" => Like::Deepspeed,
            "accelerate" => Like::Accelerate,
            _ => Like::Paper,
        },
        offload: match args.offload.as_str() {
            "optimizer" => Offload::Optimizer,
            "all" => Offload::Everything,
            _ => Offload::None,
        },
        per_node: args.per_node,
        ..MemoryRequest::new(model)
    };
    let mut output = show::output(&plan_memory(&request)?, args.json);
    output.notes.extend(notes.iter().map(|note| format!("note: {note}")));
    Ok(output)
}
