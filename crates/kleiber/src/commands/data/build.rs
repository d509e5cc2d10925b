//! `kleiber data build`: documents, deduplicated, balanced, split and hashed.

use super::source::{Estimate, SourceArgs};
use super::{count, megabytes, table};
use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use clap::Args;
use kleiber_core::units::format_significant;
use kleiber_data::Stage;
use kleiber_data::corpus::{Corpus, Side, Source, Summary, build_with};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

/// Build a corpus: read, label, deduplicate, cap per group, split by group, hash.
///
/// Without --source it is made of the crates that Kleiber is built from, which lie in Cargo's cache on every machine
/// that built it: the same bytes everywhere, nothing is downloaded. Without --out nothing is written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber data build
  kleiber data build --out runs/corpus
  kleiber data build --source notes/ --validation 0.2 --out runs/notes
  kleiber data build --source pages.jsonl.zst --domains docs --dedup exact --json")]
pub(crate) struct BuildArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Folder to write: train.jsonl.zst, validation.jsonl.zst and corpus.json, there whole or not at all.
    #[arg(long, short, value_name = "DIR", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Replace a corpus that is there.
    #[arg(long, help_heading = "Output")]
    force: bool,
    /// Say what would be read, and about how long it takes.
    #[arg(long, help_heading = "Output")]
    dry_run: bool,
    /// Print one JSON document (kleiber.data-build/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    source: &'a str,
    out: Option<&'a PathBuf>,
    #[serde(flatten)]
    summary: &'a Summary,
    seconds: f64,
}

/// Runs `kleiber data build`.
pub(crate) fn run(args: &BuildArgs, tell: &dyn Fn(Stage)) -> Result<Output, CliError> {
    let (source, options) = args.source.read()?;
    if matches!(source, Source::Saved(_)) {
        let message = format!("{} is a corpus already", args.source.source);
        return Err(CliError::usage(message, format!("go on with: kleiber data tokenize{}", args.source.words())));
    }
    if let Some(out) = &args.out {
        check_target(out, args.force)?;
    }
    if args.dry_run {
        return dry_run(args, &Estimate::of(&source, &options)?);
    }
    let started = Instant::now();
    let corpus = build_with(&source, &options, tell)?;
    if let Some(out) = &args.out {
        corpus.save(out)?;
    }
    let seconds = started.elapsed().as_secs_f64();
    let mut output = if args.json {
        Output::json(&Report {
            schema: "kleiber.data-build/1",
            source: &args.source.source,
            out: args.out.as_ref(),
            summary: &corpus.summary,
            seconds,
        })
    } else {
        Output::text(text(&args.source.source, &corpus, seconds))
    };
    let words = match &args.out {
        Some(out) => format!(" --source {}", quoted(&out.to_string_lossy())),
        None => args.source.words(),
    };
    output.hints.push(format!("next: kleiber data tokenize{words}"));
    Ok(output)
}

/// Refuses a folder that holds something else, or a corpus without `--force`.
pub(super) fn check_target(out: &PathBuf, force: bool) -> Result<(), CliError> {
    let empty = std::fs::read_dir(out).map_or(!out.exists(), |mut entries| entries.next().is_none());
    if empty {
        return Ok(());
    }
    let corpus = matches!(Source::named(&out.to_string_lossy()), Source::Saved(_));
    match (corpus, force) {
        (true, true) => Ok(()),
        (true, false) => {
            let message = format!("{} holds a corpus, which would be lost", out.display());
            Err(CliError::usage(message, "replace it with --force, or write to another folder"))
        }
        (false, _) => {
            let message = format!("{} is there and holds no corpus", out.display());
            Err(CliError::usage(message, "name a folder that is not there yet: --out runs/corpus"))
        }
    }
}

fn dry_run(args: &BuildArgs, estimate: &Estimate) -> Result<Output, CliError> {
    if args.json {
        return Ok(Output::json(&serde_json::json!({
            "schema": "kleiber.data-build/1",
            "dry_run": true,
            "source": args.source.source,
            "files": estimate.survey.files,
            "file_bytes": estimate.survey.bytes,
            "missing": estimate.survey.missing,
            "seconds": estimate.seconds,
        })));
    }
    let seconds = format_significant(estimate.seconds, 2);
    let line = estimate.line(&args.source.source);
    Ok(Output::text(format!("{line}, about {seconds} s on two cores\n")))
}

fn text(source: &str, corpus: &Corpus, seconds: f64) -> String {
    let s = &corpus.summary;
    let total = s.train.bytes + s.validation.bytes;
    let mut text = format!(
        "corpus of {source}: {} documents, {} in {} groups, {} s\n{} read ({}), left out: {} files that are no \
         writing, {} equal, {} similar, {} beyond the caps\n\n",
        count(s.train.documents + s.validation.documents),
        megabytes(total),
        count(s.groups),
        format_significant(seconds, 3),
        count(s.found),
        megabytes(s.found_bytes),
        count(s.skipped),
        count(s.exact_duplicates),
        count(s.near_duplicates),
        count(s.over_cap),
    );
    if !s.missing.is_empty() {
        text += &format!("without {} missing archives: this is not the default corpus\n\n", s.missing.len());
    }
    text += &domains(s, total);
    text += "\n";
    text += &sides(s);
    text + &format!("\nhash {}\n", s.hash)
}

/// Bytes by domain, the largest first.
pub(super) fn domains(summary: &Summary, total: u64) -> String {
    let mut domains: Vec<(&String, u64)> = summary.domains.iter().map(|(name, &bytes)| (name, bytes)).collect();
    domains.sort_by_key(|&(name, bytes)| (std::cmp::Reverse(bytes), name));
    let share = |bytes: u64| format!("{}%", format_significant(100.0 * bytes as f64 / total.max(1) as f64, 3));
    let row = |(name, bytes): (&String, u64)| vec![name.clone(), megabytes(bytes), share(bytes)];
    table(&["domain", "text", "share"], domains.into_iter().map(row).collect())
}

/// Documents, bytes and hash of both sides.
pub(super) fn sides(summary: &Summary) -> String {
    let row = |name: &str, side: &Side| {
        vec![
            name.to_string(),
            count(side.documents),
            megabytes(side.bytes),
            side.hash[..side.hash.len().min(16)].into(),
        ]
    };
    let rows = vec![row("train", &summary.train), row("validation", &summary.validation)];
    table(&["side", "documents", "text", "hash"], rows)
}
