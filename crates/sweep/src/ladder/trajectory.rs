//! The loss on the way: a law of size and tokens for the stable part of the schedule, and the fall at its end.

use super::Rung;
use crate::SweepError;
use kleiber_core::stats::{mean, median};
use kleiber_core::table::Table;
use kleiber_laws::{Law, Options};
use kleiber_train::events::{self, Event};
use kleiber_train::{Kind, Plan};
use std::path::Path;

/// Share of the tokens at the beginning of a run that no law is asked about.
const BEGINNING: f64 = 0.1;

/// Losses of runs on their way, each run from its beginning to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Curves {
    runs: Vec<Curve>,
    /// Where the rate begins to fall, as a share of the tokens.
    decay_from: f64,
    /// Tokens at which the target is measured.
    at: Vec<f64>,
}

/// The losses of a run.
#[derive(Debug, Clone)]
pub struct Curve {
    /// Parameters.
    pub params: f64,
    /// Pairs of tokens and held-out loss.
    pub points: Vec<(f64, f64)>,
    /// Tokens of the whole run.
    pub tokens: f64,
}

/// The held-out losses that a run logged, each once.
///
/// # Errors
/// [`SweepError::Train`].
pub(super) fn measured(folder: &Path, plan: &Plan) -> Result<Curve, SweepError> {
    let mut points: Vec<(f64, f64)> = Vec::new();
    for event in events::read(&folder.join(events::FILE))? {
        if let Event::Evaluate { tokens, evaluation, .. } | Event::End { tokens, evaluation, .. } = event {
            let tokens = tokens as f64;
            // A run that was continued measures some points again.
            points.retain(|p| p.0 < tokens);
            points.push((tokens, evaluation.loss));
        }
    }
    Ok(Curve { params: plan.counts.params as f64, points, tokens: plan.tokens() as f64 })
}

impl Curves {
    /// The curves of runs that share the schedule of `target`.
    pub(super) fn new(runs: Vec<Curve>, target: &Plan) -> Self {
        let decay_from = match target.options.schedule.kind {
            Kind::Wsd { decay_share, .. } | Kind::Power { decay_share, .. } => 1.0 - decay_share,
            Kind::Constant => 1.0,
            // The rate falls all the way: there is no stable part.
            Kind::Cosine | Kind::Linear => 0.0,
        };
        let batch = (target.options.batch * target.decoder.context) as f64;
        let every = target.config.evaluate.every.value().unwrap_or(u64::MAX).max(1);
        let at = (1..target.steps.div_ceil(every)).map(|i| (i * every) as f64 * batch).collect();
        Self { runs, decay_from, at }
    }

    /// The loss of the target on its way to the loss `last`, as pairs of tokens and nats per token, by the law of this
    /// name; empty when the runs say too little.
    pub(super) fn predict(&self, law: &str, target: Rung, last: f64) -> Vec<(f64, f64)> {
        let Some(stable) = self.stable(law) else { return Vec::new() };
        let (params, total) = (target.params as f64, target.tokens as f64);
        let from = self.decay_from * total;
        let power = self.fall(&stable);
        let loss = |tokens: f64| {
            let there = stable(params, tokens);
            if tokens <= from {
                return there;
            }
            let share = ((tokens - from) / (total - from)).powf(power);
            there - share * (stable(params, total) - last)
        };
        let along = self.at.iter().filter(|t| **t >= BEGINNING * total && **t < total).map(|t| (*t, loss(*t)));
        along.chain([(total, last)]).collect()
    }

