//! `kleiber data mix`: what a mixture of stores would yield.

use super::{count, open_store, table};
use crate::commands::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_core::units::format_significant;
use kleiber_data::{Part, Stream, StreamOptions};
use serde::Serialize;
use std::path::PathBuf;

/// Show what a mixture yields: sequences and epochs of each store, and where a store runs out.
///
/// Nothing is written: a mixture is an arithmetic of positions. Each store is STORE=WEIGHT, or STORE=WEIGHT@EPOCHS
/// when its sequences may be seen at most so often; afterwards the others share its weight.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data mix rust/train.tokens=3 docs/train.tokens=1 --tokens 50M
  kleiber data mix runs/data/0123456789abcdef=1 sums.tokens=0.2@4 --context 256 --tokens 1e8 --json")]
pub(crate) struct MixArgs {
    /// Stores (.tokens files, or folders of `data tokenize` for their training side) with weights.
    #[arg(required = true, value_name = "STORE=WEIGHT[@EPOCHS]", value_parser = part)]
    parts: Vec<Asked>,
    /// Tokens per sequence.
    #[arg(long, value_name = "N", default_value_t = 512)]
    context: usize,
    /// Tokens to draw.
    #[arg(long, value_name = "TOKENS", value_parser = quantity)]
    tokens: f64,
    /// Print one JSON document (kleiber.data-mix/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// A store with its share.
#[derive(Debug, Clone)]
struct Asked {
    path: PathBuf,
    weight: f64,
    epochs: Option<f64>,
}

fn part(text: &str) -> Result<Asked, String> {
    let shape = || format!("`{text}` is not STORE=WEIGHT or STORE=WEIGHT@EPOCHS");
    let (path, numbers) = text.rsplit_once('=').ok_or_else(shape)?;
    let (weight, epochs) = numbers.split_once('@').map_or((numbers, None), |(w, e)| (w, Some(e)));
    let number = |text: &str| text.parse::<f64>().map_err(|_| shape());
    Ok(Asked { path: path.into(), weight: number(weight)?, epochs: epochs.map(number).transpose()? })
}

/// What one store gives.
#[derive(Debug, Serialize)]
struct Yield {
    store: String,
    store_tokens: u64,
    weight_share: f64,
    sequences: u64,
    tokens: u64,
    share: f64,
    epochs: f64,
    max_epochs: Option<f64>,
    exhausted: bool,
}

/// Runs `kleiber data mix`.
pub(crate) fn run(args: &MixArgs) -> Result<Output, CliError> {
    let mut parts = Vec::new();
    for asked in &args.parts {
        parts.push(Part { max_epochs: asked.epochs, ..Part::new(open_store(&asked.path)?, asked.weight) });
    }
    let weights: f64 = parts.iter().map(|p| p.weight).sum();
    let stream = Stream::mixture(parts.clone(), StreamOptions::new(args.context, 0))?;
    let wanted = ((args.tokens / args.context as f64) as u64).max(1);
    let drawn = stream.len().map_or(wanted, |end| end.min(wanted));
    let taken = stream.taken(drawn)?;
    let yields: Vec<Yield> = (0..parts.len())
        .map(|i| {
            let (part, sequences) = (&parts[i], taken[i]);
            let epochs = sequences as f64 / stream.epoch_len(i) as f64;
            Yield {
                store: args.parts[i].path.display().to_string(),
                store_tokens: part.store.tokens(),
                weight_share: part.weight / weights,
                sequences,
                tokens: sequences * args.context as u64,
                share: sequences as f64 / drawn as f64,
                epochs,
                max_epochs: part.max_epochs,
                exhausted: part
                    .max_epochs
                    .is_some_and(|e| sequences >= ((e * stream.epoch_len(i) as f64) as u64).max(1)),
            }
        })
        .collect();
    let tokens = drawn * args.context as u64;
    let mut output = if args.json {
        Output::json(&serde_json::json!({
            "schema": "kleiber.data-mix/1",
            "context": args.context,
            "sequences": drawn,
            "tokens": tokens,
            "complete": drawn == wanted,
            "parts": yields,
        }))
    } else {
        let percent = |share: f64| format!("{}%", format_significant(100.0 * share, 3));
        let row = |y: &Yield| {
            let end = if y.exhausted { "ran out" } else { "" };
            vec![
                y.store.clone(),
                count(y.store_tokens),
                percent(y.weight_share),
                percent(y.share),
                count(y.tokens),
                format_significant(y.epochs, 3),
                end.to_string(),
            ]
        };
        let headers = ["store", "tokens there", "weight", "share", "tokens", "epochs", ""];
        let rows = yields.iter().map(row).collect();
        Output::text(format!(
            "{} sequences of {} tokens, {} tokens\n\n{}",
            count(drawn),
            args.context,
            count(tokens),
            table(&headers, rows)
        ))
    };
    if drawn < wanted {
        output.notes.push(format!(
            "warning: the epoch caps end the mixture after {} of {} tokens",
            count(tokens),
            count(wanted * args.context as u64)
        ));
    }
    Ok(output)
}
