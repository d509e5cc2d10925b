//! From the performance at two sizes to that at a third (Kang et al. 2023, section 4.2).

use crate::{LawError, Reason};
use kleiber_core::units::format_significant;

/// The quantity that is taken to be a line in the logarithm of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The performance itself, as published. A probability soon leaves 0 to 1.
    Identity,
    /// The logarithm of a positive loss: a power law.
    Log,
    /// `ln(1 - p)` of a probability: a power law of the error. It cannot pass 1, but may fall below 0.
    LogError,
    /// `ln(p / (1 - p))` of a probability: cannot leave 0 to 1.
    Logit,
}

impl Link {
    fn of(self, v: f64) -> f64 {
        match self {
            Self::Identity => v,
            Self::Log => v.ln(),
            Self::LogError => (-v).ln_1p(),
            Self::Logit => (v / (1.0 - v)).ln(),
        }
    }

    fn back(self, u: f64) -> f64 {
        match self {
            Self::Identity => u,
            Self::Log => u.exp(),
            Self::LogError => -u.exp_m1(),
            Self::Logit => 1.0 / (1.0 + (-u).exp()),
        }
    }
}

/// A projected performance.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// The performance at the size that was asked for.
    pub value: f64,
    /// How many times the variance of a measurement stands in the projection (on the scale of the link), when both measurements
    /// have the same and know nothing of each other.
    pub amplification: f64,
    /// What makes it doubtful.
    pub warnings: Vec<Reason>,
}

/// Sizes this close make noise of the projection.
const CLOSE: f64 = 1.3;

/// Extends the performances at two sizes to a third along the logarithm of the size:
/// `u(N) = [ln(N/N0) u(N1) - ln(N/N1) u(N0)] / ln(N1/N0)`, with `u` the [`Link`] of the performance.
///
/// `probability` says that the performance is one, such as accuracy as a fraction: a value outside 0 to 1 is returned with a warning,
/// because no such performance exists.
///
/// # Errors
/// [`LawError::Request`] for sizes that are equal or not positive, or performances that the link has no value for.
pub fn project(
    link: Link,
    first: (f64, f64),
    second: (f64, f64),
    size: f64,
    probability: bool,
) -> Result<Projection, LawError> {
    let ((n0, v0), (n1, v1)) = if first.0 <= second.0 { (first, second) } else { (second, first) };
    if !(n0 > 0.0 && size > 0.0 && n1.is_finite() && size.is_finite()) || n0 == n1 {
        return Err(LawError::Request(format!(
            "two different positive sizes are needed to project from, and one to project to: found {n0}, {n1} and {size}"
        )));
    }
    let (u0, u1) = (link.of(v0), link.of(v1));
    if !(u0.is_finite() && u1.is_finite()) {
        return Err(LawError::Request(format!(
            "performances {v0} and {v1} have no finite value on the scale asked for: a probability lies between 0 and 1, a loss above 0"
        )));
    }
    let span = (n1 / n0).ln();
    let (w1, w0) = ((size / n0).ln() / span, -(size / n1).ln() / span);
    let value = link.back(w1 * u1 + w0 * u0);
    let amplification = w0 * w0 + w1 * w1;
    let mut warnings = Vec::new();
    if probability && !(0.0..=1.0).contains(&value) {
        let what = format!("a projected probability of {}", format_significant(value, 4));
        warnings.push(Reason::OutsideRange { what, low: 0.0, high: 1.0 });
    }
    if n1 / n0 < CLOSE {
        let what = format!(
            "the sizes {n0} and {n1} are closer than a factor of {CLOSE}: the variance of a measurement stands {} times in the projection",
            format_significant(amplification, 3)
        );
        warnings.push(Reason::Assumed { what });
    }
    Ok(Projection { value, amplification, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_link_extends_its_own_law() {
        let at = |link, law: &dyn Fn(f64) -> f64| {
            let p = project(link, (100.0, law(100.0)), (200.0, law(200.0)), 800.0, false).unwrap();
            (p.value - law(800.0)).abs()
        };
        assert!(at(Link::Identity, &|n| 0.3 + 0.05 * n.ln()) < 1e-12);
        assert!(at(Link::Log, &|n| 4.0 * n.powf(-0.2)) < 1e-12);
        assert!(at(Link::LogError, &|n| 1.0 - 2.0 * n.powf(-0.3)) < 1e-12);
        assert!(at(Link::Logit, &|n| 1.0 / (1.0 + (3.0 - 0.5 * n.ln()).exp())) < 1e-12);
        // And not that of another.
        assert!(at(Link::Identity, &|n| 4.0 * n.powf(-0.2)) > 0.02);
    }

    #[test]
    fn a_probability_outside_its_range_is_warned_of() {
        let first = (100.0, 0.80);
        let far = |link| project(link, first, (200.0, 0.92), 800.0, true).unwrap();
        let published = far(Link::Identity);
        // 0.92 * 3 - 0.80 * 2 = 1.16: not an accuracy.
        assert!((published.value - 1.16).abs() < 1e-12, "{published:?}");
        assert_eq!(published.warnings[0].code(), "outside-range");
        assert!((0.0..=1.0).contains(&far(Link::Logit).value) && far(Link::Logit).warnings.is_empty());
        assert!(far(Link::LogError).value < 1.0 && far(Link::LogError).warnings.is_empty());
        assert!(project(Link::Identity, first, (200.0, 0.92), 800.0, false).unwrap().warnings.is_empty());
        // A falling accuracy under the log-error link ends below zero.
        let fallen = project(Link::LogError, (100.0, 0.5), (200.0, 0.1), 800.0, true).unwrap();
        assert!(fallen.value < 0.0 && fallen.warnings[0].code() == "outside-range", "{fallen:?}");
    }

    #[test]
    fn noise_is_amplified_by_the_weights() {
        // 100 and 200 to 800: weights 3 and -2, so 13 variances.
        let p = project(Link::Identity, (200.0, 0.6), (100.0, 0.5), 800.0, true).unwrap();
        assert!((p.amplification - 13.0).abs() < 1e-12 && (p.value - 0.8).abs() < 1e-12, "{p:?}");
        let close = project(Link::Identity, (100.0, 0.5), (110.0, 0.51), 150.0, true).unwrap();
        assert!(close.amplification > 20.0 && close.warnings[0].code() == "assumed", "{close:?}");
        assert!(project(Link::Identity, (100.0, 0.5), (100.0, 0.6), 800.0, true).is_err());
        assert!(project(Link::Logit, (100.0, 0.5), (200.0, 1.0), 800.0, true).is_err());
        assert!(project(Link::Log, (100.0, -0.5), (200.0, 1.0), 800.0, false).is_err());
    }
}
