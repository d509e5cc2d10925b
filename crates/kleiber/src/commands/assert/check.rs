//! `kleiber assert check`: whether claims hold of these runs.

use crate::commands::table::TableArgs;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_core::assertion::suggest::fingerprint;
use kleiber_core::assertion::{Assertion, Truth, Verdict, check_all};
use kleiber_core::guard::load_small;
use serde::Serialize;
use std::path::PathBuf;

/// Largest file of claims.
const MAX_BYTES: u64 = 1 << 20;

/// Check runs against a file of claims.
///
/// Each claim is a number with an interval and a range of accepted values: true where the interval lies inside, false where
/// it lies outside, else undecided. False ones are shown first. Exit code 1 when a claim is false, with --strict also when one
/// is undecided.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber assert check new.csv checks.toml
  kleiber assert check runs.parquet checks.toml --where 'params > 1M' --json

A claim:
  [[assert]]
  name = \"wide-is-no-worse\"
  property = \"not_worse\"
  y = \"loss\"
  group = \"shape\"
  a = \"wide\"
  b = \"deep\"
  margin = 0.02
  paired = \"seed\"
  because = \"a fiftieth of a nat is the noise between seeds\"

docs/assertions.md lists the properties.")]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    table: TableArgs,
    /// Claims: a TOML file of [[assert]] tables.
    #[arg(value_name = "CHECKS")]
    checks: PathBuf,
    /// Probability that a true claim among them is called false, for all together.
    #[arg(long, default_value_t = 0.05)]
    alpha: f64,
    /// An undecided claim fails as a false one does.
    #[arg(long)]
    strict: bool,
    /// Print one JSON document (kleiber.assert/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// The document of the command.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    rows: usize,
    alpha: f64,
    #[serde(rename = "true")]
    held: usize,
    #[serde(rename = "false")]
    broken: usize,
    undecided: usize,
    /// False ones first.
    assertions: Vec<Checked<'a>>,
}

/// A claim and what was found.
#[derive(Serialize)]
struct Checked<'a> {
    name: &'a str,
    because: &'a str,
    property: &'static str,
    #[serde(flatten)]
    verdict: Verdict,
}

/// Runs `kleiber assert check`.
pub(crate) fn run(args: &CheckArgs) -> Result<Output, CliError> {
    if !(args.alpha > 0.0 && args.alpha < 0.5) {
        return Err(CliError::usage(
            format!("--alpha {} is no probability of error", args.alpha),
            "give one such as 0.05",
        ));
    }
    let table = args.table.read()?;
    let source = args.checks.display().to_string();
    let text = String::from_utf8(load_small(&args.checks, MAX_BYTES)?)
        .map_err(|_| CliError::usage(format!("{source}: it is not UTF-8"), "save the file as UTF-8"))?;
    let claims = Assertion::list(&source, &text)?;
    let verdicts = check_all(&claims, |_| Some(&table), args.alpha)?;
    let mut checked: Vec<Checked<'_>> = claims.iter().zip(verdicts).map(of).collect();
    let rank = |truth: Truth| match truth {
        Truth::False => 0,
        Truth::Undecided => 1,
        Truth::True => 2,
    };
    checked.sort_by_key(|c| rank(c.verdict.truth));
    let count = |truth: Truth| checked.iter().filter(|c| c.verdict.truth == truth).count();
    let (held, broken, undecided) = (count(Truth::True), count(Truth::False), count(Truth::Undecided));
    let mut output = if args.json {
        let status = match (broken, undecided) {
            (0, 0) => "ok",
            (0, _) if args.strict => "undecided",
            (0, _) => "ok",
            _ => "false",
        };
        let rows = table.rows();
        Output::json(&Document {
            schema: "kleiber.assert/1",
            status,
            rows,
            alpha: args.alpha,
            held,
            broken,
            undecided,
            assertions: checked,
        })
    } else {
        let mut lines: Vec<String> = checked.iter().flat_map(lines).collect();
        lines.push(format!("{held} of {} true, {broken} false, {undecided} undecided", claims.len()));
        Output::text(lines.join("\n") + "\n")
    };
    output.code = u8::from(broken > 0 || args.strict && undecided > 0);
    if held + broken == 0 {
        output.hints.push("none of the claims could be checked; --strict makes that a failure".into());
    }
    if Assertion::derived_from(&text).is_some_and(|made| made == fingerprint(&table)) {
        let note = "warning: these are the runs that the claims were suggested from: that they hold says nothing";
        output.notes.push(note.into());
    }
    Ok(output)
}

fn of<'a>((claim, verdict): (&'a Assertion, Verdict)) -> Checked<'a> {
    Checked { name: &claim.name, because: &claim.because, property: claim.property.info().name, verdict }
}

/// A claim for people; why it was made only where it does not hold.
fn lines(checked: &Checked<'_>) -> Vec<String> {
    let mut lines = vec![format!("{:<9} {}: {}", checked.verdict.truth.to_string(), checked.name, checked.verdict.why)];
    if checked.verdict.truth != Truth::True && !checked.because.is_empty() {
        lines.push(format!("          because: {}", checked.because));
    }
    lines
}
