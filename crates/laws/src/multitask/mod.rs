//! Models of several tasks (Fernandes et al. 2023): how many parameters each task gets of a mixture, which weights serve best, and
//! whether the weights change more than the height of a task's law.

mod joint;

pub use joint::{JointLaw, Measured, joint_law};

use crate::{Fit, LawError};
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
        return Err(LawError::Request(format!(
            "{t} tasks and {u} utilities: give two tasks or more and a utility for each"
        )));
    }
    let positive =
        params > 0.0 && utilities.iter().all(|u| *u > 0.0) && tasks.iter().all(|t| t.beta > 0.0 && t.alpha > 0.0);
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
    let beats =
        |a: &Tradeoff, b: &Tradeoff| a.losses.0 <= b.losses.0 && a.losses.1 <= b.losses.1 && a.losses != b.losses;
    all.iter().filter(|b| !all.iter().any(|a| beats(a, b))).copied().collect()
}

/// Weights in proportion to the data to the power 1/temperature: 1 is proportional sampling, 5 what many large models used.
pub fn temperature_weights(data: &[f64], temperature: f64) -> Vec<f64> {
    let powers: Vec<f64> = data.iter().map(|d| d.powf(1.0 / temperature)).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(
            best_weights(&[GERMAN], &[1.0], 3e7).is_err()
                && best_weights(&[GERMAN, CHINESE], &[1.0, 0.0], 3e7).is_err()
        );
        assert!(check_weights(&[0.5, 0.6]).is_err() && check_weights(&[1.0, 0.0]).is_err());
    }

    #[test]
    fn the_frontier_has_no_mixture_that_another_beats() {
        assert_eq!(frontier(&GERMAN, &CHINESE, 1e8, 19).len(), 19);
        // With f far above one in the middle, more weight can be worse.
        let odd = |t: Task| Task { sharing: Sharing::Power { c1: 9.0, c2: 1.0, c3: 1.0 }, ..t };
        let kept = frontier(&odd(GERMAN), &odd(CHINESE), 1e8, 19);
        assert!(
            kept.len() < 19
                && kept.windows(2).all(|w| (w[0].losses.0 - w[1].losses.0) * (w[0].losses.1 - w[1].losses.1) < 0.0)
        );
    }
}
