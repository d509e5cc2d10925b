//! The lower envelope of training curves: at each compute, the run with the lowest loss so far.

use super::{Optimum, Point};
use std::collections::BTreeMap;

/// Compute values examined, evenly spaced in logarithm (Hoffmann et al. 2022, approach 1).
const VALUES: usize = 1500;
/// Neighbours on each side averaged to smooth a curve.
const SMOOTHING: usize = 2;

/// One point per stretch of compute over which one run is best, at the middle of the stretch; the
/// first and last run are left out, since cheaper and dearer runs might beat them.
pub(super) fn optima(points: &[Point]) -> Vec<Optimum> {
    let mut curves: BTreeMap<u32, Vec<Point>> = BTreeMap::new();
    for p in points {
        curves.entry(p.run).or_default().push(*p);
    }
    let curves: Vec<Curve> = curves.into_values().filter_map(Curve::new).collect();
    let low = curves.iter().map(|c| c.x[0]).fold(f64::INFINITY, f64::min);
    let high = curves.iter().map(|c| c.x[c.x.len() - 1]).fold(f64::NEG_INFINITY, f64::max);
    if curves.len() < 3 || low >= high {
        return Vec::new();
    }
    let mut stretches: Vec<(f64, Vec<(f64, f64)>)> = Vec::new();
    for i in 0..VALUES {
        let x = low + (high - low) * i as f64 / (VALUES - 1) as f64;
        let values = curves.iter().filter_map(|c| c.at(x).map(|y| (c.ln_params, y)));
        let Some((size, loss)) = values.min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
        match stretches.last_mut() {
            Some((last, members)) if *last == size => members.push((x, loss)),
            _ => stretches.push((size, vec![(x, loss)])),
        }
    }
    let inner = stretches.len().saturating_sub(2);
    stretches
        .into_iter()
        .skip(1)
        .take(inner)
        .map(|(ln_params, members)| {
            let (ln_flops, loss) = members[members.len() / 2];
            Optimum { ln_flops, ln_params, loss }
        })
        .collect()
}

struct Curve {
    ln_params: f64,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Curve {
    fn new(mut points: Vec<Point>) -> Option<Self> {
        points.sort_by(|a, b| a.ln_flops.total_cmp(&b.ln_flops));
        points.dedup_by(|a, b| a.ln_flops == b.ln_flops);
        let n = points.len();
        if n < 2 {
            return None;
        }
        let smooth = |i: usize| {
            // The window shrinks at the ends so that it stays centred.
            let reach = SMOOTHING.min(i).min(n - 1 - i);
            points[i - reach..=i + reach].iter().map(|p| p.loss.ln()).sum::<f64>() / (2 * reach + 1) as f64
        };
        Some(Self {
            ln_params: points[0].ln_params,
            x: points.iter().map(|p| p.ln_flops).collect(),
            y: (0..n).map(smooth).collect(),
        })
    }

    /// Loss at ln compute `x`, linear in logarithms between checkpoints; `None` outside the run.
    fn at(&self, x: f64) -> Option<f64> {
        let i = self.x.partition_point(|v| *v <= x);
        if i == 0 || (i == self.x.len() && x > self.x[i - 1]) {
            return None;
        }
        let i = i.min(self.x.len() - 1);
        let t = (x - self.x[i - 1]) / (self.x[i] - self.x[i - 1]);
        Some((self.y[i - 1] + t * (self.y[i] - self.y[i - 1])).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Law;

    #[test]
    fn the_envelope_of_chinchilla_curves_has_the_chinchilla_exponent() {
        let law = Law::named("chinchilla").unwrap();
        let c = [1.69, 406.4, 410.7, 0.34, 0.28];
        let mut points = Vec::new();
        for run in 0..24u32 {
            let params = 1e7 * 1.5f64.powi(run as i32);
            for step in 0..60 {
                let tokens = params * 0.5 * 1.13f64.powi(step);
                let loss = law.predict(&c, &[params, tokens]);
                points.push(Point { run, ln_flops: (6.0 * params * tokens).ln(), ln_params: params.ln(), loss });
            }
        }
        let optima = optima(&points);
        let x: Vec<f64> = optima.iter().map(|o| o.ln_flops).collect();
        let y: Vec<f64> = optima.iter().map(|o| o.ln_params).collect();
        let slope = kleiber_core::stats::line(&x, &y).0;
        assert!((slope - 0.28 / 0.62).abs() < 0.02, "{slope}");
    }
}
