//! What a training step draws at random inside the model.

use kleiber_core::rng::Rng;
use kleiber_tensor::kernels::dropout::Dropout;
use kleiber_tensor::{Tensor, ops};

/// Randomness of a training step, a function of seed, step and sequence, so that a step is the same however it is split
/// into micro-batches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Seed of the run.
    pub seed: u64,
    /// Training step.
    pub step: u32,
    /// Index in the step of the batch's first sequence.
    pub first: u64,
    /// Share of numbers dropped from the embedding and from what each layer adds to the residual stream.
    pub dropout: f64,
}

impl Noise {
    /// Drops numbers of `x`, `[sequences * context, width]`.
    pub(crate) fn drop(self, place: u32, context: usize, x: Tensor<2>) -> Tensor<2> {
        if self.dropout == 0.0 {
            return x;
        }
        let first = self.first * (context * x.dims()[1]) as u64;
        ops::dropout(Dropout { probability: self.dropout, seed: self.seed, place, step: self.step, first }, &x)
    }

    /// `context` different positions below `range` in order, for sequence `index` of the batch.
    pub(crate) fn positions(self, index: u64, context: usize, range: usize) -> Vec<u32> {
        let mut rng = Rng::new(self.seed, &format!("positions {}", self.first + index), self.step);
        let mut chosen = Vec::with_capacity(context);
        // Selection sampling (Knuth, TAOCP 2, 3.4.2 S): each position is taken with the share that is still needed.
        for position in 0..range {
            if rng.below(range - position) < context - chosen.len() {
                chosen.push(position as u32);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_ordered_different_and_evenly_spread() {
        let noise = Noise { seed: 1, step: 3, first: 0, dropout: 0.0 };
        let mut counts = vec![0; 40];
        for sequence in 0..2000 {
            let positions = noise.positions(sequence, 10, 40);
            assert!(positions.len() == 10 && positions.is_sorted_by(|a, b| a < b));
            positions.iter().for_each(|p| counts[*p as usize] += 1);
        }
        // Each is expected 500 times with standard deviation 19.4.
        assert!(counts.iter().all(|c| (420..580).contains(c)), "{counts:?}");
        let later = Noise { first: 5, ..noise };
        assert_eq!(noise.positions(7, 10, 40), later.positions(2, 10, 40));
        assert_eq!(noise.positions(0, 40, 40), (0..40).collect::<Vec<_>>());
    }
}
