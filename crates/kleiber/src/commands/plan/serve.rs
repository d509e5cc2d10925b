//! `kleiber plan serve`: how fast a model can be served, and how much of it fits.

use super::compute::share;
use super::model_source::ModelSource;
use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::{ArgGroup, Args};
use kleiber_core::guard::load_small;
use kleiber_laws::LawError;
use kleiber_laws::plan::{ServeRequest, plan_serve};
use kleiber_laws::serving;
use kleiber_laws::spans::SpanPlan;
use std::path::PathBuf;

/// Largest plan of spans that is read.
const MAX_SPANS: u64 = 16 << 20;

/// Tokens per second, seconds to the first token, bytes of keys and values, and the largest batch.
///
/// A step reads the weights once and the keys and values of every sequence; it takes the longer of reading and arithmetic. Machines
/// for --machine: the accelerators of `plan compute` at their peak, and the processors xeon-8488c and gb10-cpu as measured.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["model", "config", "layers"]))]
#[command(after_help = "Examples:
  kleiber plan serve llama2-7b --machine a100 --context 4096 --batch 16
  kleiber plan serve llama3-8b --weights q4_k --kv q8_0 --machine xeon-8488c --context 8192
  kleiber plan serve qwen2-7b --weights 4.85 --bandwidth 60GB --speed 1T --memory 32GB
  kleiber plan serve llama2-7b --spans plan.json --context 8192 --bandwidth-share 0.7 --speed-share 0.4")]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    source: ModelSource,
    /// Sequences at the same time.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    batch: u64,
    /// Tokens of a prompt. [default: the context]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    prompt: Option<u64>,
    /// Format of weights (f32, f16, bf16, f8, int8, int4, q8_0, q6_k, q5_k, q5_0, q4_k, q4_0, q3_k) or bits of one.
    #[arg(long, value_name = "FORMAT", default_value = "bf16", value_parser = bits, help_heading = "Use")]
    weights: f64,
    /// Format of keys and values, as for --weights.
    #[arg(long, value_name = "FORMAT", default_value = "f16", value_parser = bits, help_heading = "Use")]
    kv: f64,
    /// Share of keys and values that attention keeps.
    #[arg(long, value_name = "SHARE", value_parser = share, conflicts_with = "spans", help_heading = "Use")]
    density: Option<f64>,
    /// A plan of spans by layer and head: JSON with `alphas` and `betas`.
    #[arg(long, value_name = "FILE", help_heading = "Use")]
    spans: Option<PathBuf>,
    /// Accelerator or measured processor. [default: h100, unless --bandwidth and --speed are given]
    #[arg(long, value_name = "NAME", help_heading = "Machine")]
    machine: Option<String>,
    /// Bytes per second that memory gives, such as 60GB.
    #[arg(long, value_name = "BYTES", value_parser = quantity, help_heading = "Machine")]
    bandwidth: Option<f64>,
    /// FLOP per second, such as 1T.
    #[arg(long, value_name = "FLOP", value_parser = quantity, help_heading = "Machine")]
    speed: Option<f64>,
    /// Bytes of memory, such as 80GB or 24GiB.
    #[arg(long, value_name = "BYTES", value_parser = quantity, help_heading = "Machine")]
    memory: Option<f64>,
    /// Share of the bandwidth that is reached.
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = share, help_heading = "Machine")]
    bandwidth_share: f64,
    /// Share of the speed that is reached.
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = share, help_heading = "Machine")]
    speed_share: f64,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn bits(text: &str) -> Result<f64, String> {
    serving::bits(text).map_err(|e| e.to_string())
}

/// Runs `kleiber plan serve`.
pub(super) fn run(args: &ServeArgs) -> Result<Output, CliError> {
    let (name, shape, notes) = args.source.read()?;
    let spans = args.spans.as_ref().map(|path| {
        let bytes = load_small(path, MAX_SPANS)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| LawError::Request(format!("{} is not UTF-8 text, so no plan of spans", path.display())))?;
        Ok::<_, CliError>(SpanPlan::from_json(&text)?)
    });
    let request = ServeRequest {
        batch: args.batch,
        context: args.source.context,
        prompt: args.prompt,
        weight_bits: args.weights,
        kv_bits: args.kv,
        density: args.density,
        spans: spans.transpose()?,
        machine: args.machine.clone(),
        bandwidth: args.bandwidth,
        speed: args.speed,
        memory: args.memory,
        bandwidth_share: args.bandwidth_share,
        speed_share: args.speed_share,
        ..ServeRequest::new(&name, shape)
    };
    let mut output = show::output(&plan_serve(&request)?, args.json);
    output.notes.extend(notes.iter().map(|note| format!("note: {note}")));
    Ok(output)
}
