//! `kleiber plan prune`: which examples to keep.

use super::compute::share;
use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::plan::{PruneRequest, plan_prune};

/// Whether to keep hard, easy or random examples, by the theory of pruned perceptrons.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan prune --examples-per-dimension 20 --keep 0.2
  kleiber plan prune --examples-per-dimension 20 --keep 0.5 --probe-degrees 20")]
pub(crate) struct PruneArgs {
    /// Examples per effective dimension of the data, before pruning.
    #[arg(long, value_name = "COUNT", value_parser = quantity)]
    examples_per_dimension: f64,
    /// Share of the examples to keep.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    keep: f64,
    /// Angle between the score's probe and the truth in degrees; 0 is a perfect difficulty score.
    #[arg(long, value_name = "DEGREES", default_value_t = 0.0)]
    probe_degrees: f64,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan prune`.
pub(super) fn run(args: &PruneArgs) -> Result<Output, CliError> {
    let request =
        PruneRequest { alpha_tot: args.examples_per_dimension, fraction: args.keep, degrees: args.probe_degrees };
    Ok(show::output(&plan_prune(&request)?, args.json))
}
