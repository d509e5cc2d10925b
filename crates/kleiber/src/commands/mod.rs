//! One file per subcommand.

pub(crate) mod assert;
mod bar;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod compress;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod eval;
pub(crate) mod fit;
pub(crate) mod generate;
pub(crate) mod ladder;
mod law_source;
pub(crate) mod laws;
pub(crate) mod man;
pub(crate) mod plan;
pub(crate) mod predict;
pub(crate) mod size;
pub(crate) mod study;
pub(crate) mod sweep;
mod table;
pub(crate) mod train;

use crate::cli::{Cli, Command};
use crate::error::CliError;
use crate::output::{Output, write_stderr};
use indexmap::IndexMap;
use kleiber_core::units::parse_quantity;
use kleiber_data::Stage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Share of the available memory that runs beside each other may be estimated to need.
const MEMORY_SHARE: f64 = 0.8;

/// Runs the command that was asked for.
pub(crate) fn run(cli: &Cli) -> Result<Output, CliError> {
    if let Some(threads) = cli.threads {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // Fails only when the pool exists already, which nothing before this point creates.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads).min(cores)).build_global();
    }
    match &cli.command {
        Command::Ladder(args) => ladder::run(args, cli.quiet),
        Command::Fit(args) => fit::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Predict(args) => predict::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Laws(args) => laws::run(args),
        Command::Size(args) => size::run(args),
        Command::Assert(command) => assert::run(command),
        Command::Data(command) => data::run(command, cli.quiet),
        Command::Study(command) => study::run(command, cli.quiet),
        Command::Sweep(args) => sweep::run(args, cli.quiet),
        Command::Train(args) => train::run(args, cli.quiet),
        Command::Compress(command) => compress::run(command, cli.quiet),
        Command::Generate(args) => generate::run(args),
        Command::Eval(args) => eval::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Completions(args) => Ok(completions::run(args)),
        Command::Man(args) => man::run(args),
    }
}

/// Shows what takes time, one line per stage: stages take seconds, so a terminal needs no more than a log does.
pub(crate) fn stages(quiet: bool) -> impl Fn(Stage) {
    move |stage| {
        if !quiet {
            write_stderr(&stage.to_string());
        }
    }
}

/// Sets `stop` at the first interruption or request to end; one more than a second later ends the program at once.
pub(crate) fn on_interrupt(stop: &Arc<AtomicBool>) {
    let stop = stop.clone();
    // Fails only when a handler is there already, which nothing before this point installs.
    let mut first: Option<Instant> = None;
    let _ = ctrlc::set_handler(move || {
        // One wish may come as two signals, to the process and to its group.
        if first.is_some_and(|at| at.elapsed() > Duration::from_secs(1)) {
            std::process::exit(130);
        }
        if stop.swap(true, Ordering::Relaxed) {
            return;
        }
        first = Some(Instant::now());
        write_stderr("ending after this step, with a checkpoint; once more ends at once");
    });
}

/// Bytes that runs beside each other may be estimated to need: most of what is free.
pub(crate) fn memory_of_runs() -> u64 {
    match train::available_memory() {
        0 => u64::MAX,
        available => (MEMORY_SHARE * available as f64) as u64,
    }
}

/// A positive quantity with an optional unit, for clap.
pub(crate) fn quantity(text: &str) -> Result<f64, String> {
    match parse_quantity(text) {
        Some(v) if v.is_finite() && v > 0.0 => Ok(v),
        _ => Err(format!("`{text}` is not a positive quantity such as 1.3B, 2e9 or 1e21FLOP")),
    }
}

/// A nominal coverage between 0.5 and 0.999, for clap.
pub(crate) fn level(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(v) if (0.5..=0.999).contains(&v) => Ok(v),
        _ => Err(format!("`{text}` is not a coverage between 0.5 and 0.999")),
    }
}

/// `params=1e9,tokens=2e10` as names and values; `tokens=20tok/param` is a multiplier.
pub(crate) fn point(text: &str) -> Result<IndexMap<String, f64>, String> {
    let mut point = IndexMap::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=VALUE"))?;
        let (mut name, mut value) = (name.trim(), value.trim());
        if let Some(ratio) = value.strip_suffix("tok/param") {
            (name, value) = ("multiplier", ratio);
        }
        // A format may have no exponent or no mantissa bits.
        let none = value == "0" && ["exponent_bits", "mantissa_bits"].contains(&name);
        let value = if none { 0.0 } else { quantity(value)? };
        if point.insert(name.to_string(), value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    Ok(point)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_take_units() {
        let p = point("params=1.3B, tokens=26B").unwrap();
        assert_eq!((p["params"], p["tokens"]), (1.3e9, 2.6e10));
        assert_eq!(point("params=7B,tokens=20tok/param").unwrap()["multiplier"], 20.0);
        assert_eq!(point("exponent_bits=0,mantissa_bits=3").unwrap()["exponent_bits"], 0.0);
        for bad in ["params=1,params=2", "params", "params=-1", "params=0", "params=x", ""] {
            assert!(point(bad).is_err(), "{bad}");
        }
    }
}
