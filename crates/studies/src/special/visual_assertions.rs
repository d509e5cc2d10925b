//! False alarms of suggested assertions, and faults that they notice.

use super::Function;
use crate::{Context, StudyError};
use kleiber_core::assertion::suggest::measure;
use kleiber_core::table::Table;
use serde::Deserialize;

pub(super) const FUNCTION: Function = Function {
    name: "suggested_assertions",
    about: "Assertions made from some synthetic runs and checked on others, sound and damaged, beside two rules of thumb.",
    run,
};

/// Most repeats of one step.
const MOST: u32 = 10_000;

/// Keys of the step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Seeds that assertions are made from, and as many that they are checked on.
    seeds: u64,
    /// Batches of repeats, each a replicate.
    batches: u32,
    /// Repeats of a batch.
    repeats: u32,
}

fn run(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let fail = |why: String| StudyError::refused(why, "give `seeds`, `batches` and `repeats`, such as 4, 5 and 40");
    let keys: Keys =
        keys.clone().try_into().map_err(|e: toml::de::Error| fail(e.to_string().trim_end().to_string()))?;
    let repeats = keys.batches.saturating_mul(keys.repeats);
    if !(1..=16).contains(&keys.seeds) || !(1..=MOST).contains(&repeats) {
        return Err(fail(format!("{} seeds and {repeats} repeats; 1 to 16 and 1 to {MOST} can be made", keys.seeds)));
    }
    context.go_on()?;
    Ok(measure(keys.seeds, keys.batches, keys.repeats)?)
}
