//! `kleiber study summary`: a page over all studies, from their results.

use crate::error::CliError;
use crate::output::Output;
use clap::Args;
use kleiber_core::atomic;
use kleiber_studies::{Study, catalogue};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Write a page over all studies, made from their results.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber study summary --out study -o verdicts.md")]
pub(crate) struct SummaryArgs {
    /// Folder of results.
    #[arg(long, value_name = "DIR", default_value = "study")]
    out: PathBuf,
    /// File to write instead of stdout.
    #[arg(short, value_name = "FILE.md")]
    output: Option<PathBuf>,
}

/// Runs `kleiber study summary`.
pub(crate) fn run(args: &SummaryArgs) -> Result<Output, CliError> {
    let page = page(&catalogue::all()?, &args.out);
    let Some(path) = &args.output else { return Ok(Output::text(page)) };
    atomic::write(path, page.as_bytes())?;
    let mut output = Output::text("");
    output.hints.push(format!("wrote {}", path.display()));
    Ok(output)
}

fn page(studies: &[Study], folder: &std::path::Path) -> String {
    let (runnable, needs): (Vec<&Study>, Vec<&Study>) = studies.iter().partition(|s| s.is_runnable());
    let results: Vec<_> = runnable.iter().map(|s| (s, super::result(folder, &s.slug))).collect();
    let count =
        |name: &str| results.iter().filter(|(_, r)| r.as_ref().is_some_and(|r| r.verdict.name() == name)).count();
    let mut page = String::from("# Studies\n\n");
    let verdicts = ["reproduced", "not-reproduced", "inconclusive", "broken"];
    let counts: Vec<String> = verdicts.iter().map(|v| format!("{} {v}", count(v))).collect();
    let _ = writeln!(
        page,
        "{} published claims about size; {} can run: {}. Verdicts follow from what each study declares (`study.toml`); made with\n`kleiber study summary` from the results beside it.\n",
        studies.len(),
        runnable.len(),
        counts.join(", ")
    );
    page += "| study | claim | verdict | why | made |\n|---|---|---|---|---|\n";
    let plain = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    for (study, result) in &results {
        let (verdict, why, made) = match result {
            Some(r) => {
                let changed = if r.declaration == study.hash.to_string() { "" } else { " (of another declaration)" };
                let made =
                    format!("{}, {}, {:.0} s, {}, version {}", r.date, name(r.preset), r.seconds, r.machine, r.version);
                let looked: String =
                    r.further.iter().map(|f| format!("; `{}` is {}", f.name, f.finding.truth)).collect();
                let looked =
                    if looked.is_empty() { looked } else { format!(" Looked into{}", looked.replacen(';', ":", 1)) };
                (format!("{}{changed}", r.verdict.name()), plain(&(r.reason.clone() + "." + &looked)), made)
            }
            None => ("not run yet".into(), String::new(), String::new()),
        };
        let link = format!("[{0}]({0}/report.md)", study.slug);
        let link = if result.is_some() { link } else { study.slug.clone() };
        let _ = writeln!(page, "| {link} | {} | {verdict} | {why} | {made} |", plain(&study.header.claim));
    }
    page += "\n## Waiting for mechanisms\n\n| study | claim | needs |\n|---|---|---|\n";
    for study in needs {
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            study.slug,
            plain(&study.header.claim),
            plain(&study.header.needs.join("; "))
        );
    }
    page
}

fn name(preset: kleiber_studies::Preset) -> String {
    serde_json::to_value(preset).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}
