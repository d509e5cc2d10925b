//! `kleiber assert suggest`: claims that hold of these runs and should of the next.

use crate::commands::table::TableArgs;
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use clap::Args;
use kleiber_core::assertion::Assertion;
use kleiber_core::assertion::suggest::{Request, Suggestion, suggest, to_python};
use kleiber_core::atomic;
use kleiber_core::table::{Table, recognise};
use serde::Serialize;
use std::path::PathBuf;

/// Columns that may be the one along which, likeliest first.
const ALONG: [&str; 5] = ["step", "params", "tokens", "flops", "x"];
/// Columns that may be what is measured.
const MEASURED: [&str; 5] = ["loss", "bpb", "error", "score", "pass_rate"];
/// Columns that may tell replicates apart.
const REPLICATES: [&str; 2] = ["seed", "run"];

/// Suggest claims that hold of these runs and should hold of the next ones.
///
/// The table is a training log (30 or more values of --x in each run) or results at four or more sizes, from runs that
/// went well. Margins are prediction intervals over the replicates of --by, or wide ones from the noise within a single run.
/// Kept is the smallest set of claims that notices the most of a list of ways to go wrong: no number, other units,
/// stopped early, a spike, nothing learned, and so on.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber assert suggest log.csv -o checks.toml
  kleiber assert suggest runs.parquet --x params --y loss --by seed -o checks.toml
  kleiber assert suggest log.csv --python -o checks.py
  kleiber assert check new.csv checks.toml")]
pub(crate) struct SuggestArgs {
    #[command(flatten)]
    table: TableArgs,
    /// Column along which: steps, tokens, a size. [default: step, params, tokens, flops or x, whichever is there]
    #[arg(long, value_name = "COLUMN")]
    x: Option<String>,
    /// Column that is measured. [default: loss, bpb, error, score or pass_rate, whichever is there]
    #[arg(long, value_name = "COLUMN")]
    y: Option<String>,
    /// Column that tells replicates apart. [default: seed or run, where there are several]
    #[arg(long, value_name = "COLUMN")]
    by: Option<String>,
    /// Probability that good runs break any of the claims.
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// Write Python with pandas, for a notebook or a test.
    #[arg(long, conflicts_with = "json")]
    python: bool,
    /// Write the claims there. [default: stdout]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON document (kleiber.assert/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// The document of the command.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    x: &'a str,
    y: &'a str,
    by: Option<&'a str>,
    rows: usize,
    noticed: usize,
    mutants: Vec<Mutant<'a>>,
    assertions: &'a [Assertion],
}

/// A way to go wrong and the claims that notice it.
#[derive(Serialize)]
struct Mutant<'a> {
    name: &'a str,
    about: &'a str,
    noticed_by: &'a [String],
}

/// Runs `kleiber assert suggest`.
pub(crate) fn run(args: &SuggestArgs) -> Result<Output, CliError> {
    let table = args.table.read()?;
    let request = request(args, &table)?;
    let found = suggest(&table, &request)?;
    if found.assertions.is_empty() {
        let message = format!("{}: nothing that holds of these runs would notice one that went wrong", table.source());
        return Err(CliError::usage(message, "give more replicates, or other columns with --x and --y"));
    }
    let text = if args.python { to_python(&found.assertions)? } else { found.to_text() };
    if let Some(path) = &args.output {
        atomic::write(path, text.as_bytes())?;
    }
    let mut output = match (args.json, &args.output) {
        (true, _) => Output::json(&document(&found, &request, &table)),
        (false, Some(_)) => Output::text(""),
        (false, None) => Output::text(text),
    };
    let (noticed, all) = found.score();
    let count = found.assertions.len();
    let claims = if count == 1 { "claim" } else { "claims" };
    output.hints.push(format!("{count} {claims} that notice {noticed} of {all} ways to go wrong"));
    for (mutant, _) in found.mutants.iter().filter(|(_, by)| by.is_empty()) {
        output.hints.push(format!("not noticed: {} ({})", mutant.name, mutant.about));
    }
    if request.by.is_none() {
        output
            .notes
            .push("warning: one run says nothing of how seeds differ; margins are three times its own noise".into());
    }
    if let Some(path) = &args.output {
        output.hints.push(format!("wrote {}", path.display()));
        let file = quoted(&path.to_string_lossy());
        output.hints.push(match args.python {
            true => format!("next: python {file} NEW.csv"),
            false => format!("next: kleiber assert check NEW.csv {file}"),
        });
    }
    Ok(output)
}

/// The columns asked for, or those that the table seems to have.
fn request(args: &SuggestArgs, table: &Table) -> Result<Request, CliError> {
    let pick = |given: &Option<String>, usual: &[&str], option: &str| match given {
        Some(name) => Ok(name.clone()),
        None => usual.iter().find_map(|name| recognise(table, name)).map(str::to_string).ok_or_else(|| {
            let names: Vec<&str> = table.columns().iter().take(20).map(|c| c.name.as_str()).collect();
            let message = format!("{}: none of the columns is called {}", table.source(), usual.join(", "));
            CliError::usage(message, format!("name it with {option}; the columns are {}", names.join(", ")))
        }),
    };
    let several = |name: &&str| table.labels(name).is_ok_and(|labels| labels.iter().any(|l| *l != labels[0]));
    let by = match &args.by {
        Some(name) => Some(name.clone()),
        None => REPLICATES.iter().filter_map(|name| recognise(table, name)).find(several).map(str::to_string),
    };
    if !(args.alpha > 0.0 && args.alpha < 0.5) {
        return Err(CliError::usage(
            format!("--alpha {} is no probability of error", args.alpha),
            "give one such as 0.05",
        ));
    }
    Ok(Request { x: pick(&args.x, &ALONG, "--x")?, y: pick(&args.y, &MEASURED, "--y")?, by, alpha: args.alpha })
}

fn document<'a>(found: &'a Suggestion, request: &'a Request, table: &Table) -> Document<'a> {
    let mutant = |(mutant, by): &'a (kleiber_core::assertion::suggest::Mutant, Vec<String>)| Mutant {
        name: mutant.name,
        about: mutant.about,
        noticed_by: by,
    };
    Document {
        schema: "kleiber.assert/1",
        status: "ok",
        x: &request.x,
        y: &request.y,
        by: request.by.as_deref(),
        rows: table.rows(),
        noticed: found.score().0,
        mutants: found.mutants.iter().map(mutant).collect(),
        assertions: &found.assertions,
    }
}
