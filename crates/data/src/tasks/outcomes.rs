//! Probabilities of a few outcomes: their entropy, and draws from them.

use kleiber_core::rng::Rng;

/// Nats.
pub(super) fn entropy(p: &[f64]) -> f64 {
    -p.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

/// The index of an outcome.
pub(super) fn draw(p: &[f64], rng: &mut Rng) -> usize {
    let mut left = rng.uniform();
    for (index, share) in p.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return index;
        }
    }
    p.len() - 1
}
