//! `kleiber ladder`: small runs, a law, a prediction that is written down, and the run that tests it.

mod document;
mod live;
mod plan;
mod report;

use crate::error::CliError;
use crate::output::{Output, write_stderr};
use crate::render;
use clap::{Args, ValueEnum};
use document::Document;
use kleiber_core::units::format_significant;
use kleiber_sweep::SweepOptions;
use kleiber_sweep::ladder::{Ascent, DESIGN, Design, Preset, base_config, climb};
use kleiber_train::config::{Auto, TokenBudget};
use kleiber_train::{RunConfig, Texts};
use live::Live;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Files of a finished ladder beside its runs.
const REPORTS: [&str; 2] = ["report.html", "report.md"];
const LAW: &str = "law.json";

/// How much it may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PresetName {
    /// A few minutes.
    Quick,
    /// About ten minutes on two cores.
    Default,
    /// About an hour.
    Thorough,
    /// A night.
    Overnight,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Quick => Self::Quick,
            PresetName::Default => Self::Default,
            PresetName::Thorough => Self::Thorough,
            PresetName::Overnight => Self::Overnight,
        }
    }
}

/// Train a ladder of small models, fit a law, predict a larger one, train that too and compare.
///
/// The rungs differ in parameters and tokens and cost at most a quarter of the target's compute each. The law that
/// extrapolates best among them predicts the target's loss on held-out text; the prediction is written down, with a hash
/// and a time, before the target is trained. Everything lives in one folder: the same command continues a ladder that was
/// stopped, and shows the report of one that is finished. Exit code 1: the measured loss is outside the 95% interval.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kleiber ladder
  kleiber ladder --preset quick --out quick
  kleiber ladder --corpus my-texts/ --minutes 30
  kleiber ladder --set model.params=1M --set train.tokens=20M --out larger --dry-run
  kleiber ladder --add-rungs 3")]
