//! `kleiber compress`: smaller models from trained ones.

mod quantize;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

/// Make a trained model smaller, and say what that costs.
#[derive(Debug, Subcommand)]
pub(crate) enum CompressCommand {
    Quantize(quantize::QuantizeArgs),
}

impl CompressCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Quantize(a) => a.json,
        }
    }
}

/// Runs `kleiber compress`.
pub(crate) fn run(command: &CompressCommand, quiet: bool) -> Result<Output, CliError> {
    match command {
        CompressCommand::Quantize(args) => quantize::run(args, &super::stages(quiet)),
    }
}
