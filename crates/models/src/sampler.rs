//! From logits to the next token.

use crate::ModelError;
use kleiber_core::rng::Rng;

/// How the next token is drawn. In this order: tokens that have occurred are made less likely, logits are divided by
/// the temperature, then `top_k`, `top_p` and `min_p` each leave out unlikely tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; 0 takes the most likely token.
    pub temperature: f64,
    /// Only this many of the most likely tokens; 0 for all.
    pub top_k: usize,
    /// Only the most likely tokens that together have this probability (Holtzman et al. 2020); 1 for all.
    pub top_p: f64,
    /// Only tokens with at least this share of the largest probability (Nguyen et al. 2024); 0 for all.
    pub min_p: f64,
    /// Positive logits of tokens that have occurred are divided by it, negative ones multiplied (Keskar et al. 2019);
    /// 1 for no change.
    pub repetition_penalty: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Sampling {
    /// The distribution of the model, seed 0.
    fn default() -> Self {
        Self { temperature: 1.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0, seed: 0 }
    }
}

/// A token that was drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// The token.
    pub token: u32,
    /// Logarithm of its probability under the model itself, in nats: before penalty, temperature and left-out tokens.
    pub logprob: f64,
}

impl Sampling {
    /// Whether every option is in range.
    ///
    /// # Errors
    /// [`ModelError::Sampling`] with the first that is not.
    pub fn check(&self) -> Result<(), ModelError> {
        let within = |range: std::ops::RangeInclusive<f64>, value: f64| range.contains(&value);
        for (option, value, good, expected) in [
            ("temperature", self.temperature, within(0.0..=1e6, self.temperature), "0 to 1,000,000"),
            ("top-p", self.top_p, within(0.0..=1.0, self.top_p), "0 to 1"),
            ("min-p", self.min_p, within(0.0..=1.0, self.min_p), "0 to 1"),
            (
                "repetition-penalty",
                self.repetition_penalty,
                within(1e-3..=1e3, self.repetition_penalty),
                "0.001 to 1000",
            ),
        ] {
            if !good {
                return Err(ModelError::Sampling { option, found: value.to_string(), expected });
            }
        }
        Ok(())
    }

    /// The token number `index` of text number `sample`, a function of both, the seed and the logits alone; `before`
    /// are the tokens that have occurred.
    ///
    /// # Panics
    /// When there are no logits.
    pub fn pick(&self, logits: &[f32], before: &[u32], sample: u32, index: u32) -> Choice {
        assert!(!logits.is_empty(), "a vocabulary has tokens");
        let mut scores: Vec<f64> = logits.iter().map(|l| f64::from(*l)).collect();
        if self.repetition_penalty != 1.0 {
            for token in before {
                if let Some(l) = logits.get(*token as usize).map(|l| f64::from(*l)) {
                    let penalty = self.repetition_penalty;
                    scores[*token as usize] = if l > 0.0 { l / penalty } else { l * penalty };
                }
            }
        }
        let token = if self.temperature == 0.0 { best(&scores) } else { self.draw(&scores, sample, index) };
        Choice { token, logprob: logprob(logits, token) }
    }

