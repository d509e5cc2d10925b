//! `kleiber study list`: every claim with its state.

use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use kleiber_studies::{Outcome, Study, catalogue};
use serde::Serialize;
use std::path::PathBuf;

/// List the studies: what is claimed, whether it can run here, and what came out.
///
/// Verdicts are those of your own runs in --out where there are any, else those that came with the program (folder
/// `studies` of the repository). A verdict of another declaration than today's is marked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber study list
  kleiber study list --state needs
  kleiber study list --json")]
pub(crate) struct ListArgs {
    /// Only these.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Folder of your own runs.
    #[arg(long, value_name = "DIR", default_value = "study")]
    out: PathBuf,
    /// Print one JSON document (kleiber.studies/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whether a study can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    /// It can.
    Runnable,
    /// Something is missing.
    Needs,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    studies: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    slug: String,
    title: String,
    axis: Vec<String>,
    source: String,
    state: State,
    needs: Vec<String>,
    minutes: f64,
    verdict: Option<&'static str>,
    date: Option<String>,
    /// Whether the verdict is of the declaration as it is today.
    current: Option<bool>,
}

impl Entry {
    fn new(study: Study, result: Option<Outcome>) -> Self {
        let state = if study.is_runnable() { State::Runnable } else { State::Needs };
        Self {
            state,
            verdict: result.as_ref().map(|r| r.verdict.name()),
            date: result.as_ref().map(|r| r.date.clone()),
            current: result.as_ref().map(|r| r.declaration == study.hash.to_string()),
            slug: study.slug,
            title: study.header.title,
            axis: study.header.axis,
            source: study.header.source,
            needs: study.header.needs,
            minutes: study.header.minutes,
        }
    }
}

/// Runs `kleiber study list`.
pub(crate) fn run(args: &ListArgs) -> Result<Output, CliError> {
    let entries = catalogue::all()?.into_iter().map(|study| {
        let result = super::result(&args.out, &study.slug);
        Entry::new(study, result)
    });
    let studies: Vec<Entry> = entries.filter(|e| args.state.is_none_or(|state| e.state == state)).collect();
    let document = Document { schema: "kleiber.studies/1", studies };
    if args.json {
        return Ok(Output::json(&document));
    }
    let mut output = Output::text(shown(&document.studies) + "\n");
    output.hints.push("next: kleiber study show SLUG, or kleiber study run SLUG".into());
    Ok(output)
}

fn shown(entries: &[Entry]) -> String {
    let row = |e: &Entry| {
        let verdict = match (e.verdict, e.current) {
            (Some(verdict), Some(false)) => format!("{verdict} (of another declaration)"),
            (Some(verdict), _) => verdict.into(),
            (None, _) if e.state == State::Needs => format!("needs {}", e.needs.join("; ")),
            (None, _) => "not run yet".into(),
        };
        vec![e.slug.clone(), e.title.clone(), e.axis.join(" "), verdict, e.date.clone().unwrap_or_default()]
    };
    let block = TableBlock {
        headers: ["study", "about", "size", "verdict", "date"].map(String::from).to_vec(),
        rows: entries.iter().map(row).collect(),
        numeric: vec![false; 5],
    };
    render::terminal_table(&block, Some(140))
}
