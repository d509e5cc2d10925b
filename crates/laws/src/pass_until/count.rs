//! What one instance gave: estimates of its pass probability and an exact interval.

use kleiber_core::stats::beta_quantile;
use serde::{Deserialize, Serialize};

/// Passes of an instance and the draws they took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassCount {
    /// Passes: the number asked for, or fewer when the cap came first.
    pub passes: u64,
    /// Draws up to the last pass that was asked for, or the cap.
    pub draws: u64,
    /// Whether the cap came before enough passes.
    pub censored: bool,
}

impl PassCount {
    /// Passes over draws: the maximum of the likelihood, and what the paper uses. Too high on average when drawing stops
    /// at a pass: with one pass the mean is `-p ln p / (1 - p)`, 2.6 times p at .1 and 4.7 times at .01.
    pub fn likeliest(&self) -> f64 {
        self.passes as f64 / self.draws as f64
    }

    /// The unbiased estimate: `(r - 1) / (K - 1)` after the r-th pass at draw K, passes over draws at the cap. Of all paths
    /// that end where this one did, the share that begins with a pass (Girshick, Mosteller and Savage 1946), so the cap
    /// does not bias it. With one pass asked for it is 1 or 0: unbiased and of no use; ask for two or more.
    pub fn unbiased(&self) -> f64 {
        match (self.censored, self.draws) {
            (true, _) => self.likeliest(),
            (false, 1) => 1.0,
            (false, draws) => (self.passes as f64 - 1.0) / (draws as f64 - 1.0),
        }
    }

    /// Unbiased estimate of the variance of [`Self::unbiased`]: its square less the unbiased estimate of p squared.
    pub fn variance(&self) -> f64 {
        let (p, lost) = (self.unbiased(), if self.censored { 1.0 } else { 2.0 });
        let freedom = self.draws as f64 - lost;
        if freedom > 0.0 { p * (1.0 - p) / freedom } else { 0.0 }
    }

