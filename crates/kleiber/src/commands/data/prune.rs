//! `kleiber data prune`: a corpus with a share of its training documents.

use super::build::check_target;
use super::source::SourceArgs;
use super::{count, megabytes, table};
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use clap::{Args, ValueEnum};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_core::units::format_significant;
use kleiber_data::corpus::{Corpus, build_with};
use kleiber_data::pruning::{Keep, bags, prototypes, select};
use kleiber_data::{Document, Stage, TokenStore, Tokenizer};
use kleiber_train::scores::{DocumentScores, document_scores};
use serde::Serialize;
use std::path::PathBuf;

/// What documents are ranked by, higher for harder ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Metric {
    /// Mean loss of a model in nats per token.
    Loss,
    /// Mean length of a model's error, softmax minus one-hot (EL2N).
    El2n,
    /// Distance of a document's bytes to the nearest of a few prototypes.
    Prototype,
}

/// Which documents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// The lowest scores.
    Easy,
    /// The highest scores.
    Hard,
    /// The ranks in the middle.
    Middle,
    /// Any.
    Random,
}

impl Order {
    fn keep(self) -> Keep {
        [Keep::Easy, Keep::Hard, Keep::Middle, Keep::Random][self as usize]
    }
}

/// Keep a share of a corpus by how hard its documents are; what is held out stays as it is.
///
/// Scores come from a model (--model with --metric loss or el2n), from the text (--metric prototype), or from a table with one
/// row for each training document in order (--scores). --scores-out writes them, and --order random needs none.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data prune --metric prototype --keep 0.5 --order hard --out runs/pruned
  kleiber data prune --source runs/corpus --model runs/small --metric loss --keep 0.5 --order easy --out runs/easy
  kleiber data prune --source runs/corpus --scores scores.csv --column loss --keep 0.3 --order middle --out runs/middle")]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// What documents are ranked by.
    #[arg(long, value_enum, conflicts_with = "scores", help_heading = "Scores")]
    metric: Option<Metric>,
    /// Run or checkpoint that scores by loss or el2n.
    #[arg(long, value_name = "DIR", help_heading = "Scores")]
    model: Option<PathBuf>,
    /// Prototypes of --metric prototype.
    #[arg(long, value_name = "N", default_value_t = 16, help_heading = "Scores")]
    prototypes: usize,
    /// Table of scores, a row for each training document in order.
    #[arg(long, value_name = "FILE", help_heading = "Scores")]
    scores: Option<PathBuf>,
    /// Column of --scores.
    #[arg(long, value_name = "NAME", default_value = "score", help_heading = "Scores")]
    column: String,
    /// Table to write the scores to.
    #[arg(long, value_name = "FILE", help_heading = "Scores")]
    scores_out: Option<PathBuf>,
    /// Share of the training text to keep, above 0 to 1.
    #[arg(long, value_name = "SHARE")]
    keep: f64,
    /// Which documents are kept.
    #[arg(long, value_enum)]
    order: Order,
    /// Seed of a random choice and of the starts of prototypes.
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    prune_seed: u64,
    /// Folder to write the corpus to.
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    out: PathBuf,
    /// Replace a corpus that is there.
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Print one JSON document (kleiber.data-prune/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    metric: Option<Metric>,
    order: &'static str,
    share: f64,
    documents: u64,
    kept_documents: u64,
    bytes: u64,
    kept_bytes: u64,
    mean_score: Option<f64>,
    kept_mean_score: Option<f64>,
    out: &'a PathBuf,
    hash: &'a str,
}

/// Runs `kleiber data prune`.
pub(crate) fn run(args: &PruneArgs, tell: &dyn Fn(Stage)) -> Result<Output, CliError> {
    let (source, options) = args.source.read()?;
    check_target(&args.out, args.force)?;
    let corpus = build_with(&source, &options, tell)?;
    let documents = &corpus.train.documents;
    let scores = scores(args, documents)?;
    if let (Some(out), Some(scores)) = (&args.scores_out, &scores) {
        Table::new("scores", columns(documents, scores))?.write(out)?;
    }
    let sizes: Vec<u64> = documents.iter().map(|d| d.text.len() as u64).collect();
    let ranked = scores.clone().unwrap_or_else(|| vec![0.0; documents.len()]);
    let kept = select(&ranked, &sizes, args.order.keep(), args.keep, args.prune_seed)?;
    let pruned = corpus.pruned(&kept)?;
    pruned.save(&args.out)?;
    let mean = |of: &[usize]| {
        let scores = scores.as_ref()?;
        Some(of.iter().map(|i| scores[*i]).sum::<f64>() / of.len().max(1) as f64)
    };
    let all: Vec<usize> = (0..documents.len()).collect();
    let report = Report {
        schema: "kleiber.data-prune/1",
        source: &args.source.source,
        metric: args.metric,
        order: args.order.keep().name(),
        share: args.keep,
        documents: corpus.summary.train.documents,
        kept_documents: pruned.summary.train.documents,
        bytes: corpus.summary.train.bytes,
        kept_bytes: pruned.summary.train.bytes,
        mean_score: mean(&all),
        kept_mean_score: mean(&kept),
        out: &args.out,
        hash: &pruned.summary.hash,
    };
    let mut output = if args.json { Output::json(&report) } else { Output::text(text(&report, &pruned)) };
    output.hints.push(format!("next: kleiber train --set data.source={}", quoted(&args.out.to_string_lossy())));
    Ok(output)
}

