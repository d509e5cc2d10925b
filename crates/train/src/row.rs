//! A run as a row of the run table.

use crate::events::{self, Event};
use crate::folder::{self, Record};
use crate::{Evaluation, Plan, TrainError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_tensor::kernels::float_format::Block;
use std::path::Path;

/// Where a run stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    /// Steps made.
    pub(crate) step: u64,
    /// Tokens seen.
    pub(crate) tokens: u64,
    /// Held-out loss.
    pub(crate) evaluation: Evaluation,
    /// Seconds of training.
    pub(crate) seconds: f64,
    /// Steps left out so far.
    pub(crate) skipped: u64,
}

/// The rows of a finished run from its log: its end, and with `along` the evaluations before it, in their order.
///
/// # Errors
/// [`TrainError`] for a log that cannot be read; [`TrainError::Unfinished`] when the run has no end.
pub fn rows(plan: &Plan, record: &Record, folder: &Path, along: bool) -> Result<Table, TrainError> {
    let name = folder::name(folder);
    let mut points: Vec<Point> = Vec::new();
    for event in events::read(&folder.join(events::FILE))? {
        let point = match event {
            Event::Evaluate { step, tokens, evaluation } if along => {
                Point { step, tokens, evaluation, seconds: f64::NAN, skipped: 0 }
            }
            Event::End { step, tokens, evaluation, seconds, .. } => {
                Point { step, tokens, evaluation, seconds, skipped: 0 }
            }
            _ => continue,
        };
        // A run that was continued measures some points again.
        points.retain(|p| p.step < point.step);
        points.push(point);
    }
    let skipped = folder::bad_batches(folder)?.0;
    let of = |point: Point| {
        let name = if point.step == plan.steps { name.clone() } else { format!("{name}@{}", point.step) };
        row(&name, plan, record, Point { skipped: skipped.range(..=point.step).count() as u64, ..point })
    };
    match points.last() {
        Some(last) if last.step == plan.steps => {
            let rows = points.into_iter().map(of).reduce(|above, below| above.stacked(&below));
            Ok(rows.expect("there is a last point"))
        }
        _ => Err(TrainError::Unfinished { folder: folder.to_path_buf() }),
    }
}

/// The row of a run at a point.
pub(crate) fn row(name: &str, plan: &Plan, record: &Record, at: Point) -> Table {
    let (decoder, train) = (&plan.decoder, &plan.config.train);
    let counts = plan.counts;
    let text = |name: &str, value: &str| Column { name: name.into(), cells: Cells::Text(vec![value.into()]) };
    let number = |name: &str, value: f64| Column { name: name.into(), cells: Cells::Number(vec![value]) };
    let tokens = at.tokens as f64;
    let mut columns = vec![
        text("run", name),
        text("corpus", &record.corpus),
        text("tokenizer", &record.tokenizer),
        text("start", record.start.as_deref().unwrap_or_default()),
        number("seed", plan.config.seed as f64),
        number("params", counts.params as f64),
        number("params_matmul", counts.params_matmul as f64),
        number("params_total", counts.params_total as f64),
        number("tokens", tokens),
        number("unique_tokens", tokens.min(record.unique_tokens as f64)),
        number("flops", tokens * counts.flops_per_token as f64),
        number("loss", at.evaluation.loss),
        number("loss_error", at.evaluation.error),
        number("bpb", at.evaluation.bpb.unwrap_or(f64::NAN)),
        number("step", at.step as f64),
        number("skipped_steps", at.skipped as f64),
        number("batch_tokens", train.batch_tokens.value().map_or(f64::NAN, |b| b as f64)),
        number("context", decoder.context as f64),
        number("vocab", decoder.vocab as f64),
        number("layers", decoder.layers as f64),
        number("width", decoder.width as f64),
        number("heads", decoder.heads as f64),
        number("lr", plan.options.schedule.peak),
        number("weight_decay", train.weight_decay),
        number("dropout", train.dropout),
        text("schedule", &word(train.schedule)),
        text("positions", &word(decoder.positions)),
        text("norm", &word(decoder.norm)),
        text("mlp", &word(decoder.mlp)),
        text("device", &word(train.device)),
        number("seconds", at.seconds),
        text("version", env!("CARGO_PKG_VERSION")),
    ];
    if let Some(quantise) = train.quantise.quantise() {
        let block = match quantise.block {
            Block::Elements(elements) => f64::from(elements),
            Block::Channel | Block::Tensor => f64::NAN,
        };
        columns.extend([
            number("exponent_bits", quantise.format.exponent_bits().into()),
            number("mantissa_bits", quantise.format.mantissa_bits().into()),
            number("block", block),
            text("quantised", &train.quantise.covered()),
        ]);
    }
    if decoder.experts > 1 {
        columns.push(number("experts", decoder.experts as f64));
    }
    if let Some([encoder, of_decoder]) = decoder.shape().sides().ok().filter(|_| decoder.encoder_layers > 0) {
        columns.extend([
            number("encoder_layers", decoder.encoder_layers as f64),
            number("params_encoder", encoder as f64),
            number("params_decoder", of_decoder as f64),
        ]);
    }
    Table::new("runs", columns).expect("the columns of a row have different names and one cell each")
}

/// The word that a configuration file has for a choice.
fn word(choice: impl serde::Serialize) -> String {
    serde_json::to_value(choice).ok().and_then(|v| v.as_str().map(str::to_string)).unwrap_or_default()
}
