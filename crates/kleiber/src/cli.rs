//! The command line.

use crate::commands::{
    assert, compare, completions, compress, data, doctor, eval, fit, generate, ladder, laws, man, plan, predict, size,
    study, sweep, train,
};
use clap::{Parser, Subcommand};

/// The size of neural networks: laws from training runs, plans, and the runs themselves.
///
/// Give it a CSV, TSV, JSON Lines or Parquet file with one row per run (parameters, tokens, loss) and it fits a
/// law with intervals, says which law extrapolates best, predicts a run you have not made, and plans the best
/// size for a budget. Where the table does not support an answer it refuses and says which runs are missing.
/// It also makes runs: `train` and `sweep` train small models on text and enter them in such a table.
///
/// stdout carries the result only: a table, or one JSON document with --json. Exit code 0 is an answer, 1 a check
/// that is false or a run that came to nothing, 2 a refusal or unusable input, 3 a limit (memory, disk, time), 130
/// an interruption.
#[derive(Debug, Parser)]
#[command(name = "kleiber", version, max_term_width = 110, arg_required_else_help = true)]
#[command(
    after_help = "Start with:\n  kleiber train --params 100k --dry-run\n  kleiber fit runs.csv -o law.json\n  kleiber predict law.json --at params=7e9,tokens=1.4e11\n  kleiber plan compute law.json --flops 1e21"
)]
pub(crate) struct Cli {
    /// Threads to use, at most one per core; results do not depend on it. [default: all]
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) threads: Option<u16>,
    /// Print no hints.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Everything the binary does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Ladder(Box<ladder::LadderArgs>),
    Fit(Box<fit::FitArgs>),
    Compare(compare::CompareArgs),
    Predict(predict::PredictArgs),
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    Laws(laws::LawsArgs),
    Size(Box<size::SizeArgs>),
    #[command(subcommand)]
    Data(data::DataCommand),
    #[command(subcommand)]
    Assert(assert::AssertCommand),
    Train(Box<train::TrainArgs>),
    Sweep(sweep::SweepArgs),
    #[command(subcommand)]
    Compress(compress::CompressCommand),
    #[command(subcommand)]
    Study(study::StudyCommand),
    Generate(generate::GenerateArgs),
    Eval(eval::EvalArgs),
    Doctor(doctor::DoctorArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Cli {
    /// Whether an error should also be printed as JSON.
    pub(crate) fn wants_json(&self) -> bool {
        match &self.command {
            Command::Ladder(a) => a.json,
            Command::Fit(a) => a.json,
            Command::Compare(a) => a.json,
            Command::Predict(a) => a.json,
            Command::Plan(a) => a.json(),
            Command::Laws(a) => a.json,
            Command::Size(a) => a.json,
            Command::Assert(a) => a.json(),
            Command::Data(a) => a.json(),
            Command::Train(a) => a.json,
            Command::Sweep(a) => a.json,
            Command::Compress(a) => a.json(),
            Command::Study(a) => a.json(),
            Command::Generate(a) => a.json,
            Command::Eval(a) => a.json,
            Command::Doctor(a) => a.json,
            Command::Completions(_) | Command::Man(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
