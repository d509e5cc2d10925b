//! A ladder as a document, and as text.

use super::LadderArgs;
use super::plan::Run;
use crate::render::{TableBlock, terminal_table};
use chrono::DateTime;
use indexmap::IndexMap;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::batch::CriticalBatch;
use kleiber_laws::compare::Comparison;
use kleiber_sweep::ladder::{Ascent, Design, Made, Prediction, Preset};
use kleiber_train::Texts;
use serde::Serialize;
use std::path::Path;

/// What `kleiber ladder --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Document<'a> {
    schema: &'static str,
    status: &'static str,
    out: &'a Path,
    preset: Preset,
    seed: u64,
    corpus: &'a str,
    vocab: usize,
    pub(super) target: RungDocument,
    pub(super) rungs: Vec<RungDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_expected: Option<f64>,
    #[serde(flatten)]
    pub(super) result: Option<Result<'a>>,
}

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct RungDocument {
    pub(super) label: String,
    pub(super) params: u64,
    pub(super) tokens: u64,
    pub(super) flops: f64,
    pub(super) seed: u64,
    pub(super) loss: Option<f64>,
    seconds: Option<f64>,
}

/// What came of it.
#[derive(Debug, Serialize)]
pub(super) struct Result<'a> {
    learning_rate: LearningRate<'a>,
    pub(super) law: Law<'a>,
    comparison: &'a Comparison,
    pub(super) prediction: Predicted<'a>,
    pub(super) measured: f64,
    pub(super) relative_error: f64,
    pub(super) inside_interval: bool,
    /// The error as a share of the loss drop from the best rung to the target; nothing where that is within the noise.
    pub(super) share_of_drop: Option<f64>,
    /// Standard deviation of the loss between seeds.
    pub(super) noise: Option<f64>,
    pub(super) baselines: IndexMap<&'a str, BaselineDocument>,
    /// Whether the law's error is below that of every baseline by more than the noise.
    pub(super) baselines_beaten: bool,
    pub(super) trajectory: Trajectory<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) critical_batch: Option<CriticalBatchDocument<'a>>,
    target_begun: u64,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct LearningRate<'a> {
    /// Factor of the default of each size.
    factor: f64,
    /// Factors that were tried, with their losses.
    search: &'a [(f64, f64)],
}

#[derive(Debug, Serialize)]
pub(super) struct Law<'a> {
    pub(super) name: &'a str,
    pub(super) equation: &'a str,
    coefficients: &'a IndexMap<String, f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct Predicted<'a> {
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) level: f64,
    pub(super) times_beyond: f64,
    pub(super) made: u64,
    /// Whether it was written down before the target began; it is no prediction otherwise.
    pub(super) before_target: bool,
    pub(super) hash: &'a str,
}

/// What a simpler rule said.
#[derive(Debug, Serialize)]
pub(super) struct BaselineDocument {
    pub(super) value: f64,
    pub(super) relative_error: f64,
}

/// The critical batch size from runs of a small model.
#[derive(Debug, Serialize)]
pub(super) struct CriticalBatchDocument<'a> {
    #[serde(flatten)]
    pub(super) found: &'a CriticalBatch,
    /// Tokens of the critical batch at the loss that was predicted for the target.
    pub(super) at_prediction: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Trajectory<'a> {
    pub(super) predicted: &'a [(f64, f64)],
    pub(super) measured: &'a [(f64, f64)],
    pub(super) mean_abs_rel_error: Option<f64>,
}

impl RungDocument {
    fn planned(run: &Run) -> Self {
        let plan = &run.plan;
        Self {
            label: run.rung.label(),
            params: plan.counts.params,
            tokens: plan.tokens(),
            flops: plan.flops(),
            seed: plan.config.seed,
            loss: None,
            seconds: None,
        }
    }

    fn made(made: &Made, seed: u64) -> Self {
        Self {
            label: made.rung.label(),
            params: made.rung.params,
            tokens: made.outcome.tokens,
            flops: made.flops,
            seed: seed + made.rung.repeat,
            loss: Some(made.outcome.evaluation.loss),
            seconds: Some(made.outcome.seconds),
        }
    }
}

impl<'a> Document<'a> {
    fn of(
        args: &'a LadderArgs,
        design: &Design,
        texts: &'a Texts,
        status: &'static str,
        runs: Vec<RungDocument>,
    ) -> Self {
        let mut rungs = runs;
        // The target stands last.
        let target = rungs.pop().expect("a ladder has a target");
        Self {
            schema: "kleiber.ladder/1",
            status,
            out: &args.out,
            preset: design.preset,
            seed: design.asked.seed,
            corpus: &texts.corpus,
            vocab: texts.tokenizer.vocab(),
            target,
            rungs,
            seconds_expected: None,
            result: None,
        }
    }

    pub(super) fn planned(
        args: &'a LadderArgs,
        design: &Design,
        texts: &'a Texts,
        runs: &[Run],
        seconds: Option<f64>,
    ) -> Self {
        let runs = runs.iter().map(RungDocument::planned).collect();
        Self { seconds_expected: seconds, ..Self::of(args, design, texts, "planned", runs) }
    }

    pub(super) fn interrupted(args: &'a LadderArgs, design: &Design, texts: &'a Texts, runs: &[Run]) -> Self {
        Self::of(args, design, texts, "interrupted", runs.iter().map(RungDocument::planned).collect())
    }

