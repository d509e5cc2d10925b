//! `kleiber plan datastore`: text to search at inference against more pretraining.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::Fit;
use kleiber_laws::plan::{DatastoreRequest, plan_datastore};
use std::path::PathBuf;

/// What a datastore is worth: loss, cost, and the pretraining that would do the same.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan datastore --params 7B --tokens 2T --datastore 1.4T
  kleiber plan datastore --params 1B --tokens 100B --datastore 50B --gain 0.09 --gain-at 1T
  kleiber fit store.csv --law datastore -o store.json
  kleiber plan datastore --params 1B --tokens 100B --datastore 50B --curve store.json")]
pub(crate) struct DatastoreArgs {
    /// Parameters of the language model.
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    params: f64,
    /// Pretraining tokens.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    tokens: f64,
    /// Tokens of text that is searched.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    datastore: f64,
    /// Parameters of the retriever that embeds it. [default: 177M, Contriever]
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    retriever: Option<f64>,
    /// Nats per token gained by --gain-at tokens. [default: 0.156, LLaMA-2 7B on RedPajama]
    #[arg(long, value_name = "NATS", value_parser = quantity)]
    gain: Option<f64>,
    /// Tokens of the datastore of that gain. [default: 1.4T]
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    gain_at: Option<f64>,
    /// Tokens of a datastore that gains nothing. [default: 100M, with a span from 1M to 10B]
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    nothing: Option<f64>,
    /// A fit of the datastore law to losses of this model, in nats per token.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["gain", "gain_at", "nothing"])]
    curve: Option<PathBuf>,
    /// A law of parameters and tokens saved with `kleiber fit -o`. [default: paper:chinchilla/besiroglu]
    #[arg(long, value_name = "FILE")]
    law: Option<PathBuf>,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan datastore`.
pub(super) fn run(args: &DatastoreArgs) -> Result<Output, CliError> {
    let usual = DatastoreRequest::default();
    let request = DatastoreRequest {
        params: args.params,
        tokens: args.tokens,
        datastore_tokens: args.datastore,
        retriever: args.retriever.unwrap_or(usual.retriever),
        gain: args.gain,
        gain_at: args.gain_at.unwrap_or(usual.gain_at),
        nothing: args.nothing,
        curve: args.curve.as_deref().map(Fit::read).transpose()?,
        fit: args.law.as_deref().map(Fit::read).transpose()?,
    };
    Ok(show::output(&plan_datastore(&request)?, args.json))
}
