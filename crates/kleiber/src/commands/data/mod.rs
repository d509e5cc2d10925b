//! `kleiber data`: text for training.

mod build;
mod inspect;
mod mix;
mod pack;
mod prune;
mod source;
mod synth;
mod tokenize;

pub(super) use synth::parameters;

use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Subcommand;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_data::{Prepared, TokenStore};
use std::path::Path;
use std::sync::Arc;

/// Build, tokenize, inspect, synthesise, mix, pack and prune text.
#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    Build(build::BuildArgs),
    Tokenize(tokenize::TokenizeArgs),
    Inspect(inspect::InspectArgs),
    Synth(synth::SynthArgs),
    Mix(mix::MixArgs),
    Pack(pack::PackArgs),
    Prune(prune::PruneArgs),
}

impl DataCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Build(a) => a.json,
            Self::Tokenize(a) => a.json,
            Self::Inspect(a) => a.json,
            Self::Synth(a) => a.json,
            Self::Mix(a) => a.json,
            Self::Pack(a) => a.json,
            Self::Prune(a) => a.json,
        }
    }
}

/// Runs `kleiber data`.
pub(crate) fn run(command: &DataCommand, quiet: bool) -> Result<Output, CliError> {
    let tell = super::stages(quiet);
    match command {
        DataCommand::Build(args) => build::run(args, &tell),
        DataCommand::Tokenize(args) => tokenize::run(args, &tell),
        DataCommand::Inspect(args) => inspect::run(args),
        DataCommand::Synth(args) => synth::run(args),
        DataCommand::Mix(args) => mix::run(args),
        DataCommand::Pack(args) => pack::run(args),
        DataCommand::Prune(args) => prune::run(args, &tell),
    }
}

/// A table of names and numbers: the first column is text.
pub(super) fn table(headers: &[&str], rows: Vec<Vec<String>>) -> String {
    let block = TableBlock {
        headers: headers.iter().map(|h| (*h).to_string()).collect(),
        rows,
        numeric: (0..headers.len()).map(|column| column > 0).collect(),
    };
    render::terminal_table(&block, Some(110))
}

/// Bytes for people: `63.1 MB`.
fn megabytes(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} B"),
        10_000..10_000_000 => format!("{} kB", format_significant(bytes as f64 / 1e3, 4)),
        _ => format!("{} MB", format_significant(bytes as f64 / 1e6, 4)),
    }
}

/// A number of tokens, documents or sequences for people.
fn count(number: u64) -> String {
    format_quantity(number as f64)
}

/// The store that a path names: a token store, or one side of a prepared corpus (the training side).
fn open_store(path: &Path) -> Result<Arc<TokenStore>, CliError> {
    if Prepared::is_at(path) {
        return Ok(Prepared::open(path)?.train);
    }
    if path.is_dir() {
        let message = format!("{}: no token store and no prepared corpus", path.display());
        return Err(CliError::usage(message, "make one with: kleiber data tokenize"));
    }
    Ok(TokenStore::open(path)?.into())
}
