//! One law for all weights of a task against one law for each (Fernandes et al. 2023, eq. 6 and 7).

use super::effective_share;
use crate::LawError;
use kleiber_core::stats;
use serde::Serialize;

/// One measured loss of a task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Sampling weight of the task in (0, 1].
    pub weight: f64,
    /// Parameters of the model.
    pub params: f64,
    /// Loss of the task.
    pub loss: f64,
}

/// One law for all weights against one law for each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JointLaw {
    /// Exponent of all weights.
    pub alpha: f64,
    /// Irreducible loss of all weights.
    pub floor: f64,
    /// Weight, height and, when the task was trained alone too, f(p) (eq. 10).
    pub heights: Vec<(f64, f64, Option<f64>)>,
    /// Coefficients of the joint law and of separate laws.
    pub coefficients: (usize, usize),
    /// Root mean square of relative residuals of the joint law and of separate laws.
    pub misfit: (f64, f64),
    /// p-value of the F test; small values speak against one exponent and floor for all weights.
    pub p: f64,
}

/// Fits L = beta_p N^-alpha + floor with one alpha and floor (eq. 7) and with one for each weight (eq. 6), by least squares of relative
/// errors, and tests whether the weights change more than the height. The library's laws have no coefficient per label, so
/// this solves its own: for an exponent all else is linear.
///
/// # Errors
/// [`LawError::Request`] for values that are not positive, fewer than two weights, or a weight with fewer than four sizes.
pub fn joint_law(rows: &[Measured]) -> Result<JointLaw, LawError> {
    let refuse = |what: String| Err(LawError::Request(what));
    if let Some(bad) = rows.iter().find(|r| !(r.weight > 0.0 && r.weight <= 1.0 && r.params > 0.0 && r.loss > 0.0)) {
        return refuse(format!(
            "{bad:?}: weights in (0, 1], parameters and losses must be positive; weight 0 is zero-shot, outside the law"
        ));
    }
    let mut weights: Vec<f64> = rows.iter().map(|r| r.weight).collect();
    weights.sort_unstable_by(f64::total_cmp);
    weights.dedup();
    let groups: Vec<Vec<Measured>> =
        weights.iter().map(|w| rows.iter().filter(|r| r.weight == *w).copied().collect()).collect();
    if groups.len() < 2 {
        return refuse("one weight only: train the task with at least two".into());
    }
    for group in &groups {
        let mut sizes: Vec<f64> = group.iter().map(|r| r.params).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < 4 {
            return refuse(format!(
                "weight {} has {} model sizes, a law of its own needs four",
                group[0].weight,
                sizes.len()
            ));
        }
    }
    let joint = fit(&groups);
    let separate: f64 = groups.iter().map(|g| fit(std::slice::from_ref(g)).squares).sum();
    let (few, many) = (groups.len() + 2, 3 * groups.len());
    let (added, rest) = ((many - few) as f64, rows.len() as f64 - many as f64);
    let f = ((joint.squares - separate).max(0.0) / added) / (separate / rest).max(f64::MIN_POSITIVE);
    let alone = weights.iter().position(|w| *w == 1.0).map(|i| joint.betas[i]);
    let share = |beta: f64| alone.map(|one| effective_share(one, beta, joint.alpha));
    let rms = |squares: f64| (squares / rows.len() as f64).sqrt();
    Ok(JointLaw {
        alpha: joint.alpha,
        floor: joint.floor,
        heights: weights.iter().zip(&joint.betas).map(|(w, b)| (*w, *b, share(*b))).collect(),
        coefficients: (few, many),
        misfit: (rms(joint.squares), rms(separate)),
        p: stats::fisher_tail(f, added, rest),
    })
}

struct Solved {
    alpha: f64,
    floor: f64,
    betas: Vec<f64>,
    squares: f64,
}

/// The best exponent, from a scan that is refined around its lowest point.
fn fit(groups: &[Vec<Measured>]) -> Solved {
    let (mut low, mut high) = (0.01f64.ln(), 3f64.ln());
    let mut best = solve(groups, 0.3);
    for _ in 0..12 {
        const GRID: usize = 60;
        for i in 0..=GRID {
            let tried = solve(groups, (low + (high - low) * i as f64 / GRID as f64).exp());
            if tried.squares < best.squares {
                best = tried;
            }
        }
        let step = (high - low) / 12.0;
        (low, high) = (best.alpha.ln() - step, best.alpha.ln() + step);
    }
    best
}

