//! `kleiber plan compute`: the best size for a budget.

use crate::commands::law_source::LawSource;
use crate::commands::{level, quantity};
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::{ArgGroup, Args};
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::plan::{ComputePlan, ComputeRequest, designs, plan_compute};
use kleiber_laws::{Estimate, Fit};

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
  kleiber plan compute law.json --flops 1e22 --serve-tokens 2e12
  kleiber plan compute --preset paper:chinchilla/besiroglu --flops 1e22")]
pub(crate) struct ComputeArgs {
    #[command(flatten)]
    source: LawSource,
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
    pub(crate) json: bool,
}

/// A share between 0 and 1, for clap.
pub(super) fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v > 0.0 && v <= 1.0 => Ok(v),
        _ => Err(format!("`{text}` is not a share between 0 and 1")),
    }
}

/// Runs `kleiber plan compute`.
pub(super) fn run(args: &ComputeArgs) -> Result<Output, CliError> {
    let fit = args.source.read()?;
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
    let mut output =
        if args.json { Output::json(&plan) } else { Output::text(text_of(&plan, &args.source.describe(&fit), &fit)) };
    output = output.with_findings(plan.status, &plan.reasons, &plan.warnings);
    let law = args.source.law.as_ref().filter(|_| output.code == 0 && designs(&fit));
    if let (Some(n), Some(d), Some(law)) = (plan.params.value, plan.tokens.value, law) {
        let law = quoted(&law.to_string_lossy());
        output.hints.push(format!(
            "next: kleiber plan design {law} --target params={n:.3e},tokens={d:.3e} --budget {:.1e}",
            plan.flops.value.unwrap_or(1e20) / 20.0
        ));
    }
    Ok(output)
}

fn text_of(plan: &ComputePlan, law: &str, fit: &Fit) -> String {
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
        return format!("no plan by {law}: see the reasons below\n");
    }
    let mut text = format!("{} plans by {law}\n\n{}\n", plan.plan, render::terminal_table(&block, Some(90)));
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