    /// The interval that holds the probability in at least a share `level` of all studies, whatever it is: Clopper and
    /// Pearson's for this way of drawing. Outcomes are ordered from the earliest r-th pass to the cap without any; each
    /// end leaves half of `1 - level` beyond. Without a pass the upper end is `1 - ((1 - level) / 2)^(1 / K)`, 3.7 / K at .95:
    /// the "rule of three" spends the whole 5 % on this one end and with the errors of the other holds 92.5 %.
    pub fn interval(&self, level: f64) -> (f64, f64) {
        let tail = 0.5 * (1.0 - level);
        let (passes, draws) = (self.passes as f64, self.draws as f64);
        let low = if self.passes == 0 { 0.0 } else { beta_quantile(tail, passes, draws - passes + 1.0) };
        let beyond = if self.censored { passes + 1.0 } else { passes };
        let failures = draws - passes;
        let high = if failures == 0.0 { 1.0 } else { beta_quantile(1.0 - tail, beyond, failures) };
        (low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(passes: u64, draws: u64) -> PassCount {
        PassCount { passes, draws, censored: false }
    }

    fn capped(passes: u64, draws: u64) -> PassCount {
        PassCount { passes, draws, censored: true }
    }

    /// Every outcome of drawing until `r` pass within `cap`, with its probability.
    fn outcomes(r: u64, cap: u64, p: f64) -> Vec<(PassCount, f64)> {
        let mut found = Vec::new();
        // Probability of so many passes among the draws so far, for those still drawing.
        let mut still = vec![0.0; r as usize];
        still[0] = 1.0;
        for draw in 1..=cap {
            found.push((after(r, draw), still[r as usize - 1] * p));
            for j in (0..r as usize).rev() {
                still[j] = still[j] * (1.0 - p) + if j > 0 { still[j - 1] * p } else { 0.0 };
            }
        }
        found.extend(still.iter().enumerate().map(|(j, q)| (capped(j as u64, cap), *q)));
        found.retain(|(c, _)| c.censored || c.draws >= r);
        found
    }

    fn mean(r: u64, cap: u64, p: f64, of: impl Fn(&PassCount) -> f64) -> f64 {
        outcomes(r, cap, p).iter().map(|(c, q)| q * of(c)).sum()
    }

    #[test]
    fn the_unbiased_estimate_has_no_bias_with_or_without_a_cap() {
        for (r, cap) in [(2, 20), (2, 3000), (3, 200), (5, 50), (5, 2000)] {
            for p in [0.003, 0.05, 0.4, 0.9] {
                let all = mean(r, cap, p, |_| 1.0);
                assert!((all - 1.0).abs() < 1e-10, "{all}");
                let bias = mean(r, cap, p, PassCount::unbiased) - p;
                assert!(bias.abs() < 1e-10, "r {r}, cap {cap}, p {p}: {bias}");
                let spread = mean(r, cap, p, |c| (c.unbiased() - p).powi(2));
                let told = mean(r, cap, p, PassCount::variance);
                assert!((told - spread).abs() < 1e-10, "r {r}, cap {cap}, p {p}: {told} {spread}");
            }
        }
    }

    #[test]
    fn passes_over_draws_are_too_high() {
        // -p ln p / (1 - p): .2558 at .1 and .04652 at .01.
        assert!((mean(1, 3000, 0.1, PassCount::likeliest) - 0.255_843).abs() < 1e-6);
        assert!((mean(1, 6000, 0.01, PassCount::likeliest) - 0.046_517).abs() < 1e-6);
        let twice = mean(2, 6000, 0.01, PassCount::likeliest) / 0.01;
        assert!((1.8..2.0).contains(&twice), "{twice}");
    }

    /// For each p the share of outcomes whose interval holds it.
    fn coverage(r: u64, cap: u64, ps: &[f64], interval: impl Fn(&PassCount) -> (f64, f64)) -> Vec<f64> {
        let ends: Vec<(f64, f64)> = outcomes(r, cap, 0.5).iter().map(|(c, _)| interval(c)).collect();
        let held = |p: f64| {
            let all = outcomes(r, cap, p);
            all.iter().zip(&ends).filter(|(_, (low, high))| *low <= p && p <= *high).map(|((_, q), _)| q).sum()
        };
        ps.iter().map(|p| held(*p)).collect()
    }

    fn wald(c: &PassCount) -> (f64, f64) {
        let p = c.likeliest();
        let half = 1.96 * (p * (1.0 - p) / c.draws as f64).sqrt();
        (p - half, p + half)
    }

    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let ps: Vec<f64> = (1..24).map(|i| (0.6f64.ln() + (2e-3f64 / 0.6).ln() * f64::from(i) / 23.0).exp()).collect();
        let least = |held: Vec<f64>| held.into_iter().fold(1.0, f64::min);
        for (r, cap) in [(1, 40), (1, 300), (2, 300), (5, 300)] {
            for level in [0.95, 0.8] {
                let held = least(coverage(r, cap, &ps, |c| c.interval(level)));
                assert!(held >= level - 1e-9, "r {r}, cap {cap}, level {level}: {held}");
            }
            // The interval of a fixed number of draws, applied to draws that stopped at a pass.
            let held = least(coverage(r, cap, &ps, wald));
            assert!(held < 0.88, "r {r}, cap {cap}: {held}");
        }
    }

    #[test]
    fn the_rule_of_three_spends_the_error_twice() {
        let cap = 400;
        let three = |c: &PassCount| {
            let (low, high) = c.interval(0.95);
            if c.passes == 0 { (0.0, 1.0 - 0.05f64.powf(1.0 / cap as f64)) } else { (low, high) }
        };
        let p = [1.001 * (1.0 - 0.05f64.powf(1.0 / cap as f64))];
        let (held, ours) = (coverage(1, cap, &p, three)[0], coverage(1, cap, &p, |c| c.interval(0.95))[0]);
        assert!((0.92..0.93).contains(&held) && ours >= 0.95, "{held} {ours}");
    }

    #[test]
    fn ends_are_those_of_closed_forms() {
        // One pass at draw K: 1 - .975^(1/K) and, for K = 1, certainty is possible.
        let (low, high) = after(1, 1).interval(0.95);
        assert!((low - 0.025).abs() < 1e-12 && high == 1.0);
        let (low, _) = after(1, 1000).interval(0.95);
        assert!((low / (1.0 - 0.975f64.powf(1e-3)) - 1.0).abs() < 1e-9);
        // None of 100,000: 1 - .025^(1/100000).
        let (low, high) = capped(0, 100_000).interval(0.95);
        assert!(low == 0.0 && (high / 3.688_811e-5 - 1.0).abs() < 1e-5, "{high}");
        assert_eq!((capped(0, 10).unbiased(), after(2, 101).unbiased(), after(1, 1).unbiased()), (0.0, 0.01, 1.0));
    }
}
