//! `kleiber plan vocab`: the best vocabulary for a body and a budget.

use super::show;
use crate::commands::{level, quantity};
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_laws::Fit;
use kleiber_laws::plan::{VocabApproach, VocabRequest, plan_vocab};
use std::path::PathBuf;

/// Coefficients used when no law is given.
const DEFAULT: &str = "paper:vocabulary/corrected";

/// The best number of entries of a tokenizer, the interval within which it hardly matters, and what others cost.
///
/// By the vocabulary laws of Tao et al. 2024. Their third approach is used with its slip in units corrected; --preset
/// paper:vocabulary/tao gives it as published. Where the approaches disagree the answer says so.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan vocab --params 7B
  kleiber plan vocab --params 7B --tokens 2e12 --width 4096 --tied
  kleiber plan vocab --params 300M --flops 3e19 --approach 1
  kleiber plan vocab --params 7B --preset paper:vocabulary/tao
  kleiber plan vocab law.json --params 1B --tokens 20B --multiple 64 --json")]
pub(crate) struct VocabArgs {
    /// A fit of the law `vocabulary`, saved with `kleiber fit -o`. [default: corrected published coefficients]
    law: Option<PathBuf>,
    /// Published coefficients instead: paper:vocabulary/corrected or paper:vocabulary/tao.
    #[arg(long, value_name = "NAME", conflicts_with = "law")]
    preset: Option<String>,
    /// Parameters of the body, without embedding and head.
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    params: f64,
    /// Training compute, in FLOP. [default: that for which such a body is best]
    #[arg(long, value_name = "FLOP", value_parser = quantity, conflicts_with = "tokens")]
    flops: Option<f64>,
    /// Training tokens, counted with the best vocabulary.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    tokens: Option<f64>,
    /// Width of the residual stream. [default: usual for such a body]
    #[arg(long, value_name = "WIDTH", value_parser = quantity)]
    width: Option<f64>,
    /// Embedding and head are one matrix.
    #[arg(long)]
    tied: bool,
    /// How: 1 (envelope of runs), 2 (derivative of FLOP) or 3 (parametric law).
    #[arg(long, default_value = "3", value_name = "1|2|3", value_parser = approach)]
    approach: VocabApproach,
    /// Round to a multiple of this many entries.
    #[arg(long, default_value_t = 128, value_name = "ENTRIES", value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    multiple: u64,
    /// Nominal coverage of the interval of a fit.
    #[arg(long, default_value = "0.95", value_parser = level)]
    level: f64,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

fn approach(text: &str) -> Result<VocabApproach, String> {
    text.parse().map_err(|e: kleiber_laws::LawError| e.to_string())
}

/// Runs `kleiber plan vocab`.
pub(super) fn run(args: &VocabArgs) -> Result<Output, CliError> {
    let (fit, source) = match (&args.law, &args.preset) {
        (Some(path), _) => (Fit::read(path)?, path.display().to_string()),
        (None, preset) => {
            let name = preset.as_deref().unwrap_or(DEFAULT);
            (Fit::published(name)?, name.to_string())
        }
    };
    let request = VocabRequest {
        source,
        params: args.params,
        flops: args.flops,
        tokens: args.tokens,
        width: args.width,
        tied: args.tied,
        approach: args.approach,
        multiple: args.multiple,
        level: args.level,
    };
    Ok(show::output(&plan_vocab(&fit, &request)?, args.json))
}
