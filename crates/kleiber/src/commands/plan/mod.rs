//! `kleiber plan`: what to run, and how. One file per plan.

mod bits;
mod capacity;
mod compute;
mod datastore;
mod design;
mod epochs;
mod format;
mod memory;
mod mixture;
mod model_source;
mod prune;
mod rates;
mod serve;
mod shape;
mod show;
mod vocab;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

/// Plan a training run, or the runs that would teach most.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    Batch(rates::BatchArgs),
    Bits(bits::BitsArgs),
    Capacity(capacity::CapacityArgs),
    Compute(compute::ComputeArgs),
    Datastore(datastore::DatastoreArgs),
    Design(design::DesignArgs),
    Epochs(epochs::EpochsArgs),
    Format(format::FormatArgs),
    Lr(rates::LrArgs),
    Memory(memory::MemoryArgs),
    Mixture(mixture::MixtureArgs),
    Prune(prune::PruneArgs),
    Serve(serve::ServeArgs),
    Shape(shape::ShapeArgs),
    Vocab(vocab::VocabArgs),
}

impl PlanCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Batch(a) => a.of.json,
            Self::Bits(a) => a.json,
            Self::Capacity(a) => a.json,
            Self::Compute(a) => a.json,
            Self::Datastore(a) => a.json,
            Self::Design(a) => a.json,
            Self::Epochs(a) => a.json,
            Self::Format(a) => a.json,
            Self::Lr(a) => a.of.json,
            Self::Memory(a) => a.json,
            Self::Mixture(a) => a.json,
            Self::Prune(a) => a.json,
            Self::Serve(a) => a.json,
            Self::Shape(a) => a.json,
            Self::Vocab(a) => a.json,
        }
    }
}

/// Runs `kleiber plan`.
pub(crate) fn run(command: &PlanCommand) -> Result<Output, CliError> {
    match command {
        PlanCommand::Batch(args) => rates::batch(args),
        PlanCommand::Bits(args) => bits::run(args),
        PlanCommand::Capacity(args) => capacity::run(args),
        PlanCommand::Compute(args) => compute::run(args),
        PlanCommand::Datastore(args) => datastore::run(args),
        PlanCommand::Design(args) => design::run(args),
        PlanCommand::Epochs(args) => epochs::run(args),
        PlanCommand::Format(args) => format::run(args),
        PlanCommand::Lr(args) => rates::lr(args),
        PlanCommand::Memory(args) => memory::run(args),
        PlanCommand::Mixture(args) => mixture::run(args),
        PlanCommand::Prune(args) => prune::run(args),
        PlanCommand::Serve(args) => serve::run(args),
        PlanCommand::Shape(args) => shape::run(args),
        PlanCommand::Vocab(args) => vocab::run(args),
    }
}
