//! Text that a model searches at inference: what it costs to build, when a subsample of it can be judged from one long
//! ranking, and what it is worth (Shao et al. 2024, "Scaling retrieval-based language models with a trillion-token
//! datastore").

use crate::LawError;
use serde::Serialize;

/// Parameters of the usual dense retriever, Contriever.
pub const RETRIEVER: f64 = 177e6;
/// Tokens of the largest published datastore.
pub const LARGEST: f64 = 1.4e12;

/// FLOP of building a datastore with a flat index: one pass of the retriever over every token, `2 N D` (appendix B.4).
pub fn building(retriever: f64, datastore_tokens: f64) -> f64 {
    2.0 * retriever * datastore_tokens
}

/// A metric of LLaMA-2 7B without and with the datastore of 1.4T tokens (table 3).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ends {
    /// Task.
    pub task: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Without a datastore.
    pub alone: f64,
    /// With 1.4T tokens.
    pub with: f64,
}

/// What is printed for LLaMA-2 7B.
pub const ENDS: &[Ends] = &[
    Ends { task: "RedPajama", unit: "perplexity", alone: 4.09, with: 3.50 },
    Ends { task: "S2ORC", unit: "perplexity", alone: 7.18, with: 6.57 },
    Ends { task: "TriviaQA", unit: "% exact match", alone: 64.1, with: 77.0 },
    Ends { task: "Natural Questions", unit: "% exact match", alone: 26.6, with: 34.6 },
    Ends { task: "MMLU", unit: "% correct", alone: 45.8, with: 49.3 },
];

/// A gain that grows in a straight line with the logarithm of the datastore.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Curve {
    /// Gain at [`Curve::at`] tokens: nats per token, or points.
    pub gain: f64,
    /// Tokens of the datastore at which it was measured.
    pub at: f64,
    /// Tokens of the datastore below which nothing is gained.
    pub nothing: f64,
}

impl Curve {
    /// A curve through a measured gain that starts at `nothing` tokens.
    ///
    /// # Errors
    /// [`LawError::Request`] unless `0 < nothing < at` and the gain is finite.
    pub fn new(gain: f64, at: f64, nothing: f64) -> Result<Self, LawError> {
        if !(nothing > 0.0 && nothing < at && at.is_finite() && gain.is_finite()) {
            let what = "a gain is measured at a datastore above the one that gains nothing, both positive";
            return Err(LawError::Request(what.into()));
        }
        Ok(Self { gain, at, nothing })
    }

    /// The gain with so many tokens; nothing for a smaller datastore than [`Curve::nothing`].
    pub fn of(&self, datastore_tokens: f64) -> f64 {
        let share = (datastore_tokens / self.nothing).ln() / (self.at / self.nothing).ln();
        if share > 0.0 { self.gain * share } else { 0.0 }
    }
}

/// A number between 0 and 1 that belongs to a document: below `p` it is in the subsample of share `p` for every query.
pub fn kept(document: u64, seed: u64) -> f64 {
    let low = |v: u64| v as u32;
    let high = |v: u64| (v >> 32) as u32;
    let bits = kleiber_core::rng::philox([low(document), high(document), 0x0da7_a570, 0], [low(seed), high(seed)]);
    f64::from(bits[0]) / (f64::from(u32::MAX) + 1.0)
}

/// The first `k` documents of a ranking that are in the subsample of share `p`: the `k` best of that smaller datastore,
/// as long as `k` survive. `None` when fewer do.
pub fn survivors(ranking: &[u64], p: f64, seed: u64, k: usize) -> Option<Vec<u64>> {
    let best: Vec<u64> = ranking.iter().copied().filter(|d| kept(*d, seed) < p).take(k).collect();
    (best.len() == k).then_some(best)
}

/// Probability that at least `k` of `ranked` documents survive a subsample of share `p` (Shao et al. 2024, table 4).
pub fn survival(ranked: u64, k: u64, p: f64) -> f64 {
    if p >= 1.0 {
        return if ranked >= k { 1.0 } else { 0.0 };
    }
    // ln C(n, i) by its recursion: small i, so nothing under- or overflows before it matters.
    let (mut ln_ways, mut missing) = (0.0, 0.0);
    for i in 0..k.min(ranked + 1) {
        missing += f64::exp(ln_ways + i as f64 * p.ln() + (ranked - i) as f64 * (-p).ln_1p());
        ln_ways += ((ranked - i) as f64 / (i + 1) as f64).ln();
    }
    (1.0 - missing).clamp(0.0, 1.0)
}

