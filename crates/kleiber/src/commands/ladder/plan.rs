//! The runs of a ladder before they are made.

use crate::commands::train::duration;
use crate::error::CliError;
use crate::render::{TableBlock, terminal_table};
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_sweep::ladder::{Design, FACTORS, Preset, Rung};
use kleiber_train::config::Auto;
use kleiber_train::estimate::calibrate;
use kleiber_train::{Plan, RunConfig, Texts};
use std::time::Duration;

/// Share of the minutes that training gets; the rest is for evaluations, checkpoints and the fit.
const TRAINING_SHARE: f64 = 0.85;

/// A run with its plan.
pub(super) struct Run {
    pub(super) rung: Rung,
    pub(super) plan: Plan,
}

/// The rungs, the target last.
pub(super) fn runs(design: &Design, vocab: usize) -> Result<Vec<Run>, CliError> {
    let all = design.rungs.iter().chain([&design.target]);
    all.map(|rung| Ok(Run { rung: *rung, plan: Plan::new(&design.run(*rung, None), vocab)? })).collect()
}

/// A ladder with the seconds that it will take; `minutes` scale its tokens.
pub(super) fn plan(
    config: &RunConfig,
    preset: Preset,
    minutes: Option<f64>,
    texts: &Texts,
    more: usize,
) -> Result<(Design, Option<f64>), CliError> {
    let vocab = texts.tokenizer.vocab();
    let design = Design::new(config, preset, 1.0, vocab, more)?;
    let all = runs(&design, vocab)?;
    let mut speeds: Vec<(u64, f64)> = Vec::new();
    for run in &all {
        if speeds.iter().all(|(params, _)| *params != run.plan.counts.params) {
            let speed = calibrate(&run.plan, texts, Duration::from_millis(800))?.tokens_per_second;
            speeds.push((run.plan.counts.params, speed));
        }
    }
    let speed = |run: &Run| speeds.iter().find(|(params, _)| *params == run.plan.counts.params).map_or(1.0, |s| s.1);
    let of = |run: &Run| run.plan.tokens() as f64 / speed(run);
    let smallest = all.iter().min_by(|a, b| a.plan.flops().total_cmp(&b.plan.flops())).map_or(0.0, of);
    let seconds = (all.iter().map(of).sum::<f64>() + FACTORS.len() as f64 * smallest) / TRAINING_SHARE;
    match minutes {
        None => Ok((design, Some(seconds))),
        Some(minutes) => {
            let scale = 60.0 * minutes / seconds;
            Ok((Design::new(config, preset, scale, vocab, more)?, Some(60.0 * minutes)))
        }
    }
}

/// The plan for people; `text` are the tokens that there are to learn.
pub(super) fn show(design: &Design, runs: &[Run], text: u64, seconds: Option<f64>) -> String {
    let target = runs.last().map_or(0.0, |r| r.plan.flops());
    let row = |run: &Run| {
        let (params, tokens) = (run.plan.counts.params as f64, run.plan.tokens() as f64);
        let share = run.plan.flops() / target;
        vec![
            if run.rung == design.target { "target".into() } else { String::new() },
            format!("{}", run.plan.counts.params),
            format!("{}x{}", run.plan.decoder.layers, run.plan.decoder.width),
            format_quantity(tokens),
            format_significant(tokens / params, 3),
            rounded(run.plan.flops()),
            if share == 1.0 { "1".into() } else { format!("1/{}", format_significant(1.0 / share, 3)) },
            if run.rung.repeat > 0 { format!("+{}", run.rung.repeat) } else { String::new() },
        ]
    };
    let block = TableBlock {
        headers: ["", "params", "layers x width", "tokens", "tokens/param", "FLOP", "of target", "seed"]
            .map(String::from)
            .to_vec(),
        rows: runs.iter().map(row).collect(),
        numeric: vec![false, true, false, true, true, true, true, true],
    };
    let all: f64 = runs.iter().map(|r| r.plan.flops()).sum();
    let search = match design.asked.train.lr {
        Auto::Auto => format!(" and a search of {} or more for the learning rate", FACTORS.len()),
        Auto::Value(rate) => format!(", the learning rate of the target being {}", format_significant(rate, 3)),
    };
    let mut shown = format!(
        "{}\n{} rungs{}; {} FLOP in all",
        terminal_table(&block, Some(110)),
        runs.len() - 1,
        search,
        rounded(all)
    );
    if let Some(seconds) = seconds {
        shown.push_str(&format!(", about {}", duration(seconds)));
    }
    let epochs = runs.iter().map(|r| r.plan.tokens()).max().unwrap_or(0) as f64 / text.max(1) as f64;
    if epochs > 1.0 {
        let (text, epochs) = (format_quantity(text as f64), format_significant(epochs, 3));
        shown.push_str(&format!("\nthe text has {text} tokens: the longest run repeats it {epochs} times, and its loss is more than that of fresh text"));
    }
    shown + "\n"
}

/// A count of FLOP to three digits.
fn rounded(flops: f64) -> String {
    let unit = 10f64.powf(flops.max(1.0).log10().floor() - 2.0);
    format_quantity((flops / unit).round() * unit)
}
