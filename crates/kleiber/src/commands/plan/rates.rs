//! `kleiber plan lr` and `kleiber plan batch`: learning rate and batch of a run.

use super::show;
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_core::units::parse_quantity;
use kleiber_laws::Fit;
use kleiber_laws::hyperparameters::Tuned;
use kleiber_laws::plan::{RateRequest, plan_batch, plan_lr};
use std::path::PathBuf;

/// The sizes of a run and whose law answers.
#[derive(Debug, Args)]
pub(crate) struct RateArgs {
    /// Parameters without embeddings, such as 1B.
    #[arg(long, value_name = "PARAMS", value_parser = quantity)]
    params: f64,
    /// Training tokens, such as 100B.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    tokens: f64,
    /// Tokens per step, all devices and accumulation together. [default: 0.58 tokens^0.571, the step law]
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    batch: Option<f64>,
    /// Loss at the end in nats per token, for laws of the loss. [default: by paper:chinchilla/besiroglu]
    #[arg(long, value_name = "NATS", value_parser = quantity)]
    loss: Option<f64>,
    /// Tokens per sequence, to show the batch in sequences.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    context: Option<f64>,
    /// A tuned run of the same model to scale from: tokens=..,batch=..,lr=..[,decay=..]
    #[arg(long, value_name = "NAME=VALUE,..", value_parser = tuned)]
    from: Option<Tuned>,
    /// A law of rates or batches saved with `kleiber fit -o`, in place of the step law.
    #[arg(long, value_name = "FILE", conflicts_with = "preset")]
    law: Option<PathBuf>,
    /// Published coefficients in place of the step law, such as paper:rate-batch/wsd.
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// Print one JSON document (kleiber.plan/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// The peak learning rate of a run, by the step law, and what other laws say.
///
/// Rates are for AdamW. The power schedule's rates and paper:rate-batch/wsd are for muP of base width 256.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan lr --params 1B --tokens 100B
  kleiber plan lr --params 3B --tokens 1T --batch 4M --preset paper:rate-batch/wsd
  kleiber plan lr --params 1B --tokens 100B --from tokens=10B,batch=500k,lr=0.003,decay=0.1")]
pub(crate) struct LrArgs {
    #[command(flatten)]
    pub(crate) of: RateArgs,
}

/// Tokens per step, by the step law, and what other laws and the critical batch say.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber plan batch --params 1B --tokens 100B --context 4096
  kleiber plan batch --params 7B --tokens 2T --preset paper:batch-flops/deepseek
  kleiber plan batch --params 1B --tokens 100B --batch 8M --loss 2.4")]
pub(crate) struct BatchArgs {
    #[command(flatten)]
    pub(crate) of: RateArgs,
}

/// `tokens=..,batch=..,lr=..,decay=..` as a tuned run, for clap.
fn tuned(text: &str) -> Result<Tuned, String> {
    let (mut tokens, mut batch, mut lr, mut decay) = (None, None, None, None);
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=VALUE"))?;
        let value = parse_quantity(value.trim()).filter(|v| *v > 0.0 && v.is_finite());
        let value = value.ok_or_else(|| format!("`{part}` is not a positive number"))?;
        let place = match name.trim() {
            "tokens" => &mut tokens,
            "batch" => &mut batch,
            "lr" => &mut lr,
            "decay" => &mut decay,
            other => return Err(format!("`{other}` is none of tokens, batch, lr and decay")),
        };
        if place.replace(value).is_some() {
            return Err(format!("{} is given twice", name.trim()));
        }
    }
    match (tokens, batch, lr) {
        (Some(tokens), Some(batch), Some(lr)) => Ok(Tuned { tokens, batch, lr, decay }),
        _ => Err("a tuned run needs tokens, batch and lr".into()),
    }
}

impl RateArgs {
    fn request(&self) -> Result<RateRequest, CliError> {
        Ok(RateRequest {
            params: self.params,
            tokens: self.tokens,
            batch: self.batch,
            loss: self.loss,
            context: self.context,
            from: self.from,
            fit: self.law.as_deref().map(Fit::read).transpose()?,
            preset: self.preset.clone(),
        })
    }
}

/// Runs `kleiber plan lr`.
pub(super) fn lr(args: &LrArgs) -> Result<Output, CliError> {
    Ok(show::output(&plan_lr(&args.of.request()?)?, args.of.json))
}

/// Runs `kleiber plan batch`.
pub(super) fn batch(args: &BatchArgs) -> Result<Output, CliError> {
    Ok(show::output(&plan_batch(&args.of.request()?)?, args.of.json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuned_runs_are_read() {
        let run = tuned("tokens=10B,batch=500k,lr=0.003").unwrap();
        assert_eq!((run.tokens, run.batch, run.lr, run.decay), (1e10, 5e5, 3e-3, None));
        assert_eq!(tuned("tokens=1,batch=1,lr=1,decay=0.1").unwrap().decay, Some(0.1));
        assert!(tuned("tokens=1,batch=1").unwrap_err().contains("needs"));
        assert!(tuned("tokens=1,batch=0,lr=1").is_err() && tuned("tokens=1,tokens=2,batch=1,lr=1").is_err());
        assert!(tuned("size=3").unwrap_err().contains("none of"));
    }
}
