//! Claims over a run table, as data: which rows, which property, which values are accepted, and why.
//!
//! An assertion reads from and writes to TOML; checking it estimates a number with its interval and compares that with
//! the accepted range: inside it is true, outside it is false, else undecided, with the reason.
//!
//! ```
//! use kleiber_core::assertion::{Assertion, Truth};
//! use kleiber_core::table::Table;
//! # fn main() -> Result<(), kleiber_core::CoreError> {
//! let claim = Assertion::parse(r#"
//!     name = "nope-beats-rotary"
//!     property = "difference"
//!     y = "accuracy"
//!     group = "positions"
//!     a = "none"
//!     b = "rotary"
//!     paired = "seed"
//!     at_least = 0.1
//!     because = "Kazemnejad et al. 2023, figure 3"
//! "#)?;
//! let scores = "positions,seed,accuracy\nnone,0,0.9\nnone,1,0.92\nrotary,0,0.5\nrotary,1,0.51\n";
//! let verdict = claim.check(&Table::from_csv_text("scores.csv", scores)?, 0.05)?;
//! assert_eq!(verdict.truth, Truth::True);
//! # Ok(()) }
//! ```
//!
//! A new property is one file in `properties` and one line of its registry.

mod columns;
mod compare;
mod estimate;
mod finding;
mod label;
pub mod properties;
mod range;
mod read;
mod replicated;
pub mod suggest;
mod verdict;

pub use estimate::Estimate;
pub use finding::{Finding, Stop};
pub use label::Label;
pub use properties::{Property, PropertyInfo, registry};
pub use range::Range;
pub use verdict::{Truth, Verdict};

use crate::CoreError;
use crate::table::{Selection, Table};
use std::sync::Arc;

/// A claim over a run table.
#[derive(Debug, Clone)]
pub struct Assertion {
    /// Short name, of letters, digits and hyphens by custom.
    pub name: String,
    /// Why it is expected, and where its numbers come from.
    pub because: String,
    /// The table that it speaks of, where there are several.
    pub table: String,
    /// Conditions on rows, all of which must hold; `where` in TOML.
    pub filter: Vec<String>,
    /// Whether all else is void when it is not true.
    pub gate: bool,
    /// Whether the value alone decides: the accepted range holds the noise already, as that of a suggested assertion does.
    pub by_value: bool,
    /// Where a published number in it stands.
    pub source: Option<String>,
    /// What is claimed.
    pub property: Arc<dyn Property>,
}

impl Assertion {
    /// The verdict on `table`, with intervals of coverage 1 - `alpha`.
    ///
    /// # Errors
    /// Those of [`Selection::apply`] and [`Table::numbers`]: conditions and columns that do not fit the table. A table that
    /// fits but holds too little is [`Truth::Undecided`], not an error.
    pub fn check(&self, table: &Table, alpha: f64) -> Result<Verdict, CoreError> {
        let selection = self.filter.iter().try_fold(Selection::new(), |s, condition| s.filter(condition))?;
        let rows = selection.apply(table)?;
        match self.property.find(&rows, alpha) {
            Ok(finding) if self.by_value => Ok(finding.by_value().verdict(alpha)),
            Ok(finding) => Ok(finding.verdict(alpha)),
            Err(Stop::Error(error)) => Err(error),
            Err(Stop::Undecided(why)) => {
                let accepted = self.property.accepted().to_string();
                Ok(Verdict::undecided(self.property.info().name, accepted, why))
            }
        }
    }
}

/// The verdicts on several assertions, in their order: each that rests on an interval is checked at `alpha` divided by
/// their number (Bonferroni), so that a false alarm anywhere among them has probability `alpha` at most. A rule that asks
/// for all of several claims to be true needs no such care (Berger 1982): check them one by one.
///
/// `tables` gives the table of a name.
///
/// # Errors
/// Those of [`Assertion::check`], and [`CoreError::Assertion`] for a table that is not there.
pub fn check_all<'a>(
    assertions: &[Assertion],
    tables: impl Fn(&str) -> Option<&'a Table>,
    alpha: f64,
) -> Result<Vec<Verdict>, CoreError> {
    let shared = share(assertions, alpha);
    let check = |assertion: &Assertion| {
        let table = tables(&assertion.table).ok_or_else(|| CoreError::Assertion {
            name: assertion.name.clone(),
            why: format!("there is no table `{}`", assertion.table),
        })?;
        assertion.check(table, shared)
    };
    assertions.iter().map(check).collect()
}

/// What each of these assertions may err by, so that all together err by `alpha` at most.
pub fn share(assertions: &[Assertion], alpha: f64) -> f64 {
    let uncertain = assertions.iter().filter(|a| !a.by_value && !a.property.exact()).count();
    alpha / uncertain.max(1) as f64
}

#[cfg(test)]
mod tests;
