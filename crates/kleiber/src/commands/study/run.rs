//! `kleiber study run`: a claim, re-tested.

use super::report;
use crate::commands::{doctor, memory_of_runs, on_interrupt, train};
use crate::error::CliError;
use crate::output::{Output, write_stderr};
use crate::render;
use clap::Args;
use kleiber_core::atomic;
use kleiber_core::table::{Cells, Table};
use kleiber_studies::{Finished, Options, Preset, Progress, StudyError, Verdict, catalogue, run as run_study};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Re-test a published claim: run its steps, check what was declared to be expected, and say reproduced, not reproduced or
/// inconclusive, with the numbers.
///
/// Runs are kept in OUT/runs under names made of their content: a second call, and other studies, find them. The result is
/// in OUT/SLUG: result.json, report.html and report.md, each table as CSV. Exit code 0 whatever the verdict, 1 when a
/// negative control did not fail (broken), 3 when --minutes are over (the same command goes on).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber study run over-training
  kleiber study run teaching-arithmetic --quick
  kleiber study run positional-encoding --seeds 5 --json")]
pub(crate) struct RunArgs {
    /// Name of the study, or a study.toml of your own.
    slug: String,
    /// The smallest version, under two minutes on 2 cores.
    #[arg(long, conflicts_with = "thorough")]
    quick: bool,
    /// The whole check.
    #[arg(long)]
    thorough: bool,
    /// Seed, added to those of the study.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Seeds of every repeated run, instead of the declared ones.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: Option<u64>,
    /// Stop after this time; what was made is kept.
    #[arg(long, value_name = "M", value_parser = train::minutes)]
    minutes: Option<f64>,
    /// Folder of runs, texts and results.
    #[arg(long, value_name = "DIR", default_value = "study")]
    out: PathBuf,
    /// List the steps without running them.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document (kleiber.study/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber study run`.
pub(crate) fn run(args: &RunArgs, quiet: bool) -> Result<Output, CliError> {
    let study = catalogue::find(&args.slug)?;
    let preset = match (args.quick, args.thorough) {
        (true, _) => Preset::Quick,
        (_, true) => Preset::Thorough,
        _ => Preset::Default,
    };
    if !study.is_runnable() {
        return Err(StudyError::Needs { slug: study.slug, needs: study.header.needs }.into());
    }
    if args.dry_run {
        let names: Vec<String> = study.steps(preset)?.into_iter().map(|(name, _)| name).collect();
        let kinds = study.steps.iter().map(|step| step["do"].as_str().unwrap_or_default());
        let steps = names.iter().zip(kinds).map(|(name, kind)| format!("  {name}: {kind}\n"));
        let text = format!("{}, {} min on 2 cores:\n{}", study.slug, study.header.minutes, steps.collect::<String>());
        return Ok(match args.json {
            true => Output::json(&serde_json::json!({
                "schema": "kleiber.study-plan/1", "slug": study.slug, "steps": names, "minutes": study.header.minutes,
                "needs": study.header.needs, "declaration": study.hash.to_string(),
            })),
            false => Output::text(text),
        });
    }
    let stop = Arc::new(AtomicBool::new(false));
    on_interrupt(&stop);
    let options = Options {
        runs: args.out.join("runs"),
        cache: args.out.join("data"),
        seed: args.seed,
        seeds: args.seeds,
        threads: rayon::current_num_threads(),
        memory: memory_of_runs(),
        deadline: args.minutes.map(|minutes| Instant::now() + Duration::from_secs_f64(60.0 * minutes)),
        stop,
    };
    let folder = args.out.join(&study.slug);
    let tell = |progress: Progress<'_>| {
        if !quiet {
            tell(&progress);
        }
    };
    let mut finished = run_study(&study, preset, &options, &doctor::machine(), &folder, &tell)?;
    finished.tables.values_mut().for_each(|table| *table = public(table, &args.out));
    let written = write(&finished, &folder)?;
    let report = report::report(&study, &finished)?;
    let mut files = render::write_report(&report, &folder.join("report.html"))?;
    render::write_report(&report, &folder.join("report.md"))?;
    files.push(written);
    let outcome = &finished.outcome;
    let mut output = match args.json {
        true => Output::json(outcome),
        false => Output::text(report::text(outcome)),
    };
    output.code = u8::from(outcome.verdict == Verdict::Broken);
    output.hints.push(format!("wrote {}", files[0].display()));
    Ok(output)
}

/// Writes the result and its tables.
fn write(finished: &Finished, folder: &Path) -> Result<PathBuf, CliError> {
    let path = folder.join(super::RESULT);
    for (name, table) in &finished.tables {
        table.write(&folder.join(format!("{name}.csv")))?;
    }
    let json = serde_json::to_string_pretty(&finished.outcome).expect("numbers and texts");
    atomic::write(&path, (json + "\n").as_bytes())?;
    Ok(path)
}

/// A table without the columns that name places below `out`, which say nothing elsewhere.
fn public(table: &Table, out: &Path) -> Table {
    let place = |cells: &Cells| match cells {
        Cells::Text(texts) => texts.iter().any(|text| !text.is_empty() && Path::new(&**text).starts_with(out)),
        Cells::Number(_) => false,
    };
    let kept = table.columns().iter().filter(|c| !place(&c.cells)).cloned().collect();
    Table::new(table.source(), kept).unwrap_or_else(|_| table.clone())
}

fn tell(progress: &Progress<'_>) {
    match progress {
        Progress::Step { name, number, of } => write_stderr(&format!("[{number}/{of}] {name}")),
        Progress::Run { label, done, of, loss, already } => {
            let found = if *already { ", found finished" } else { "" };
            write_stderr(&format!("  {done}/{of} {label}: loss {loss:.4}{found}"));
        }
        Progress::Stage(stage) => write_stderr(&format!("  {stage}")),
        Progress::Note(note) => write_stderr(&format!("  {note}")),
    }
}
