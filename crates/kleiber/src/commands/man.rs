//! `kleiber man`: manual pages.

use crate::cli::Cli;
use crate::error::CliError;
use crate::output::Output;
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man;
use kleiber_core::{CoreError, atomic};
use std::path::{Path, PathBuf};

/// Write manual pages, one per command.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kleiber man ~/.local/share/man/man1")]
pub(crate) struct ManArgs {
    /// Folder to write to.
    folder: PathBuf,
}

/// Runs `kleiber man`.
pub(crate) fn run(args: &ManArgs) -> Result<Output, CliError> {
    let io = |source| CoreError::Io { path: args.folder.clone(), action: "write", source };
    std::fs::create_dir_all(&args.folder).map_err(io)?;
    let mut command = Cli::command();
    command.build();
    let mut output = Output::default();
    write(&command, &args.folder, &mut output)?;
    Ok(output)
}

fn write(command: &Command, folder: &Path, output: &mut Output) -> Result<(), CliError> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    Man::new(command.clone()).render(&mut page).map_err(|source| CoreError::Io {
        path: path.clone(),
        action: "write",
        source,
    })?;
    atomic::write(&path, &page)?;
    output.hints.push(format!("wrote {}", path.display()));
    for sub in command.get_subcommands().filter(|s| s.get_name() != "help") {
        write(sub, folder, output)?;
    }
    Ok(())
}
