//! `kleiber plan epochs`: how often to repeat limited tokens.

use super::show;
use crate::commands::law_source::law_of;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::plan::{EpochsRequest, plan_epochs};
use std::path::PathBuf;

/// Epochs over limited text: model size, what repeated tokens are worth, the loss, and when to stop.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan epochs --unique 25B --flops 9.3e21
  kleiber plan epochs --unique 100M --params 150M
  kleiber plan epochs --unique 10B --flops 1e22 --law law.json")]
pub(crate) struct EpochsArgs {
    /// Different training tokens there are, after deduplication.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    unique: f64,
    /// Training compute in FLOP, 6 per parameter and token; the plan chooses the model.
    #[arg(long, value_name = "FLOP", value_parser = quantity, required_unless_present = "params")]
    flops: Option<f64>,
    /// Parameters of a given model; without --flops it is trained until its loss would turn up.
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    params: Option<f64>,
    /// A law saved with `kleiber fit -o`: data-constrained or chinchilla. [default: paper:data-constrained/muennighoff]
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    law: Option<PathBuf>,
    /// Published coefficients of one of these laws.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan epochs`.
pub(super) fn run(args: &EpochsArgs) -> Result<Output, CliError> {
    let fit = law_of(args.law.as_deref(), args.preset.as_deref())?;
    let request = EpochsRequest { unique_tokens: args.unique, flops: args.flops, params: args.params, fit };
    Ok(show::output(&plan_epochs(&request)?, args.json))
}
