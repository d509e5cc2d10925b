//! `kleiber sweep`: many runs as one thing.

use super::memory_of_runs;
use super::train::{duration, line, status};
use crate::error::CliError;
use crate::output::{Output, write_stderr};
use crate::render::{self, TableBlock};
use clap::Args;
use kleiber_core::units::{format_quantity, format_significant, parse_quantity};
use kleiber_sweep::{Finished, Job, SweepConfig, SweepOptions, Update, jobs, run as run_sweep};
use kleiber_train::estimate::{Memory, calibrate};
use kleiber_train::{Event, TrainError};
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Train every cell of a grid or a list, beside each other within memory.
///
/// The file names the cells; keys are those of `kleiber train --print-config`:
///
///     base = "run.toml"                      # optional: what all cells share
///     [set]                                  # keys of all cells
///     "train.tokens" = "2M"
///     [grid]                                 # every combination
///     "model.params" = ["30k", "100k"]
///     "train.lr" = [1e-3, 3e-3]
///     [[cells]]                              # and these
///     "model.params" = "300k"
///
/// A cell's folder is named by a hash of everything it is made of. Cells that are finished are not made again, and
/// a sweep that was killed continues with the same command.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "Examples:
  kleiber sweep grid.toml --dry-run
  kleiber sweep grid.toml --parallel 2
  kleiber fit runs/runs.parquet")]
pub(crate) struct SweepArgs {
    /// File with the cells.
    file: PathBuf,
    /// A key of all cells, over the file.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Folder of all runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// Run table that the cells are entered in. [default: RUNS/runs.parquet]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Folder that prepared text is kept in. [default: RUNS/data]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Runs beside each other. [default: one for each thread]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    parallel: Option<u16>,
    /// Memory that runs beside each other may need. [default: 80% of what is available]
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    memory: Option<u64>,
    /// List the cells with their sizes, and the time from a calibration of each shape.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document (kleiber.sweep/1).
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    table: &'a Path,
    cells: Vec<CellDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_expected: Option<f64>,
}

#[derive(Debug, Serialize)]
struct CellDocument {
    cell: String,
    run: String,
    params: u64,
    tokens: u64,
    flops: f64,
    memory: u64,
    status: &'static str,
    loss: Option<f64>,
    bpb: Option<f64>,
    seconds: Option<f64>,
    error: Option<String>,
}

/// Runs `kleiber sweep`.
pub(crate) fn run(args: &SweepArgs, quiet: bool) -> Result<Output, CliError> {
    let cells = SweepConfig::load(&args.file)?.cells(&args.set)?;
    let cache = args.cache.clone().unwrap_or_else(|| args.runs.join("data"));
    let jobs = jobs(cells, &cache, &super::stages(quiet))?;
    let table = args.table.clone().unwrap_or_else(|| args.runs.join("runs.parquet"));
    let threads = rayon::current_num_threads();
    let parallel = args.parallel.map_or(threads, usize::from);
    if args.dry_run {
        let seconds = expected(&jobs, threads, parallel)?;
        let cells = jobs.iter().map(|job| cell(job, "planned")).collect();
        let document = Document {
            schema: "kleiber.sweep/1",
            status: "planned",
            table: &table,
            cells,
            seconds_expected: Some(seconds),
        };
        let text = format!("{}\nabout {} in all\n", shown(&document.cells), duration(seconds));
        return Ok(if args.json { Output::json(&document) } else { Output::text(text) });
    }
    let stop = Arc::new(AtomicBool::new(false));
    super::on_interrupt(&stop);
    let memory = args.memory.unwrap_or_else(memory_of_runs);
    let options =
        SweepOptions { runs: args.runs.clone(), table: table.clone(), parallel, threads, memory, stop: stop.clone() };
    let tell = |update: Update<'_>| {
        if !quiet {
            tell(&jobs, &update);
        }
    };
    let finished = run_sweep(&jobs, &options, &tell)?;
    let cells: Vec<CellDocument> = jobs.iter().zip(&finished).map(|(job, finished)| outcome(job, finished)).collect();
    let failed = cells.iter().filter(|c| c.error.is_some()).count();
    let interrupted = stop.load(Ordering::Relaxed);
    let status = match (interrupted, failed) {
        (true, _) => "interrupted",
        (false, 0) => "finished",
        _ => "failed",
    };
    let document = Document { schema: "kleiber.sweep/1", status, table: &table, cells, seconds_expected: None };
    let mut output = match args.json {
        true => Output::json(&document),
        false => Output::text(shown(&document.cells) + "\n"),
    };
    output.notes.extend(document.cells.iter().filter_map(|c| Some(format!("{}: {}", c.cell, c.error.as_ref()?))));
    let limit = |f: &Finished| matches!(f.result, Some(Err(TrainError::Limit { .. })));
    output.code = match (interrupted, failed) {
        (true, _) => 130,
        (false, 0) => 0,
        _ if finished.iter().filter(|f| limit(f)).count() == failed => 3,
        _ => 1,
    };
    output.hints.push(match status {
        "finished" => format!("next: kleiber fit {}", table.display()),
        _ => "the same command continues the sweep".into(),
    });
    Ok(output)
}