/// Floor and heights for an exponent: least squares of (loss - floor - beta N^-alpha) / loss.
fn solve(groups: &[Vec<Measured>], alpha: f64) -> Solved {
    // Per group, of columns 1/loss, N^-alpha/loss and 1: sums of products. N relative to the first keeps numbers near one.
    let reference = groups[0][0].params;
    let terms = |r: &Measured| (1.0 / r.loss, (r.params / reference).powf(-alpha) / r.loss);
    let (mut top, mut bottom) = (0.0, 0.0);
    let mut sums = Vec::with_capacity(groups.len());
    for group in groups {
        let mut s = [0.0; 5];
        for (one, a) in group.iter().map(terms) {
            [a * a, a * one, a, one * one, one].iter().zip(&mut s).for_each(|(v, s)| *s += v);
        }
        top += s[4] - s[1] * s[2] / s[0];
        bottom += s[3] - s[1] * s[1] / s[0];
        sums.push(s);
    }
    let floor = if bottom > 0.0 { (top / bottom).max(0.0) } else { 0.0 };
    let heights: Vec<f64> = sums.iter().map(|s| (s[2] - floor * s[1]) / s[0]).collect();
    let squares = groups
        .iter()
        .zip(&heights)
        .flat_map(|(group, beta)| group.iter().map(terms).map(move |(one, a)| (1.0 - floor * one - beta * a).powi(2)))
        .sum();
    Solved { alpha, floor, betas: heights.iter().map(|b| b * reference.powf(alpha)).collect(), squares }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fit;
    use crate::multitask::{Sharing, Task};
    use kleiber_core::rng::Rng;

    const GERMAN: Task = Task { floor: 1.3, beta: 60.0, alpha: 0.25, sharing: Sharing::Proportional };

    /// Eight sizes from 20M to 1B at eight weights; the exponent may bend with the weight.
    fn table(task: Task, bend: f64, noise: f64, seed: u64) -> Vec<Measured> {
        let mut rng = Rng::new(seed, "mixtures", 0);
        let weights = [0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 1.0];
        let cells = weights.iter().flat_map(|w| (0..8).map(move |i| (*w, 2e7 * 50f64.powf(f64::from(i) / 7.0))));
        cells
            .map(|(weight, params)| {
                let alpha = task.alpha * (1.0 + bend * (weight - 0.5));
                let reducible = (task.loss(1e8, weight) - task.floor) * (params / 1e8).powf(-alpha);
                Measured { weight, params, loss: (task.floor + reducible) * (noise * rng.normal()).exp() }
            })
            .collect()
    }

    #[test]
    fn weights_that_change_the_height_only_are_told_from_others() {
        let helped = Task { sharing: Sharing::Power { c1: 0.4, c2: 1.0, c3: 1.0 }, alpha: 0.3, ..GERMAN };
        for seed in 0..4 {
            let law = joint_law(&table(helped, 0.0, 0.003, seed)).unwrap();
            assert!(law.p > 0.01 && law.coefficients == (10, 24), "{law:?}");
            assert!(law.misfit.0 < 1.3 * law.misfit.1, "{:?}", law.misfit);
            let bent = joint_law(&table(helped, 0.6, 0.003, seed)).unwrap();
            assert!(bent.p < 1e-4, "{}", bent.p);
        }
        let law = joint_law(&table(helped, 0.0, 0.0, 0)).unwrap();
        assert!((law.alpha - 0.3).abs() < 1e-5 && (law.floor - 1.3).abs() < 1e-5, "{law:?}");
        for (weight, _, share) in law.heights {
            assert!((share.unwrap() - helped.sharing.share(weight)).abs() < 1e-4, "{weight} {share:?}");
        }
    }

    #[test]
    fn unusable_tables_are_refused() {
        let rows = table(GERMAN, 0.0, 0.0, 0);
        let refused = |rows: &[Measured], word: &str| joint_law(rows).unwrap_err().to_string().contains(word);
        assert!(refused(&rows[..8], "one weight") && refused(&rows[..19], "four"));
        let mut zero = rows.clone();
        zero[3].weight = 0.0;
        assert!(refused(&zero, "zero-shot"));
        // Without a model of the task alone there is no f.
        assert!(joint_law(&rows[..56]).unwrap().heights.iter().all(|h| h.2.is_none()));
        assert!(Task::of(&Fit::published("chinchilla/besiroglu").unwrap()).is_err());
    }
}
