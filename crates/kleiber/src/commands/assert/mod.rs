//! `kleiber assert`: claims about runs, in a file.

mod check;
mod suggest;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;

/// Suggest claims that hold of runs, and check runs against such claims.
#[derive(Debug, Subcommand)]
pub(crate) enum AssertCommand {
    Suggest(suggest::SuggestArgs),
    Check(check::CheckArgs),
}

impl AssertCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Suggest(a) => a.json,
            Self::Check(a) => a.json,
        }
    }
}

/// Runs `kleiber assert`.
pub(crate) fn run(command: &AssertCommand) -> Result<Output, CliError> {
    match command {
        AssertCommand::Suggest(args) => suggest::run(args),
        AssertCommand::Check(args) => check::run(args),
    }
}
