//! `kleiber data inspect`: what a corpus or a token store holds.

use super::build::{domains, sides};
use super::{count, megabytes, table, tokenize};
use crate::error::CliError;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_core::rng::Rng;
use kleiber_core::units::format_significant;
use kleiber_data::corpus::{Corpus, Source, Split};
use kleiber_data::{Document, Prepared, StoreFacts, TokenStore, Tokenizer};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Which side is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// Documents to train on.
    Train,
    /// Documents to validate with.
    Validation,
}

/// Show documents, bytes, tokens, domains, groups and hashes of a corpus or token store.
///
/// Everything is read and verified against its recorded hashes.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data inspect runs/corpus
  kleiber data inspect runs/data/0123456789abcdef --sample 3 --side validation
  kleiber data inspect train.tokens --json")]
pub(crate) struct InspectArgs {
    /// A corpus of `data build`, a folder of `data tokenize`, or a .tokens file.
    path: PathBuf,
    /// Print this many documents.
    #[arg(long, value_name = "N", default_value_t = 0)]
    sample: usize,
    /// The side to sample from.
    #[arg(long, value_enum, default_value = "train")]
    side: Side,
    /// Most bytes to print of a document.
    #[arg(long, value_name = "N", default_value_t = 1000)]
    length: usize,
    /// Seed of the sample.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Print one JSON document (kleiber.data-inspect/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// A document of the sample.
#[derive(Debug, Serialize)]
struct Sample {
    index: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens: Option<u64>,
    text: String,
}

/// Runs `kleiber data inspect`.
pub(crate) fn run(args: &InspectArgs) -> Result<Output, CliError> {
    let (mut document, text, sample) = if Prepared::is_at(&args.path) {
        prepared(args)?
    } else if matches!(Source::named(&args.path.to_string_lossy()), Source::Saved(_)) {
        corpus(args)?
    } else if args.path.is_dir() {
        let message = format!("{}: neither a corpus nor a prepared one", args.path.display());
        return Err(CliError::usage(message, "make one with: kleiber data build --source DIR --out DIR"));
    } else {
        store(args)?
    };
    if args.json {
        document["schema"] = json!("kleiber.data-inspect/1");
        document["path"] = json!(args.path);
        document["sample"] = json!(sample);
        return Ok(Output::json(&document));
    }
    Ok(Output::text(text + &sample.iter().map(|s| shown(s, args.length)).collect::<String>()))
}

fn corpus(args: &InspectArgs) -> Result<(Value, String, Vec<Sample>), CliError> {
    let corpus = Corpus::load(&args.path)?;
    let summary = &corpus.summary;
    let total = summary.train.bytes + summary.validation.bytes;
    let mut groups: BTreeMap<&str, u64> = BTreeMap::new();
    for d in corpus.train.documents.iter().chain(&corpus.validation.documents) {
        *groups.entry(&d.group).or_default() += d.text.len() as u64;
    }
    let mut largest: Vec<(&str, u64)> = groups.into_iter().collect();
    largest.sort_by_key(|&(name, bytes)| (std::cmp::Reverse(bytes), name));
    largest.truncate(5);
    let share = |bytes: u64| format!("{}%", format_significant(100.0 * bytes as f64 / total.max(1) as f64, 3));
    let rows = largest.iter().map(|&(name, bytes)| vec![name.to_string(), megabytes(bytes), share(bytes)]).collect();
    let text = format!(
        "{}\n{}\n{}\n{} groups\nhash {}\n",
        sides(summary),
        domains(summary, total),
        table(&["largest groups", "text", "share"], rows),
        count(summary.groups),
        summary.hash
    );
    let largest: Vec<Value> = largest.iter().map(|(name, bytes)| json!({ "group": name, "bytes": bytes })).collect();
    let document = json!({ "kind": "corpus", "corpus": summary, "largest_groups": largest });
    let side: &Split = if args.side == Side::Train { &corpus.train } else { &corpus.validation };
    let sample = chosen(args, side.documents.len() as u64);
    let sample = sample.into_iter().map(|i| of_document(i, &side.documents[i as usize])).collect();
    Ok((document, text, sample))
}

fn prepared(args: &InspectArgs) -> Result<(Value, String, Vec<Sample>), CliError> {
    let prepared = Prepared::open(&args.path)?;
    let document = json!({
        "kind": "prepared",
        "key": prepared.key,
        "vocab": prepared.tokenizer.vocab(),
        "tokenizer": prepared.tokenizer.hash(),
        "corpus": prepared.corpus,
        "train": StoreFacts::of(&prepared.train),
        "validation": StoreFacts::of(&prepared.validation),
    });
    let total = prepared.corpus.train.bytes + prepared.corpus.validation.bytes;
    let text = format!("{}\n{}", tokenize::text(&prepared), domains(&prepared.corpus, total));
    let store = if args.side == Side::Train { &prepared.train } else { &prepared.validation };
    let sample = of_store(args, store, &prepared.tokenizer)?;
    Ok((document, text, sample))
}

fn store(args: &InspectArgs) -> Result<(Value, String, Vec<Sample>), CliError> {
    let store = TokenStore::open(&args.path)?;
    store.verify()?;
    let document = json!({
        "kind": "store",
        "vocab": store.vocab(),
        "tokenizer": store.tokenizer_hash(),
        "store": StoreFacts::of(&store),
    });
    let name = args.path.display().to_string();
    let text = format!(
        "{}\nvocabulary of {} tokens, tokenizer {}\n",
        tokenize::stores(&[(&name, &store)]),
        store.vocab(),
        store.tokenizer_hash()
    );
    if args.sample == 0 {
        return Ok((document, text, Vec::new()));
    }
    let beside = args.path.with_file_name("tokenizer.json");
    if !Path::new(&beside).is_file() {
        let message = format!("{}: text needs the tokenizer, and {} is not there", name, beside.display());
        return Err(CliError::usage(message, "put its tokenizer.json beside it, or leave --sample out"));
    }
    let tokenizer = Tokenizer::load(&beside)?;
    store.expect_tokenizer(&tokenizer)?;
    let sample = of_store(args, &store, &tokenizer)?;
    Ok((document, text, sample))
}

/// Numbers of the documents to show, in order.
fn chosen(args: &InspectArgs, documents: u64) -> Vec<u64> {
    let mut rng = Rng::new(args.seed, "inspect", 0);
    let mut chosen = std::collections::BTreeSet::new();
    while (chosen.len() as u64) < documents.min(args.sample as u64) {
        chosen.insert(rng.below(documents as usize) as u64);
    }
    chosen.into_iter().collect()
}

fn of_document(index: u64, d: &Document) -> Sample {
    let (domain, group) = (Some(d.domain.to_string()), Some(d.group.to_string()));
    Sample { index, bytes: d.text.len() as u64, domain, group, tokens: None, text: d.text.clone() }
}

fn of_store(args: &InspectArgs, store: &TokenStore, tokenizer: &Tokenizer) -> Result<Vec<Sample>, CliError> {
    let sample = |index| {
        let tokens = store.document(index)?;
        let text = tokenizer.decode(&tokens);
        // The first token is the end-of-text before the document.
        let count = Some(tokens.len() as u64 - 1);
        Ok(Sample { index, bytes: text.len() as u64, domain: None, group: None, tokens: count, text })
    };
    chosen(args, store.documents()).into_iter().map(sample).collect()
}

/// A document with a line about it, cut to `length` bytes, without control characters that a terminal would obey.
fn shown(sample: &Sample, length: usize) -> String {
    let labels = [sample.domain.clone(), sample.group.clone(), sample.tokens.map(|t| format!("{t} tokens"))];
    let labels: Vec<String> = labels.into_iter().flatten().collect();
    let mut end = sample.text.len().min(length);
    while !sample.text.is_char_boundary(end) {
        end -= 1;
    }
    let plain: String = sample.text[..end].chars().filter(|&c| c == '\n' || c == '\t' || !c.is_control()).collect();
    let rest = if end < sample.text.len() { "\n..." } else { "" };
    format!(
        "\n--- document {}, {} bytes, {}\n{}{rest}\n",
        sample.index,
        sample.bytes,
        labels.join(", "),
        plain.trim_end()
    )
}
