//! `kleiber plan design`: the runs that would teach most.

use crate::commands::{point, quantity};
use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::Fit;
use kleiber_laws::plan::{DesignRequest, plan_design};
use std::path::PathBuf;

/// The next runs: those that shrink the interval of a target most for their compute.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  kleiber plan design law.json --target params=70B,tokens=1.4T --budget 1e21 --runs 6")]
pub(crate) struct DesignArgs {
    /// A law saved with `kleiber fit -o`.
    law: PathBuf,
    /// The model whose loss is to be known: params=..,tokens=..
    #[arg(long, value_name = "NAME=VALUE,..", value_parser = point)]
    target: IndexMap<String, f64>,
    /// Compute for all new runs together, in FLOP.
    #[arg(long, value_name = "FLOP", value_parser = quantity)]
    budget: f64,
    /// Number of runs.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber plan design`.
pub(super) fn run(args: &DesignArgs) -> Result<Output, CliError> {
    let fit = Fit::read(&args.law)?;
    let target = fit.size_of(&args.target)?;
    let plan = plan_design(&fit, &DesignRequest { target, budget: args.budget, runs: args.runs })?;
    if args.json {
        return Ok(Output::json(&plan));
    }
    let percent = |v: f64| format!("{}%", format_significant(100.0 * v, 3));
    let rows = plan.runs.iter().enumerate().map(|(i, r)| {
        vec![
            (i + 1).to_string(),
            format_quantity(r.params),
            format_quantity(r.tokens),
            format_significant(r.tokens / r.params, 3),
            format_quantity(r.flops),
            percent(r.sd_after),
        ]
    });
    let block = TableBlock {
        headers: ["run", "params", "tokens", "tokens/param", "FLOP", "sd of target after"].map(String::from).to_vec(),
        rows: rows.collect(),
        numeric: vec![true; 6],
    };
    let mut text = format!(
        "standard deviation of the law's loss at params={} tokens={}: {} now\n\n{}\n",
        format_quantity(plan.target_params),
        format_quantity(plan.target_tokens),
        percent(plan.sd_now),
        render::terminal_table(&block, Some(90))
    );
    text.push_str(&format!(
        "all {} runs cost {} of {} FLOP\n",
        plan.runs.len(),
        format_quantity(plan.runs.iter().map(|r| r.flops).sum()),
        format_quantity(args.budget)
    ));
    Ok(Output::text(text))
}
