//! The `kleiber` command.

mod cli;
mod commands;
mod error;
mod figures;
mod output;
mod render;

use clap::Parser;
use std::process::ExitCode;

/// Training makes and drops large buffers at every step, which this allocator hands out again without the system.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and versions are answers; what cannot be parsed is one document for programs as well.
            let json = std::env::args_os().any(|word| word == "--json");
            if json && error.use_stderr() {
                error::print_document("input", &error.render().to_string(), "see --help");
            }
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    match commands::run(&cli) {
        Ok(output) => output.print(cli.quiet),
        Err(error) => error.print(cli.wants_json()),
    }
}
