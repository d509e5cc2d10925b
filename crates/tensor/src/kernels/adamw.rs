//! AdamW (Loshchilov and Hutter 2019) in one pass over a flat buffer.

use super::{Real, kernel};
use rayon::prelude::*;

/// Numbers handled by one task.
const BLOCK: usize = 1 << 14;

/// One step's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// Decoupled weight decay: each step first shrinks parameters by `rate * decay`.
    pub decay: f64,
    /// Number of this step, the first is 1.
    pub count: u64,
    /// Factor of all gradients, for clipping and averaging.
    pub scale: f64,
}

/// Updates parameters `p` and moments `m` and `v` from gradients `g`.
pub fn step<T: Real>(settings: Step, p: &mut [T], g: &[T], m: &mut [T], v: &mut [T]) {
    let power = |beta: f64| beta.powf(settings.count as f64);
    let correction = (1.0 / (1.0 - power(settings.beta2))).sqrt();
    let real = T::from_f64;
    let (beta1, beta2, scale) = (real(settings.beta1), real(settings.beta2), real(settings.scale));
    let (rest1, rest2) = (real(1.0 - settings.beta1), real(1.0 - settings.beta2));
    let (keep, epsilon) = (real(1.0 - settings.rate * settings.decay), real(settings.epsilon));
    let (rate, correction) = (real(settings.rate / (1.0 - power(settings.beta1))), real(correction));
    let blocks =
        p.par_chunks_mut(BLOCK).zip(g.par_chunks(BLOCK)).zip(m.par_chunks_mut(BLOCK)).zip(v.par_chunks_mut(BLOCK));
    let factors = [scale, beta1, rest1, beta2, rest2, keep, rate, correction, epsilon];
    blocks.for_each(|(((p, g), m), v)| update(factors, p, g, m, v));
}

/// `average = keep average + (1 - keep) values`.
///
/// # Panics
/// When the lengths differ.
pub fn blend<T: Real>(keep: T, average: &mut [T], values: &[T]) {
    assert!(average.len() == values.len());
    average.par_chunks_mut(BLOCK).zip(values.par_chunks(BLOCK)).for_each(|(a, v)| blend_block(keep, a, v));
}

kernel! {
    fn blend_block<'a, T>(keep: T, average: &'a mut [T], values: &'a [T]) {
        for (a, v) in average.iter_mut().zip(values) {
            *a = (*a - *v).mul_add(keep, *v);
        }
    }
}

kernel! {
    fn update<'a, T>(factors: [T; 9], p: &'a mut [T], g: &'a [T], m: &'a mut [T], v: &'a mut [T]) {
        let [scale, beta1, rest1, beta2, rest2, keep, rate, correction, epsilon] = factors;
        for (((p, g), m), v) in p.iter_mut().zip(g).zip(m).zip(v) {
            let g = *g * scale;
            *m = m.mul_add(beta1, rest1 * g).or_zero();
            *v = v.mul_add(beta2, rest2 * g * g).or_zero();
            *p = p.mul_add(keep, -(rate * *m / v.sqrt().mul_add(correction, epsilon)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_average_by_hand() {
        let mut average = [1.0f64, 2.0];
        blend(0.75, &mut average, &[5.0, 2.0]);
        assert_eq!(average, [2.0, 2.0]);
    }

    #[test]
    fn moments_that_no_step_can_show_are_zero() {
        let settings = Step { rate: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.0, count: 9, scale: 1.0 };
        let (mut p, mut m, mut v) = ([2.0f32], [1.05e-30], [1.02e-30]);
        step(settings, &mut p, &[0.0], &mut m, &mut v);
        assert_eq!((p, m, v), ([2.0], [0.0], [0.0]));
    }

    #[test]
    fn two_steps_by_hand() {
        let at = |count, scale| Step { rate: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0.5, count, scale };
        let (mut p, mut m, mut v) = ([2.0f64], [0.0], [0.0]);
        step(at(1, 0.5), &mut p, &[6.0], &mut m, &mut v);
        // The first step has the length of the rate whatever the gradient: 2 * 0.95 - 0.1.
        assert!((p[0] - 1.8).abs() < 1e-8 && (m[0] - 0.3).abs() < 1e-12 && (v[0] - 0.45).abs() < 1e-12);
        step(at(2, 1.0), &mut p, &[-1.0], &mut m, &mut v);
        let (first, second) = (0.17 / (1.0 - 0.81), (0.4775f64 / (1.0 - 0.9025)).sqrt());
        assert!((p[0] - (1.8 * 0.95 - 0.1 * first / second)).abs() < 1e-8, "{}", p[0]);
    }
}
