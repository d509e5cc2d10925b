//! `kleiber completions`: shell completions.

use crate::cli::Cli;
use crate::output::Output;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

/// Print completions for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kleiber completions bash > ~/.local/share/bash-completion/completions/kleiber")]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Runs `kleiber completions`.
pub(crate) fn run(args: &CompletionsArgs) -> Output {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "kleiber", &mut bytes);
    Output::text(String::from_utf8_lossy(&bytes))
}
