//! `kleiber plan`: what to run, and how. One file per plan.

mod compute;
mod design;
mod mixture;
mod show;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

/// Plan a training run, or the runs that would teach most.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    Compute(compute::ComputeArgs),
    Design(design::DesignArgs),
    Mixture(mixture::MixtureArgs),
}

impl PlanCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Compute(a) => a.json,
            Self::Design(a) => a.json,
            Self::Mixture(a) => a.json,
        }
    }
}

/// Runs `kleiber plan`.
pub(crate) fn run(command: &PlanCommand) -> Result<Output, CliError> {
    match command {
        PlanCommand::Compute(args) => compute::run(args),
        PlanCommand::Design(args) => design::run(args),
        PlanCommand::Mixture(args) => mixture::run(args),
    }
}
