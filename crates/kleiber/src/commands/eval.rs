//! `kleiber eval`: a checkpoint on a task.

use super::data::{parameters, table};
use crate::error::CliError;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_core::table::{Cells, Table};
use kleiber_core::units::format_significant;
use kleiber_data::tasks::{Fold, TaskSpec};
use kleiber_evaluate::{By, Drawing, Model, Questions, accuracy, answer_losses, pass_rate};
use kleiber_models::Sampling;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// Most symbols of a cell that people see; the document holds all.
const SHOWN: usize = 32;

/// Which examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FoldName {
    /// Those that were learned from.
    Train,
    /// Those that share no question with them.
    Test,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Share of right greedy answers.
    Accuracy,
    /// Nats of each expected answer.
    Losses,
    /// Share of right drawn answers of each example, drawn until enough are right.
    Passes,
}

/// What the rows are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rows {
    /// One for all examples.
    All,
    /// One for each length of the answer.
    Length,
    /// One for each number of digits of the longest number in the question.
    Digits,
    /// One for each example.
    Each,
}

/// Ask a model the examples of a task and grade what it writes.
///
/// CHECKPOINT is the folder of a run (its newest step is taken), a step of it, or a Hugging Face folder of GPT-2,
/// GPT-NeoX or Llama with a tokenizer.json. Each question stands behind an end-of-text, as texts do in training. A task
/// is named as for `data synth`, or as the source that was trained on (task:NAME?KEY=VALUE&..), whose count and seed
/// of training examples are left aside.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber eval runs/sums --task addition --set digits=2 --set format=reverse
  kleiber eval runs/copy --task 'task:copy?pattern=repeated&min_length=11&max_length=20' --by length
  kleiber eval runs/sums --task addition --set digits=2 --measure passes --count 50 --cap 20000 --json")]
pub(crate) struct EvalArgs {
    /// Folder of a run, of one of its steps, or of a Hugging Face model.
    checkpoint: PathBuf,
    /// Name of the task, or the source that it was trained on.
    #[arg(long, value_name = "NAME|task:NAME?..")]
    task: String,
    /// A parameter of the task; parameters of parameters with a dot.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,
    /// Number of examples.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    count: u64,
    /// Test or training examples.
    #[arg(long, value_enum, default_value = "test")]
    fold: FoldName,
    /// Seed of the examples and of the draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// What is measured.
    #[arg(long, value_enum, default_value = "accuracy")]
    measure: Measure,
    /// With accuracy: what the rows are.
    #[arg(long, value_enum, default_value = "all")]
    by: Rows,
    /// With passes: right answers after which an example is done.
    #[arg(long, value_name = "N", default_value_t = 2)]
    passes: u64,
    /// With passes: most draws for an example.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    cap: u64,
    /// With passes: 1 draws from the model's distribution, less from a sharper one.
    #[arg(long, value_name = "T", default_value_t = 1.0)]
    temperature: f64,
    /// Put no end-of-text before the questions.
    #[arg(long)]
    continued: bool,
    /// Print one JSON document (kleiber.eval/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber eval`.
pub(crate) fn run(args: &EvalArgs) -> Result<Output, CliError> {
    let mut spec = TaskSpec::parse(&args.task)?;
    spec.set(parameters(&args.sets)?);
    let task = spec.task()?;
    let drawing = Drawing { passes: args.passes, cap: args.cap, temperature: args.temperature, seed: args.seed };
    Sampling { temperature: args.temperature, ..Sampling::default() }.check()?;
    let model = Model::load(&args.checkpoint)?;
    let fold = if args.fold == FoldName::Train { Fold::Train } else { Fold::Test };
    let questions = Questions { count: args.count, fold, seed: args.seed, fresh: !args.continued };
    let by = match args.by {
        Rows::All => By::All,
        Rows::Length => By::Length,
        Rows::Digits => By::Digits,
        Rows::Each => By::Each,
    };
    let rows = match args.measure {
        Measure::Accuracy => accuracy(&model, &*task, &questions, by)?,
        Measure::Losses => answer_losses(&model, &*task, &questions)?,
        Measure::Passes => pass_rate(&model, &*task, &questions, &drawing)?,
    };
    if args.json {
        let word = |choice: &dyn Fn() -> Option<clap::builder::PossibleValue>| {
            choice().map(|value| value.get_name().to_string())
        };
        return Ok(Output::json(&json!({
            "schema": "kleiber.eval/1",
            "status": "ok",
            "checkpoint": model.folder.display().to_string(),
            "model_type": model.model_type,
            "params_total": model.decoder.parameters().len(),
            "task": spec.name,
            "parameters": spec.parameters,
            "fold": word(&|| args.fold.to_possible_value()),
            "count": args.count,
            "seed": args.seed,
            "measure": word(&|| args.measure.to_possible_value()),
            "by": word(&|| args.by.to_possible_value()),
            "drawing": (args.measure == Measure::Passes).then(|| json!({
                "passes": args.passes, "cap": args.cap, "temperature": args.temperature,
            })),
            "rows": objects(&rows),
        })));
    }
    let names: Vec<&str> = rows.columns().iter().map(|c| c.name.as_str()).collect();
    let cells = (0..rows.rows()).map(|row| rows.columns().iter().map(|c| shown(&c.cells, row)).collect()).collect();
    let title =
        format!("{} of {} on {} examples of {}", args.measure.words(), model.folder.display(), args.count, spec.name);
    Ok(Output::text(format!("{title}\n\n{}", table(&names, cells))))
}

impl Measure {
    fn words(self) -> &'static str {
        match self {
            Self::Accuracy => "greedy answers",
            Self::Losses => "losses",
            Self::Passes => "pass rates",
        }
    }
}

/// Each row as an object; what is not known is null.
fn objects(rows: &Table) -> Vec<Value> {
    let cell = |cells: &Cells, row: usize| match cells {
        Cells::Number(numbers) => json!(numbers[row]),
        Cells::Text(texts) => json!(&*texts[row]),
    };
    let object = |row| rows.columns().iter().map(|c| (c.name.clone(), cell(&c.cells, row))).collect::<Map<_, _>>();
    (0..rows.rows()).map(|row| Value::Object(object(row))).collect()
}

/// A cell for people.
fn shown(cells: &Cells, row: usize) -> String {
    match cells {
        Cells::Number(numbers) => format_significant(numbers[row], 4),
        Cells::Text(texts) => {
            let text = format!("{:?}", &*texts[row]);
            let text = text.trim_matches('"');
            if text.chars().count() <= SHOWN {
                return text.into();
            }
            text.chars().take(SHOWN - 3).collect::<String>() + "..."
        }
    }
}
