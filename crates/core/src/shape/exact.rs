//! Whole numbers that remember an overflow instead of wrapping or panicking.

use crate::CoreError;
use std::ops::{Add, Mul};

/// A count, or the fact that it has outgrown 64 bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact(Option<u64>);

impl Exact {
    /// The count.
    ///
    /// # Errors
    /// [`CoreError::Overflow`] naming `what`.
    pub(super) fn get(self, what: &'static str) -> Result<u64, CoreError> {
        self.0.ok_or(CoreError::Overflow { what })
    }
}

impl From<u64> for Exact {
    fn from(value: u64) -> Self {
        Self(Some(value))
    }
}

/// One for what is there, zero for what is not.
impl From<bool> for Exact {
    fn from(there: bool) -> Self {
        Self(Some(u64::from(there)))
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.zip(other.0).and_then(|(a, b)| a.checked_add(b)))
    }
}

impl Mul for Exact {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        match (self.0, other.0) {
            // What is not there has no size, however large it would be.
            (Some(0), _) | (_, Some(0)) => Self(Some(0)),
            (a, b) => Self(a.zip(b).and_then(|(a, b)| a.checked_mul(b))),
        }
    }
}

impl Mul<Exact> for u64 {
    type Output = Exact;
    fn mul(self, other: Exact) -> Exact {
        Exact::from(self) * other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflow_is_remembered() {
        let large = Exact::from(u64::MAX);
        assert!((large + Exact::from(1)).get("a sum").is_err());
        assert!((2 * large + Exact::from(0)).get("a product").unwrap_err().to_string().contains("a product"));
        assert_eq!((Exact::from(false) * (large * large)).get("nothing").unwrap(), 0);
        assert_eq!((3 * Exact::from(4) + Exact::from(true)).get("a count").unwrap(), 13);
    }
}