    /// The law fitted to the stable part of all runs together.
    fn stable(&self, law: &str) -> Option<impl Fn(f64, f64) -> f64 + use<>> {
        let inside = |run: &Curve, tokens: f64| {
            let share = tokens / run.tokens;
            share >= BEGINNING && share <= self.decay_from
        };
        let points: Vec<(f64, f64, f64)> = self
            .runs
            .iter()
            .flat_map(|run| run.points.iter().filter(|p| inside(run, p.0)).map(|p| (run.params, p.0, p.1)))
            .collect();
        let column = |f: fn(&(f64, f64, f64)) -> f64| points.iter().map(f).collect::<Vec<f64>>();
        let columns = [column(|p| p.0), column(|p| p.1), column(|p| p.2)];
        let named = [("params", &columns[0][..]), ("tokens", &columns[1][..]), ("loss", &columns[2][..])];
        let table = Table::from_numbers("losses on the way", &named).ok()?;
        let options = Options { bootstrap: 0, influence: false, force: true, ..Options::default() };
        let law = Law::named(law).ok()?;
        let fit = law.fit(&table, &options).ok()?;
        let c: Vec<f64> = fit.point();
        let order: Vec<bool> = law.info().variables.iter().map(|v| v.name.starts_with("params")).collect();
        (!c.is_empty() && order.len() == 2).then_some(move |params: f64, tokens: f64| {
            law.predict(&c, &if order[0] { [params, tokens] } else { [tokens, params] })
        })
    }

    /// How the loss falls with the rate: the power of the decay's progress that its progress is, by the median of the
    /// runs that were measured there; 1 without any.
    fn fall(&self, stable: &impl Fn(f64, f64) -> f64) -> f64 {
        let mut powers = Vec::new();
        for run in &self.runs {
            let Some(&(_, last)) = run.points.last() else { continue };
            let from = self.decay_from * run.tokens;
            let whole = stable(run.params, run.tokens) - last;
            for &(tokens, loss) in run.points.iter().filter(|p| p.0 > from && p.0 < run.tokens) {
                let progress = (tokens - from) / (run.tokens - from);
                let fallen = (stable(run.params, tokens) - loss) / whole;
                if whole > 0.0 && fallen > 0.0 && fallen < 1.0 {
                    powers.push((fallen.ln() / progress.ln()).clamp(0.3, 3.0));
                }
            }
        }
        if powers.is_empty() { 1.0 } else { median(&powers) }
    }
}

/// Mean of |predicted - measured| / measured over the tokens that both have; nothing where there are none.
pub(super) fn mean_error(predicted: &[(f64, f64)], measured: &[(f64, f64)]) -> Option<f64> {
    let at = |tokens: f64| measured.iter().find(|m| (m.0 - tokens).abs() < 0.5).map(|m| m.1);
    let errors: Vec<f64> = predicted.iter().filter_map(|p| Some((p.1 - at(p.0)?).abs() / at(p.0)?)).collect();
    (!errors.is_empty()).then(|| mean(&errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_continued_from_runs_that_follow_a_law() {
        let stable = |n: f64, d: f64| 1.5 + 40.0 * n.powf(-0.4) + 60.0 * d.powf(-0.3);
        // The last fifth lowers the loss by 0.2, more at its beginning.
        let loss = |n: f64, d: f64, total: f64| stable(n, d) - 0.2 * ((d / total - 0.8) / 0.2).max(0.0).sqrt();
        let run = |params: f64, tokens: f64| Curve {
            params,
            tokens,
            points: (1..=10).map(|i| tokens * f64::from(i) / 10.0).map(|d| (d, loss(params, d, tokens))).collect(),
        };
        let runs = [1e4, 2e4, 4e4].map(|n| [2e5, 8e5].map(|d| run(n, d))).concat();
        let at = (1..10).map(|i| 4e5 * f64::from(i)).collect();
        let curves = Curves { runs, decay_from: 0.8, at };
        let target = Rung { params: 160_000, width: 64, tokens: 4_000_000, repeat: 0 };
        let predicted = curves.predict("chinchilla", target, loss(1.6e5, 4e6, 4e6));
        let truth: Vec<(f64, f64)> = predicted.iter().map(|p| (p.0, loss(1.6e5, p.0, 4e6))).collect();
        assert_eq!(predicted.len(), 10);
        let error = mean_error(&predicted, &truth).unwrap();
        assert!(error < 1e-3, "{error}: {predicted:?} and {truth:?}");
        assert!(Curves::default().predict("chinchilla", target, 3.0).is_empty());
    }
}
