//! Models of several tasks (Fernandes et al. 2023): how many parameters each task gets of a mixture, which weights serve best, and
//! whether the weights change more than the height of a task's law.

use crate::{Fit, LawError};
use kleiber_core::stats;
use serde::Serialize;

/// f(p): the share of the parameters that a task has in effect when it is sampled with probability p.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Sharing {
    /// f(p) = p: tasks divide the model as if each had its own; out of English, whatever the languages.
    Proportional,
    /// f(p) = p + c1 p^c2 (1-p)^c3: above p where tasks help each other, below it where they interfere.
    Power {
        /// Size of the deviation.
        c1: f64,
        /// Power of the weight.
        c2: f64,
        /// Power of the rest.
        c3: f64,
    },
}

impl Sharing {
    /// f(p).
    pub fn share(&self, p: f64) -> f64 {
        match *self {
            Self::Proportional => p,
            Self::Power { c1, c2, c3 } if p < 1.0 => p + c1 * p.powf(c2) * (1.0 - p).powf(c3),
            Self::Power { .. } => p,
        }
    }

    /// Whether more weight always means more parameters.
    pub fn is_rising(&self) -> bool {
        let steps: Vec<f64> = (1..=200).map(|i| self.share(f64::from(i) / 200.0)).collect();
        steps.windows(2).all(|w| w[1] >= w[0])
    }
}

/// The law of one task.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Task {
    /// Irreducible loss, nats per token.
    pub floor: f64,
    /// Height above it of a model of this task alone, at one parameter.
    pub beta: f64,
    /// Exponent in model size.
    pub alpha: f64,
    /// How the task shares a model.
    pub sharing: Sharing,
}

impl Task {
    /// The task of a fit of `multilingual`.
    ///
    /// # Errors
    /// [`LawError::Request`] for other laws.
    pub fn of(fit: &Fit) -> Result<Self, LawError> {
        let c = fit.point();
        let (true, [floor, beta, alpha, c1, c2, c3]) = (fit.law == "multilingual", &c[..]) else {
            return Err(LawError::Request(format!("{} knows no weights of tasks: fit multilingual", fit.law)));
        };
        let power = Sharing::Power { c1: *c1, c2: *c2, c3: *c3 };
        let sharing = if *c1 == 0.0 { Sharing::Proportional } else { power };
        Ok(Self { floor: *floor, beta: *beta, alpha: *alpha, sharing })
    }

    /// Loss in a model of `params` parameters with weight `p` (eq. 11).
    pub fn loss(&self, params: f64, p: f64) -> f64 {
        self.floor + self.beta * self.effective_params(params, p).powf(-self.alpha)
    }

    /// Parameters of a model of this task alone that is as good (eq. 8 to 10).
    pub fn effective_params(&self, params: f64, p: f64) -> f64 {
        self.sharing.share(p) * params
    }
}

/// f(p) from the heights of the law at weight one and at weight p (eq. 10).
pub fn effective_share(beta_one: f64, beta_p: f64, alpha: f64) -> f64 {
    (beta_one / beta_p).powf(1.0 / alpha)
}

/// Checks that weights are positive and add up to one.
///
/// # Errors
/// [`LawError::Request`] otherwise.
pub fn check_weights(weights: &[f64]) -> Result<(), LawError> {
    let sum: f64 = weights.iter().sum();
    if weights.iter().all(|w| *w > 0.0) && (sum - 1.0).abs() <= 1e-6 {
        return Ok(());
    }
    Err(LawError::Request(format!("weights {weights:?} add up to {sum}: give positive weights that add up to 1")))
}

/// What a mixture is worth: the sum of u_i L_i(N; w_i), lower is better.
pub fn utility(tasks: &[Task], utilities: &[f64], params: f64, weights: &[f64]) -> f64 {
    tasks.iter().zip(utilities).zip(weights).map(|((t, u), w)| u * t.loss(params, *w)).sum()
}