    fn draw(&self, scores: &[f64], sample: u32, index: u32) -> u32 {
        let top = scores[best(scores) as usize];
        // The largest weight is 1.
        let weight = |s: f64| ((s - top) / self.temperature).exp();
        let mut left: Vec<(u32, f64)> = (0..).zip(scores.iter().map(|s| weight(*s))).collect();
        let likely = |a: &(u32, f64), b: &(u32, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        if (1..left.len()).contains(&self.top_k) {
            left.select_nth_unstable_by(self.top_k - 1, likely);
            left.truncate(self.top_k);
        }
        if self.top_p < 1.0 {
            let total: f64 = left.iter().map(|c| c.1).sum();
            // Together these have less than the share that is left out, so sorting them is for nothing.
            let least = total * (1.0 - self.top_p) / left.len() as f64;
            left.retain(|c| c.1 >= least || c.1 == 1.0);
            left.sort_unstable_by(likely);
            let mut sum = 0.0;
            let reached = left.iter().position(|c| {
                sum += c.1;
                sum >= self.top_p * total
            });
            left.truncate(reached.map_or(left.len(), |at| at + 1));
        }
        left.retain(|c| c.1 >= self.min_p);
        left.sort_unstable_by_key(|c| c.0);
        let mut rest = Rng::new(self.seed, &format!("generate.{sample}"), index).uniform();
        rest *= left.iter().map(|c| c.1).sum::<f64>();
        let found = left.iter().find(|c| {
            rest -= c.1;
            rest < 0.0
        });
        // Rounding may leave a rest behind the last.
        found.or(left.last()).map_or_else(|| best(scores), |c| c.0)
    }
}

/// The first of the largest scores.
fn best(scores: &[f64]) -> u32 {
    (1..scores.len()).fold(0, |top, i| if scores[i] > scores[top] { i } else { top }) as u32
}

/// Logarithm of the probability of a token.
fn logprob(logits: &[f32], token: u32) -> f64 {
    let top = logits.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
    let sum: f64 = logits.iter().map(|l| f64::from(*l - top).exp()).sum();
    f64::from(logits[token as usize] - top) - sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities .5 .25 .15 .1, the most likely not first.
    fn logits() -> Vec<f32> {
        [0.15f32, 0.5, 0.1, 0.25].iter().map(|p| p.ln() + 3.0).collect()
    }

    fn counts(sampling: Sampling) -> [usize; 4] {
        let mut counts = [0; 4];
        (0..20_000).for_each(|i| counts[sampling.pick(&logits(), &[], i % 3, i / 3).token as usize] += 1);
        counts
    }

    #[track_caller]
    fn shares(sampling: Sampling, expected: [f64; 4]) {
        let found = counts(sampling).map(|n| n as f64 / 20_000.0);
        // Four standard deviations of a share at 20,000 draws.
        let near = found.iter().zip(expected).all(|(f, e)| (f - e).abs() <= 4.0 * (e * (1.0 - e) / 20_000.0).sqrt());
        assert!(near, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn draws_follow_the_options() {
        let plain = Sampling::default();
        shares(plain, [0.15, 0.5, 0.1, 0.25]);
        shares(Sampling { top_k: 2, ..plain }, [0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0]);
        shares(Sampling { top_p: 0.74, ..plain }, [0.0, 2.0 / 3.0, 0.0, 1.0 / 3.0]);
        shares(Sampling { top_p: 0.76, ..plain }, [0.15 / 0.9, 0.5 / 0.9, 0.0, 0.25 / 0.9]);
        shares(Sampling { min_p: 0.29, ..plain }, [0.15 / 0.9, 0.5 / 0.9, 0.0, 0.25 / 0.9]);
        shares(Sampling { top_p: 0.0, ..plain }, [0.0, 1.0, 0.0, 0.0]);
        let squares = [0.15f64, 0.5, 0.1, 0.25].map(|p| p * p);
        let sum: f64 = squares.iter().sum();
        shares(Sampling { temperature: 0.5, ..plain }, squares.map(|s| s / sum));
    }

    #[test]
    fn without_temperature_the_first_of_the_best_is_taken() {
        let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
        assert_eq!(greedy.pick(&logits(), &[], 0, 0).token, 1);
        assert_eq!(greedy.pick(&[0.0, 2.0, 2.0], &[], 0, 0).token, 1);
        let choice = greedy.pick(&logits(), &[], 0, 0);
        assert!((choice.logprob - 0.5f64.ln()).abs() < 1e-6, "{choice:?}");
        // ln .5 + 3 = 2.307, over 1.5 below ln .25 + 3 = 1.614.
        let penalised = Sampling { repetition_penalty: 1.5, ..greedy }.pick(&logits(), &[1, 1, 99], 0, 0);
        assert_eq!(penalised.token, 3);
        assert!((penalised.logprob - 0.25f64.ln()).abs() < 1e-6, "{penalised:?}");
    }

    #[test]
    fn a_draw_is_a_function_of_seed_text_and_index() {
        let draw = |seed, sample| -> Vec<u32> {
            let sampling = Sampling { seed, ..Sampling::default() };
            (0..50).map(|i| sampling.pick(&logits(), &[], sample, i).token).collect()
        };
        assert_eq!(draw(1, 0), draw(1, 0));
        assert_ne!(draw(1, 0), draw(1, 1));
        assert_ne!(draw(1, 0), draw(2, 0));
    }

    #[test]
    fn options_out_of_range_are_named() {
        let plain = Sampling::default();
        for (bad, name) in [
            (Sampling { temperature: -1.0, ..plain }, "temperature"),
            (Sampling { temperature: f64::NAN, ..plain }, "temperature"),
            (Sampling { top_p: 1.1, ..plain }, "top-p"),
            (Sampling { min_p: -0.1, ..plain }, "min-p"),
            (Sampling { repetition_penalty: 0.0, ..plain }, "repetition-penalty"),
        ] {
            assert!(bad.check().unwrap_err().to_string().starts_with(name));
        }
        plain.check().unwrap();
    }
}