/// How many documents to rank so that a subsample of share `p` leaves `k` with three standard deviations to spare.
///
/// # Errors
/// [`LawError::Request`] unless `p` is a share and `k` is positive.
pub fn ranking_for(k: u64, p: f64) -> Result<u64, LawError> {
    if !(p > 0.0 && p <= 1.0 && k > 0) {
        return Err(LawError::Request("a share between 0 and 1 and at least one passage are needed".into()));
    }
    // n p >= k + 3 sqrt(n p), a quadratic in sqrt(n p).
    let root = 0.5 * (3.0 + (9.0 + 4.0 * k as f64).sqrt());
    Ok((root * root / p).ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn survival_is_the_printed_one() {
        // Table 4 prints 0.997 for 1,000 candidates, 3 passages and 1%.
        assert!((survival(1000, 3, 0.01) - 0.997_32).abs() < 5e-6, "{}", survival(1000, 3, 0.01));
        assert!((survival(100, 3, 0.05) - 0.881_7).abs() < 1e-4, "{}", survival(100, 3, 0.05));
        assert_eq!((survival(2, 3, 0.5), survival(5, 3, 1.0)), (0.0, 1.0));
        assert!(ranking_for(3, 0.01).unwrap() <= 1600 && survival(ranking_for(3, 0.01).unwrap(), 3, 0.01) > 0.997);
        assert!(ranking_for(3, 0.0).is_err() && ranking_for(0, 0.1).is_err());
    }

    #[test]
    fn building_is_119_times_cheaper_than_training_on_the_same_text() {
        let cost = building(RETRIEVER, LARGEST);
        assert!((cost / 5.0e20 - 1.0).abs() < 0.01, "{cost:e}");
        let training = 6.0 * 7e9 * LARGEST;
        assert!(
            (training / 5.9e22 - 1.0).abs() < 0.005 && (training / cost - 119.0).abs() < 0.5,
            "{}",
            training / cost
        );
    }

    /// 400 documents with random scores for 60 queries.
    fn rankings() -> Vec<Vec<u64>> {
        let mut rng = Rng::new(7, "documents", 0);
        let one = |_| {
            let mut scored: Vec<(f64, u64)> = (0..400).map(|d| (rng.normal(), d)).collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0));
            scored.into_iter().map(|(_, d)| d).collect()
        };
        (0..60).map(one).collect()
    }

    #[test]
    fn a_subsample_after_retrieval_is_the_smaller_datastore() {
        for p in [0.05, 0.2, 0.5] {
            let mut short = 0.0;
            // A seed per query, so that the failures are independent.
            for (ranking, seed) in rankings().into_iter().zip(0..) {
                let rebuilt: Vec<u64> = ranking.iter().copied().filter(|d| kept(*d, seed) < p).collect();
                let candidates = &ranking[..100];
                match survivors(candidates, p, seed, 3) {
                    Some(best) => assert_eq!(best, rebuilt[..3]),
                    None => short += 1.0,
                }
                // Two shards, each ranked by itself, merged by score.
                let place = |d: &u64| ranking.iter().position(|r| r == d).unwrap();
                let mut merged: Vec<u64> = [0, 1]
                    .iter()
                    .flat_map(|s| ranking.iter().filter(move |d| *d % 2 == *s).take(100))
                    .copied()
                    .collect();
                merged.sort_by_key(place);
                assert_eq!(survivors(&merged[..100], p, seed, 3), survivors(candidates, p, seed, 3));
            }
            let expected = 1.0 - survival(100, 3, p);
            let error = (expected * (1.0 - expected) / 60.0).sqrt();
            assert!((short / 60.0 - expected).abs() <= 3.0 * error + 1e-9, "{p}: {short} of 60 against {expected}");
        }
    }

    #[test]
    fn the_coin_of_a_document_is_fair_and_its_own() {
        let share = (0..20_000).filter(|d| kept(*d, 1) < 0.3).count() as f64 / 20_000.0;
        assert!((share - 0.3).abs() < 0.01, "{share}");
        assert_eq!(kept(5, 1), kept(5, 1));
        assert!(kept(5, 1) != kept(5, 2) && kept(5, 1) != kept(6, 1));
    }

    #[test]
    fn gains_are_straight_in_the_logarithm() {
        let curve = Curve::new(0.15, 1e12, 1e8).unwrap();
        assert!((curve.of(1e10) - 0.075).abs() < 1e-12 && curve.of(1e7) == 0.0 && curve.of(0.0) == 0.0);
        assert!(Curve::new(0.1, 1e8, 1e9).is_err());
    }
}