/// The weights with the lowest [`utility`]. Where tasks share in proportion the optimum has the same
/// u_i alpha_i beta_i N^-alpha_i w_i^-(alpha_i+1) everywhere; for two tasks of another f it is searched.
///
/// # Errors
/// [`LawError::Request`] for fewer than two tasks, values that are not positive, and for more than two tasks that do not share in
/// proportion: f says nothing about how the rest of the mixture is split.
pub fn best_weights(tasks: &[Task], utilities: &[f64], params: f64) -> Result<Vec<f64>, LawError> {
    if tasks.len() < 2 || utilities.len() != tasks.len() {
        let (t, u) = (tasks.len(), utilities.len());
        return Err(LawError::Request(format!("{t} tasks and {u} utilities: give two tasks or more and a utility for each")));
    }
    let positive = params > 0.0 && utilities.iter().all(|u| *u > 0.0) && tasks.iter().all(|t| t.beta > 0.0 && t.alpha > 0.0);
    if !positive {
        return Err(LawError::Request("parameters, utilities, heights and exponents must be positive".into()));
    }
    if tasks.iter().all(|t| t.sharing == Sharing::Proportional) {
        return Ok(proportional(tasks, utilities, params));
    }
    if tasks.len() > 2 {
        return Err(LawError::Request(format!(
            "f(p) of these {} tasks was learnt from pairs and does not say how the rest of a mixture acts: plan two tasks, or take f(p) = p",
            tasks.len()
        )));
    }
    let value = |w: f64| {
        let u = utility(tasks, utilities, params, &[w, 1.0 - w]);
        if u.is_finite() { u } else { f64::INFINITY }
    };
    const SCAN: usize = 2000;
    let at = |i: usize| (i as f64 + 0.5) / (SCAN as f64 + 1.0);
    let lowest = (0..=SCAN).min_by(|a, b| value(at(*a)).total_cmp(&value(at(*b)))).unwrap_or(SCAN / 2);
    let (mut low, mut high) = (at(lowest.saturating_sub(1)), at((lowest + 1).min(SCAN)));
    for _ in 0..80 {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if value(a) < value(b) { high = b } else { low = a }
    }
    let w = 0.5 * (low + high);
    Ok(vec![w, 1.0 - w])
}

/// Weights of equal marginal use, by bisection on the logarithm of what they share.
fn proportional(tasks: &[Task], utilities: &[f64], params: f64) -> Vec<f64> {
    let gains: Vec<f64> =
        tasks.iter().zip(utilities).map(|(t, u)| (u * t.alpha * t.beta).ln() - t.alpha * params.ln()).collect();
    let weights = |price: f64| -> Vec<f64> {
        tasks.iter().zip(&gains).map(|(t, g)| ((g - price) / (t.alpha + 1.0)).exp()).collect()
    };
    let highest = gains.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // At the highest gain one weight alone is one; 60 nats above it none is left.
    let (mut low, mut high) = (highest - 1.0, highest + 60.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if weights(middle).iter().sum::<f64>() > 1.0 { low = middle } else { high = middle }
    }
    let found = weights(0.5 * (low + high));
    let sum: f64 = found.iter().sum();
    found.iter().map(|w| w / sum).collect()
}

/// A point of the frontier of two tasks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tradeoff {
    /// Weight of the first task.
    pub weight: f64,
    /// Losses of both.
    pub losses: (f64, f64),
}

/// The losses of two tasks over weights from 1/(n+1) to n/(n+1), without mixtures that another beats on both.
pub fn frontier(first: &Task, second: &Task, params: f64, n: usize) -> Vec<Tradeoff> {
    let at = |i: usize| {
        let weight = (i + 1) as f64 / (n + 1) as f64;
        Tradeoff { weight, losses: (first.loss(params, weight), second.loss(params, 1.0 - weight)) }
    };
    let all: Vec<Tradeoff> = (0..n).map(at).collect();
    let beats = |a: &Tradeoff, b: &Tradeoff| a.losses.0 <= b.losses.0 && a.losses.1 <= b.losses.1 && a.losses != b.losses;
    all.iter().filter(|b| !all.iter().any(|a| beats(a, b))).copied().collect()
}

