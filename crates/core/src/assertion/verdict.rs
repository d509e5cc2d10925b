//! The answer to an assertion.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Whether a claim holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Truth {
    /// The interval lies inside the accepted range.
    True,
    /// The interval lies outside the accepted range.
    False,
    /// The table does not decide it.
    Undecided,
}

impl fmt::Display for Truth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::True => "true",
            Self::False => "false",
            Self::Undecided => "undecided",
        })
    }
}

/// What was measured, what was claimed, and whether the two agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The decision.
    pub truth: Truth,
    /// What was measured.
    pub statistic: String,
    /// Its value; `NaN` where it could not be measured.
    #[serde(deserialize_with = "number")]
    pub value: f64,
    /// Lower end of its interval; `NaN` where there is none.
    #[serde(deserialize_with = "number")]
    pub low: f64,
    /// Upper end of its interval; `NaN` where there is none.
    #[serde(deserialize_with = "number")]
    pub high: f64,
    /// The accepted range, in words.
    pub accepted: String,
    /// Replicates, pairs, points or rows that the value rests on.
    pub n: usize,
    /// The whole of it in one sentence.
    pub why: String,
}

impl Verdict {
    /// A verdict on what could not be measured.
    pub(super) fn undecided(statistic: &str, accepted: String, why: String) -> Self {
        let (value, low, high) = (f64::NAN, f64::NAN, f64::NAN);
        Self { truth: Truth::Undecided, statistic: statistic.into(), value, low, high, accepted, n: 0, why }
    }
}

/// JSON has no `NaN`; it is written as null.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
}
