//! Assertions suggested by a table: what holds of these runs, should hold of the next, and would not of runs that went
//! wrong.
//!
//! Templates (finite, as long, levels along the curve, comes down, levels off, free of spikes; for results at several
//! sizes levels, monotone, minimum, exponent) are given margins for a new run: the prediction interval over replicates, or
//! a block bootstrap of a single run. Each is tried on mutants of the table, known ways to go wrong, and the smallest set is
//! kept that notices as many as all together. The error that all may make is shared out over all that were tried, so that picking
//! among them costs nothing.
//!
//! ```
//! use kleiber_core::assertion::suggest::{Request, suggest};
//! use kleiber_core::table::Table;
//! # fn main() -> Result<(), kleiber_core::CoreError> {
//! let rows: String = (1..=60).map(|i| format!("{i},{}\n", 2.0 + 3.0 / f64::from(i))).collect();
//! let log = Table::from_csv_text("log.csv", &format!("step,loss\n{rows}"))?;
//! let suggested = suggest(&log, &Request::new("step", "loss", None))?;
//! assert!(suggested.to_text().contains("property = \"finite\""));
//! # Ok(()) }
//! ```

mod cover;
mod margins;
mod measure;
mod mutants;
mod python;
mod runs;
mod templates;

pub use measure::{Outcome, World, measure, outcomes};
pub use mutants::Mutant;
pub use python::to_python;

use crate::CoreError;
use crate::assertion::{Assertion, Truth};
use crate::table::Table;
use runs::Runs;

/// What to suggest assertions about.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Column along which: steps, tokens, a size.
    pub x: String,
    /// Column that is measured.
    pub y: String,
    /// Column that tells replicates apart.
    pub by: Option<String>,
    /// Probability that runs like these break any of the assertions.
    pub alpha: f64,
}

impl Request {
    /// With a probability of 5%.
    pub fn new(x: &str, y: &str, by: Option<&str>) -> Self {
        Self { x: x.into(), y: y.into(), by: by.map(str::to_string), alpha: 0.05 }
    }
}

/// Assertions and what they notice.
#[derive(Debug, Clone)]
pub struct Suggestion {
    /// The assertions, most telling first.
    pub assertions: Vec<Assertion>,
    /// Each mutant with the names of the assertions that it breaks.
    pub mutants: Vec<(Mutant, Vec<String>)>,
    /// What they were tried on and rest on.
    source: String,
    rows: usize,
    replicates: usize,
    fingerprint: String,
}

/// Suggests assertions that hold of `table`.
///
/// # Errors
/// [`CoreError::MissingColumn`], [`CoreError::Cell`] for a cell that is no finite number, and [`CoreError::Unsuitable`] for a
/// table with fewer than four sizes, or an `alpha` that is no probability of error.
pub fn suggest(table: &Table, request: &Request) -> Result<Suggestion, CoreError> {
    if !(request.alpha > 0.0 && request.alpha < 0.5) {
        let why = format!("alpha is more than 0 and less than 0.5, found {}", request.alpha);
        return Err(CoreError::Unsuitable { source_name: table.source().into(), why });
    }
    let runs = Runs::read(table, request)?;
    // What is claimed of the rows alone has nothing to err by.
    let uncertain =
        |found: &[Assertion]| found.iter().filter(|a| a.by_value || !a.property.exact()).count().max(1) as f64;
    let all = templates::candidates(table, &runs, request, request.alpha / 10.0)?;
    let all = templates::candidates(table, &runs, request, request.alpha / uncertain(&all))?;
    let damaged = mutants::all(runs.kind)
        .iter()
        .filter_map(|mutant| Some(mutant.of(table, &runs, request).transpose()?.map(|table| (*mutant, table))))
        .collect::<Result<Vec<_>, _>>()?;
    let kept = cover::smallest(&all, &breaks(&all, &damaged, request.alpha)?);
    // The margins stay those of all candidates: whichever were picked, all hold together.
    let assertions: Vec<Assertion> = kept.iter().map(|&i| all[i].clone()).collect();
    let broken = breaks(&assertions, &damaged, request.alpha)?;
    let noticed = |mutant: usize| {
        let by = (0..assertions.len()).filter(|&i| broken[i][mutant]);
        by.map(|i| assertions[i].name.clone()).collect::<Vec<_>>()
    };
    let mutants = damaged.iter().enumerate().map(|(i, (mutant, _))| (*mutant, noticed(i))).collect();
    Ok(Suggestion {
        assertions,
        mutants,
        source: table.source().into(),
        rows: table.rows(),
        replicates: runs.runs.len(),
        fingerprint: fingerprint(table),
    })
}

/// For each assertion, which of these tables break it.
fn breaks(assertions: &[Assertion], damaged: &[(Mutant, Table)], alpha: f64) -> Result<Vec<Vec<bool>>, CoreError> {
    let share = super::share(assertions, alpha);
    let broken = |assertion: &Assertion| {
        damaged.iter().map(|(_, table)| Ok(assertion.check(table, share)?.truth == Truth::False)).collect()
    };
    assertions.iter().map(broken).collect()
}

/// A number over all cells of a table, in 16 hexadecimal digits: to see whether two tables are the same, not who made them
/// (FNV-1a, 64 bits).
pub fn fingerprint(table: &Table) -> String {
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0xFF]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
        }
    };
    for column in table.columns() {
        add(&column.name);
        (0..table.rows()).for_each(|row| add(&column.cells.text(row)));
    }
    format!("{hash:016x}")
}

impl Suggestion {
    /// How many of the mutants are noticed, of how many.
    pub fn score(&self) -> (usize, usize) {
        (self.mutants.iter().filter(|(_, by)| !by.is_empty()).count(), self.mutants.len())
    }

    /// As a file that [`Assertion::load`] reads.
    pub fn to_text(&self) -> String {
        let (noticed, all) = self.score();
        let runs = if self.replicates == 1 { "one run".into() } else { format!("{} replicates", self.replicates) };
        let mut text = format!(
            "# Suggested by {}: {} rows, {runs}. Notices {noticed} of {all} ways to go wrong",
            self.source, self.rows
        );
        let missed: Vec<&str> = self.mutants.iter().filter(|(_, by)| by.is_empty()).map(|(m, _)| m.name).collect();
        if !missed.is_empty() {
            text.push_str(&format!(", not {}", missed.join(", ")));
        }
        text.push_str(&format!(".\nderived_from = \"{}\"\n", self.fingerprint));
        for assertion in &self.assertions {
            text.push('\n');
            text.push_str(&assertion.to_text());
        }
        text
    }
}

#[cfg(test)]
mod tests;
