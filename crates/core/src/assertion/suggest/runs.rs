//! The curves of a table, and their noise.

use super::Request;
use crate::CoreError;
use crate::assertion::columns::{numbers, replicates};
use crate::assertion::estimate::smooth;
use crate::stats::standard_deviation;
use crate::table::Table;
use std::sync::Arc;

/// Fewest points of a curve; a shorter one is a ladder of sizes.
const CURVE: usize = 30;
/// Fewest sizes of a ladder.
pub(super) const LADDER: usize = 4;

/// One replicate in the order of x.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Its label in the column of replicates.
    pub(super) label: Arc<str>,
    pub(super) x: Vec<f64>,
    pub(super) y: Vec<f64>,
    /// Rows of the table that belong to it, however many points they make.
    pub(super) rows: usize,
}

impl Run {
    /// y where x lies between two numbers.
    pub(super) fn between(&self, from: f64, to: f64) -> Vec<f64> {
        self.x.iter().zip(&self.y).filter(|(x, _)| (from..=to).contains(*x)).map(|(_, y)| *y).collect()
    }

    /// y less its smooth curve.
    pub(super) fn residuals(&self) -> Vec<f64> {
        smooth(&self.y).iter().zip(&self.y).map(|(smooth, y)| y - smooth).collect()
    }
}

/// What a table is a table of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Training logs: many points of x.
    Curves,
    /// Results at several sizes.
    Ladder,
}

/// All replicates of a table.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    pub(super) runs: Vec<Run>,
    pub(super) kind: Kind,
}

impl Runs {
    /// Reads them; cells that are no finite number are faults of a table from which to suggest.
    pub(super) fn read(table: &Table, request: &Request) -> Result<Self, CoreError> {
        let fail = |why: String| CoreError::Unsuitable { source_name: table.source().into(), why };
        let (all_x, all_y) = (numbers(table, &request.x)?, numbers(table, &request.y)?);
        for (name, values) in [(&request.x, &all_x), (&request.y, &all_y)] {
            if let Some(row) = values.iter().position(|v| !v.is_finite()) {
                let found = values[row];
                return Err(CoreError::Cell {
                    source_name: table.source().into(),
                    row: table.origin(row),
                    column: name.clone(),
                    found: if found.is_nan() { "no number".into() } else { found.to_string() },
                    expected: "a finite number, as in every row of runs that went well".into(),
                });
            }
        }
        let mut runs = Vec::new();
        for (label, rows) in replicates(table, request.by.as_deref())? {
            let mut points: Vec<(f64, f64)> =
                numbers(&rows, &request.x)?.into_iter().zip(numbers(&rows, &request.y)?).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            let last = points.chunk_by(|a, b| a.0 == b.0).map(|same| same[same.len() - 1]);
            let (x, y) = last.unzip();
            runs.push(Run { label, x, y, rows: rows.rows() });
        }
        let shortest = runs.iter().map(|run| run.x.len()).min().unwrap_or(0);
        let kind = match shortest {
            CURVE.. => Kind::Curves,
            LADDER.. => Kind::Ladder,
            few => {
                return Err(fail(format!(
                    "{few} different `{}` in a run are too few; {LADDER} sizes or {CURVE} points are needed",
                    request.x
                )));
            }
        };
        if kind == Kind::Ladder
            && let Some(run) = runs.iter().find(|run| run.rows > run.x.len())
        {
            let several = format!("{} rows at {} different `{}`", run.rows, run.x.len(), request.x);
            return Err(fail(format!("{several}: name the column that tells replicates apart")));
        }
        Ok(Self { runs, kind })
    }

    /// Smallest and largest x of all.
    pub(super) fn span(&self) -> (f64, f64) {
        let ends = |run: &Run| (run.x[0], run.x[run.x.len() - 1]);
        self.runs.iter().map(ends).fold((f64::INFINITY, f64::NEG_INFINITY), |a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// Standard deviation of y around its smooth curve, without the first fifth, where curves are steep.
    pub(super) fn noise(&self) -> f64 {
        let late = |run: &Run| run.residuals()[run.y.len() / 5..].to_vec();
        standard_deviation(&self.runs.iter().flat_map(late).collect::<Vec<f64>>())
    }
}
