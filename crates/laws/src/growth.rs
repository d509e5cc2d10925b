//! Budgets of fine-tuning samples: which ability gets how many (Song et al. 2023, arXiv 2310.19651), and where mixing turns
//! from help to harm (Dong et al. 2023, arXiv 2310.05492).

use crate::LawError;
use serde::Serialize;

/// How the score of one ability grows with its samples: chance and ceiling and, between them, the logistic function of
/// `offset + pace ln n` (the law `ability-growth` at one model size).
#[derive(Debug, Clone, PartialEq)]
pub struct Ability {
    /// Name.
    pub name: String,
    /// Score of guessing.
    pub chance: f64,
    /// Score with samples without end.
    pub ceiling: f64,
    /// Log odds at one sample.
    pub offset: f64,
    /// Log odds per e-fold of samples; positive.
    pub pace: f64,
    /// What a point of its score is worth.
    pub weight: f64,
    /// Samples at hand.
    pub have: u64,
}

impl Ability {
    /// The score after `n` samples; chance after none.
    pub fn score(&self, n: f64) -> f64 {
        if n <= 0.0 {
            return self.chance;
        }
        let odds = (-(self.offset + self.pace * n.ln())).exp();
        self.chance + (self.ceiling - self.chance) / (1.0 + odds)
    }

    /// Gain per further sample after `n`, weighted.
    pub fn marginal(&self, n: f64) -> f64 {
        let p = 1.0 / (1.0 + (-(self.offset + self.pace * n.ln())).exp());
        self.weight * (self.ceiling - self.chance) * p * (1.0 - p) * self.pace / n
    }

    /// Samples to a share of the way from chance to the ceiling, such as .9.
    pub fn samples_to(&self, share: f64) -> f64 {
        (((share / (1.0 - share)).ln() - self.offset) / self.pace).exp()
    }

    /// Samples from which every further one gives less than the last.
    fn turn(&self) -> f64 {
        if self.pace <= 1.0 { 0.0 } else { self.samples_to((self.pace - 1.0) / (2.0 * self.pace)) }
    }

    /// Samples beyond the turn, up to `have`, at which a further sample is worth `price`.
    fn at_price(&self, price: f64) -> f64 {
        let (mut low, mut high) = (self.turn().max(1e-9), self.have as f64);
        if low >= high || self.marginal(low) <= price {
            return low.min(high);
        }
        if self.marginal(high) >= price {
            return high;
        }
        for _ in 0..100 {
            let middle = (low * high).sqrt();
            if self.marginal(middle) > price { low = middle } else { high = middle }
        }
        low
    }
}

/// A budget divided.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Allocation {
    /// Samples of each ability, in the order given; they add up to the budget, or to all samples there are.
    pub samples: Vec<u64>,
    /// Weighted sum of scores.
    pub value: f64,
    /// The same for equal parts (as far as there are samples).
    pub uniform: f64,
    /// Weighted score per further sample.
    pub price: f64,
}

/// Steps of the coarse division that decides which abilities get anything at all.
const STEPS: usize = 200;

