//! FP4 as bitsandbytes has it: the floats of two exponent bits and one mantissa bit but for the smallest level.

use super::{Codebook, float};

/// The smallest level in units of the largest: bitsandbytes has 0.0625 beside 12 where the format of the Open Compute
/// Project (E2M1) has 1.
const SMALLEST: f64 = 0.0625 / 12.0;

/// The 15 levels: 0, 0.0625, 2, 3, 4, 6, 8, 12 and their negatives, over 12.
pub fn codebook() -> Codebook {
    let positive: Vec<f64> = float::positive(2, 1);
    let top = positive[positive.len() - 1];
    let levels = positive.iter().map(|v| if *v == positive[1] { SMALLEST } else { v / top });
    Codebook::new(levels.flat_map(|v| [v, -v]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_levels_are_those_of_the_library() {
        let want = [0.0, 0.005_208_333, 0.166_666_67, 0.25, 0.333_333_34, 0.5, 0.666_666_7, 1.0];
        let book = codebook();
        assert_eq!(book.levels().len(), 15);
        for (i, want) in want.iter().enumerate() {
            assert!((book.levels()[7 + i] - want).abs() < 1e-7 && (book.levels()[7 - i] + want).abs() < 1e-7);
        }
    }
}
