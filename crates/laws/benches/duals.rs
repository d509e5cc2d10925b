//! Gradient of a five-coefficient law over 234 rows: the jets of this crate against `num-dual`.
//!
//! `cargo bench -p kleiber-laws --bench duals`

use divan::{Bencher, black_box};
use kleiber_laws::real::{Jet, Real};
use nalgebra::SVector;
use num_dual::{Derivative, DualNum, DualSVec64};

const POINT: [f64; 5] = [0.5, 6.0, 7.0, 0.34, 0.36];

fn rows() -> Vec<(f64, f64)> {
    (0..234).map(|i| ((1e8 * 1.01f64.powi(i)).ln(), (1e9 * 1.02f64.powi((i * 7) % 200)).ln())).collect()
}

fn main() {
    divan::main();
}

#[divan::bench]
fn jets(bencher: Bencher<'_, '_>) {
    let rows = rows();
    let c: [Jet<f64, 5>; 5] = std::array::from_fn(|i| {
        let mut jet = Jet::constant(POINT[i]);
        jet.slope[i] = 1.0;
        jet
    });
    bencher.bench_local(|| {
        let mut sums = [0.0; 5];
        for &(n, d) in black_box(&rows) {
            let y = (c[0].exp() + (c[1] - c[3].scale(n)).exp() + (c[2] - c[4].scale(d)).exp()).ln();
            sums.iter_mut().zip(y.slope).for_each(|(s, v)| *s += v);
        }
        sums
    });
}

#[divan::bench]
fn num_dual(bencher: Bencher<'_, '_>) {
    let rows = rows();
    let c: [DualSVec64<5>; 5] = std::array::from_fn(|i| {
        let mut direction = SVector::<f64, 5>::zeros();
        direction[i] = 1.0;
        DualSVec64::new(POINT[i], Derivative::some(direction))
    });
    bencher.bench_local(|| {
        let mut sums = [0.0; 5];
        for &(n, d) in black_box(&rows) {
            let y = (c[0].exp() + (c[1] - c[3] * n).exp() + (c[2] - c[4] * d).exp()).ln();
            if let Some(slope) = y.eps.0 {
                sums.iter_mut().zip(slope.iter()).for_each(|(s, v)| *s += v);
            }
        }
        sums
    });
}
