//! The critical batch size, from runs of one model that differ in their batch alone (McCandlish et al. 2018, section 5;
//! Su et al. 2024, eq. 3 to 5).
//!
//! To reach a loss with a batch of `B` tokens takes `E = E_min + S_min B` tokens: `E_min` with the smallest batches, `S_min`
//! steps with the largest. The critical batch `E_min / S_min` needs twice of both.

use kleiber_core::stats::line;
use serde::Serialize;

/// The loss along a run.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchRun {
    /// Tokens of a step.
    pub batch: f64,
    /// Pairs of tokens and loss, in the order they were measured.
    pub points: Vec<(f64, f64)>,
}

/// What it takes to reach a loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Crossing {
    /// The loss in nats per token.
    pub loss: f64,
    /// Tokens with the smallest batches.
    pub min_tokens: f64,
    /// Steps with the largest batches.
    pub min_steps: f64,
    /// Tokens of the critical batch.
    pub batch: f64,
    /// Root mean square of `ln E` around the curve of this loss.
    pub misfit: f64,
}

/// How the critical batch grows as the loss falls.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CriticalBatch {
    /// Losses that all runs reached, the highest first, whose critical batch is within four times the batches that were tried.
    pub crossings: Vec<Crossing>,
    /// `B_*` of `B_crit(L) = B_* L^-power`.
    pub scale: f64,
    /// Its power, `1 / alpha_B`.
    pub power: f64,
}

/// Losses that are looked at.
const LEVELS: usize = 8;
/// Share of a run's tokens at its beginning where the rate still rises.
const BEGINNING: f64 = 0.08;
/// How far beyond the batches that were tried a critical batch may lie.
const BEYOND: f64 = 4.0;

impl CriticalBatch {
    /// The critical batch from runs of at least three batches; nothing when they have no losses in common, or the
    /// batches are too alike to tell.
    pub fn of(runs: &[BatchRun]) -> Option<Self> {
        if runs.len() < 3 {
            return None;
        }
        let lowered: Vec<(f64, Vec<(f64, f64)>)> = runs.iter().map(|run| (run.batch, falling(&run.points))).collect();
        let first = lowered.iter().filter_map(|(_, p)| p.first()).map(|p| p.1).fold(f64::INFINITY, f64::min);
        let last = lowered.iter().filter_map(|(_, p)| p.last()).map(|p| p.1).fold(0.0, f64::max);
        if !(last > 0.0 && last < first && first.is_finite()) {
            return None;
        }
        let level = |i: usize| (first.ln() + (last / first).ln() * (i as f64 + 0.5) / LEVELS as f64).exp();
        let crossings: Vec<Crossing> = (0..LEVELS).filter_map(|i| crossing(&lowered, level(i))).collect();
        if crossings.len() < 2 {
            return None;
        }
        let (x, y): (Vec<f64>, Vec<f64>) = crossings.iter().map(|c| (c.loss.ln(), c.batch.ln())).unzip();
        let (slope, intercept, _) = line(&x, &y);
        Some(Self { crossings, scale: intercept.exp(), power: -slope })
    }

    /// Tokens of the critical batch at a loss.
    pub fn at(&self, loss: f64) -> f64 {
        self.scale * loss.powf(-self.power)
    }
}

/// What two batches say of a gradient: its size and its noise.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct NoiseScale {
    /// Squared norm of the true gradient.
    pub signal: f64,
    /// Trace of the covariance of the gradient of one token (or whatever the batches count).
    pub noise: f64,
}

impl NoiseScale {
    /// From squared norms of gradients over `small` and over `large` tokens, measured at many steps: both parts are unbiased and
    /// are averaged before anyone divides (McCandlish et al. 2018, appendix A.1). `None` without pairs or with `large` not larger.
    pub fn of(small: f64, large: f64, norms: &[(f64, f64)]) -> Option<Self> {
        if norms.is_empty() || !(small > 0.0 && large > small) {
            return None;
        }
        let mean = |pick: fn(&(f64, f64)) -> f64| norms.iter().map(pick).sum::<f64>() / norms.len() as f64;
        let (of_small, of_large) = (mean(|n| n.0), mean(|n| n.1));
        let signal = (large * of_large - small * of_small) / (large - small);
        let noise = (of_small - of_large) / (1.0 / small - 1.0 / large);
        Some(Self { signal, noise })
    }

    /// The batch at which noise and signal are equal, which is near the critical batch; `None` when the noise hides the signal.
    pub fn batch(&self) -> Option<f64> {
        (self.signal > 0.0 && self.noise > 0.0).then(|| self.noise / self.signal)
    }
}

/// The learning rate for a batch, from that of very large batches: `rate / (1 + noise/batch)` (McCandlish et al. 2018, eq.
/// 2.6). A rate that stays the same while the batch changes makes the critical batch look small.
pub fn rate_at(batch: f64, largest_rate: f64, noise_batch: f64) -> f64 {
    largest_rate / (1.0 + noise_batch / batch)
}

/// The points at which a run is lower than ever before, without its beginning.
fn falling(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let end = points.last().map_or(0.0, |p| p.0);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for &(tokens, loss) in points.iter().filter(|p| p.0 >= BEGINNING * end && p.1 > 0.0) {
        if found.last().is_none_or(|last| loss < last.1) {
            found.push((tokens, loss));
        }
    }
    found
}

