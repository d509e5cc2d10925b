//! From what a property measures to a verdict in words.

use super::estimate::Estimate;
use super::range::Range;
use super::verdict::{Truth, Verdict};
use crate::CoreError;
use crate::units::format_significant;

/// What a property measured.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What was measured.
    pub statistic: String,
    /// The value in a sentence: "the mean of loss is 3.21".
    pub says: String,
    /// The value and its interval.
    pub estimate: Estimate,
    /// What it rests on, counted: "3 pairs".
    pub count: String,
    /// What is accepted.
    pub accepted: Range,
    /// Whether the claim is about these rows alone, so that the value decides.
    pub exact: bool,
    /// The claim in words, where the range does not say it.
    pub claim: Option<&'static str>,
    /// A decision by a rule other than interval against range, with its reason.
    pub ruled: Option<(Truth, String)>,
}

/// Why a property has no finding.
#[derive(Debug)]
pub enum Stop {
    /// The table or the assertion is at fault.
    Error(CoreError),
    /// The table does not hold what is needed to decide.
    Undecided(String),
}

impl From<CoreError> for Stop {
    fn from(error: CoreError) -> Self {
        Self::Error(error)
    }
}

/// Stops undecided.
pub(super) fn undecided<T>(why: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Undecided(why.into()))
}

/// Three significant digits.
pub(super) fn shown(value: f64) -> String {
    format_significant(value, 3)
}

/// `1 pair`, `3 pairs`.
pub(super) fn counted(n: usize, one: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        _ => format!("{n} {one}s"),
    }
}

impl Finding {
    /// A value with an interval over replicates.
    pub(super) fn new(
        statistic: impl Into<String>,
        says: impl Into<String>,
        estimate: Estimate,
        of: &str,
        accepted: Range,
    ) -> Self {
        let count = counted(estimate.n, of);
        Self {
            statistic: statistic.into(),
            says: says.into(),
            estimate,
            count,
            accepted,
            exact: false,
            claim: None,
            ruled: None,
        }
    }

    /// The same as a claim about these rows alone.
    pub(super) fn exact(mut self) -> Self {
        self.exact = true;
        self
    }

    /// The same with the value for its own interval; a rule of its own stands where it decided.
    pub(super) fn by_value(mut self) -> Self {
        self.ruled = self.ruled.filter(|(truth, _)| *truth == Truth::False);
        self.exact()
    }

    /// The decision at `alpha`.
    pub(super) fn verdict(self, alpha: f64) -> Verdict {
        let Estimate { value, low, high, n } = self.estimate;
        let range = self.accepted;
        let level = format_significant(100.0 * (1.0 - alpha), 4);
        let bare = low.is_nan() || high.is_nan();
        let measured = if bare {
            format!("{} ({})", self.says, self.count)
        } else {
            format!("{} ({level}% interval {} to {}, {})", self.says, shown(low), shown(high), self.count)
        };
        let (truth, because) = match self.ruled {
            Some((truth, why)) => (truth, format!(": {why}")),
            None if self.exact && value.is_nan() => (Truth::Undecided, ", and there is nothing to compare".into()),
            None if self.exact => (if range.holds(value) { Truth::True } else { Truth::False }, String::new()),
            None if bare => (Truth::Undecided, ": fewer than two replicates give no interval".into()),
            None => match range.decide(low, high) {
                Truth::Undecided => (Truth::Undecided, ", and the interval reaches both sides of that".into()),
                decided => (decided, String::new()),
            },
        };
        let accepted = self.claim.map_or_else(|| range.to_string(), str::to_string);
        let why = format!("{measured}; {accepted} was claimed{because}");
        Verdict { truth, statistic: self.statistic, value, low, high, accepted, n, why }
    }
}
