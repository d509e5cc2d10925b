//! Dropout (Srivastava et al. 2014) whose mask is a function of the place in the run, so that it is never kept: the way
//! back draws it again.

use super::Real;
use kleiber_core::rng::philox;
use rayon::prelude::*;

/// Numbers handled by one task; a multiple of the four that a block of random bits decides.
const BLOCK: usize = 1 << 12;

/// Which numbers are dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dropout {
    /// Share that is dropped, 0 to below 1.
    pub probability: f64,
    /// Seed of the run.
    pub seed: u64,
    /// Which dropout of the model it is.
    pub place: u32,
    /// Training step.
    pub step: u32,
    /// Index of the first number among all that the step holds at this place.
    pub first: u64,
}

/// `y = 0` for dropped numbers and `x / (1 - probability)` for the others. The gradient goes the same way.
///
/// # Panics
/// When `x` and `y` differ in length.
pub fn apply<T: Real>(dropout: Dropout, x: &[T], y: &mut [T]) {
    assert!(x.len() == y.len());
    let limit = (dropout.probability * 2f64.powi(32)) as u64;
    let scale = T::from_f64(1.0 / (1.0 - dropout.probability));
    let key = [dropout.seed as u32, (dropout.seed >> 32) as u32];
    let bits = |block: u64| philox([block as u32, (block >> 32) as u32, dropout.step, dropout.place], key);
    x.par_chunks(BLOCK).zip(y.par_chunks_mut(BLOCK)).enumerate().for_each(|(chunk, (x, y))| {
        let start = dropout.first + (chunk * BLOCK) as u64;
        let (mut block, mut lanes) = (start / 4, bits(start / 4));
        for ((x, y), index) in x.iter().zip(y).zip(start..) {
            if index / 4 != block {
                (block, lanes) = (index / 4, bits(index / 4));
            }
            *y = if u64::from(lanes[index as usize % 4]) < limit { T::ZERO } else { *x * scale };
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Dropout = Dropout { probability: 0.25, seed: 3, place: 1, step: 7, first: 0 };

    #[test]
    fn the_share_is_dropped_and_the_mean_is_kept() {
        let (x, mut y) = (vec![1.0f64; 100_000], vec![9.0; 100_000]);
        apply(AT, &x, &mut y);
        let dropped = y.iter().filter(|v| **v == 0.0).count();
        assert!((24_500..25_500).contains(&dropped), "{dropped}");
        assert!(y.iter().all(|v| *v == 0.0 || (v * 0.75 - 1.0).abs() < 1e-12));
    }

    #[test]
    fn a_number_has_its_own_fate_however_the_rows_are_split() {
        let x = vec![1.0f32; 10_007];
        let (mut whole, mut tail) = (vec![0.0; x.len()], vec![0.0; x.len() - 4_999]);
        apply(AT, &x, &mut whole);
        apply(Dropout { first: 4_999, ..AT }, &x[4_999..], &mut tail);
        assert_eq!(whole[4_999..], tail);
        let mut other = vec![0.0; x.len()];
        for at in [Dropout { step: 8, ..AT }, Dropout { place: 2, ..AT }, Dropout { seed: 4, ..AT }] {
            apply(at, &x, &mut other);
            assert_ne!(whole, other);
        }
    }
}