pub(crate) struct LadderArgs {
    /// Size of the target and its rungs. [default: default]
    #[arg(long, value_enum)]
    preset: Option<PresetName>,
    /// Time for all of it: the tokens of every run are scaled to it.
    #[arg(long, value_name = "M", value_parser = super::train::minutes)]
    minutes: Option<f64>,
    /// Text: `cargo`, a folder, .jsonl, .parquet, text or packed file, or task:NAME?KEY=VALUE&.. (data.source). [default: cargo]
    #[arg(long, value_name = "SOURCE")]
    corpus: Option<String>,
    /// Configuration of the target; the rungs are smaller ones of the same kind.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A key of the configuration, such as model.positions=alibi.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Cells of rungs beyond the usual ones, at most 8; a finished ladder is fitted again with them.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=8))]
    add_rungs: Option<u8>,
    /// Seed of all runs. [default: 0]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Folder of the ladder.
    #[arg(long, value_name = "DIR", default_value = "ladder")]
    out: PathBuf,
    /// Folder that prepared text is kept in. [default: OUT/data]
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Say what would be done: runs, sizes, tokens, FLOP, time from a calibration.
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON document (kleiber.ladder/1).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs `kleiber ladder`.
pub(crate) fn run(args: &LadderArgs, quiet: bool) -> Result<Output, CliError> {
    let path = args.out.join(DESIGN);
    let stored = if path.exists() { Some(Design::read(&path)?) } else { None };
    let config = match &stored {
        Some(design) => same_ladder(args, design)?,
        None => config(args, args.seed.unwrap_or(0))?,
    };
    if args.minutes.is_some() && config.train.tokens != TokenBudget::Auto {
        return Err(CliError::usage("--minutes scales the tokens that train.tokens gives", "give one of them"));
    }
    let cache = args.cache.clone().unwrap_or_else(|| args.out.join("data"));
    let texts = Texts::prepare(&config, &cache, &super::stages(quiet))?;
    let vocab = texts.tokenizer.vocab();
    let more = usize::from(args.add_rungs.unwrap_or(0));
    let (design, seconds) = match stored {
        Some(design) => (again(design, &config, vocab, more, &path)?, None),
        None => plan::plan(&config, args.preset.map_or(Preset::Default, Preset::from), args.minutes, &texts, more)?,
    };
    let runs = plan::runs(&design, vocab)?;
    let shown = plan::show(&design, &runs, texts.tokens(), seconds);
    if args.dry_run {
        let document = Document::planned(args, &design, &texts, &runs, seconds);
        return Ok(if args.json { Output::json(&document) } else { Output::text(shown) });
    }
    if !quiet {
        write_stderr(shown.trim_end());
    }
    std::fs::create_dir_all(&args.out).map_err(|source| kleiber_core::CoreError::Io {
        path: args.out.clone(),
        action: "write",
        source,
    })?;
    design.write(&path)?;
    let stop = Arc::new(AtomicBool::new(false));
    super::on_interrupt(&stop);
    let threads = rayon::current_num_threads();
    let options = SweepOptions {
        runs: args.out.join("runs"),
        table: args.out.join(kleiber_sweep::ladder::TABLE),
        parallel: threads,
        threads,
        memory: super::memory_of_runs(),
        stop,
    };
    let live = Live::new(&runs, quiet);
    let ascent = climb(&design, &texts, &args.out, &options, &|progress| live.tell(&progress))?;
    drop(live);
    let Some(ascent) = ascent else {
        let mut output = match args.json {
            true => Output::json(&Document::interrupted(args, &design, &texts, &runs)),
            false => Output::text(""),
        };
        output.code = 130;
        output.hints.push("the same command continues the ladder".into());
        return Ok(output);
    };
    finish(args, &design, &texts, &ascent)
}

/// Writes the reports and prints the result.
fn finish(args: &LadderArgs, design: &Design, texts: &Texts, ascent: &Ascent) -> Result<Output, CliError> {
    let document = Document::finished(args, design, texts, ascent);
    let report = report::report(&document, design, ascent)?;
    let mut written = Vec::new();
    for name in REPORTS {
        written.extend(render::write_report(&report, &args.out.join(name))?);
    }
    ascent.forecast.fit.write(&args.out.join(LAW))?;
    let mut output = match args.json {
        true => Output::json(&document),
        false => Output::text(document.text()),
    };
    output.code = u8::from(!document.inside());
    let first = written.first().map_or_else(String::new, |p| p.display().to_string());
    output
        .hints
        .push(format!("wrote {first}; the rows are in {}", args.out.join(kleiber_sweep::ladder::TABLE).display()));
    let law = args.out.join(LAW);
    let budget = format_significant(4.0 * document.target.flops, 2);
    output.hints.push(format!("next: kleiber plan compute {} --flops {budget}", law.display()));
    let fit = &ascent.forecast.fit;
    output = output.with_findings(fit.status, &[], &fit.warnings);
    let ends = [ascent.search.first(), ascent.search.last()];
    if ends.into_iter().flatten().any(|end| end.0 == ascent.factor) {
        let factor = format_significant(ascent.factor, 3);
        output
            .notes
            .push(format!("warning: the best learning rate is at the end of the search, {factor} times the usual one"));
    }
    Ok(output)
}

/// The configuration that was asked for.
fn config(args: &LadderArgs, seed: u64) -> Result<RunConfig, CliError> {
    let quoted = |text: &str| toml::Value::String(text.into()).to_string();
    let corpus = args.corpus.as_deref().map(|v| format!("data.source={}", quoted(v)));
    let overrides: Vec<String> = corpus.into_iter().chain(args.set.iter().cloned()).collect();
    let mut config = RunConfig::load_over(&base_config(seed), args.config.as_deref(), &overrides)?;
    if args.seed.is_some() {
        config.seed = seed;
    }
    // The vocabulary of 1,024 is for a tokenizer that is learned.
    let own = config.data.tokenizer != "bpe" || kleiber_data::Prepared::is_at(Path::new(&config.data.source));
    if own && config.data.vocab == base_config(seed).data.vocab {
        config.data.vocab = Auto::Auto;
    }
    Ok(config)
}

/// The configuration of a ladder that was begun, unless something else is asked for now.
fn same_ladder(args: &LadderArgs, design: &Design) -> Result<RunConfig, CliError> {
    let other = |what: &str| {
        CliError::usage(
            format!("{} holds a ladder with another {what}", args.out.display()),
            "give the same options to continue it, or another --out",
        )
    };
    if args.preset.is_some_and(|preset| Preset::from(preset) != design.preset) {
        return Err(other("preset"));
    }
    if args.seed.is_some_and(|seed| seed != design.asked.seed) {
        return Err(other("seed"));
    }
    if args.minutes.is_some() {
        return Err(other("time"));
    }
    if args.corpus.is_some() || args.config.is_some() || !args.set.is_empty() {
        let differences = design.asked.differences(&config(args, design.asked.seed)?);
        let said: Vec<String> = differences.iter().map(|(key, was, is)| format!("{key} ({was}, not {is})")).collect();
        if !said.is_empty() {
            return Err(other(&said.join(", ")));
        }
    }
    Ok(design.asked.clone())
}

/// The design of a ladder that was begun, with at least `more` cells beyond the usual ones.
fn again(stored: Design, config: &RunConfig, vocab: usize, more: usize, path: &Path) -> Result<Design, CliError> {
    let design = |more| Design::new(config, stored.preset, stored.scale, vocab, more);
    if design(stored.more)? != stored {
        return Err(CliError::usage(
            format!("{}: not the design that follows from what was asked", path.display()),
            "it was changed, or made by another version or from another text; give another --out",
        ));
    }
    Ok(if more > stored.more { design(more)? } else { stored })
}
