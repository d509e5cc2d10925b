//! `kleiber compare`: which law extrapolates best.

use super::table::{TableArgs, law_for};
use crate::error::CliError;
use crate::figures::{self, quoted};
use crate::output::Output;
use crate::render::Report;
use crate::render::{self, TableBlock};
use clap::Args;
use kleiber_core::table::{Table, recognise};
use kleiber_core::units::format_significant;
use kleiber_laws::compare::{Comparison, compare};
use kleiber_laws::{Law, Objective, Options};
use std::path::PathBuf;

/// Rank laws by how well they predict larger runs than they were fitted to.
///
/// Each law is fitted to the smaller runs and judged on the larger ones: on the rows of --holdout, or at three
/// cuts by compute. AICc of the fit to all rows stands beside it. All laws share one objective.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber compare runs.csv
  kleiber compare runs.csv --law chinchilla --law kaplan --holdout 'flops>1e20'
  kleiber compare runs.csv --law 'E + A*params^-alpha + B*tokens^-beta' --law m2 --json")]
pub(crate) struct CompareArgs {
    #[command(flatten)]
    table: TableArgs,
    /// Law to compare, repeatable: a name or a formula. [default: every law whose columns are there]
    #[arg(long = "law", value_name = "NAME|FORMULA")]
    laws: Vec<String>,
    /// Rows to hold out. [default: the larger runs, at three cuts by size]
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    holdout: Option<String>,
    /// Objective of every fit: log-huber:DELTA, log-mse, mse, mae or asym:RATIO. [default: log-huber:0.001]
    #[arg(long)]
    objective: Option<Objective>,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Answer even where a refusal is due.
    #[arg(long)]
    force: bool,
    /// Print one JSON document (kleiber.compare/1).
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a report: .html, .md, .svg or .png.
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
}

/// Runs `kleiber compare`.
pub(crate) fn run(args: &CompareArgs) -> Result<Output, CliError> {
    let table = args.table.read()?;
    args.report.iter().try_for_each(|path| render::check_target(path))?;
    let names = if args.laws.is_empty() { suggested(&table) } else { args.laws.clone() };
    let laws: Vec<Law> = names.iter().map(|name| law_for(Some(name), &table, &[])).collect::<Result<_, _>>()?;
    let options = Options {
        holdout: args.holdout.clone(),
        objective: args.objective,
        seed: args.seed,
        force: args.force,
        ..Options::default()
    };
    let comparison = compare(&table, &laws, &options)?;
    let block = block(&comparison);
    let mut written = Vec::new();
    for path in &args.report {
        let report: Report = figures::comparison_report(&comparison, &block, table.source());
        written.extend(render::write_report(&report, path)?);
    }
    let mut output = if args.json {
        Output::json(&comparison)
    } else {
        let header = format!(
            "{} rows of {}; held out: {}; objective {}\n\n",
            comparison.rows,
            table.source(),
            comparison.holdout,
            comparison.objective
        );
        Output::text(header + &render::terminal_table(&block, Some(110)) + "\n")
    };
    output = output.with_findings(comparison.status, &comparison.reasons, &comparison.warnings);
    output.hints.extend(written.iter().map(|p| format!("wrote {}", p.display())));
    for law in comparison.laws.iter().filter(|l| !l.reasons.is_empty() && comparison.status == kleiber_laws::Status::Ok)
    {
        output.notes.push(format!("{}: {}", law.law, law.reasons[0].message));
    }
    if let Some(best) = comparison.laws.first().filter(|l| l.holdout_mean_abs_rel_error.is_some()) {
        output.hints.push(format!("next: kleiber fit {} --law {} -o law.json", args.table.words(), quoted(&best.law)));
    }
    Ok(output)
}

fn suggested(table: &Table) -> Vec<String> {
    let has = |name: &str| recognise(table, name).is_some();
    let surface = has("params") && (has("tokens") || has("flops"));
    let mut laws: Vec<&str> = Vec::new();
    if surface {
        laws.extend(["chinchilla", "kaplan", "over-training"]);
        if has("unique_tokens") {
            laws.push("data-constrained");
        }
    } else {
        laws.extend(["m1", "m2", "m3", "m4", "bnsl:1"]);
    }
    if surface && has("flops") {
        // The baseline: one power law of compute, blind to how it was spent.
        laws.push("E + K*flops^-gamma");
    }
    laws.into_iter().map(str::to_string).collect()
}

fn block(comparison: &Comparison) -> TableBlock {
    let percent = |v: Option<f64>| v.map_or("-".into(), |v| format!("{}%", format_significant(100.0 * v, 3)));
    let row = |c: &kleiber_laws::compare::Candidate| {
        let state = c.reasons.first().map_or_else(|| "ok".to_string(), |r| format!("refused: {}", r.code));
        vec![
            c.law.clone(),
            percent(c.holdout_mean_abs_rel_error),
            percent(c.holdout_max_abs_rel_error),
            c.holdout_rows.to_string(),
            c.aicc.map_or("-".into(), |v| format!("{v:.1}")),
            c.coefficients.to_string(),
            state,
        ]
    };
    TableBlock {
        headers: ["law", "mean error", "largest", "held out", "AICc", "coefficients", "state"]
            .map(String::from)
            .to_vec(),
        rows: comparison.laws.iter().map(row).collect(),
        numeric: vec![false, true, true, true, true, true, false],
    }
}
