//! The number a kernel computes with: `f32` in training, `f64` where gradients are checked.

use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};

/// `f32` or `f64`, with the functions that kernels need in a form that vectorises.
pub trait Real:
    Copy
    + Debug
    + Default
    + PartialOrd
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Below every score; finite, so that differences of masked scores are not NaN.
    const LOWEST: Self;
    /// What is smaller does not count beside a one, nor after a few more products.
    const FAINT: Self;

    /// From a constant.
    fn from_f64(value: f64) -> Self;
    /// To double precision.
    fn to_f64(self) -> f64;
    /// `self * factor + summand`, rounded once.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// e^self.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// The larger of two numbers.
    fn larger(self, other: Self) -> Self {
        if self > other { self } else { other }
    }
    /// Zero for what is too small to count beside a one: subnormal numbers slow some processors down a hundred times.
    #[inline(always)]
    fn or_zero(self) -> Self {
        if self < Self::FAINT && self > -Self::FAINT { Self::ZERO } else { self }
    }
    /// 1 / (1 + e^-self).
    #[inline(always)]
    fn sigmoid(self) -> Self {
        Self::ONE / (Self::ONE + (-self).exp())
    }
}

impl Real for f32 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = -1e30;
    const FAINT: Self = 1e-30;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        f32::mul_add(self, factor, summand)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f32::sqrt(self)
    }
    /// Without a branch or a call, so that loops over it vectorise; relative error below 3e-7 between -60 and 60.
    /// Above, the result stays at that of the end, so that a sigmoid is no subnormal number either. Below it is zero: beside the one of a softmax nothing smaller
    /// counts, and a hidden score would otherwise turn into a subnormal probability, whose products take some
    /// processors a hundred times as long.
    #[inline(always)]
    fn exp(self) -> Self {
        // x = (n + f) ln 2 with |f| <= 1/2; 2^f is its Taylor sum of degree 7 in f ln 2.
        const LN2: [f32; 7] = [
            std::f32::consts::LN_2,
            0.240_226_5,
            0.055_504_11,
            0.009_618_129,
            0.001_333_355_8,
            0.000_154_035_3,
            0.000_015_252_734,
        ];
        // Adding and taking away 1.5 x 2^23 rounds to a whole number.
        const ROUND: f32 = 12_582_912.0;
        const MOST: f32 = 60.0;
        // What the single-precision 1/ln 2 leaves out.
        const REST: f32 = 1.925_963e-8;
        let x = self.clamp(-MOST, MOST);
        let shifted = f32::mul_add(x, std::f32::consts::LOG2_E, ROUND);
        let f = f32::mul_add(x, std::f32::consts::LOG2_E, ROUND - shifted);
        let f = f32::mul_add(x, REST, f);
        let mut sum = LN2[6];
        for c in LN2[..6].iter().rev() {
            sum = f32::mul_add(sum, f, *c);
        }
        let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
        let power = if self < -MOST { 0.0 } else { power };
        f32::mul_add(sum, f, 1.0) * power
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f32::ln(self)
    }
}

impl Real for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = -1e300;
    const FAINT: Self = 1e-200;

    #[inline(always)]
    fn from_f64(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
    #[inline(always)]
    fn mul_add(self, factor: Self, summand: Self) -> Self {
        f64::mul_add(self, factor, summand)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_good_to_single_precision() {
        let mut worst = 0f64;
        for i in -6000..=6000 {
            let x = i as f32 * 0.01;
            let (got, want) = (f64::from(Real::exp(x)), f64::from(x).exp());
            worst = worst.max((got / want - 1.0).abs());
        }
        assert!(worst < 3e-7, "{worst}");
        assert_eq!(Real::exp(0f32), 1.0);
        assert_eq!((Real::exp(-1e30f32), Real::exp(-60.1f32)), (0.0, 0.0));
        assert!(Real::exp(1e30f32).is_finite());
    }

    #[test]
    fn the_sigmoid_is_that_of_double_precision() {
        for x in [-30.0, -3.0, -0.1, 0.0, 0.1, 3.0, 30.0f32] {
            assert!((f64::from(x.sigmoid()) - f64::from(x).sigmoid()).abs() < 1e-7);
        }
    }
}