/// Seconds for all jobs: each shape is timed for a second on all threads, which runs beside each other share.
fn expected(jobs: &[Job], threads: usize, parallel: usize) -> Result<f64, CliError> {
    let mut speeds: HashMap<String, f64> = HashMap::new();
    let (mut sum, mut longest) = (0.0, 0.0f64);
    for job in jobs {
        let key = format!("{:?}{}", job.plan.decoder, job.plan.options.batch);
        let speed = match speeds.get(&key) {
            Some(speed) => *speed,
            None => calibrate(&job.plan, &job.texts, Duration::from_secs(1))?.tokens_per_second,
        };
        speeds.insert(key, speed);
        let seconds = job.plan.tokens() as f64 / speed;
        sum += seconds;
        longest = longest.max(seconds * parallel.min(threads) as f64);
    }
    Ok(sum.max(longest))
}

fn tell(jobs: &[Job], update: &Update<'_>) {
    match update {
        Update::Begin { job } => write_stderr(&format!("[{}/{}] {}: begins", job + 1, jobs.len(), jobs[*job].label)),
        Update::Event { job, event: event @ (Event::Resume { .. } | Event::Skip { .. } | Event::Rollback { .. }) }
        | Update::Event { job, event: event @ (Event::CheckpointFailed { .. } | Event::CheckpointDamaged { .. }) } => {
            if let Some(line) = line(event) {
                write_stderr(&format!("[{}/{}] {}: {line}", job + 1, jobs.len(), jobs[*job].label));
            }
        }
        Update::Event { .. } => {}
        Update::End { job, result } => {
            let text = match result {
                Ok(outcome) if outcome.already => "finished before".to_string(),
                Ok(outcome) => format!("loss {:.4} after {}", outcome.evaluation.loss, duration(outcome.seconds)),
                Err(error) => format!("failed: {error}"),
            };
            write_stderr(&format!("[{}/{}] {}: {text}", job + 1, jobs.len(), jobs[*job].label));
        }
    }
}

fn cell(job: &Job, status: &'static str) -> CellDocument {
    let (plan, tokens) = (&job.plan, job.plan.tokens());
    CellDocument {
        cell: job.label.clone(),
        run: job.name(),
        params: plan.counts.params,
        tokens,
        flops: plan.flops(),
        memory: Memory::estimate(plan, job.texts.bytes()).total(),
        status,
        loss: None,
        bpb: None,
        seconds: None,
        error: None,
    }
}

fn outcome(job: &Job, finished: &Finished) -> CellDocument {
    match &finished.result {
        None => cell(job, "not begun"),
        Some(Err(error)) => CellDocument { error: Some(error.to_string()), ..cell(job, "failed") },
        Some(Ok(outcome)) => {
            let (loss, bpb) = (Some(outcome.evaluation.loss), outcome.evaluation.bpb);
            CellDocument { loss, bpb, seconds: Some(outcome.seconds), ..cell(job, status(outcome)) }
        }
    }
}

fn shown(cells: &[CellDocument]) -> String {
    let number = |v: Option<f64>| v.map_or("-".into(), |v| format!("{v:.4}"));
    let row = |c: &CellDocument| {
        vec![
            c.cell.clone(),
            format_quantity(c.params as f64),
            format_quantity(c.tokens as f64),
            format_significant(c.flops, 3),
            format!("{} MiB", c.memory >> 20),
            c.status.to_string(),
            number(c.loss),
            number(c.bpb),
            c.seconds.map_or("-".into(), duration),
        ]
    };
    let block = TableBlock {
        headers: ["cell", "params", "tokens", "FLOP", "memory", "status", "loss", "bits/byte", "time"]
            .map(String::from)
            .to_vec(),
        rows: cells.iter().map(row).collect(),
        numeric: vec![false, true, true, true, true, false, true, true, true],
    };
    render::terminal_table(&block, Some(120))
}

fn bytes(text: &str) -> Result<u64, String> {
    match parse_quantity(text) {
        Some(v) if (1.0..1e18).contains(&v) => Ok(v as u64),
        _ => Err(format!("`{text}` is not an amount of memory such as 4GiB or 800M")),
    }
}
