//! `kleiber data tokenize`: token stores for training and validation.

use super::source::{Estimate, SourceArgs};
use super::{count, megabytes, table};
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use clap::Args;
use kleiber_core::units::format_significant;
use kleiber_data::{Prepared, Recipe, Stage, StoreFacts, TokenStore, TokenizerSpec, prepare};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// Bytes of text per second that training a BPE takes on two cores, for estimates.
const TRAINING: f64 = 3e6;
/// Bytes of text per second that a BPE encodes on two cores, for estimates.
const ENCODING: f64 = 25e6;

/// Tokenize a corpus into a training and a validation store.
///
/// A tokenizer is trained on the training side unless one is given. What was made lies in a folder of the cache named
/// by a hash over source, options and tokenizer; asking again opens it. Training uses the same folders.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data tokenize
  kleiber data tokenize --source runs/corpus --vocab 8192
  kleiber data tokenize --source notes/ --tokenizer bytes --json")]
pub(crate) struct TokenizeArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Tokens of the BPE to train, 257 to 1048576. [default: what suits the text, at most 4096]
    #[arg(long, value_name = "N", conflicts_with = "tokenizer", help_heading = "Tokenizer")]
    vocab: Option<usize>,
    /// bytes, bpe, bpe:VOCAB, or a tokenizer.json with a BPE model. [default: bpe]
    #[arg(long, value_name = "NAME|FILE", help_heading = "Tokenizer")]
    tokenizer: Option<String>,
    /// Folder that keeps prepared corpora.
    #[arg(long, value_name = "DIR", default_value = "runs/data", help_heading = "Output")]
    cache: PathBuf,
    /// Say what would be read, and about how long it takes.
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Print one JSON document (kleiber.data-tokenize/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    folder: &'a PathBuf,
    key: String,
    cached: bool,
    vocab: usize,
    tokenizer: String,
    corpus: &'a str,
    train: StoreFacts,
    validation: StoreFacts,
    seconds: f64,
}

/// Runs `kleiber data tokenize`.
pub(crate) fn run(args: &TokenizeArgs, tell: &dyn Fn(Stage)) -> Result<Output, CliError> {
    let (source, options) = args.source.read()?;
    let tokenizer = match &args.tokenizer {
        Some(name) => TokenizerSpec::named(name)?,
        None => args.vocab.map_or(TokenizerSpec::BpeToFit, |vocab| TokenizerSpec::Bpe { vocab }),
    };
    let recipe = Recipe { source, options, tokenizer };
    if args.dry_run {
        return dry_run(args, &recipe);
    }
    let started = Instant::now();
    let prepared = prepare(&recipe, &args.cache, tell)?;
    let seconds = started.elapsed().as_secs_f64();
    let mut output = if args.json {
        Output::json(&Report {
            schema: "kleiber.data-tokenize/1",
            source: &args.source.source,
            folder: &prepared.folder,
            key: prepared.key.to_string(),
            cached: prepared.cached,
            vocab: prepared.tokenizer.vocab(),
            tokenizer: prepared.tokenizer.hash().to_string(),
            corpus: &prepared.corpus.hash,
            train: StoreFacts::of(&prepared.train),
            validation: StoreFacts::of(&prepared.validation),
            seconds,
        })
    } else {
        let done = if prepared.cached { "opened" } else { "tokenized" };
        let first = format!("{done} {} in {} s\n\n", args.source.source, format_significant(seconds, 3));
        Output::text(first + &text(&prepared))
    };
    let folder = quoted(&prepared.folder.to_string_lossy());
    output.hints.push(format!("next: kleiber data inspect {folder} --sample 2"));
    Ok(output)
}

fn dry_run(args: &TokenizeArgs, recipe: &Recipe) -> Result<Output, CliError> {
    let estimate = Estimate::of(&recipe.source, &recipe.options)?;
    let text = estimate.text as f64;
    let seconds = estimate.seconds
        + match recipe.tokenizer {
            TokenizerSpec::Bytes => 0.0,
            TokenizerSpec::Bpe { .. } | TokenizerSpec::BpeToFit => text / TRAINING + text / ENCODING,
            TokenizerSpec::File(_) => text / ENCODING,
        };
    let key = recipe.key()?.to_string();
    let folder = args.cache.join(&key[..16]);
    let cached = Prepared::is_at(&folder);
    if args.json {
        return Ok(Output::json(&serde_json::json!({
            "schema": "kleiber.data-tokenize/1",
            "dry_run": true,
            "source": args.source.source,
            "key": key,
            "folder": folder,
            "cached": cached,
            "missing": estimate.survey.missing,
            "seconds": if cached { 0.0 } else { seconds },
        })));
    }
    let line = if cached {
        format!("prepared before in {}\n", folder.display())
    } else {
        let seconds = format_significant(seconds, 2);
        format!("{}, about {seconds} s on two cores; writes {}\n", estimate.line(&args.source.source), folder.display())
    };
    Ok(Output::text(line))
}

/// Both stores, the tokenizer and the hashes of a prepared corpus.
pub(super) fn text(prepared: &Prepared) -> String {
    let mut text = stores(&[("train", &prepared.train), ("validation", &prepared.validation)]);
    let (vocab, hash) = (prepared.tokenizer.vocab(), prepared.tokenizer.hash());
    text += &format!("\ntokenizer of {vocab} tokens {hash}\ncorpus {}\n", prepared.corpus.hash);
    text + &format!("folder {}\n", prepared.folder.display())
}

/// A row per store.
pub(super) fn stores(stores: &[(&str, &TokenStore)]) -> String {
    let row = |(name, store): &(&str, &TokenStore)| {
        vec![
            (*name).to_string(),
            count(store.documents()),
            count(store.tokens()),
            megabytes(store.text_bytes()),
            format_significant(store.text_bytes() as f64 / store.tokens() as f64, 4),
            store.content_hash().to_string()[..16].into(),
        ]
    };
    table(&["store", "documents", "tokens", "text", "bytes/token", "hash"], stores.iter().map(row).collect())
}
