//! The envelope of many training runs of several vocabularies (Tao et al. 2024, approach 1).

use kleiber_core::stats::line;
use std::collections::BTreeMap;

/// One checkpoint of one run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunPoint {
    /// Which run.
    pub run: usize,
    /// Body parameters.
    pub params: f64,
    /// Vocabulary parameters.
    pub vocab_params: f64,
    /// Training compute so far in FLOP.
    pub flops: f64,
    /// Loss against unigram frequencies, or bits per byte: anything that compares across vocabularies.
    pub loss: f64,
}

/// Power laws of compute along the envelope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EnvelopeFit {
    /// K and exponent of ln N = K + exponent ln C.
    pub body: (f64, f64),
    /// K and exponent of ln N_v = K + exponent ln C.
    pub head: (f64, f64),
    /// Compute values at which the best run was looked up.
    pub values: usize,
    /// Different (body, vocabulary) pairs that were best somewhere.
    pub winners: usize,
}

/// Compute values examined, evenly spaced in logarithm, as many as Hoffmann et al. 2022 use.
const VALUES: usize = 1500;
/// Delta of the published Huber loss on logarithms.
const DELTA: f64 = 1e-3;
/// Rounds of re-weighting.
const ROUNDS: usize = 500;

/// Best run at each compute and the power laws through them, by a Huber loss on logarithms with free exponents (the
/// paper holds that of the body at 0.5). Curves are linear in ln C between checkpoints. Where the smallest or the largest
/// body is best, one yet smaller or larger might be better, so these values are left out unless `edges`, as the paper
/// does, keeps them. Nothing when fewer than three pairs of body and vocabulary are best anywhere.
pub fn envelope(points: &[RunPoint], edges: bool) -> Option<EnvelopeFit> {
    let mut runs: BTreeMap<usize, Vec<RunPoint>> = BTreeMap::new();
    points.iter().for_each(|p| runs.entry(p.run).or_default().push(*p));
    runs.values_mut().for_each(|run| run.sort_by(|a, b| a.flops.total_cmp(&b.flops)));
    runs.retain(|_, run| run.len() >= 2);
    let low = runs.values().map(|r| r[0].flops).fold(f64::INFINITY, f64::min).ln();
    let high = runs.values().map(|r| r[r.len() - 1].flops).fold(0.0, f64::max).ln();
    let smallest = points.iter().map(|p| p.params).fold(f64::INFINITY, f64::min);
    let largest = points.iter().map(|p| p.params).fold(0.0, f64::max);
    let (mut x, mut body, mut head) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..VALUES {
        let ln_flops = low + (high - low) * i as f64 / (VALUES - 1) as f64;
        let losses = runs.values().filter_map(|run| Some((loss_at(run, ln_flops)?, run[0])));
        let Some((_, best)) = losses.min_by(|a, b| a.0.total_cmp(&b.0)) else { continue };
        if !edges && (best.params == smallest || best.params == largest) {
            continue;
        }
        x.push(ln_flops);
        body.push(best.params.ln());
        head.push(best.vocab_params.ln());
    }
    let mut pairs: Vec<(u64, u64)> = body.iter().zip(&head).map(|(n, v)| (n.to_bits(), v.to_bits())).collect();
    pairs.sort_unstable();
    pairs.dedup();
    (pairs.len() >= 3).then(|| EnvelopeFit {
        body: robust_line(&x, &body),
        head: robust_line(&x, &head),
        values: x.len(),
        winners: pairs.len(),
    })
}

/// Loss of a run at ln compute, nothing outside of it.
fn loss_at(run: &[RunPoint], ln_flops: f64) -> Option<f64> {
    let i = run.partition_point(|p| p.flops.ln() <= ln_flops);
    let (before, after) = (run.get(i.checked_sub(1)?)?, run.get(i)?);
    let share = (ln_flops - before.flops.ln()) / (after.flops / before.flops).ln();
    Some(before.loss + share * (after.loss - before.loss))
}

/// Intercept and slope with the least Huber loss, by iteratively re-weighted least squares.
fn robust_line(x: &[f64], y: &[f64]) -> (f64, f64) {
    let (mut slope, mut intercept, _) = line(x, y);
    for _ in 0..ROUNDS {
        let weight: Vec<f64> =
            x.iter().zip(y).map(|(x, y)| 1.0 / (y - intercept - slope * x).abs().max(DELTA)).collect();
        let sum: f64 = weight.iter().sum();
        let mean = |v: &[f64]| v.iter().zip(&weight).map(|(v, w)| v * w).sum::<f64>() / sum;
        let (mx, my) = (mean(x), mean(y));
        let sxx: f64 = x.iter().zip(&weight).map(|(x, w)| w * (x - mx).powi(2)).sum();
        let sxy: f64 = x.iter().zip(y).zip(&weight).map(|((x, y), w)| w * (x - mx) * (y - my)).sum();
        let last = slope;
        slope = sxy / sxx;
        intercept = my - slope * mx;
        if (slope - last).abs() <= 1e-12 * slope.abs() {
            break;
        }
    }
    (intercept, slope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::{Budget, Parametric};

    #[test]
    fn the_envelope_of_a_law_grows_as_its_optimum_does() {
        let law = Parametric::new(&[5.5, 1.9, 0.6, 1.5, 0.6, 0.45]);
        let mut points = Vec::new();
        for n in 0..14 {
            for v in 0..24 {
                let (params, vocab_params) = (2e7 * 1.5f64.powi(n), 4e5 * 1.35f64.powi(v));
                let run = (n * 24 + v) as usize;
                for step in 0..50 {
                    let tokens = params * 0.4 * 1.16f64.powi(step);
                    let (flops, loss) =
                        (6.0 * (params + vocab_params) * tokens, law.loss(params, vocab_params, tokens));
                    points.push(RunPoint { run, params, vocab_params, flops, loss });
                }
            }
        }
        let fit = envelope(&points, false).unwrap();
        // The optimum over both sizes at two budgets, by brute force over the body.
        let best = |flops: f64| {
            let of = |n: f64| law.best(n, Budget::Flops(flops), 1.0).unwrap();
            let sizes = (0..4000).map(|i| 1e7 * (f64::from(i) / 500.0).exp());
            let n = sizes
                .min_by(|a, b| law.loss_at(*a, of(*a), flops, 1.0).total_cmp(&law.loss_at(*b, of(*b), flops, 1.0)))
                .unwrap();
            (n.ln(), of(n).ln())
        };
        let (first, last) = (best(1e18), best(1e20));
        let exponent = |a: f64, b: f64| (b - a) / 100f64.ln();
        assert!((fit.body.1 - exponent(first.0, last.0)).abs() < 0.03, "{fit:?} {}", exponent(first.0, last.0));
        assert!((fit.head.1 - exponent(first.1, last.1)).abs() < 0.03, "{fit:?} {}", exponent(first.1, last.1));
        assert!(fit.winners > 20 && envelope(&points[..100], true).is_none());
    }

    #[test]
    fn a_robust_line_passes_by_an_outlier() {
        let x: Vec<f64> = (0..20).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 3.0 + 0.4 * x).collect();
        y[17] = 90.0;
        let (intercept, slope) = robust_line(&x, &y);
        assert!((intercept - 3.0).abs() < 1e-2 && (slope - 0.4).abs() < 1e-3, "{intercept} {slope}");
    }
}
