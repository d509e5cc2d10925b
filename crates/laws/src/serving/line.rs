//! Measured decoding: time per token is a line in the tokens before it, `t(n) = t0 + s n`.

use super::{Load, Served};
use kleiber_core::stats::line;
use serde::Serialize;

/// Beyond this relative misfit the points are not a line.
const STRAIGHT: f64 = 0.05;

/// Speed at a depth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodePoint {
    /// Tokens in the cache when decoding starts.
    pub depth: f64,
    /// Tokens that were decoded; the time is that of the middle one.
    pub generated: f64,
    /// Tokens per second.
    pub tokens_per_second: f64,
}

/// The line through such points.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DecodeLine {
    /// Seconds of a token without any before it: reading the weights.
    pub start: f64,
    /// Seconds more for each token before it: reading its keys and values.
    pub slope: f64,
    /// Largest relative difference of the line from a point.
    pub misfit: f64,
}

impl DecodeLine {
    /// Least squares over seconds per token; nothing for fewer than three depths.
    pub fn of(points: &[DecodePoint]) -> Option<Self> {
        let at = |p: &DecodePoint| (p.depth + p.generated / 2.0, 1.0 / p.tokens_per_second);
        let (depths, seconds): (Vec<f64>, Vec<f64>) = points.iter().map(at).unzip();
        if points.len() < 3 || depths.iter().all(|d| *d == depths[0]) || !seconds.iter().all(|s| s.is_finite()) {
            return None;
        }
        let (slope, start, _) = line(&depths, &seconds);
        let off = |(n, t): (&f64, &f64)| ((start + slope * n) / t - 1.0).abs();
        let misfit = depths.iter().zip(&seconds).map(off).fold(0.0, f64::max);
        Some(Self { start, slope, misfit })
    }

    /// Whether the points lie on it within 5%; a kernel that slows down with depth does not.
    pub fn straight(&self) -> bool {
        self.misfit <= STRAIGHT
    }

    /// Tokens per second at a depth with so many generated.
    pub fn at(&self, depth: f64, generated: f64) -> f64 {
        1.0 / (self.start + self.slope * (depth + generated / 2.0))
    }

    /// Bytes of weights per second that the start implies.
    pub fn weight_bandwidth(&self, model: &Served, load: &Load) -> f64 {
        model.read_bytes(load) / self.start
    }

    /// Bytes of keys and values per second that the slope implies.
    pub fn cache_bandwidth(&self, model: &Served, load: &Load) -> f64 {
        load.density * model.kv_bytes(load) / self.slope
    }

    /// Depth at which a token takes twice as long as at none.
    pub fn halving_context(&self) -> f64 {
        self.start / self.slope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(speed: impl Fn(f64) -> f64) -> Vec<DecodePoint> {
        let at = |depth: f64| DecodePoint { depth, generated: 128.0, tokens_per_second: speed(depth + 64.0) };
        [128.0, 512.0, 2048.0, 8192.0, 16384.0].map(at).to_vec()
    }

    #[test]
    fn a_line_is_found_and_a_curve_is_told() {
        let found = DecodeLine::of(&points(|n| 1.0 / (0.03 + 2e-6 * n))).unwrap();
        assert!((found.start - 0.03).abs() < 1e-9 && (found.slope - 2e-6).abs() < 1e-13 && found.misfit < 1e-9);
        assert!((found.at(1000.0, 0.0) - 1.0 / 0.032).abs() < 1e-6 && found.straight());
        assert!((found.halving_context() - 15_000.0).abs() < 1e-3);
        let curve = DecodeLine::of(&points(|n| 1.0 / (0.03 + 4e-10 * n * n))).unwrap();
        assert!(!curve.straight(), "{curve:?}");
        assert!(DecodeLine::of(&points(|_| 1.0)[..2]).is_none());
    }
}