/// The division of a budget that gives the largest weighted sum of scores. Curves that are concave are filled until a further
/// sample is worth the same everywhere; one that is slow at first (pace above 1) may deserve nothing or a lot, so which
/// abilities are served is found on a grid over all divisions first.
///
/// # Errors
/// [`LawError::Request`] for no abilities, no budget or curves that do not rise.
pub fn allocate(abilities: &[Ability], budget: u64) -> Result<Allocation, LawError> {
    let fail = |why: String| Err(LawError::Request(why));
    if abilities.is_empty() || budget == 0 {
        return fail("a budget of at least one sample and at least one ability are needed".into());
    }
    let rises =
        |a: &Ability| a.pace > 0.0 && a.ceiling > a.chance && a.weight > 0.0 && a.offset.is_finite() && a.have > 0;
    if let Some(a) = abilities.iter().find(|a| !rises(a)) {
        let name = &a.name;
        return fail(format!(
            "{name} does not rise with samples (pace {}, chance {}, ceiling {}, {} samples at hand): leave it out or keep its share fixed",
            a.pace, a.chance, a.ceiling, a.have
        ));
    }
    let budget = budget.min(abilities.iter().map(|a| a.have).sum());
    let value = |n: &[f64]| abilities.iter().zip(n).map(|(a, n)| a.weight * a.score(*n)).sum::<f64>();
    let coarse = divide(abilities, budget as f64);
    let served: Vec<bool> = coarse.iter().map(|n| *n > 0.0).collect();
    let fine = fill(abilities, &served, budget as f64);
    let best = fine.filter(|f| value(f) >= value(&coarse)).unwrap_or(coarse);
    let samples = whole(abilities, &best, budget);
    let real: Vec<f64> = samples.iter().map(|n| *n as f64).collect();
    let open = abilities.iter().zip(&real).filter(|(a, n)| **n > 0.0 && **n < a.have as f64);
    let price = open.map(|(a, n)| a.marginal(*n)).fold(0.0, f64::max);
    Ok(Allocation { value: value(&real), uniform: value(&equal(abilities, budget as f64)), price, samples })
}

/// Equal parts; what an ability lacks goes to the others.
fn equal(abilities: &[Ability], budget: f64) -> Vec<f64> {
    let mut level = (0.0, budget);
    let at = |level: f64| abilities.iter().map(|a| level.min(a.have as f64)).collect::<Vec<_>>();
    for _ in 0..100 {
        let middle = 0.5 * (level.0 + level.1);
        if at(middle).iter().sum::<f64>() < budget { level.0 = middle } else { level.1 = middle }
    }
    at(level.1)
}

/// The best division in steps of a two-hundredth of the budget, by dynamic programming.
fn divide(abilities: &[Ability], budget: f64) -> Vec<f64> {
    let step = budget / STEPS as f64;
    let mut best = vec![f64::NEG_INFINITY; STEPS + 1];
    best[0] = 0.0;
    let mut choices: Vec<Vec<usize>> = Vec::new();
    for a in abilities {
        let most = ((a.have as f64 / step) as usize).min(STEPS);
        let gains: Vec<f64> = (0..=most).map(|k| a.weight * a.score(k as f64 * step)).collect();
        let (mut next, mut choice) = (vec![f64::NEG_INFINITY; STEPS + 1], vec![0; STEPS + 1]);
        for total in 0..=STEPS {
            for (k, gain) in gains.iter().enumerate().take(total + 1) {
                if best[total - k] + gain > next[total] {
                    (next[total], choice[total]) = (best[total - k] + gain, k);
                }
            }
        }
        best = next;
        choices.push(choice);
    }
    // Samples that do not fill a whole step may keep the grid from using the whole budget.
    let mut total = (0..=STEPS).max_by(|a, b| best[*a].total_cmp(&best[*b])).unwrap_or(0);
    let mut found = vec![0.0; abilities.len()];
    for (n, choice) in found.iter_mut().zip(&choices).rev() {
        *n = choice[total] as f64 * step;
        total -= choice[total];
    }
    found
}

/// The abilities that are served filled to one price; nothing when their turns alone exceed the budget.
fn fill(abilities: &[Ability], served: &[bool], budget: f64) -> Option<Vec<f64>> {
    let at = |price: f64| -> Vec<f64> {
        abilities.iter().zip(served).map(|(a, s)| if *s { a.at_price(price) } else { 0.0 }).collect()
    };
    let (mut low, mut high) = (1e-30f64, 1e6f64);
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if at(middle).iter().sum::<f64>() > budget { low = middle } else { high = middle }
    }
    let found = at(high);
    (found.iter().sum::<f64>() <= budget * (1.0 + 1e-9)).then_some(found)
}

