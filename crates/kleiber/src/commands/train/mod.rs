//! `kleiber train`: one run in a folder of its own.

mod dashboard;
mod progress;
mod show;

pub(crate) use progress::line;
pub(crate) use show::{duration, status};

use crate::error::CliError;
use crate::output::{Output, write_stderr};
use clap::Args;
use kleiber_core::process::peak_memory;
use kleiber_core::units::format_bytes;
use kleiber_train::config::TokenBudget;
use kleiber_train::estimate::{Memory, Speed, calibrate};
use kleiber_train::{Outcome, Plan, Reason, RunConfig, RunOptions, Texts};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Seconds that a calibration takes.
const CALIBRATION: Duration = Duration::from_secs(2);
/// A run is warned of when more than one step in so many was left out.
const MANY_SKIPPED: u64 = 50;
/// Share of the minutes that training gets; the rest is for evaluations and checkpoints.
const TRAINING_SHARE: f64 = 0.9;

/// Train a decoder on text, in a folder that a killed run continues from.
///
/// Without a word it trains about 300k parameters on 20 tokens each of the default corpus (the sources of
/// Kleiber's dependencies). What is left open follows from the size and is printed with its reason. The run lives in
/// RUNS/NAME (resolved.toml, events.jsonl, step-N checkpoints); the same command continues it after a kill or an
/// interruption, to the same bits. At its end the run is entered in the run table that `kleiber fit` reads.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber train --params 300k --tokens 5M
  kleiber train run.toml --set train.lr=3e-3 --name fast
  kleiber train --source my-texts/ --params 3M --minutes 30 --watch
  kleiber train --params 10M --dry-run
  kleiber train --start runs/small --source my-texts/ --tokens 1M
  kleiber train --print-config > run.toml")]
pub(crate) struct TrainArgs {
    /// Configuration; --print-config shows every key with its default.
    config: Option<PathBuf>,
    /// A key of the configuration, such as train.lr=3e-4 or model.positions=alibi.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Text: `cargo`, a folder, .jsonl, .parquet, text or packed file, or task:NAME?KEY=VALUE&.. (data.source).
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Folder of a run or of a Hugging Face checkpoint to start from, with its tokenizer (model.start).
    #[arg(long, value_name = "DIR")]
    start: Option<String>,
    /// Parameters without embedding and head; the shape follows (model.params).
    #[arg(long, value_name = "N")]
    params: Option<String>,
    /// Tokens, such as 10M or 20tok/param (train.tokens).
    #[arg(long, value_name = "TOKENS")]
    tokens: Option<String>,
    /// Seed of parameters and order (seed).
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where it is computed, cpu or gpu (train.device). [default: cpu]
    #[arg(long, value_name = "DEVICE")]
    device: Option<String>,
    /// Folder of all runs.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    runs: PathBuf,
    /// Name of this run. [default: from its size and a hash of its configuration]
    #[arg(long)]
    name: Option<String>,
    /// Run table that the run is entered in. [default: RUNS/runs.parquet]
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Folder that prepared text is kept in between runs. [default: RUNS/data]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Time: without --tokens, as many tokens as fit; with --tokens the run stops there, to be continued.
    #[arg(long, value_name = "M", value_parser = minutes)]
    minutes: Option<f64>,
    /// Say what the run would cost: parameters, FLOP, memory by part, time from a calibration of two seconds.
    #[arg(long)]
    dry_run: bool,
    /// Show loss, learning rate and speed on the whole terminal while training; q ends the run with a checkpoint.
    #[arg(long)]
    watch: bool,
    /// Start over what is in the folder.
    #[arg(long)]
    force: bool,
    /// Continue although this key changed, such as data or seed.
    #[arg(long, value_name = "KEY")]
    allow_change: Vec<String>,
    /// Print the configuration with every key and end.
    #[arg(long)]
    print_config: bool,
    /// Print one JSON document (kleiber.train/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// The document of a run.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    run: String,
    folder: &'a Path,
    table: &'a Path,
    #[serde(flatten)]
    plan: show::PlanDocument<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    /// Bytes that this process held at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_memory: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<Speed>,
    seconds_expected: Option<f64>,
}

