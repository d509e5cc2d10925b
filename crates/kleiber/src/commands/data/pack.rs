//! `kleiber data pack`: what cutting or packing a store into sequences costs.

use super::{count, open_store, table};
use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_core::units::format_significant;
use kleiber_data::{Layout, Stream, StreamOptions, TokenStore};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Show what cutting a store into chunks or packing its documents would cost.
///
/// Chunks cut all documents in a row: no padding, the last incomplete piece is lost. Packing keeps documents whole
/// where they fit (best fit, the longest first) and pads what is left. Nothing is written: both are arithmetic of
/// positions.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data pack runs/data/0123456789abcdef
  kleiber data pack train.tokens --context 256,1024 --json")]
pub(crate) struct PackArgs {
    /// A .tokens file, or a folder of `data tokenize` for its training side.
    store: PathBuf,
    /// Tokens per sequence; several with commas.
    #[arg(long, value_name = "N,..", value_delimiter = ',', default_values_t = [256, 512, 1024, 2048])]
    context: Vec<usize>,
    /// Print one JSON document (kleiber.data-pack/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// One layout at one context.
#[derive(Debug, Serialize)]
struct Row {
    context: usize,
    layout: Layout,
    sequences: u64,
    padding_share: f64,
    tokens_lost: u64,
    documents_cut: u64,
}

/// Runs `kleiber data pack`.
pub(crate) fn run(args: &PackArgs) -> Result<Output, CliError> {
    let store = open_store(&args.store)?;
    let mut rows = Vec::new();
    for &context in &args.context {
        for layout in [Layout::Chunks, Layout::Packed] {
            rows.push(row(&store, context, layout)?);
        }
    }
    if args.json {
        return Ok(Output::json(&serde_json::json!({
            "schema": "kleiber.data-pack/1",
            "store": args.store,
            "documents": store.documents(),
            "tokens": store.tokens(),
            "layouts": rows,
        })));
    }
    let line = |r: &Row| {
        vec![
            format!("{} {}", r.context, if r.layout == Layout::Chunks { "chunks" } else { "packed" }),
            count(r.sequences),
            format!("{}%", format_significant(100.0 * r.padding_share, 3)),
            r.tokens_lost.to_string(),
            count(r.documents_cut),
        ]
    };
    let headers = ["context, layout", "sequences", "padding", "tokens lost", "documents cut"];
    Ok(Output::text(format!(
        "{}: {} documents, {} tokens\n\n{}",
        args.store.display(),
        count(store.documents()),
        count(store.tokens()),
        table(&headers, rows.iter().map(line).collect())
    )))
}

fn row(store: &Arc<TokenStore>, context: usize, layout: Layout) -> Result<Row, CliError> {
    let stream = Stream::new(store.clone(), StreamOptions { layout, ..StreamOptions::new(context, 0) })?;
    let (sequences, length) = (stream.epoch_len(0), context as u64);
    let kept = (sequences * length).min(store.tokens());
    let cut = |document: &u64| {
        let range = store.document_range(*document);
        match layout {
            Layout::Chunks => range.start / length != (range.end - 1) / length,
            Layout::Packed | Layout::Single => range.end - range.start > length,
        }
    };
    Ok(Row {
        context,
        layout,
        sequences,
        padding_share: 1.0 - stream.utilisation(),
        tokens_lost: store.tokens() - kept,
        documents_cut: (0..store.documents()).filter(cut).count() as u64,
    })
}
