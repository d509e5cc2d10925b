//! Numbers a law can be evaluated with: plain `f64`, or [`Jet`]s that carry exact derivatives along.
//!
//! A form is written once over [`Real`]; `Jet<f64, N>` then gives its gradient and a jet of jets its
//! Hessian (forward-mode automatic differentiation). The crate `num-dual` does the same and is the
//! independent reference in the tests; on 234 rows of a five-coefficient law its gradient takes
//! 1.2 times as long (`benches/duals.rs`), and this is the innermost loop of every fit. Jets are also plain `Copy`
//! arrays whose slopes are stored straight into the block of a problem.

use std::ops::{Add, Div, Mul, Neg, Sub};

/// The arithmetic a law may use.
pub trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// A constant: derivatives zero.
    fn constant(value: f64) -> Self;
    /// The plain value, without derivatives.
    fn value(self) -> f64;
    /// e^x.
    fn exp(self) -> Self;
    /// e^x - 1, accurate near zero.
    fn exp_m1(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// ln(1 + e^x) without overflow.
    fn softplus(self) -> Self;
    /// Multiplication by a plain number.
    fn scale(self, factor: f64) -> Self;
    /// x^p through logarithms; x must be positive.
    fn pow(self, exponent: Self) -> Self {
        (self.ln() * exponent).exp()
    }
}

impl Real for f64 {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self
    }
    #[inline(always)]
    fn exp(self) -> Self {
        f64::exp(self)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        f64::exp_m1(self)
    }
    #[inline(always)]
    fn ln(self) -> Self {
        f64::ln(self)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        self.max(0.0) + f64::ln_1p(f64::exp(-self.abs()))
    }
    #[inline(always)]
    fn scale(self, factor: f64) -> Self {
        self * factor
    }
}

/// A value and its derivatives along `N` directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet<T, const N: usize> {
    /// The value.
    pub value: T,
    /// Derivative of the value along each direction.
    pub slope: [T; N],
}

impl<T: Real, const N: usize> Jet<T, N> {
    /// The value after a function with derivative `derivative` was applied to it.
    #[inline(always)]
    fn chain(self, value: T, derivative: T) -> Self {
        Self { value, slope: self.slope.map(|s| s * derivative) }
    }

    #[inline(always)]
    fn zip(self, other: Self, value: T, join: impl Fn(T, T) -> T) -> Self {
        let mut slope = self.slope;
        for (a, b) in slope.iter_mut().zip(other.slope) {
            *a = join(*a, b);
        }
        Self { value, slope }
    }
}

impl<T: Real, const N: usize> Add for Jet<T, N> {
    type Output = Self;
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.zip(other, self.value + other.value, |a, b| a + b)
    }
}

impl<T: Real, const N: usize> Sub for Jet<T, N> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.zip(other, self.value - other.value, |a, b| a - b)
    }
}

impl<T: Real, const N: usize> Mul for Jet<T, N> {
    type Output = Self;
    #[inline(always)]
    #[allow(clippy::suspicious_arithmetic_impl)] // the product rule is a sum
    fn mul(self, other: Self) -> Self {
        self.zip(other, self.value * other.value, |a, b| a * other.value + b * self.value)
    }
}

impl<T: Real, const N: usize> Div for Jet<T, N> {
    type Output = Self;
    #[inline(always)]
    fn div(self, other: Self) -> Self {
        let inverse = T::constant(1.0) / other.value;
        let ratio = self.value * inverse;
        self.zip(other, ratio, |a, b| (a - b * ratio) * inverse)
    }
}

impl<T: Real, const N: usize> Neg for Jet<T, N> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, slope: self.slope.map(|s| -s) }
    }
}

impl<T: Real, const N: usize> Real for Jet<T, N> {
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self { value: T::constant(value), slope: [T::constant(0.0); N] }
    }
    #[inline(always)]
    fn value(self) -> f64 {
        self.value.value()
    }
    #[inline(always)]
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e)
    }
    #[inline(always)]
    fn exp_m1(self) -> Self {
        let e = self.value.exp_m1();
        self.chain(e, e + T::constant(1.0))
    }
    #[inline(always)]
    fn ln(self) -> Self {
        self.chain(self.value.ln(), T::constant(1.0) / self.value)
    }
    #[inline(always)]
    fn softplus(self) -> Self {
        let s = self.value.softplus();
        // d/dx ln(1 + e^x) = e^(x - softplus x), which never overflows.
        self.chain(s, (self.value - s).exp())
    }
    #[inline(always)]
    fn scale(self, factor: f64) -> Self {
        Self { value: self.value.scale(factor), slope: self.slope.map(|s| s.scale(factor)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_dual::{DualNum, second_partial_derivative};
    use proptest::prelude::*;

    fn ours<T: Real>(x: T, y: T) -> T {
        ((x * y - y / x).softplus() + (x.ln() * y).exp_m1()).pow(T::constant(1.5)) - (-x).scale(2.0)
    }

    fn theirs<D: DualNum<Primitive = f64> + Copy>(x: D, y: D) -> D {
        (((x * y - y / x).exp() + 1.0).ln() + (x.ln() * y).exp_m1()).powf(1.5) + x * 2.0
    }

    proptest! {
        #[test]
        fn slopes_and_curvatures_agree_with_num_dual(x in 0.3f64..3.0, y in 0.2f64..2.0) {
            type Second = Jet<Jet<f64, 1>, 1>;
            let seed = |v: f64, inner: f64, outer: f64| Second {
                value: Jet { value: v, slope: [inner] },
                slope: [Jet { value: outer, slope: [0.0] }],
            };
            prop_assume!((x.ln() * y).exp_m1() > -0.3 || x > 1.0);
            let got = ours(seed(x, 1.0, 0.0), seed(y, 0.0, 1.0));
            let want = second_partial_derivative(|(a, b)| theirs(a, b), (x, y));
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()));
            prop_assume!(want.0.is_finite());
            prop_assert!(close(got.value.value, want.0));
            prop_assert!(close(got.value.slope[0], want.1));
            prop_assert!(close(got.slope[0].value, want.2));
            prop_assert!(close(got.slope[0].slope[0], want.3));
        }
    }

    #[test]
    fn softplus_neither_overflows_nor_loses_small_values() {
        assert_eq!(800f64.softplus(), 800.0);
        assert!(((-40f64).softplus() / (-40f64).exp() - 1.0).abs() < 1e-12);
    }
}