/// Runs `kleiber train`.
pub(crate) fn run(args: &TrainArgs, quiet: bool) -> Result<Output, CliError> {
    let mut config = RunConfig::load(args.config.as_deref(), &overrides(args))?;
    if args.print_config {
        return Ok(if args.json { Output::json(&config) } else { Output::text(config.to_toml()) });
    }
    args.name.as_deref().map_or(Ok(()), check_name)?;
    let texts = Texts::prepare(&config, &cache(args), &super::stages(quiet))?;
    let config_tokens = config.train.tokens;
    let mut speed = None;
    let mut plan = Plan::new(&config, texts.tokenizer.vocab())?;
    let mut name = args.name.clone().unwrap_or_else(|| plan.name(&texts));
    if let (Some(minutes), TokenBudget::Auto) = (args.minutes, config.train.tokens) {
        if args.name.is_none() {
            // What fits into the minutes is not the same twice: the name must not depend on it.
            name = format!("{name}-{minutes}min");
        }
        let begun = args.runs.join(&name).join("resolved.toml");
        config.train.tokens = if begun.exists() && !args.force {
            RunConfig::load(Some(&begun), &[])?.train.tokens
        } else {
            enough_memory(&plan, &Memory::estimate(&plan, texts.bytes()))?;
            let measured = calibrate(&plan, &texts, CALIBRATION)?;
            speed = Some(measured);
            let tokens = measured.tokens_per_second * 60.0 * minutes * TRAINING_SHARE;
            TokenBudget::Tokens((tokens as u64).max(plan.decoder.context as u64))
        };
        plan = Plan::new(&config, texts.tokenizer.vocab())?;
    }
    let folder = args.runs.join(&name);
    let table = args.table.clone().unwrap_or_else(|| args.runs.join("runs.parquet"));
    let memory = Memory::estimate(&plan, texts.bytes());
    let room = enough_memory(&plan, &memory);
    if args.dry_run && speed.is_none() && room.is_ok() {
        speed = Some(calibrate(&plan, &texts, CALIBRATION)?);
    }
    let expected = speed.map(|s| plan.tokens() as f64 / s.tokens_per_second);
    let shown = show::plan(&plan, &texts, &memory, speed);
    let mut document = Document {
        schema: "kleiber.train/1",
        status: "planned",
        run: name.clone(),
        folder: &folder,
        table: &table,
        plan: show::PlanDocument::new(&plan, &texts, memory),
        result: None,
        peak_memory: None,
        speed,
        seconds_expected: expected,
    };
    if args.dry_run {
        let mut output = if args.json { Output::json(&document) } else { Output::text(shown) };
        if let Err(error) = room {
            output.notes.push(format!("error: {error}"));
            output.code = 3;
        }
        return Ok(output);
    }
    room?;
    if !quiet {
        write_stderr(shown.trim_end());
    }
    let stop = Arc::new(AtomicBool::new(false));
    crate::commands::on_interrupt(&stop);
    let limit = args.minutes.filter(|_| config_tokens != TokenBudget::Auto).map(|m| Duration::from_secs_f64(60.0 * m));
    let (allow_change, force) = (args.allow_change.clone(), args.force);
    let options = RunOptions { folder: folder.clone(), table: Some(table.clone()), stop, limit, allow_change, force };
    let outcome = if args.watch {
        dashboard::watch(&plan, &texts, &options, &name)?
    } else {
        let mut progress = progress::Progress::new(plan.steps, plan.tokens());
        kleiber_train::run(&plan, &texts, &options, &mut |event| progress.event(event))?
    };
    document.status = show::status(&outcome);
    document.result = Some(outcome.clone());
    document.peak_memory = peak_memory();
    let mut output =
        if args.json { Output::json(&document) } else { Output::text(show::outcome(&outcome, &plan, &folder)) };
    output.code = match outcome.reason {
        Reason::Finished => 0,
        Reason::Time => 3,
        Reason::Interrupted => 130,
    };
    if outcome.skipped * MANY_SKIPPED > outcome.step {
        let (skipped, steps) = (outcome.skipped, outcome.step);
        output
            .notes
            .push(format!("warning: {skipped} of {steps} steps changed nothing; the loss is that of fewer steps"));
    }
    output.hints.push(match outcome.reason {
        Reason::Finished => format!("next: kleiber generate {} --prompt TEXT", folder.display()),
        _ => "the same command continues the run".into(),
    });
    Ok(output)
}

/// Flags as overrides of the configuration; `--set` comes last and wins.
fn overrides(args: &TrainArgs) -> Vec<String> {
    let quoted = |text: &str| toml::Value::String(text.into()).to_string();
    let flags = [
        args.source.as_deref().map(|v| format!("data.source={}", quoted(v))),
        args.start.as_deref().map(|v| format!("model.start={}", quoted(v))),
        args.params.as_deref().map(|v| format!("model.params={}", quoted(v))),
        args.tokens.as_deref().map(|v| format!("train.tokens={}", quoted(v))),
        args.seed.map(|v| format!("seed={v}")),
        args.device.as_deref().map(|v| format!("train.device={}", quoted(v))),
    ];
    flags.into_iter().flatten().chain(args.set.iter().cloned()).collect()
}

fn cache(args: &TrainArgs) -> PathBuf {
    args.cache.clone().unwrap_or_else(|| args.runs.join("data"))
}

fn check_name(name: &str) -> Result<(), CliError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    // The text cache and the run table live beside the runs.
    let taken = name == "data" || [".parquet", ".csv", ".jsonl", ".lock"].iter().any(|end| name.ends_with(end));
    if name.is_empty() || name.len() > 120 || name.starts_with('.') || taken || !name.chars().all(plain) {
        return Err(CliError::usage(
            format!("`{name}` cannot be the name of a run"),
            "use letters, digits, dots, dashes and underscores; the name becomes a folder beside `data` and the run table",
        ));
    }
    Ok(())
}

/// Refuses a run that the machine cannot hold; what a GPU holds is not known here.
fn enough_memory(plan: &Plan, memory: &Memory) -> Result<(), CliError> {
    let available = available_memory();
    if plan.config.train.device == kleiber_tensor::Device::Cpu && available > 0 && memory.total() > available {
        return Err(CliError::limit(
            format!(
                "the run needs about {} of memory, {} are available",
                format_bytes(memory.total()),
                format_bytes(available)
            ),
            "give a smaller model or batch, or split the batch with --set train.micro_batch=N",
        ));
    }
    Ok(())
}

/// Bytes of memory that are free or can be made so; 0 where the system does not tell.
pub(crate) fn available_memory() -> u64 {
    let read = sysinfo::System::new().map(|mut system| {
        system.refresh_memory();
        system.available_memory()
    });
    read.unwrap_or(0)
}

/// A positive number of minutes, for clap.
pub(crate) fn minutes(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if v > 0.0 && v <= 1e6 => Ok(v),
        _ => Err(format!("`{text}` is not a positive number of minutes, at most a million")),
    }
}
