//! Keyed bijections: the order of an epoch as arithmetic.

use kleiber_core::rng::{Rng, philox};

/// A pseudo-random bijection of 0..n, evaluated at one index without building the others: a Feistel network with
/// Philox rounds over the next power of four, walked along its cycle until it falls below n.
///
/// ```
/// use kleiber_data::Permutation;
/// let order = Permutation::new(10, 7, "epoch", 0);
/// let mut seen: Vec<u64> = (0..10).map(|i| order.apply(i)).collect();
/// seen.sort();
/// assert_eq!(seen, (0..10).collect::<Vec<u64>>());
/// ```
#[derive(Debug, Clone)]
pub struct Permutation {
    n: u64,
    /// Bits of one half of the network.
    half: u32,
    key: [u32; 2],
}

impl Permutation {
    const ROUNDS: u32 = 8;

    /// The bijection of 0..n named by (seed, stream, step).
    pub fn new(n: u64, seed: u64, stream: &str, step: u32) -> Self {
        let bits = u64::BITS - n.saturating_sub(1).leading_zeros();
        let key = Rng::new(seed, stream, step).next_u64();
        Self { n, half: bits.div_ceil(2).max(1), key: [key as u32, (key >> 32) as u32] }
    }

    /// Number of items.
    pub fn len(&self) -> u64 {
        self.n
    }

    /// Whether there is nothing to order.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The item at place `index`. Indices beyond the end are taken modulo n; 0 when n is 0.
    pub fn apply(&self, index: u64) -> u64 {
        let mut x = index % self.n.max(1);
        if self.n < 2 {
            return 0;
        }
        loop {
            x = self.network(x);
            // Ends: x lies on a cycle of the network that holds the start, which is below n.
            if x < self.n {
                return x;
            }
        }
    }

    fn network(&self, x: u64) -> u64 {
        let mask = ((1u64 << self.half) - 1) as u32;
        let (mut left, mut right) = ((x >> self.half) as u32 & mask, x as u32 & mask);
        for round in 0..Self::ROUNDS {
            let mixed = philox([right, round, 0, 0], self.key)[0] & mask;
            (left, right) = (right, left ^ mixed);
        }
        u64::from(left) << self.half | u64::from(right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_comes_once() {
        for n in (0..300).chain([4095, 4096, 4097, 5000]) {
            let order = Permutation::new(n, 3, "test", n as u32);
            let mut seen = vec![false; n as usize];
            for index in 0..n {
                let item = order.apply(index) as usize;
                assert!(!std::mem::replace(&mut seen[item], true), "{item} of {n} twice");
            }
        }
        let far = Permutation::new(u64::MAX, 1, "test", 0);
        assert_ne!(far.apply(0), far.apply(1));
    }

    #[test]
    fn orders_differ_by_key_and_look_random() {
        let n = 1000;
        let a = Permutation::new(n, 1, "epoch", 0);
        let b = Permutation::new(n, 1, "epoch", 1);
        let equal = (0..n).filter(|&i| a.apply(i) == b.apply(i)).count();
        let fixed = (0..n).filter(|&i| a.apply(i) == i).count();
        // Both are Poisson with mean 1 for random orders.
        assert!(equal < 8 && fixed < 8, "{equal} {fixed}");
        let rising = (1..n).filter(|&i| a.apply(i) > a.apply(i - 1)).count();
        assert!((440..560).contains(&rising), "{rising}");
    }
}