/// Whole samples that add up to the budget: rounded down, the rest where a further one gives most.
fn whole(abilities: &[Ability], n: &[f64], budget: u64) -> Vec<u64> {
    let mut samples: Vec<u64> = n.iter().zip(abilities).map(|(n, a)| (n.floor() as u64).min(a.have)).collect();
    let mut left = budget.saturating_sub(samples.iter().sum());
    while left > 0 {
        let gain = |i: usize| {
            abilities[i].weight * (abilities[i].score(samples[i] as f64 + 1.0) - abilities[i].score(samples[i] as f64))
        };
        let open = (0..samples.len()).filter(|&i| samples[i] < abilities[i].have);
        let Some(best) = open.max_by(|a, b| gain(*a).total_cmp(&gain(*b))) else { break };
        samples[best] += 1;
        left -= 1;
    }
    samples
}

/// A score without what guessing gives: 0 at chance, 1 at perfection. Below chance it is negative: a bias, not a skill.
///
/// # Errors
/// [`LawError::Request`] for a chance that is not between 0 and 1.
pub fn above_chance(score: f64, chance: f64) -> Result<f64, LawError> {
    if !(0.0..1.0).contains(&chance) {
        return Err(LawError::Request(format!("a chance of {chance} is not a share below 1 (four options: .25)")));
    }
    Ok((score - chance) / (1.0 - chance))
}

/// The score of a choice by perplexity: 1 when the right answer has the lowest, a share of 1 when it ties with others.
/// `NaN` anywhere counts as wrong.
pub fn choice(right: f64, others: &[f64]) -> f64 {
    if right.is_nan() || others.iter().any(|o| o.is_nan() || *o < right) {
        return 0.0;
    }
    1.0 / (1.0 + others.iter().filter(|o| **o == right).count() as f64)
}

/// The share of a score that is left after later stages: `after / alone`, such as 41.92 / 49.10 for mathematics under dual-stage
/// mixed fine-tuning of 7B.
///
/// # Errors
/// [`LawError::Request`] when there was nothing to keep.
pub fn retained(alone: f64, after: f64) -> Result<f64, LawError> {
    if !(alone > 0.0 && after >= 0.0) {
        return Err(LawError::Request(format!(
            "a score of {alone} alone and {after} after: nothing was there to be kept"
        )));
    }
    Ok(after / alone)
}

/// Samples of an earlier stage to be rehearsed in a later one.
///
/// # Errors
/// [`LawError::Request`] for a share outside 0 to 1, and for one that rounds to no sample at all.
pub fn rehearsal(samples: u64, share: f64) -> Result<u64, LawError> {
    if !(0.0..=1.0).contains(&share) {
        return Err(LawError::Request(format!("a share of {share} is not between 0 and 1")));
    }
    let count = (samples as f64 * share).round() as u64;
    if count == 0 && share > 0.0 {
        return Err(LawError::Request(format!(
            "rehearsal of 1/{:.0} of {samples} samples = 0: raise the share",
            1.0 / share
        )));
    }
    Ok(count)
}

/// The number of samples between `from` and `to` at which two growth curves meet: below it one is better, above it the other.
/// For a mixture that helps while samples are few and conflicts when they are many it is the conflict point. Nothing where one
/// is better throughout.
pub fn crossing(one: impl Fn(f64) -> f64, two: impl Fn(f64) -> f64, from: f64, to: f64) -> Option<f64> {
    let ahead = |n: f64| one(n) - two(n);
    let first = ahead(from);
    if !(from > 0.0 && from < to) || first == 0.0 || first.signum() == ahead(to).signum() {
        return None;
    }
    let (mut low, mut high) = (from, to);
    for _ in 0..200 {
        let middle = (low * high).sqrt();
        if ahead(middle).signum() == first.signum() { low = middle } else { high = middle }
    }
    Some((low * high).sqrt())
}
