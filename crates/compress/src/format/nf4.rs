//! NF4: levels at quantiles of the normal distribution (Dettmers et al. 2023, arXiv 2305.14314, section 3).

use super::Codebook;
use kleiber_core::stats::normal_quantile;

/// Levels of 4 bits.
const LEVELS: usize = 16;

/// The 16 levels. Eight positive ones are quantiles at equal steps of probability from 1/2 (left out) to `p`, seven
/// negative ones likewise in eighths less one, 0 is exact, and all are divided by the largest. `p` leaves out the mean of
/// half a step of 1/16 and one of 1/15, so that neither end is infinite.
pub fn codebook() -> Codebook {
    let (even, odd) = (LEVELS as f64, LEVELS as f64 - 1.0);
    let p = 1.0 - 0.5 * (0.5 / even + 0.5 / odd);
    let side = |count: usize, sign: f64| {
        let step = (p - 0.5) / count as f64;
        (1..=count).map(move |i| sign * normal_quantile(0.5 + step * i as f64))
    };
    let half = LEVELS / 2;
    Codebook::new(side(half, 1.0).chain(side(half - 1, -1.0)).chain([0.0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_levels_come_out() {
        // Appendix E of the paper; the library that came with it computed them in single precision.
        let published = [
            -1.0,
            -0.696_192_8,
            -0.525_073_05,
            -0.394_917_49,
            -0.284_441_38,
            -0.184_773_43,
            -0.091_050_036,
            0.0,
            0.079_580_3,
            0.160_930_2,
            0.246_112_3,
            0.337_915_24,
            0.440_709_83,
            0.562_617,
            0.722_956_84,
            1.0,
        ];
        let got = codebook();
        assert_eq!(got.levels().len(), 16);
        for (got, want) in got.levels().iter().zip(published) {
            assert!((f64::from(*got) - want).abs() < 1e-6, "{got} for {want}");
        }
        // The first boundaries as that library has them.
        assert!(got.nearest(0.8615) == 15 && got.nearest(0.8614) == 14 && got.nearest(-0.8482) == 0);
    }
}