/// Weights in proportion to the data to the power 1/temperature: 1 is proportional sampling, 5 what many large models used.
pub fn temperature_weights(data: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = data.iter().map(|d| d.powf(1.0 / temperature)).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

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
        return refuse(format!("{bad:?}: weights in (0, 1], parameters and losses must be positive; weight 0 is zero-shot, outside the law"));
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
            return refuse(format!("weight {} has {} model sizes, a law of its own needs four", group[0].weight, sizes.len()));
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
    use kleiber_core::rng::Rng;

    const GERMAN: Task = Task { floor: 1.3, beta: 60.0, alpha: 0.25, sharing: Sharing::Proportional };
    const CHINESE: Task = Task { floor: 1.9, beta: 30.0, alpha: 0.2, sharing: Sharing::Proportional };

    #[test]
    fn effective_parameters_are_those_of_a_task_alone() {
        let helped = Task { sharing: Sharing::Power { c1: 0.4, c2: 1.0, c3: 1.0 }, ..GERMAN };
        let effective = helped.effective_params(1e9, 0.5);
        assert!((effective - 6e8).abs() < 1.0 && (helped.loss(1e9, 0.5) - GERMAN.loss(6e8, 1.0)).abs() < 1e-12);
        assert!((helped.sharing.share(1.0) - 1.0).abs() < 1e-15 && helped.sharing.share(0.0) == 0.0);
        // Heights at weight 1 and p give f back.
        let height = |p: f64| (helped.loss(1e9, p) - helped.floor) * 1e9f64.powf(0.25);
        assert!((effective_share(height(1.0), height(0.5), 0.25) - 0.6).abs() < 1e-12);
        assert!(helped.sharing.is_rising() && !Sharing::Power { c1: 9.0, c2: 1.0, c3: 1.0 }.is_rising());
    }

    #[test]
    fn the_best_weights_beat_all_others() {
        let third = Task { floor: 0.8, beta: 200.0, alpha: 0.35, ..GERMAN };
        let (tasks, utilities) = ([GERMAN, CHINESE, third], [1.0, 2.0, 0.5]);
        let best = best_weights(&tasks, &utilities, 3e7).unwrap();
        check_weights(&best).unwrap();
        let value = |w: &[f64]| utility(&tasks, &utilities, 3e7, w);
        for (i, j) in [(0, 1), (1, 2), (2, 0)] {
            for step in [1e-3, 0.05] {
                let mut other = best.clone();
                other[i] += step;
                other[j] -= step;
                assert!(value(&other) > value(&best), "{best:?} {other:?}");
            }
        }
        for other in [temperature_weights(&[10.0, 3.0, 1.0], 1.0), temperature_weights(&[10.0, 3.0, 1.0], 5.0)] {
            check_weights(&other).unwrap();
            assert!(value(&other) > value(&best));
        }
        // The searched optimum of two tasks is that of the closed form.
        let closed = best_weights(&[GERMAN, CHINESE], &[1.0, 2.0], 3e7).unwrap();
        let odd = |t: Task| Task { sharing: Sharing::Power { c1: 0.0, c2: 1.0, c3: 1.0 }, ..t };
        let searched = best_weights(&[odd(GERMAN), odd(CHINESE)], &[1.0, 2.0], 3e7).unwrap();
        assert!((closed[0] - searched[0]).abs() < 1e-6, "{closed:?} {searched:?}");
        assert!(best_weights(&[odd(GERMAN), CHINESE, third], &utilities, 3e7).is_err());
        assert!(best_weights(&[GERMAN], &[1.0], 3e7).is_err() && best_weights(&[GERMAN, CHINESE], &[1.0, 0.0], 3e7).is_err());
        assert!(check_weights(&[0.5, 0.6]).is_err() && check_weights(&[1.0, 0.0]).is_err());
    }

    #[test]
    fn the_frontier_has_no_mixture_that_another_beats() {
        assert_eq!(frontier(&GERMAN, &CHINESE, 1e8, 19).len(), 19);
        // With f far above one in the middle, more weight can be worse.
        let odd = |t: Task| Task { sharing: Sharing::Power { c1: 9.0, c2: 1.0, c3: 1.0 }, ..t };
        let kept = frontier(&odd(GERMAN), &odd(CHINESE), 1e8, 19);
        assert!(kept.len() < 19 && kept.windows(2).all(|w| (w[0].losses.0 - w[1].losses.0) * (w[0].losses.1 - w[1].losses.1) < 0.0));
    }

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
