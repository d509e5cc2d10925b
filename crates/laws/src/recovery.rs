//! How often nominal 95% intervals hold known coefficients: the measured shares that fits warn from.
//!
//! `recovery.csv` is written by the example `recovery` (200 simulated tables of 60 runs for every law, 1% noise, percentile
//! intervals). A coefficient whose share is below [`ACCEPTED`] makes every fit of its law say so.

use crate::reason::Reason;
use std::sync::OnceLock;

/// First line of the file of shares.
pub const HEADER: &str = "law,coefficient,tables,fitted,held,open";
/// Shares of 200 nominal 95% intervals that pass as 95%: what counting and the bootstrap of a small table allow.
pub const ACCEPTED: std::ops::RangeInclusive<f64> = 0.88..=0.99;
/// Fewest fits that a share is read from.
const FEWEST: usize = 20;

/// What simulated tables say of one coefficient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// Name of the law.
    pub law: &'static str,
    /// Name of the coefficient.
    pub coefficient: &'static str,
    /// Simulated tables.
    pub tables: usize,
    /// Those that were not refused.
    pub fitted: usize,
    /// Intervals that held the truth.
    pub held: usize,
    /// Intervals with an open end; they count as holding what lies on that side.
    pub open: usize,
}

impl Recovery {
    /// Share of the intervals that held the truth; nothing when too few tables were fitted.
    pub fn share(&self) -> Option<f64> {
        (self.fitted >= FEWEST).then(|| self.held as f64 / self.fitted as f64)
    }
}

/// Every measured share, in the order of the catalogue.
pub fn measured() -> &'static [Recovery] {
    static MEASURED: OnceLock<Vec<Recovery>> = OnceLock::new();
    MEASURED.get_or_init(|| include_str!("recovery.csv").lines().skip(1).filter_map(read).collect())
}

fn read(line: &'static str) -> Option<Recovery> {
    let mut cells = line.split(',');
    let (law, coefficient) = (cells.next()?, cells.next()?);
    let mut number = || cells.next()?.parse().ok();
    Some(Recovery { law, coefficient, tables: number()?, fitted: number()?, held: number()?, open: number()? })
}

/// The warning about the intervals of a law, if simulated tables have found some too short.
pub(crate) fn warning(law: &str) -> Option<Reason> {
    let short = |r: &&Recovery| r.law == law && r.share().is_some_and(|s| s < *ACCEPTED.start());
    let found: Vec<&Recovery> = measured().iter().filter(short).collect();
    let shares = found.iter().filter_map(|r| Some((r.coefficient.to_string(), r.share()?))).collect();
    Some(Reason::ShortIntervals { shares, tables: found.first()?.fitted })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forms::every;

    #[test]
    fn every_coefficient_of_every_law_was_measured() {
        assert!(include_str!("recovery.csv").starts_with(HEADER));
        let mut lines = measured().iter();
        for law in every() {
            for coefficient in &law.info().coefficients {
                let line = lines.next().unwrap_or_else(|| panic!("{} is missing", law.info().name));
                assert_eq!((line.law, line.coefficient), (law.info().name.as_str(), coefficient.name.as_str()));
                assert!(line.held <= line.fitted && line.fitted <= line.tables && line.tables > 0, "{line:?}");
            }
        }
        assert!(lines.next().is_none());
    }

    #[test]
    fn a_share_below_the_accepted_is_warned_of() {
        let line = read("toy,alpha,200,150,120,3").unwrap();
        assert_eq!((line.share(), line.open), (Some(0.8), 3));
        assert_eq!(read("toy,alpha,200,19,10,0").unwrap().share(), None);
        for line in measured() {
            let warned = warning(line.law).is_some_and(|r| r.message().contains(&format!("{} (", line.coefficient)));
            assert_eq!(warned, line.share().is_some_and(|s| s < 0.88), "{line:?}");
        }
        assert!(warning("toy").is_none());
    }
}