/// Tokens until a falling curve reaches a loss, between points along `ln tokens`.
fn tokens_to(points: &[(f64, f64)], loss: f64) -> Option<f64> {
    let at = points.iter().position(|p| p.1 <= loss)?;
    let (low, high) = (points.get(at.checked_sub(1)?)?, points[at]);
    let share = (low.1 - loss) / (low.1 - high.1);
    Some((low.0.ln() + share * (high.0 / low.0).ln()).exp())
}

/// The curve of a loss: `ln E = ln E_min + ln(1 + B / B_crit)` by least squares.
fn crossing(runs: &[(f64, Vec<(f64, f64)>)], loss: f64) -> Option<Crossing> {
    let found: Option<Vec<(f64, f64)>> = runs.iter().map(|(batch, p)| Some((*batch, tokens_to(p, loss)?))).collect();
    let found = found?;
    let of = |critical: f64| {
        let rest: Vec<f64> = found.iter().map(|(batch, tokens)| tokens.ln() - (batch / critical).ln_1p()).collect();
        let mean = kleiber_core::stats::mean(&rest);
        let squares: f64 = rest.iter().map(|r| (r - mean).powi(2)).sum();
        (mean.exp(), (squares / rest.len() as f64).sqrt())
    };
    let ends = found.iter().fold((f64::INFINITY, 0.0), |e: (f64, f64), f| (e.0.min(f.0), e.1.max(f.0)));
    let (low, high) = ((ends.0 / BEYOND).ln(), (ends.1 * BEYOND).ln());
    const GRID: usize = 2000;
    let candidates = (0..=GRID).map(|i| (low + (high - low) * i as f64 / GRID as f64).exp());
    let best = candidates.enumerate().min_by(|a, b| of(a.1).1.total_cmp(&of(b.1).1))?;
    // At an end the batches are all small or all large against it.
    if best.0 == 0 || best.0 == GRID {
        return None;
    }
    let (min_tokens, misfit) = of(best.1);
    Some(Crossing { loss, min_tokens, min_steps: min_tokens / best.1, batch: best.1, misfit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    /// Curves of `L = 1.5 + (2000 / S_min)^0.6` with `B_crit = 1e6 L^-5`.
    fn runs(noise: f64) -> Vec<BatchRun> {
        let mut rng = Rng::new(1, "batches", 0);
        let run = |batch: f64| {
            let losses = (0..60).map(|i| 5.5 * (2.2f64 / 5.5).powf(f64::from(i) / 59.0));
            let points = losses.map(|loss| {
                let steps = 2000.0 * (loss - 1.5).powf(-1.0 / 0.6);
                let tokens = steps * (batch + 1e6 * loss.powf(-5.0));
                (tokens, loss * (noise * rng.normal()).exp())
            });
            BatchRun { batch, points: points.collect() }
        };
        [256.0, 512.0, 1024.0, 2048.0, 4096.0, 8192.0].map(run).to_vec()
    }

    #[test]
    fn the_truth_is_found() {
        let found = CriticalBatch::of(&runs(0.0)).unwrap();
        assert_eq!(found.crossings.len(), LEVELS);
        for c in &found.crossings {
            assert!((c.batch / (1e6 * c.loss.powf(-5.0)) - 1.0).abs() < 0.01 && c.misfit < 1e-3, "{c:?}");
        }
        assert!((found.power - 5.0).abs() < 0.02 && (found.at(2.0) / 31_250.0 - 1.0).abs() < 0.02, "{found:?}");
        let noisy = CriticalBatch::of(&runs(0.003)).unwrap();
        assert!((noisy.power / 5.0 - 1.0).abs() < 0.1 && (noisy.at(3.0) * 243.0 / 1e6 - 1.0).abs() < 0.2, "{noisy:?}");
    }

    #[test]
    fn two_batches_measure_the_noise_of_a_gradient() {
        // A gradient of squared norm 4 in 50 directions with noise of variance 20 each: 1000 in all, so 250 tokens.
        let mut rng = Rng::new(5, "noise scale", 0);
        let mut norm = |batch: f64| {
            let part = |k: usize, rng: &mut Rng| if k == 0 { 2.0 } else { 0.0 } + rng.normal() * (20.0 / batch).sqrt();
            (0..50).map(|k| part(k, &mut rng).powi(2)).sum::<f64>()
        };
        let norms: Vec<(f64, f64)> = (0..400).map(|_| (norm(32.0), norm(512.0))).collect();
        let found = NoiseScale::of(32.0, 512.0, &norms).unwrap();
        assert!((found.signal / 4.0 - 1.0).abs() < 0.1 && (found.noise / 1000.0 - 1.0).abs() < 0.05, "{found:?}");
        assert!((found.batch().unwrap() / 250.0 - 1.0).abs() < 0.1);
        assert!(NoiseScale::of(512.0, 32.0, &norms).is_none() && NoiseScale::of(1.0, 2.0, &[]).is_none());
        assert!(NoiseScale { signal: -0.1, noise: 1.0 }.batch().is_none());
        assert!((rate_at(250.0, 0.01, 250.0) - 0.005).abs() < 1e-15);
    }

    #[test]
    fn what_tells_nothing_says_nothing() {
        let all = runs(0.0);
        assert!(CriticalBatch::of(&all[..2]).is_none());
        let apart = |loss: f64| BatchRun { batch: 1000.0, points: vec![(1e5, loss), (2e5, loss - 0.1)] };
        assert!(CriticalBatch::of(&[apart(3.0), apart(2.0), apart(1.0)]).is_none());
        let empty = BatchRun { batch: 1.0, points: Vec::new() };
        assert!(CriticalBatch::of(&[empty.clone(), empty.clone(), empty]).is_none());
    }
}
