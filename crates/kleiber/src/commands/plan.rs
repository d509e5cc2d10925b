//! `kleiber plan`: what to run.

use super::{level, point, quantity};
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::{ArgGroup, Args, Subcommand};
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::plan::{ComputePlan, ComputeRequest, DesignRequest, designs, plan_compute, plan_design};
use kleiber_laws::{Estimate, Fit};
use std::path::PathBuf;

/// Plan a training run, or the runs that would teach most.
#[derive(Debug, Subcommand)]
pub(crate) enum PlanCommand {
    Compute(ComputeArgs),
    Design(DesignArgs),
}

impl PlanCommand {
    /// Whether JSON is asked for.
    pub(crate) fn json(&self) -> bool {
        match self {
            Self::Compute(a) => a.json,
            Self::Design(a) => a.json,
        }
    }
}

/// The best parameters and tokens for a compute budget, or the budget for a loss.
///
/// Training is counted as 6 FLOP per parameter and token. Accelerators for --gpu: v100, t4, a10, a100, l4, l40s,
/// rtx3090, rtx4090, h100, h100-pcie, h200, b200, mi250x, mi300x, tpu-v4, tpu-v5e, tpu-v5p.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("goal").required(true).args(["flops", "loss"]))]
#[command(after_help = "Examples:
  kleiber plan compute law.json --flops 1e21
  kleiber plan compute law.json --loss 2.2 --gpu h100 --mfu 0.4 --price 2.5
  kleiber plan compute law.json --flops 1e22 --tokens-max 20B
  kleiber plan compute law.json --flops 1e22 --serve-tokens 2e12")]
pub(crate) struct ComputeArgs {
    /// A law saved with `kleiber fit -o`.
    law: PathBuf,
    /// Compute budget, in FLOP; with --serve-tokens it covers training and serving.
    #[arg(long, value_name = "FLOP", value_parser = quantity)]
    flops: Option<f64>,
    /// Loss to reach; the plan finds the least compute.
    #[arg(long, value_parser = quantity)]
    loss: Option<f64>,
    /// Unique training tokens there are; beyond them tokens repeat, by the data-constrained law.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    tokens_max: Option<f64>,
    /// Tokens to be served over the model's life, 2 FLOP per parameter each.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    serve_tokens: Option<f64>,
    /// Accelerator, for hours. [default: h100 with --mfu or --price]
    #[arg(long, value_name = "NAME")]
    gpu: Option<String>,
    /// Share of its peak that training reaches. [default: 0.4]
    #[arg(long, value_name = "SHARE", value_parser = share)]
    mfu: Option<f64>,
    /// Price of one accelerator-hour, for cost.
    #[arg(long, value_name = "PRICE", value_parser = quantity)]
    price: Option<f64>,
    /// Nominal coverage.
    #[arg(long, default_value = "0.95", value_parser = level)]
    level: f64,
    /// Answer even where a refusal is due.
    #[arg(long)]
    force: bool,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    json: bool,
}

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
    json: bool,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v > 0.0 && v <= 1.0 => Ok(v),
        _ => Err(format!("`{text}` is not a share between 0 and 1")),
    }
}

/// Runs `kleiber plan`.
pub(crate) fn run(command: &PlanCommand) -> Result<Output, CliError> {
    match command {
        PlanCommand::Compute(args) => compute(args),
        PlanCommand::Design(args) => design(args),
    }
}

fn compute(args: &ComputeArgs) -> Result<Output, CliError> {
    let fit = Fit::read(&args.law)?;
    let request = ComputeRequest {
        flops: args.flops,
        loss: args.loss,
        tokens_max: args.tokens_max,
        serve_tokens: args.serve_tokens,
        gpu: args.gpu.clone(),
        mfu: args.mfu,
        price: args.price,
        level: args.level,
        force: args.force,
    };
    let plan = plan_compute(&fit, &request)?;
    let mut output = if args.json { Output::json(&plan) } else { Output::text(compute_text(&plan, &fit)) };
    output = output.with_findings(plan.status, &plan.reasons, &plan.warnings);
    if let (Some(n), Some(d), true) = (plan.params.value, plan.tokens.value, output.code == 0 && designs(&fit)) {
        let law = quoted(&args.law.to_string_lossy());
        output.hints.push(format!(
            "next: kleiber plan design {law} --target params={n:.3e},tokens={d:.3e} --budget {:.1e}",
            plan.flops.value.unwrap_or(1e20) / 20.0
        ));
    }
    Ok(output)
}

fn compute_text(plan: &ComputePlan, fit: &Fit) -> String {
    let shown = |v: Option<f64>| v.map_or("-".into(), format_quantity);
    let row = |name: &str, e: &Estimate| vec![name.to_string(), shown(e.value), shown(e.low), shown(e.high)];
    let size = fit.columns.get_index(0).map_or("params", |(name, _)| name.as_str());
    let mut rows = vec![
        row("compute (FLOP)", &plan.flops),
        row(size, &plan.params),
        row("tokens", &plan.tokens),
        row("loss", &plan.loss),
    ];
    let mut single = |name: &str, value: Option<String>| {
        if let Some(v) = value {
            rows.push(vec![name.to_string(), v, String::new(), String::new()]);
        }
    };
    single("tokens per parameter", plan.tokens_per_param.map(|v| format_significant(v, 3)));
    single("epochs", plan.epochs.map(|v| format_significant(v, 3)));
    single("serving (FLOP)", plan.serve_flops.map(format_quantity));
    if let Some(cost) = &plan.cost {
        single(&format!("{} hours", cost.gpu), Some(format_quantity(cost.gpu_hours)));
        single("price", cost.price.map(format_quantity));
    }
    let block = TableBlock {
        headers: vec!["".into(), "plan".into(), format!("{:.0}% low", 100.0 * plan.params.level), "high".into()],
        rows,
        numeric: vec![false, true, true, true],
    };
    if plan.params.value.is_none() {
        return format!("no plan by {} ({} rows): see the reasons below\n", plan.law, fit.rows);
    }
    let mut text = format!(
        "{} plans by {} ({} rows)\n\n{}\n",
        plan.plan,
        plan.law,
        fit.rows,
        render::terminal_table(&block, Some(90))
    );
    let distance = if plan.extrapolation <= 1.0 {
        "inside the fitted compute".into()
    } else {
        format!("{}x beyond the fitted compute", format_significant(plan.extrapolation, 3))
    };
    text.push_str(&format!("{distance}\n"));
    if let Some(cost) = &plan.cost {
        text.push_str(&format!(
            "assumed: {:.0}% of {} FLOP/s ({})\n",
            100.0 * cost.mfu,
            format_quantity(cost.peak_flops),
            cost.source
        ));
    }
    plan.assumptions.iter().for_each(|a| text.push_str(&format!("assumed: {a}\n")));
    text
}

fn design(args: &DesignArgs) -> Result<Output, CliError> {
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
