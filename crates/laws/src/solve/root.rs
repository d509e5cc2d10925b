//! Where a function of one number is zero.
//!
//! Written here because the solvers that the workspace already depends on offer none, and this is all that is needed of one.

/// Steps after which the bracket is as small as it gets.
const STEPS: usize = 150;
/// Relative width of the last bracket.
const CLOSE: f64 = 1e-12;

/// Root of a continuous function between two ends of different sign, in either order, by false position with every third step a
/// bisection. Nothing when the signs are equal or a value is not a number.
pub(crate) fn root(from: f64, to: f64, f: impl Fn(f64) -> f64) -> Option<f64> {
    let (low, high) = (from.min(to), from.max(to));
    let (mut a, mut b) = ((low, f(low)), (high, f(high)));
    if a.1 == 0.0 || b.1 == 0.0 {
        return Some(if a.1 == 0.0 { a.0 } else { b.0 });
    }
    if (a.1 * b.1).is_nan() || a.1 * b.1 >= 0.0 {
        return None;
    }
    for step in 0..STEPS {
        let guess = (a.0 * b.1 - b.0 * a.1) / (b.1 - a.1);
        let inside = guess > a.0 && guess < b.0 && step % 3 != 2;
        let x = if inside { guess } else { 0.5 * (a.0 + b.0) };
        let y = f(x);
        if y == 0.0 || b.0 - a.0 <= CLOSE * (1.0 + a.0.abs().max(b.0.abs())) {
            return Some(x);
        }
        // The end that stays is given less weight (Illinois), so that both ends move.
        if y * a.1 < 0.0 {
            b = (x, y);
            a.1 *= 0.5;
        } else {
            a = (x, y);
            b.1 *= 0.5;
        }
    }
    Some(0.5 * (a.0 + b.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_found_from_either_side() {
        let two = |x: f64| x * x - 2.0;
        for (from, to) in [(0.0, 40.0), (40.0, 0.0)] {
            assert!((root(from, to, two).unwrap() - std::f64::consts::SQRT_2).abs() < 1e-11);
        }
        // Flat on one side and steep on the other, and with an infinite end.
        assert!((root(-25.0, 6.0, |x| x.exp() - 1e-8).unwrap() + 18.420_680_743_952_367).abs() < 1e-9);
        assert!((root(0.0, 9.0, |x: f64| x.ln()).unwrap() - 1.0).abs() < 1e-11);
        assert_eq!(root(1.0, 3.0, |x| x - 3.0), Some(3.0));
    }

    #[test]
    fn ends_of_one_sign_have_no_root() {
        assert_eq!(root(2.0, 3.0, |x| x * x), None);
        assert_eq!(root(0.0, 1.0, |_| f64::NAN), None);
    }
}
