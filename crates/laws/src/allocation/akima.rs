//! Akima's spline (1970): a smooth curve through points that does not overshoot near a jump.

/// A curve through (x, y) with x strictly rising.
pub(crate) struct Akima {
    x: Vec<f64>,
    y: Vec<f64>,
    slopes: Vec<f64>,
}

impl Akima {
    /// `None` for fewer than three points or x that does not rise.
    pub(crate) fn new(x: &[f64], y: &[f64]) -> Option<Self> {
        let n = x.len();
        if n < 3 || x.windows(2).any(|w| w[1] <= w[0]) {
            return None;
        }
        let chord: Vec<f64> = (0..n - 1).map(|i| (y[i + 1] - y[i]) / (x[i + 1] - x[i])).collect();
        // Two chords beyond each end, by Akima's parabola rule.
        let mut m = vec![0.0; n + 3];
        m[2..=n].copy_from_slice(&chord);
        m[1] = 2.0 * m[2] - m[3];
        m[0] = 2.0 * m[1] - m[2];
        m[n + 1] = 2.0 * m[n] - m[n - 1];
        m[n + 2] = 2.0 * m[n + 1] - m[n];
        let largest = m.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f64::max);
        let slope = |i: usize| {
            let (before, after) = ((m[i + 1] - m[i]).abs(), (m[i + 3] - m[i + 2]).abs());
            if before + after <= 1e-9 * largest {
                0.5 * (m[i + 1] + m[i + 2])
            } else {
                (after * m[i + 1] + before * m[i + 2]) / (before + after)
            }
        };
        Some(Self { x: x.to_vec(), y: y.to_vec(), slopes: (0..n).map(slope).collect() })
    }

    /// The curve at `x`, which lies in gap `i`.
    fn at(&self, i: usize, x: f64) -> f64 {
        let h = self.x[i + 1] - self.x[i];
        let t = (x - self.x[i]) / h;
        let (t2, t3) = (t * t, t * t * t);
        self.y[i] * (2.0 * t3 - 3.0 * t2 + 1.0)
            + self.slopes[i] * h * (t3 - 2.0 * t2 + t)
            + self.y[i + 1] * (3.0 * t2 - 2.0 * t3)
            + self.slopes[i + 1] * h * (t3 - t2)
    }

    /// The lowest of `per_gap` evenly spaced values in each gap: (x, y), ends included.
    pub(crate) fn lowest(&self, per_gap: usize) -> (f64, f64) {
        let mut best = (self.x[0], self.y[0]);
        for i in 0..self.x.len() - 1 {
            for k in 1..=per_gap {
                let x = self.x[i] + (self.x[i + 1] - self.x[i]) * k as f64 / per_gap as f64;
                let y = self.at(i, x);
                if y < best.1 {
                    best = (x, y);
                }
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.interpolate.Akima1DInterpolator([0,1,2,3.5,5], [2,1,0.5,0.8,2])(...), SciPy 1.17.1
        let a = Akima::new(&[0.0, 1.0, 2.0, 3.5, 5.0], &[2.0, 1.0, 0.5, 0.8, 2.0]).unwrap();
        for (gap, x, want) in [(0, 0.4, AT_0_4), (1, 1.7, AT_1_7), (2, 2.5, AT_2_5), (3, 4.4, AT_4_4)] {
            assert!((a.at(gap, x) - want).abs() < 1e-12, "{x}: {}", a.at(gap, x));
        }
    }

    const AT_0_4: f64 = 1.544;
    const AT_1_7: f64 = 0.584_852_272_727_272_7;
    const AT_2_5: f64 = 0.479_254_079_254_079_3;
    const AT_4_4: f64 = 1.415_323_076_923_077;

    #[test]
    fn lines_and_parabolas_stay_what_they_are() {
        let x = [0.0, 1.0, 2.0, 3.0, 4.0];
        let line = Akima::new(&x, &x.map(|v| 3.0 - 0.5 * v)).unwrap();
        assert!((line.at(2, 2.3) - 1.85).abs() < 1e-12);
        let parabola = Akima::new(&x, &x.map(|v| (v - 2.0) * (v - 2.0))).unwrap();
        let (at, low) = parabola.lowest(25);
        assert!((at - 2.0).abs() < 1e-12 && low.abs() < 1e-12);
        assert!(Akima::new(&[0.0, 0.0, 1.0], &[1.0; 3]).is_none());
    }
}
