//! The values that a claim accepts.

use super::verdict::Truth;
use crate::units::format_significant;

/// Values from one number to another, or without end on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
    /// Whether the lower end itself is left out.
    open: bool,
}

impl Range {
    /// From `at_least` to `at_most`, ends included; what is absent has no end.
    pub(super) fn new(at_least: Option<f64>, at_most: Option<f64>) -> Self {
        Self { low: at_least.unwrap_or(f64::NEG_INFINITY), high: at_most.unwrap_or(f64::INFINITY), open: false }
    }

    /// The least and the largest accepted value, infinite where there is none.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Says what is wrong with a range that holds nothing or everything.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.low == f64::NEG_INFINITY && self.high == f64::INFINITY {
            return Err("nothing is claimed: give `at_least`, `at_most` or both".into());
        }
        match self.low <= self.high {
            true => Ok(()),
            false => Err(format!("no number is at least {} and at most {}", self.low, self.high)),
        }
    }

    /// `low` and more.
    pub(super) fn at_least(low: f64) -> Self {
        Self { low, high: f64::INFINITY, open: false }
    }

    /// `high` and less.
    pub(super) fn at_most(high: f64) -> Self {
        Self { low: f64::NEG_INFINITY, high, open: false }
    }

    /// More than `low`.
    pub(super) fn above(low: f64) -> Self {
        Self { low, high: f64::INFINITY, open: true }
    }

    /// Whether a value is accepted.
    pub(super) fn holds(&self, value: f64) -> bool {
        value <= self.high && if self.open { value > self.low } else { value >= self.low }
    }

    /// The decision on an interval.
    pub(super) fn decide(&self, low: f64, high: f64) -> Truth {
        if low.is_nan() || high.is_nan() {
            Truth::Undecided
        } else if self.holds(low) && self.holds(high) {
            Truth::True
        } else if low > self.high || high < self.low || (self.open && high <= self.low) {
            Truth::False
        } else {
            Truth::Undecided
        }
    }

    /// How far outside a value lies; negative inside.
    pub(super) fn excess(&self, value: f64) -> f64 {
        (self.low - value).max(value - self.high)
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = |v: f64| format_significant(v, 4);
        match (self.low.is_finite(), self.high.is_finite()) {
            (true, true) if self.low == self.high => write!(f, "exactly {}", number(self.low)),
            (true, true) => write!(f, "{} to {}", number(self.low), number(self.high)),
            (true, false) if self.open => write!(f, "more than {}", number(self.low)),
            (true, false) => write!(f, "at least {}", number(self.low)),
            _ => write!(f, "at most {}", number(self.high)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_inside_outside_or_both() {
        let range = Range::new(Some(0.1), Some(0.3));
        assert_eq!(range.decide(0.1, 0.3), Truth::True);
        assert_eq!(range.decide(0.05, 0.2), Truth::Undecided);
        assert_eq!(range.decide(0.31, 0.4), Truth::False);
        assert_eq!(range.decide(f64::NAN, f64::NAN), Truth::Undecided);
        assert_eq!(
            (Range::above(0.0).decide(0.0, 0.0), Range::at_least(0.0).decide(0.0, 0.0)),
            (Truth::False, Truth::True)
        );
        assert_eq!((range.to_string(), Range::at_most(2.0).to_string()), ("0.1 to 0.3".into(), "at most 2".into()));
        assert!(range.check().is_ok() && Range::new(None, None).check().is_err());
        assert!(Range::new(Some(1.0), Some(0.0)).check().is_err() && Range::new(Some(f64::NAN), None).check().is_err());
    }
}
