//! Integers of a few bits by rounding to nearest, a scale of 16 bits for each block.

use super::{Block, Code};
use half::bf16;

/// Integers of 2 to 8 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer {
    /// Bits of a code.
    pub bits: u32,
    /// Whether codes stand for equal steps on both sides of 0, `-(2^(bits-1) - 1)` to `2^(bits-1) - 1` of them; otherwise
    /// for `2^bits` steps from the smallest weight to the largest, with an integer that stands for 0.
    pub symmetric: bool,
}

impl Integer {
    /// Largest code.
    fn top(self) -> f32 {
        if self.symmetric { ((1u32 << self.bits) - 2) as f32 } else { ((1u32 << self.bits) - 1) as f32 }
    }
}

impl Code for Integer {
    fn encode(&self, weights: &[f32]) -> Block {
        let top = self.top();
        let (low, high) = weights.iter().fold((0.0f32, 0.0f32), |(low, high), w| (low.min(*w), high.max(*w)));
        let (scale, zero) = if self.symmetric {
            (step(2.0 * f64::from(high.max(-low)) / f64::from(top), false), 0.5 * top)
        } else {
            let scale = step((f64::from(high) - f64::from(low)) / f64::from(top), true);
            (scale, if scale > 0.0 { (-low / scale).round_ties_even() } else { 0.0 })
        };
        let code = |w: &f32| match scale > 0.0 {
            true => ((w / scale).round_ties_even() + zero).clamp(0.0, top) as u8,
            false => zero as u8,
        };
        Block { codes: weights.iter().map(code).collect(), scale, zero: zero as u8 }
    }

    fn value(&self, code: u8, zero: u8) -> f32 {
        f32::from(code) - f32::from(zero)
    }
}

/// A step as it is stored. Rounded up where the codes must reach both ends: the symmetric codes reach beyond theirs by
/// rounding, since the step is off by 1/512 at most and there are 127 of them.
fn step(wanted: f64, up: bool) -> f32 {
    let wanted = wanted as f32;
    if wanted < f32::MIN_POSITIVE {
        return 0.0;
    }
    let near = bf16::from_f32(wanted);
    let near = if up && near.to_f32() < wanted { bf16::from_bits(near.to_bits() + 1) } else { near };
    near.to_f32().min(bf16::MAX.to_f32())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn codes_of_a_block_by_hand() {
        let three = Integer { bits: 3, symmetric: true };
        let block = three.encode(&[0.75, -0.3, 0.125, -0.75, 0.4]);
        // Steps of 0.25: 3, -1.2, 0.5 (to even), -3, 1.6.
        assert_eq!((block.scale, block.codes.as_slice()), (0.25, &[6, 2, 3, 0, 5][..]));
        let values: Vec<f32> = block.codes.iter().map(|c| block.scale * three.value(*c, block.zero)).collect();
        assert_eq!(values, [0.75, -0.25, 0.0, -0.75, 0.5]);

        let two = Integer { bits: 2, symmetric: false };
        let block = two.encode(&[-0.5, 1.0, 0.2, 0.3]);
        assert_eq!((block.scale, block.zero, block.codes.as_slice()), (0.5, 1, &[0, 3, 1, 2][..]));
        // All of one sign: 0 is an end of the range.
        let block = two.encode(&[3.0, 1.0]);
        assert_eq!((block.scale, block.zero, block.codes.as_slice()), (1.0, 0, &[3, 1][..]));
        assert_eq!(three.encode(&[0.0; 3]).codes, [3; 3]);
    }

    proptest! {
        #[test]
        fn no_value_moves_by_more_than_half_a_step(
            weights in prop::collection::vec(-1e3f32..1e3, 1..80), bits in 2u32..=8, symmetric: bool, exponent in -30i32..30
        ) {
            let code = Integer { bits, symmetric };
            let weights: Vec<f32> = weights.iter().map(|w| w * 2f32.powi(exponent)).collect();
            let block = code.encode(&weights);
            for (w, c) in weights.iter().zip(&block.codes) {
                let moved = f64::from(block.scale * code.value(*c, block.zero)) - f64::from(*w);
                prop_assert!(moved.abs() <= f64::from(block.scale) * (0.5 + 1e-4), "{w} by {moved}, step {}", block.scale);
            }
        }
    }
}
