//! Rates far below one over the size of a test set: draw until enough answers pass (Hu et al. 2023, arXiv 2310.03262).
//!
//! [`draw`] asks an oracle for draws until `r` of them pass or a cap is reached; [`PassCount`] holds what was seen and
//! gives the estimates and an exact interval; [`TaskRate`] averages a task's instances; [`TaskLaw`] follows a task over
//! model sizes by `p = exp(-C N^-alpha)` and tells emergence from growth along that law; [`Skill`] goes from loss to pass
//! rate where a small model never passes.

mod count;
mod law;
mod skill;
mod task;

pub use count::PassCount;
pub use law::{Growth, InstanceLaws, Ladder, Predicted, TaskLaw, circuits, steps};
pub use skill::Skill;
pub use task::TaskRate;

use crate::LawError;

/// Draws asked for at first; every further batch is twice as large.
const FIRST_BATCH: u64 = 64;
/// A cap of fewer draws than this for every pass cuts off most instances.
const DRAWS_PER_PASS: u64 = 10;

/// Draws until `passes` pass or `cap` draws are made. The oracle is asked for ranges of draws, in batches of doubling size,
/// and says for each whether it passed; a draw must depend on its index alone (a counter-based random number of seed,
/// model, instance and draw), so that batches do not matter. The count ends with the draw that passed last, not with
/// its batch.
///
/// ```
/// use kleiber_laws::pass_until::draw;
/// // Every hundredth draw passes.
/// let count = draw(2, 100_000, |draws| draws.map(|i| i % 100 == 99).collect()).unwrap();
/// assert_eq!((count.passes, count.draws, count.censored), (2, 200, false));
/// ```
///
/// # Errors
/// [`LawError::Request`] for no passes, or a cap below ten draws for each.
pub fn draw(
    passes: u64,
    cap: u64,
    oracle: impl FnMut(std::ops::Range<u64>) -> Vec<bool>,
) -> Result<PassCount, LawError> {
    draw_in(passes, cap, FIRST_BATCH, oracle)
}

/// The same with batches that begin with `first` draws.
///
/// # Errors
/// As [`draw`].
pub fn draw_in(
    passes: u64,
    cap: u64,
    first: u64,
    mut oracle: impl FnMut(std::ops::Range<u64>) -> Vec<bool>,
) -> Result<PassCount, LawError> {
    if passes == 0 || cap < DRAWS_PER_PASS * passes {
        return Err(LawError::Request(format!(
            "to draw until {passes} pass within {cap} draws: ask for at least one pass and {DRAWS_PER_PASS} draws for each"
        )));
    }
    let (mut seen, mut made, mut batch) = (0, 0, first.max(1));
    while made < cap {
        let end = cap.min(made + batch);
        for (at, passed) in (made..end).zip(oracle(made..end)) {
            seen += u64::from(passed);
            if seen == passes {
                return Ok(PassCount { passes, draws: at + 1, censored: false });
            }
        }
        made = end;
        batch *= 2;
    }
    Ok(PassCount { passes: seen, draws: cap, censored: true })
}
