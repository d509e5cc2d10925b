//! The state of a recurrent model: its size, and which sizes a training length and a context allow (Chen et al. 2024,
//! arXiv 2410.07145, for Mamba-2).

use crate::LawError;
use crate::published::Preset;
use serde::Serialize;

/// Sizes of state behind the published lines.
pub const MEASURED: (f64, f64) = (1.1e6, 12.91e6);
/// Width of the convolution's memory: its four taps hold three earlier inputs.
const REMEMBERED: u64 = 3;
/// How far loss may rise over that at the training length before it is called collapse, nats per token.
const COLLAPSE: f64 = 0.5;

/// Numbers in the state of a Mamba-2 model with one group: per layer `E N` of the recurrence and `3 (E + 2 N)` of the convolution,
/// with E = `expand` times the width.
pub fn mamba2_state(layers: u64, width: u64, state: u64, expand: u64) -> u64 {
    let inner = expand * width;
    layers * (inner * state + REMEMBERED * (inner + 2 * state))
}

/// The states that serve a context.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Window {
    /// Smallest state that recalls over the whole context, numbers.
    pub smallest: f64,
    /// Largest state that a training length teaches to forget, numbers.
    pub largest: f64,
    /// Training length from which the smallest state learns to forget, tokens.
    pub training: f64,
    /// Whether an end is outside the measured states.
    pub extrapolated: bool,
}

impl Window {
    /// The window for recall over `context` tokens after training on contexts of `training` tokens. It is empty when `smallest` is
    /// above `largest`: then train on longer contexts.
    ///
    /// # Errors
    /// [`LawError::Request`] for lengths that are not positive.
    pub fn of(context: f64, training: f64) -> Result<Self, LawError> {
        if !(context > 0.0 && training > 0.0 && context.is_finite() && training.is_finite()) {
            return Err(LawError::Request(format!(
                "a context of {context} and a training length of {training} tokens must be positive"
            )));
        }
        let forget = Preset::named("state-forget/mamba-2")?.1.coefficients;
        let recall = Preset::named("state-recall/mamba-2")?.1.coefficients;
        let smallest = 1e6 * ((context - recall[2]) / recall[0]).ln_1p() / recall[1].ln();
        let largest = (training - forget[1]) / forget[0];
        let outside = |s: f64| !(MEASURED.0..=MEASURED.1).contains(&s);
        Ok(Self {
            smallest,
            largest,
            training: forget[0] * smallest + forget[1],
            extrapolated: outside(smallest) || outside(largest),
        })
    }

    /// Whether any state serves.
    pub fn is_open(&self) -> bool {
        self.smallest <= self.largest
    }
}

/// The first position from which the loss, averaged over windows of `window` positions, stays more than .5 nats above that of
/// the window which ends at the training length. Nothing while it does not, or comes back. `losses` are by position.
///
/// # Errors
/// [`LawError::Request`] when the curve is shorter than the training length and one window more.
pub fn collapse(losses: &[f64], training: usize, window: usize) -> Result<Option<usize>, LawError> {
    if window == 0 || training < window || losses.len() < training + window {
        return Err(LawError::Request(format!(
            "{} positions are too few to see a collapse after {training} with windows of {window}",
            losses.len()
        )));
    }
    let mean = |from: usize| kleiber_core::stats::mean(&losses[from..from + window]);
    let limit = mean(training - window) + COLLAPSE;
    let starts: Vec<usize> = (training..=losses.len() - window).step_by(window).collect();
    let good = starts.iter().rposition(|&s| mean(s) <= limit);
    Ok(starts.get(good.map_or(0, |g| g + 1)).copied())
}
