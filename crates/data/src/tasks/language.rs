//! Artificial languages: chains of words in which each word has its own order of likely successors.

use kleiber_core::rng::Rng;

/// A language with numbered words.
#[derive(Debug, Clone)]
pub(super) struct Language {
    /// Words by rank after each word, and at last at the beginning of a text.
    successors: Vec<Vec<usize>>,
    /// Probability that the rank is this or a smaller one.
    cumulated: Vec<f64>,
}

impl Language {
    /// The language of `words` words with this key: the word of rank r follows with a probability in proportion to
    /// `r^-zipf`, so that 0 is noise.
    pub(super) fn new(seed: u64, words: usize, zipf: f64) -> Self {
        let total: f64 = (1..=words).map(|rank| (rank as f64).powf(-zipf)).sum();
        let shares = (1..=words).map(|rank| (rank as f64).powf(-zipf) / total);
        let cumulated = shares.scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum)
        });
        let successors = (0..=words).map(|word| permutation(seed, "successors", word, words)).collect();
        Self { successors, cumulated: cumulated.collect() }
    }

    /// A text of `length` words.
    pub(super) fn text(&self, rng: &mut Rng, length: usize) -> Vec<usize> {
        let mut word = self.successors.len() - 1;
        let next = |_| {
            let at = rng.uniform();
            let rank = self.cumulated.iter().take_while(|c| **c <= at).count();
            word = self.successors[word][rank.min(self.cumulated.len() - 1)];
            word
        };
        (0..length).map(next).collect()
    }
}

/// Permutation `number` of the numbers below `count`.
pub(super) fn permutation(seed: u64, stream: &str, number: usize, count: usize) -> Vec<usize> {
    let mut rng = Rng::new(seed, stream, number as u32);
    let mut order: Vec<usize> = (0..count).collect();
    (1..count).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successors_come_as_often_as_their_rank_says() {
        let language = Language::new(5, 4, 1.0);
        let text = language.text(&mut Rng::new(1, "text", 0), 100_000);
        let mut counts = [0; 4];
        for pair in text.windows(2) {
            let order = &language.successors[pair[0]];
            counts[order.iter().position(|w| *w == pair[1]).unwrap()] += 1;
        }
        // 1, 1/2, 1/3, 1/4 of 25/12; the standard deviation of the first is 158.
        for (count, share) in counts.iter().zip([0.48, 0.24, 0.16, 0.12]) {
            assert!((f64::from(*count) - 1e5 * share).abs() < 800.0, "{counts:?}");
        }
        for order in &language.successors {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3]);
        }
        let noise = Language::new(5, 4, 0.0).text(&mut Rng::new(1, "text", 0), 40_000);
        assert!((0..4).all(|w| noise.iter().filter(|v| **v == w).count().abs_diff(10_000) < 450));
    }
}