/// Scores of the documents; nothing when a random choice needs none.
fn scores(args: &PruneArgs, documents: &[Document]) -> Result<Option<Vec<f64>>, CliError> {
    if let Some(path) = &args.scores {
        let scores = Table::read(path)?.numbers(&args.column)?.to_vec();
        if scores.len() != documents.len() {
            let message = format!("{}: {} scores for {} documents", path.display(), scores.len(), documents.len());
            return Err(CliError::usage(message, "score the training documents of this very corpus, in order"));
        }
        return Ok(Some(scores));
    }
    let Some(metric) = args.metric else {
        if args.order == Order::Random {
            return Ok(None);
        }
        let message = "documents are ranked by --metric or --scores, and neither is given";
        return Err(CliError::usage(message, "try --metric prototype, which needs no model"));
    };
    if metric == Metric::Prototype {
        let store = TokenStore::in_memory(&Tokenizer::Bytes, documents)?;
        let (mut tokens, mut sizes) = (Vec::new(), Vec::new());
        for index in 0..store.documents() {
            let document = store.document(index)?;
            sizes.push(document.len());
            tokens.extend(document);
        }
        let vectors = bags(&tokens, &sizes, Tokenizer::Bytes.vocab())?;
        return Ok(Some(prototypes(&vectors, args.prototypes, args.prune_seed)?.distance));
    }
    let Some(model) = &args.model else {
        let message = "the loss and EL2N are those of a model, and none is given";
        return Err(CliError::usage(message, "name a run with --model, or use --metric prototype"));
    };
    let folder = kleiber_train::checkpoint::locate(model).ok_or_else(|| {
        let message = format!("{}: no checkpoint is there", model.display());
        CliError::usage(message, "name the folder of a run, of one of its steps, or of a Hugging Face checkpoint")
    })?;
    let decoder = kleiber_models::checkpoint::read(&folder)?.decoder;
    let tokenizer = Tokenizer::load(&folder.join("tokenizer.json"))?;
    let DocumentScores { loss, error_norm, .. } =
        document_scores(&decoder, &TokenStore::in_memory(&tokenizer, documents)?)?;
    Ok(Some(if metric == Metric::Loss { loss } else { error_norm }))
}

fn columns(documents: &[Document], scores: &[f64]) -> Vec<Column> {
    let text = |name: &str, f: &dyn Fn(&Document) -> std::sync::Arc<str>| Column {
        name: name.into(),
        cells: Cells::Text(documents.iter().map(f).collect()),
    };
    let bytes = documents.iter().map(|d| d.text.len() as f64).collect();
    vec![
        text("group", &|d| d.group.clone()),
        text("domain", &|d| d.domain.clone()),
        Column { name: "bytes".into(), cells: Cells::Number(bytes) },
        Column { name: "score".into(), cells: Cells::Number(scores.to_vec()) },
    ]
}

fn text(report: &Report, pruned: &Corpus) -> String {
    let score = |s: Option<f64>| s.map_or("-".into(), |s| format_significant(s, 4));
    let row = |name: &str, documents, bytes, mean| vec![name.into(), count(documents), megabytes(bytes), score(mean)];
    let rows = vec![
        row("all", report.documents, report.bytes, report.mean_score),
        row("kept", report.kept_documents, report.kept_bytes, report.kept_mean_score),
    ];
    let first = format!("kept the {} share {} of {}\n\n", report.order, report.share, report.source);
    let held = &pruned.summary.validation;
    let last = format!("\nheld out as before: {} documents, {}\n", count(held.documents), megabytes(held.bytes));
    first + &table(&["training side", "documents", "text", "mean score"], rows) + &last
}
