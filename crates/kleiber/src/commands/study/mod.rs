//! `kleiber study`: the published claims, re-tested.

mod list;
mod report;
mod run;
mod show;
mod summary;

use crate::error::CliError;
use crate::output::Output;
use clap::Subcommand;
use kleiber_core::guard::load_small;
use kleiber_studies::{Outcome, catalogue};
use std::path::Path;

/// File of a study's folder that holds its result.
const RESULT: &str = "result.json";
/// Largest such file.
const MAX_BYTES: u64 = 16 << 20;

/// The published claims about size: list them, run one, say what came out.
#[derive(Debug, Subcommand)]
pub(crate) enum StudyCommand {
    List(list::ListArgs),
    Run(Box<run::RunArgs>),
    Show(show::ShowArgs),
    Summary(summary::SummaryArgs),
}

impl StudyCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::List(a) => a.json,
            Self::Run(a) => a.json,
            Self::Show(a) => a.json,
            Self::Summary(_) => false,
        }
    }
}

/// Runs `kleiber study`.
pub(crate) fn run(command: &StudyCommand, quiet: bool) -> Result<Output, CliError> {
    match command {
        StudyCommand::List(args) => list::run(args),
        StudyCommand::Run(args) => run::run(args, quiet),
        StudyCommand::Show(args) => show::run(args),
        StudyCommand::Summary(args) => summary::run(args),
    }
}

/// The result of a study in `folder`, else the one that came with the program.
fn result(folder: &Path, slug: &str) -> Option<Outcome> {
    let path = folder.join(slug).join(RESULT);
    let own = load_small(&path, MAX_BYTES).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    own.or_else(|| catalogue::published(slug))
}
