//! What a format adds to the held-out loss of checkpoints: the quantity that laws of low-bit quantisation are about.

use crate::{CompressError, Format, Scope, quantize};
use kleiber_core::stats::standard_deviation;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_train::{HeldOut, Losses, OpenRun, Saved};
use rayon::prelude::*;

/// A checkpoint in a format beside the checkpoint itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Penalty {
    /// Name of the run.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Parameters without embedding and head.
    pub params: u64,
    /// Tokens that the checkpoint has seen.
    pub tokens: u64,
    /// Name of the format.
    pub format: String,
    /// Bits of a code.
    pub bits: u32,
    /// Bits of a weight, scales counted.
    pub bits_per_weight: f64,
    /// Mean square error over mean square of the weights.
    pub nmse: f64,
    /// Held-out loss in the format, nats per token.
    pub loss: f64,
    /// Held-out loss of the checkpoint on the same tokens.
    pub loss_base: f64,
    /// Standard error of the difference between the two, sequences taken as independent pairs.
    pub penalty_error: f64,
}

impl Penalty {
    /// What the format adds, nats per token; below 0 where it happens to help.
    pub fn penalty(&self) -> f64 {
        self.loss - self.loss_base
    }
}

/// Every checkpoint of a run in every format, on the same held-out tokens: checkpoints in order, and for each the formats.
///
/// # Errors
/// [`CompressError::NoCheckpoint`], and those of [`quantize`] and of reading checkpoints and tokens.
pub fn penalties(
    run: &OpenRun,
    held_out: &HeldOut,
    formats: &[Format],
    scope: Scope,
) -> Result<Vec<Penalty>, CompressError> {
    let saved = run.checkpoints();
    if saved.is_empty() {
        return Err(CompressError::NoCheckpoint { folder: run.folder.clone() });
    }
    let of_checkpoint = |saved: &Saved| -> Result<Vec<Penalty>, CompressError> {
        let decoder = saved.decoder()?;
        let base = held_out.losses(&decoder)?;
        let in_format = |format: &Format| {
            let small = quantize(&decoder, format, scope)?;
            let losses = held_out.losses(&small.decoder)?;
            Ok(Penalty {
                run: run.name(),
                seed: run.plan.config.seed,
                params: run.record.counts.params,
                tokens: saved.tokens,
                format: format.name().into(),
                bits: format.bits(),
                bits_per_weight: small.bits_per_weight(),
                nmse: small.nmse(),
                loss: losses.evaluation.loss,
                loss_base: base.evaluation.loss,
                penalty_error: paired_error(&losses, &base),
            })
        };
        formats.par_iter().map(in_format).collect()
    };
    let all: Result<Vec<_>, CompressError> = saved.par_iter().map(of_checkpoint).collect();
    Ok(all?.into_iter().flatten().collect())
}

/// Standard error of the mean difference of losses on the same sequences.
pub fn paired_error(a: &Losses, b: &Losses) -> f64 {
    let differences: Vec<f64> = a.sequences.iter().zip(&b.sequences).map(|(a, b)| a - b).collect();
    standard_deviation(&differences) / (differences.len() as f64).sqrt()
}

/// The rows as a table: `run`, `seed`, `params`, `tokens`, `format`, `bits`, `bits_per_weight`, `nmse`, `loss`, `loss_base`,
/// `penalty` and `penalty_error`.
///
/// # Errors
/// None but those of [`Table::new`], which these columns do not meet.
pub fn penalty_table(rows: &[Penalty]) -> Result<Table, CompressError> {
    let text = |name: &str, of: &dyn Fn(&Penalty) -> &str| Column {
        name: name.into(),
        cells: Cells::Text(rows.iter().map(|row| of(row).into()).collect()),
    };
    let number = |name: &str, of: &dyn Fn(&Penalty) -> f64| Column {
        name: name.into(),
        cells: Cells::Number(rows.iter().map(of).collect()),
    };
    let columns = vec![
        text("run", &|row| &row.run),
        number("seed", &|row| row.seed as f64),
        number("params", &|row| row.params as f64),
        number("tokens", &|row| row.tokens as f64),
        text("format", &|row| &row.format),
        number("bits", &|row| f64::from(row.bits)),
        number("bits_per_weight", &|row| row.bits_per_weight),
        number("nmse", &|row| row.nmse),
        number("loss", &|row| row.loss),
        number("loss_base", &|row| row.loss_base),
        number("penalty", &Penalty::penalty),
        number("penalty_error", &|row| row.penalty_error),
    ];
    Ok(Table::new("penalties", columns)?)
}
