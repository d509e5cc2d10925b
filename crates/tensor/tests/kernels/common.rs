//! Random numbers, differences and comparisons.

use kleiber_core::rng::Rng;

/// Normal numbers.
pub(crate) fn normal(seed: u64, len: usize) -> Vec<f64> {
    let mut rng = Rng::new(seed, "kernel tests", 0);
    (0..len).map(|_| rng.normal()).collect()
}

/// The same numbers in single precision.
pub(crate) fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|v| *v as f32).collect()
}

/// Fails unless the numbers agree to `tolerance` times the largest of them.
#[track_caller]
pub(crate) fn assert_close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = want.iter().fold(1e-6f64, |m, v| m.max(v.abs()));
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance * scale, "{what}[{i}]: {a} instead of {b} (scale {scale})");
    }
}

/// Gradient of `f` at `x` by central differences.
pub(crate) fn differences(x: &[f64], f: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let step = 1e-5;
    let mut moved = x.to_vec();
    (0..x.len())
        .map(|i| {
            let mut at = |v: f64| {
                moved[i] = v;
                f(&moved)
            };
            let slope = (at(x[i] + step) - at(x[i] - step)) / (2.0 * step);
            moved[i] = x[i];
            slope
        })
        .collect()
}

/// Weighted sum: turns an output into one number whose gradient along the output is `weights`.
pub(crate) fn weigh(output: &[f64], weights: &[f64]) -> f64 {
    output.iter().zip(weights).map(|(a, b)| a * b).sum()
}
