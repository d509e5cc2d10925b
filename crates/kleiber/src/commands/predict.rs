//! `kleiber predict`: the response at a size, with an interval.

use super::law_source::LawSource;
use super::{level, point};
use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};

/// Predict the loss (or skill) of runs you have not made.
///
/// The interval is for one new run: it holds the uncertainty of the coefficients and the scatter of runs around
/// the law. Beside it stands how many times the point lies beyond the fitted range. Points that were fitted are
/// refused: comparing with them is not a prediction. Published coefficients (--preset) come without an interval.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber predict law.json --at params=7B,tokens=140B
  kleiber predict law.json --at params=7B,multiplier=20 --at params=70B,multiplier=20 --json
  kleiber predict law.json --at flops=1e24,params=70B
  kleiber predict --preset paper:chinchilla/besiroglu --at params=7B,tokens=15T")]
pub(crate) struct PredictArgs {
    #[command(flatten)]
    source: LawSource,
    /// A point: NAME=VALUE,... with params, tokens, flops, multiplier (tokens per parameter), unique_tokens, x, or whatever the law's variables are (`kleiber laws NAME`).
    #[arg(long, value_name = "NAME=VALUE,..", required = true, value_parser = point)]
    at: Vec<IndexMap<String, f64>>,
    /// Nominal coverage.
    #[arg(long, default_value = "0.95", value_parser = level)]
    level: f64,
    /// Answer even where a refusal is due.
    #[arg(long)]
    force: bool,
    /// Print one JSON document (kleiber.predict/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber predict`.
pub(crate) fn run(args: &PredictArgs) -> Result<Output, CliError> {
    let fit = args.source.read()?;
    let result = fit.predict(&args.at, args.level, args.force)?;
    let output = if args.json {
        Output::json(&result)
    } else {
        let show = |v: Option<f64>| v.map_or("-".into(), |v| format_significant(v, 5));
        let row = |p: &kleiber_laws::predict::Prediction| {
            let at: Vec<String> = p.at.iter().map(|(n, v)| format!("{n}={}", format_quantity(*v))).collect();
            let distance = if p.extrapolation <= 1.0 {
                "inside".into()
            } else {
                format!("{}x beyond", format_significant(p.extrapolation, 3))
            };
            vec![at.join(" "), show(p.value), show(p.low), show(p.high), distance]
        };
        let block = TableBlock {
            headers: vec![
                "at".into(),
                result.response.clone(),
                format!("{:.0}% low", 100.0 * args.level),
                "high".into(),
                "fitted range".into(),
            ],
            rows: result.predictions.iter().map(row).collect(),
            numeric: vec![false, true, true, true, false],
        };
        Output::text(format!("{}\n\n{}\n", args.source.describe(&fit), render::terminal_table(&block, Some(110))))
    };
    Ok(output.with_findings(result.status, &result.reasons, &result.warnings))
}
