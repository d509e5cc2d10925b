//! What simpler rules say of a larger run: a law has to beat them.

use indexmap::IndexMap;
use kleiber_core::stats::line;

/// Predictions at `flops` from runs of these FLOP and losses, by name.
pub(super) fn all(fitted: &[f64], losses: &[f64], flops: f64) -> IndexMap<String, f64> {
    let best = best_runs(fitted, losses);
    let mut found = IndexMap::new();
    if let Some(value) = power_law(&best, flops) {
        found.insert("power law in compute".into(), value);
    }
    if let Some((_, loss)) = best.last() {
        found.insert("best rung carried forward".into(), *loss);
    }
    found
}

/// The best run at every level of compute, cheapest first; runs within 15% cost the same.
fn best_runs(fitted: &[f64], losses: &[f64]) -> Vec<(f64, f64)> {
    let mut runs: Vec<(f64, f64)> = fitted.iter().copied().zip(losses.iter().copied()).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut best: Vec<(f64, f64)> = Vec::new();
    for (flops, loss) in runs {
        match best.last_mut() {
            Some(last) if flops < 1.15 * last.0 => {
                if loss < last.1 {
                    *last = (last.0, loss);
                }
            }
            _ => best.push((flops, loss)),
        }
    }
    best
}

/// `ln loss` as a line in `ln FLOP`.
fn power_law(runs: &[(f64, f64)], flops: f64) -> Option<f64> {
    if runs.len() < 2 {
        return None;
    }
    let (x, y): (Vec<f64>, Vec<f64>) = runs.iter().map(|(c, l)| (c.ln(), l.ln())).unzip();
    let (slope, intercept, _) = line(&x, &y);
    Some((intercept + slope * flops.ln()).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pure_power_law_is_continued_through_the_best_runs() {
        let law = |c: f64| 20.0 * c.powf(-0.05);
        let flops = [1e10, 1.05e10, 2e10, 4e10];
        let losses = [law(1e10), law(1e10) + 0.3, law(2e10), law(4e10)];
        let found = all(&flops, &losses, 1.6e11);
        assert!((found["power law in compute"] - law(1.6e11)).abs() < 1e-12);
        assert_eq!(found["best rung carried forward"], law(4e10));
        assert_eq!(all(&[1e9], &[3.0], 1e10).len(), 1);
    }
}
