//! `kleiber plan format`: the number format to train in.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::plan::{FormatRequest, ScaleBlock, plan_format};

/// The best floating-point format of so many bits to train in, the data it bears, and the best bits for a budget.
///
/// The law is that of Sun et al. 2025: bits are split between exponent and mantissa, a block of elements shares a scale,
/// and beyond the critical tokens more data raises the loss.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan format --params 1B --tokens 100B
  kleiber plan format --bits 4 --params 1B --tokens 500B --block 32 --width 2048
  kleiber plan format --params 7B --tokens 1T --block channel --flops 1e23 --json")]
pub(crate) struct FormatArgs {
    /// Bits of a number, sign included: 1 to 16.
    #[arg(long, default_value_t = 8)]
    bits: u32,
    /// Parameters without embeddings.
    #[arg(long, value_parser = quantity)]
    params: f64,
    /// Training tokens.
    #[arg(long, value_parser = quantity)]
    tokens: f64,
    /// Elements that share a scale, or `channel`.
    #[arg(long, default_value = "128")]
    block: ScaleBlock,
    /// Width of the layers' inputs, which the block must divide.
    #[arg(long, value_name = "ELEMENTS")]
    width: Option<u32>,
    /// Training compute for the best bits, at 6/16 FLOP per parameter, token and bit. [default: that of the sizes]
    #[arg(long, value_name = "FLOP", value_parser = quantity)]
    flops: Option<f64>,
    /// Answer also more than ten times outside the fitted range.
    #[arg(long)]
    force: bool,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan format`.
pub(super) fn run(args: &FormatArgs) -> Result<Output, CliError> {
    let request = FormatRequest {
        bits: args.bits,
        params: args.params,
        tokens: args.tokens,
        block: args.block,
        width: args.width,
        flops: args.flops,
        force: args.force,
    };
    Ok(show::output(&plan_format(&request)?, args.json))
}
