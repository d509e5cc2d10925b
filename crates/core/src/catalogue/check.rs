//! The recount: does the shape of an entry give the size that it is said to have?

use super::{Catalogue, Entry};
use crate::CoreError;
use serde::Serialize;

/// Largest relative difference between recount and nominal size that a name may hide by rounding.
pub const TOLERANCE: f64 = 0.04;

/// What a recount says of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The recount gives `params_exact` to the parameter.
    Exact,
    /// Within [`TOLERANCE`] of the nominal size.
    Consistent,
    /// Not within it, or not `params_exact`.
    Inconsistent,
    /// Fields are missing.
    Incomplete,
}

/// The recount of one entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recount {
    /// The entry.
    pub name: String,
    /// Its nominal size.
    pub nominal: f64,
    /// Which count that is.
    pub count: &'static str,
    /// The same count of its shape.
    pub recounted: Option<u64>,
    /// Relative difference of the recount from the nominal size.
    pub off: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
    /// Fields that are missing.
    pub missing: Vec<&'static str>,
    /// Why the entry is known not to add up.
    pub doubt: Option<String>,
    /// Whether the verdict is other than the entry itself says: it does not add up without a doubt, it adds up in spite
    /// of one, or it is called verified and is not exact.
    pub unexpected: bool,
}

impl Entry {
    /// Counts the parameters again from the shape.
    ///
    /// # Errors
    /// [`CoreError::Shape`] or [`CoreError::Overflow`]; a missing field is no error but a verdict.
    pub fn recount(&self) -> Result<Recount, CoreError> {
        let nominal = self.params_nominal;
        let (parts, missing) = match self.shape() {
            Ok(shape) => (Some(shape.parts()?), Vec::new()),
            Err(CoreError::Incomplete { missing, .. }) => (None, missing),
            Err(other) => return Err(other),
        };
        let recounted = parts.map(|parts| nominal.recounted(&parts)).transpose()?;
        let total = parts.map(|parts| parts.params_total()).transpose()?;
        let off = recounted.map(|n| n as f64 / nominal.value() - 1.0);
        let verdict = match (off, self.params_exact) {
            (None, _) => Verdict::Incomplete,
            (_, Some(exact)) if total != Some(exact) => Verdict::Inconsistent,
            (Some(off), _) if off.abs() > TOLERANCE => Verdict::Inconsistent,
            (_, Some(_)) => Verdict::Exact,
            _ => Verdict::Consistent,
        };
        let adds_up = matches!(verdict, Verdict::Exact | Verdict::Consistent);
        let unexpected = adds_up == self.doubt.is_some() || (self.verified && verdict != Verdict::Exact);
        Ok(Recount {
            name: self.name.clone(),
            nominal: nominal.value(),
            count: nominal.count(),
            recounted,
            off,
            verdict,
            missing,
            doubt: self.doubt.clone(),
            unexpected,
        })
    }
}

impl Catalogue {
    /// Recounts every entry.
    ///
    /// # Errors
    /// As [`Entry::recount`].
    pub fn check(&self) -> Result<Vec<Recount>, CoreError> {
        self.entries().iter().map(Entry::recount).collect()
    }
}
