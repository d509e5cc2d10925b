//! The `kleiber` command.

mod cli;
mod commands;
mod error;
mod figures;
mod output;
mod render;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match commands::run(&cli) {
        Ok(output) => output.print(cli.quiet),
        Err(error) => error.print(cli.wants_json()),
    }
}
