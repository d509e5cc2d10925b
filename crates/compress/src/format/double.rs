//! Scales as codes of their own: double quantisation (Dettmers et al. 2023, arXiv 2305.14314, section 3).

use super::{Code, Codebook};
use std::sync::OnceLock;

/// Powers of ten that the levels reach down.
const DECADES: u32 = 7;

/// The scales as they come back: less their mean, each `block` of them divided by the largest magnitude and taken to the
/// nearest of 256 levels.
pub(super) fn coded(scales: &[f32], block: usize) -> Vec<f32> {
    let mean = scales.iter().map(|s| f64::from(*s)).sum::<f64>() / scales.len().max(1) as f64;
    let mean = mean as f32;
    let rest: Vec<f32> = scales.iter().map(|s| s - mean).collect();
    let back = |part: &[f32]| -> Vec<f32> {
        let codes = levels().encode(part);
        // No scale is negative; the smallest may come back below zero.
        codes.codes.iter().map(|c| (codes.scale * levels().value(*c, 0) + mean).max(0.0)).collect()
    };
    rest.chunks(block).flat_map(back).collect()
}

/// The dynamic map (Dettmers 2016, arXiv 1511.04561) with a sign: 2^i levels evenly over each power of ten from 10^(i-7)
/// up to 10^(i-6), the middles of their intervals, on both sides; 0, and 1 on one side.
fn levels() -> &'static Codebook {
    static LEVELS: OnceLock<Codebook> = OnceLock::new();
    LEVELS.get_or_init(|| {
        let decade = |i: u32| {
            let (count, power) = (1u32 << i, 10f64.powi(i as i32 + 1 - DECADES as i32));
            (0..count).map(move |k| power * (0.1 + 0.9 * (f64::from(k) + 0.5) / f64::from(count)))
        };
        let positive = (0..DECADES).flat_map(decade);
        Codebook::new(positive.flat_map(|v| [v, -v]).chain([0.0, 1.0]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn the_map_has_256_levels() {
        let levels = levels().levels();
        assert_eq!(levels.len(), 256);
        // By hand: 0.1 + 0.9 * 127/128 in the highest decade, 0.55e-6 in the lowest, nothing at -1.
        for (at, want) in [(0, -0.992_968_75), (255, 1.0), (254, 0.992_968_75), (127, 0.0), (128, 0.55e-6)] {
            assert!((f64::from(levels[at]) - want).abs() < 1e-7, "level {at}: {}", levels[at]);
        }
    }

    #[test]
    fn scales_come_back_nearly() {
        let mut rng = Rng::new(0, "scales", 0);
        let scales: Vec<f32> = (0..600).map(|_| (0.05 + 0.01 * rng.normal()).abs() as f32).collect();
        let back = coded(&scales, 256);
        assert_eq!(back.len(), 600);
        let square = |a: &[f32]| a.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let moved: Vec<f32> = scales.iter().zip(&back).map(|(a, b)| a - b).collect();
        // Levels of the highest decade are 0.9/64 of about three standard deviations apart, 1/sqrt(12) of that on average.
        assert!((square(&moved) / square(&scales)).sqrt() < 0.003 && moved.iter().any(|m| *m != 0.0));
        // A single scale is its own mean.
        assert_eq!(coded(&[0.25], 256), [0.25]);
        assert!(coded(&[], 256).is_empty());
        assert!(coded(&[0.0, 1.0, 1.0, 1.0], 256).iter().all(|s| *s >= 0.0));
    }
}
