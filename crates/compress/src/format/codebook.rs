//! Codes that stand for listed values, each block scaled by its largest magnitude.

use super::{Block, Code};

/// Values between -1 and 1 that codes stand for, in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    levels: Vec<f32>,
    /// Middles of neighbouring levels.
    bounds: Vec<f32>,
}

impl Codebook {
    /// A codebook of these levels in any order, divided by the largest magnitude; equal ones are one.
    ///
    /// # Panics
    /// When there are fewer than two different levels or more than 256, when one is not finite, or 0 is not among them.
    pub fn new(levels: impl IntoIterator<Item = f64>) -> Self {
        let mut levels: Vec<f64> = levels.into_iter().collect();
        assert!(levels.iter().all(|v| v.is_finite()), "levels are finite");
        levels.sort_by(f64::total_cmp);
        let top = levels.iter().fold(0.0, |top: f64, v| top.max(v.abs()));
        let mut levels: Vec<f32> = levels.iter().map(|v| (v / top) as f32 + 0.0).collect();
        levels.dedup();
        assert!((2..=256).contains(&levels.len()) && levels.contains(&0.0), "2 to 256 levels with 0 among them");
        let bounds = levels.windows(2).map(|w| 0.5 * (w[0] + w[1])).collect();
        Self { levels, bounds }
    }

    /// The levels, ascending.
    pub fn levels(&self) -> &[f32] {
        &self.levels
    }

    /// The code of the nearest level; of the lower one half-way between two, as the branches of bitsandbytes decide.
    pub fn nearest(&self, x: f32) -> u8 {
        self.bounds.partition_point(|bound| x > *bound) as u8
    }
}

impl Code for Codebook {
    fn encode(&self, weights: &[f32]) -> Block {
        let scale = weights.iter().fold(0.0, |top: f32, w| top.max(w.abs()));
        let share = |w: &f32| if scale > 0.0 { w / scale } else { 0.0 };
        Block { codes: weights.iter().map(|w| self.nearest(share(w))).collect(), scale, zero: 0 }
    }

    fn value(&self, code: u8, _: u8) -> f32 {
        self.levels[usize::from(code)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn the_nearest_level_is_found() {
        let mut rng = Rng::new(3, "levels", 0);
        for count in [2, 5, 16, 255] {
            let book = Codebook::new((0..count).map(|_| rng.normal()).chain([0.0]));
            for _ in 0..2000 {
                let x = (2.4 * rng.uniform() - 1.2) as f32;
                let distance = |level: f32| (f64::from(level) - f64::from(x)).abs();
                let least = book.levels().iter().map(|l| distance(*l)).fold(f64::INFINITY, f64::min);
                let got = distance(book.levels()[usize::from(book.nearest(x))]);
                // Middles are rounded to single precision.
                assert!(got <= least + 1e-7, "{x}: {got} instead of {least}");
            }
        }
        // Half-way goes down, also below zero.
        let book = Codebook::new([-1.0, 0.0, 0.5, 1.0]);
        assert_eq!([-0.5, 0.25, 0.75, 0.7501, 9.0, -9.0].map(|x| book.nearest(x)), [0, 1, 2, 3, 3, 0]);
    }

    #[test]
    fn a_block_of_zeros_stays_one() {
        let book = Codebook::new([-1.0, 0.0, 1.0]);
        let block = book.encode(&[0.0, -0.0]);
        assert_eq!((block.scale, block.codes.as_slice()), (0.0, &[1, 1][..]));
    }
}