    pub(super) fn finished(args: &'a LadderArgs, design: &Design, texts: &'a Texts, ascent: &'a Ascent) -> Self {
        let all = ascent.rungs.iter().chain([&ascent.target]);
        let runs = all.map(|made| RungDocument::made(made, design.asked.seed)).collect();
        Self { result: Some(Result::new(ascent)), ..Self::of(args, design, texts, "finished", runs) }
    }

    /// Whether a prediction was made and the measured loss is inside its interval.
    pub(super) fn inside(&self) -> bool {
        self.result.as_ref().is_some_and(|r| r.inside_interval && r.prediction.before_target)
    }

    /// The result for people.
    pub(super) fn text(&self) -> String {
        let Some(result) = &self.result else { return String::new() };
        terminal_table(&result.table(&self.target), Some(110)) + "\n"
    }
}

impl<'a> Result<'a> {
    fn new(ascent: &'a Ascent) -> Self {
        let prediction: &Prediction = ascent.tested();
        let claim = &prediction.claim;
        let measured = ascent.target.outcome.evaluation.loss;
        let error = |value: f64| (value - measured) / measured;
        let baselines: IndexMap<&str, BaselineDocument> = claim
            .baselines
            .iter()
            .map(|(name, &value)| (name.as_str(), BaselineDocument { value, relative_error: error(value) }))
            .collect();
        let relative_error = error(claim.value);
        let losses = ascent.rungs.iter().map(|rung| rung.outcome.evaluation.loss);
        let drop = losses.fold(f64::INFINITY, f64::min) - measured;
        let noise = claim.noise.unwrap_or(0.0);
        let off = |value: f64| (value - measured).abs();
        Self {
            learning_rate: LearningRate { factor: ascent.factor, search: &ascent.search },
            law: Law { name: &claim.law, equation: &ascent.forecast.fit.equation, coefficients: &claim.coefficients },
            comparison: &ascent.forecast.comparison,
            prediction: Predicted {
                value: claim.value,
                low: claim.low,
                high: claim.high,
                level: claim.level,
                times_beyond: claim.times_beyond,
                made: prediction.made,
                before_target: ascent.is_before(prediction),
                hash: &prediction.hash,
            },
            measured,
            relative_error,
            inside_interval: claim.low <= measured && measured <= claim.high,
            share_of_drop: (drop > noise).then(|| off(claim.value) / drop),
            noise: claim.noise,
            baselines_beaten: baselines.values().all(|b| off(b.value) > off(claim.value) + noise),
            baselines,
            trajectory: Trajectory {
                predicted: &claim.trajectory,
                measured: &ascent.target.curve.points,
                mean_abs_rel_error: ascent.trajectory_error(),
            },
            critical_batch: ascent
                .batches
                .as_ref()
                .map(|found| CriticalBatchDocument { found, at_prediction: found.at(claim.value) }),
            target_begun: ascent.target_begun,
            seconds: ascent.rungs.iter().chain([&ascent.target]).map(|made| made.outcome.seconds).sum(),
        }
    }

    /// Prediction against measurement.
    pub(super) fn table(&self, target: &RungDocument) -> TableBlock {
        let p = &self.prediction;
        let percent = |v: f64| format!("{}%", format_significant(100.0 * v, 3));
        let mut rows = vec![
            (
                "target",
                format!(
                    "{} parameters, {} tokens, {} times the compute of the largest rung",
                    format_quantity(target.params as f64),
                    format_quantity(target.tokens as f64),
                    format_significant(p.times_beyond, 3)
                ),
            ),
            ("law", self.law.name.to_string()),
            (
                "predicted",
                format!("{:.4} nats/token, {:.0}% between {:.4} and {:.4}", p.value, 100.0 * p.level, p.low, p.high),
            ),
            (
                "written down",
                format!(
                    "{} as {}{}",
                    date(p.made),
                    &p.hash[..12],
                    if p.before_target { "" } else { ", after the target: no prediction" }
                ),
            ),
            ("target begun", date(self.target_begun)),
            (
                "measured",
                format!(
                    "{:.4}, {} the interval",
                    self.measured,
                    if self.inside_interval { "inside" } else { "outside" }
                ),
            ),
            (
                "error",
                match self.share_of_drop {
                    Some(share) => {
                        format!("{}, {} of the drop from the best rung", percent(self.relative_error), percent(share))
                    }
                    None => percent(self.relative_error),
                },
            ),
        ];
        for (name, baseline) in &self.baselines {
            rows.push((*name, format!("{:.4}, error {}", baseline.value, percent(baseline.relative_error))));
        }
        if let Some(error) = self.trajectory.mean_abs_rel_error {
            rows.push(("loss on the way", format!("mean error {}", percent(error))));
        }
        if let Some(batch) = &self.critical_batch {
            let tokens = format_quantity(batch.at_prediction.round());
            rows.push(("critical batch", format!("{tokens} tokens at the predicted loss, from a small model")));
        }
        if let Some(noise) = self.noise {
            rows.push(("noise of seeds", format!("{} nats/token", format_significant(noise, 2))));
        }
        TableBlock {
            headers: vec!["".into(), "result".into()],
            rows: rows.into_iter().map(|(name, value)| vec![name.to_string(), value]).collect(),
            numeric: vec![false, false],
        }
    }
}

/// A time as people write it.
pub(super) fn date(seconds: u64) -> String {
    DateTime::from_timestamp(seconds as i64, 0)
        .map_or_else(|| seconds.to_string(), |d| d.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}
