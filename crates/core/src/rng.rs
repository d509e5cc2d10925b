//! Counter-based random numbers: every number is a pure function of (seed, stream, step, index), so
//! work can be split over threads, resumed or replayed without carrying state.
//!
//! The generator is Philox-4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as
//! 1, 2, 3"), checked against the authors' known answers.

const MULTIPLIER: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];

/// One block of Philox-4x32 with ten rounds: 128 counter bits and 64 key bits to 128 random bits.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for _ in 0..10 {
        let a = u64::from(MULTIPLIER[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIER[1]) * u64::from(counter[2]);
        counter = [(b >> 32) as u32 ^ counter[1] ^ key[0], b as u32, (a >> 32) as u32 ^ counter[3] ^ key[1], a as u32];
        key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
    }
    counter
}

/// A sequence of random numbers named by (seed, stream, step); the index counts the draws.
///
/// ```
/// use kleiber_core::rng::Rng;
/// let mut a = Rng::new(7, "bootstrap", 3);
/// let mut b = Rng::new(7, "bootstrap", 3);
/// assert_eq!(a.next_u64(), b.next_u64());
/// ```
#[derive(Debug, Clone)]
pub struct Rng {
    key: [u32; 2],
    stream: u32,
    step: u32,
    index: u64,
    block: [u32; 4],
    used: usize,
}

impl Rng {
    /// The sequence for `seed`, a named `stream` and a `step` (replicate, epoch, ...).
    pub fn new(seed: u64, stream: &str, step: u32) -> Self {
        // FNV-1a: a name is only a label here, not a secret.
        let label = stream.bytes().fold(0x811C_9DC5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(16_777_619));
        Self { key: [seed as u32, (seed >> 32) as u32], stream: label, step, index: 0, block: [0; 4], used: 4 }
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        if self.used >= 4 {
            let counter = [self.index as u32, (self.index >> 32) as u32, self.step, self.stream];
            self.block = philox(counter, self.key);
            self.index += 1;
            self.used = 0;
        }
        let low = u64::from(self.block[self.used]);
        let high = u64::from(self.block[self.used + 1]);
        self.used += 2;
        low | high << 32
    }

    /// A number in [0, 1) with 53 random bits.
    pub fn uniform(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * 2f64.powi(-53)
    }

    /// A whole number in 0..n without bias worth naming (n far below 2^64). Zero when `n` is zero.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// A standard normal number (Box-Muller; the second of each pair is not kept).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn philox_gives_the_known_answers() {
        // kat_vectors of the Random123 distribution, philox4x32-10.
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = u32::MAX;
        assert_eq!(philox([ones; 4], [ones; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
    }

    #[test]
    fn streams_and_steps_differ_and_moments_are_right() {
        let first = |stream, step| Rng::new(1, stream, step).next_u64();
        assert_ne!(first("a", 0), first("b", 0));
        assert_ne!(first("a", 0), first("a", 1));
        let mut rng = Rng::new(0, "moments", 0);
        let n = 100_000;
        let (mut sum, mut square) = (0.0, 0.0);
        for _ in 0..n {
            let x = rng.normal();
            sum += x;
            square += x * x;
        }
        let mean = sum / f64::from(n);
        assert!(mean.abs() < 0.01, "{mean}");
        assert!((square / f64::from(n) - 1.0).abs() < 0.02);
        assert!((0..1000).all(|_| rng.below(7) < 7));
    }
}
