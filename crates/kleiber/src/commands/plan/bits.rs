//! `kleiber plan bits`: the fewest bits to quantise a trained model to.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::plan::{BitsForm, BitsRequest, plan_bits};

/// The fewest bits to which a trained model can be quantised within a budget of loss.
///
/// Quantisation costs more the longer a model was trained for its size (Ouyang et al. 2024: GPTQ at 2, 3 and 4 bits on
/// Pythia). The table names the tokens at which each bit width crosses the budget.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan bits --params 7B --tokens 2T
  kleiber plan bits --params 70B --tokens 15T --max-qid 0.1 --json
  kleiber plan bits --params 7B --tokens 15T --form joint --extrapolate
  kleiber plan bits --params 7B --tokens 2T --bandwidth 1e12")]
pub(crate) struct BitsArgs {
    /// Parameters without embeddings.
    #[arg(long, value_parser = quantity)]
    params: f64,
    /// Training tokens seen.
    #[arg(long, value_parser = quantity)]
    tokens: f64,
    /// Most nats per token that quantisation may add; 0.2 takes a fifth off each token's likelihood.
    #[arg(long, value_name = "NATS", default_value = "0.2", value_parser = quantity)]
    max_qid: f64,
    /// Law: per-bit (one law per bit width, those behind the published table) or joint (the published law of all).
    #[arg(long, default_value = "per-bit")]
    form: BitsForm,
    /// Words of the vocabulary: a loss above its logarithm is worse than guessing.
    #[arg(long, value_name = "WORDS", default_value = "50304", value_parser = quantity)]
    vocab: f64,
    /// Also consider 5, 6 and 8 bits, which were not measured; with --form joint only.
    #[arg(long)]
    extrapolate: bool,
    /// Memory speed in bytes per second, for the most tokens per second that reading the weights allows.
    #[arg(long, value_name = "BYTES/S", value_parser = quantity)]
    bandwidth: Option<f64>,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan bits`.
pub(super) fn run(args: &BitsArgs) -> Result<Output, CliError> {
    let request = BitsRequest {
        params: args.params,
        tokens: args.tokens,
        max_qid: args.max_qid,
        form: args.form,
        vocabulary: args.vocab,
        extrapolate: args.extrapolate,
        bandwidth: args.bandwidth,
    };
    Ok(show::output(&plan_bits(&request)?, args.json))
}
