//! Runs of one small model with several batches at constant rates, which tell the critical batch size.

use super::{Design, Rung};
use crate::SweepError;
use kleiber_train::config::{Auto, ScheduleKind};
use kleiber_train::{Plan, RunConfig};

/// Batches that are tried, in batches that such a run would get.
const FACTORS: [f64; 6] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// Most that the rate grows with the batch.
const MOST_RATE: f64 = 2.0;
/// Measurements along a run.
const MEASUREMENTS: u64 = 40;

/// The configurations, each with its batch in tokens. Rates go with the square root of the batch, as noise does under
/// Adam (Malladi et al. 2022), up to twice the usual one; decays would end curves that are to be compared.
pub(super) fn runs(design: &Design, rung: Rung, rate: f64, vocab: usize) -> Result<Vec<(u64, RunConfig)>, SweepError> {
    let usual = Plan::new(&design.run(rung, Some(rate)), vocab)?;
    let context = usual.decoder.context as u64;
    let mut found: Vec<(u64, RunConfig)> = Vec::new();
    for factor in FACTORS {
        let sequences = (factor * usual.options.batch as f64).round().max(1.0) as u64;
        let batch = sequences * context;
        if found.iter().any(|(other, _)| *other == batch) {
            continue;
        }
        let share = batch as f64 / (usual.options.batch as u64 * context) as f64;
        let mut config = design.run(rung, Some(rate * share.sqrt().min(MOST_RATE)));
        config.train.schedule = ScheduleKind::Constant;
        config.train.batch_tokens = Auto::Value(batch);
        config.evaluate.every = Auto::Value((rung.tokens / batch / MEASUREMENTS).max(1));
        found.push((batch, config));
    }
    Ok(found)
}
