//! A plan and an outcome as tables and documents.

use crate::render::{self, TableBlock};
use kleiber_core::process::peak_memory;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_models::DecoderConfig;
use kleiber_train::estimate::{Memory, Speed};
use kleiber_train::{Counts, Note, Outcome, Plan, Reason, RunConfig, Texts};
use serde::Serialize;
use std::path::Path;

/// A plan in a document.
#[derive(Debug, Serialize)]
pub(super) struct PlanDocument<'a> {
    config: &'a RunConfig,
    decoder: &'a DecoderConfig,
    counts: Counts,
    corpus: &'a str,
    text_tokens: u64,
    steps: u64,
    tokens: u64,
    flops: f64,
    flops_convention: &'static str,
    memory: Memory,
    memory_total: u64,
    derived: &'a [Note],
}

impl<'a> PlanDocument<'a> {
    pub(super) fn new(plan: &'a Plan, texts: &'a Texts, memory: Memory) -> Self {
        Self {
            config: &plan.config,
            decoder: &plan.decoder,
            counts: plan.counts,
            corpus: &texts.corpus,
            text_tokens: texts.tokens(),
            steps: plan.steps,
            tokens: plan.tokens(),
            flops: plan.flops(),
            flops_convention: "with-attention",
            memory,
            memory_total: memory.total(),
            derived: &plan.notes,
        }
    }
}

/// What a run will be, for people.
pub(super) fn plan(plan: &Plan, texts: &Texts, memory: &Memory, speed: Option<Speed>) -> String {
    let (counts, decoder, options) = (plan.counts, &plan.decoder, &plan.options);
    let count = |n: u64| format_quantity(n as f64);
    let epochs = plan.tokens() as f64 / texts.tokens().max(1) as f64;
    let repeats = if epochs > 1.0 { format!(", {} times over", format_significant(epochs, 3)) } else { String::new() };
    let mut rows = vec![
        (
            "model",
            format!(
                "layers {}, width {}, heads {}, context {}",
                decoder.layers, decoder.width, decoder.heads, decoder.context
            ),
        ),
        ("parameters", format!("{} ({} with embedding and head)", count(counts.params), count(counts.params_total))),
        ("text", format!("{}: {} tokens, vocabulary {}{repeats}", texts.corpus, count(texts.tokens()), decoder.vocab)),
        (
            "training",
            format!(
                "{} tokens in {} steps of {}",
                count(plan.tokens()),
                plan.steps,
                count((options.batch * decoder.context) as u64)
            ),
        ),
        ("learning rate", format_significant(options.schedule.peak, 3)),
        ("compute", format!("{} FLOP (products and attention)", format_quantity(plan.flops()))),
    ];
    let parts: Vec<String> =
        memory.named().iter().map(|(name, bytes)| format!("{name} {}", mebibytes(*bytes))).collect();
    rows.push(("memory", format!("about {} MiB: {}", mebibytes(memory.total()), parts.join(", "))));
    if let Some(speed) = speed {
        let time = duration(plan.tokens() as f64 / speed.tokens_per_second);
        rows.push((
            "time",
            format!(
                "about {time}, at {} tokens/s over {} steps",
                format_quantity(speed.tokens_per_second.round()),
                speed.steps
            ),
        ));
    }
    let block = TableBlock {
        headers: vec!["".into(), "this run".into()],
        rows: rows.into_iter().map(|(name, value)| vec![name.to_string(), value]).collect(),
        numeric: vec![false, false],
    };
    let mut text = render::terminal_table(&block, Some(110)) + "\n";
    for note in &plan.notes {
        text.push_str(&format!("{} = {}: {}\n", note.key, note.value, note.why));
    }
    text
}

/// How a run ended, for people.
pub(super) fn outcome(outcome: &Outcome, plan: &Plan, folder: &Path) -> String {
    let evaluation = &outcome.evaluation;
    let loss =
        format!("{:.4} nats/token on {} held-out tokens", evaluation.loss, format_quantity(evaluation.tokens as f64));
    let mut rows = vec![
        ("run", format!("{} ({})", folder.display(), status(outcome))),
        ("steps", format!("{} of {}, {} tokens", outcome.step, plan.steps, format_quantity(outcome.tokens as f64))),
        ("loss", loss),
    ];
    if outcome.skipped > 0 {
        rows.push(("left out", format!("{} steps, see bad_batches.jsonl", outcome.skipped)));
    }
    if let Some(bpb) = evaluation.bpb {
        rows.push(("bits per byte", format!("{bpb:.4}")));
    }
    let speed = outcome.tokens as f64 / outcome.seconds.max(1e-9);
    rows.push((
        "time",
        format!("{}, {} tokens/s with evaluations", duration(outcome.seconds), format_quantity(speed.round())),
    ));
    if let Some(peak) = peak_memory() {
        rows.push(("memory", format!("{} MiB at most", mebibytes(peak))));
    }
    let block = TableBlock {
        headers: vec!["".into(), "result".into()],
        rows: rows.into_iter().map(|(name, value)| vec![name.to_string(), value]).collect(),
        numeric: vec![false, false],
    };
    render::terminal_table(&block, Some(110)) + "\n"
}

/// The state of a run in a word.
pub(crate) fn status(outcome: &Outcome) -> &'static str {
    match outcome.reason {
        Reason::Finished if outcome.already => "finished before",
        Reason::Finished => "finished",
        Reason::Interrupted => "interrupted",
        Reason::Time => "stopped by its time limit",
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{}", (bytes as f64 / f64::from(1 << 20)).round())
}

/// `1:02:03`, `2:03` or `4.5 s`.
pub(crate) fn duration(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{} s", format_significant(seconds, 2));
    }
    let whole = seconds.round() as u64;
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
