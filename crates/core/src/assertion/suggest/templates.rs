//! What could be claimed of curves and of ladders, with margins.

use super::Request;
use super::margins::{Band, WIDENED, band};
use super::runs::{Kind, Run, Runs};
use crate::CoreError;
use crate::assertion::properties::{
    Bound, Columns, Converged, Direction, Exponent, Finite, InteriorMinimum, Monotone, Plateau, Property, SpikeFree,
    Stat,
};
use crate::assertion::{Assertion, Truth};
use crate::stats::{line, mean, quantile_sorted, sorted};
use crate::table::Table;
use crate::units::format_significant;
use std::sync::Arc;

/// Share of a curve whose mean is its level there.
const WINDOWS: [(&str, f64, f64); 2] = [("middle", 0.2, 0.35), ("late", 0.9, 1.0)];
/// Leeway of lengths, which have no noise.
const LEEWAY: f64 = 0.02;
/// Times the noise that a spike is, at least.
const SPIKE: f64 = 8.0;
/// By how much more than here the points of a new ladder may leave their line.
const BEND: f64 = 4.0;
/// Share of a curve that should be level.
const TAIL: f64 = 0.2;
/// Share of a curve at either end whose means are compared.
const END: f64 = 0.1;

/// Builds assertions of one table.
struct Writer<'a> {
    request: &'a Request,
    runs: &'a Runs,
    /// What each may err by.
    alpha: f64,
    found: Vec<Assertion>,
}

/// Every assertion that the table could be held to, each erring with probability `alpha`.
pub(super) fn candidates(
    table: &Table,
    runs: &Runs,
    request: &Request,
    alpha: f64,
) -> Result<Vec<Assertion>, CoreError> {
    let mut writer = Writer { request, runs, alpha, found: Vec::new() };
    writer.whole();
    match runs.kind {
        Kind::Curves => writer.curves(),
        Kind::Ladder => writer.ladder(),
    }
    // What does not hold here, such as a minimum that is not there, is no claim.
    let mut kept = Vec::new();
    for assertion in writer.found {
        if assertion.check(table, alpha)?.truth == Truth::True {
            kept.push(assertion);
        }
    }
    Ok(kept)
}

impl Writer<'_> {
    fn add(
        &mut self,
        what: &str,
        filter: Option<String>,
        by_value: bool,
        because: String,
        property: impl Property + 'static,
    ) {
        self.found.push(Assertion {
            name: format!("{}-{what}", self.request.y.replace([' ', '_', '/'], "-")),
            because,
            table: String::new(),
            filter: filter.into_iter().collect(),
            gate: false,
            by_value,
            source: None,
            property: Arc::new(property),
        });
    }

    /// Where a margin comes from.
    fn reason(&self, what: &str) -> String {
        let level = format_significant(100.0 * (1.0 - self.alpha), 4);
        match self.runs.runs.len() {
            1 => format!("{what}; seeds = 1: {level}% of a block bootstrap within the run, widened {WIDENED} times"),
            n => format!("{what}; {level}% prediction interval of one more from {n} replicates"),
        }
    }

    fn bound(&self, stat: Stat, band: Band) -> Bound {
        let Request { y, by, .. } = self.request;
        let (y, by) = (y.clone(), by.clone());
        Bound { y, stat, x: None, by, each: false, at_least: Some(band.low), at_most: Some(band.high) }
    }

    /// Claims of any table: numbers, and as many of them as here.
    fn whole(&mut self) {
        let Request { x, y, by, .. } = self.request.clone();
        let finite = Finite { y: Columns::Several(vec![x.clone(), y]) };
        self.add("finite", None, false, "a run that went well has a number in every cell".into(), finite);
        let leeway = |values: Vec<f64>| {
            let ends = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
            let (low, high) = (ends(f64::min), ends(f64::max));
            Band { low: low - LEEWAY * low.abs(), high: high + LEEWAY * high.abs() }
        };
        let each = by.is_some();
        let rows = leeway(self.runs.runs.iter().map(|run| run.rows as f64).collect());
        let rows = Bound { each, ..self.bound(Stat::Rows, Band { low: rows.low.ceil(), high: rows.high.floor() }) };
        self.add("rows", None, false, "as many rows in each run as here, 2% either way".into(), rows);
        let ends = leeway(self.runs.runs.iter().map(|run| run.x[run.x.len() - 1]).collect()).outward();
        let ends = Bound { y: x.clone(), each, ..self.bound(Stat::Max, ends) };
        self.add("ends", None, false, format!("each run ends at the {x} of those here, 2% either way"), ends);
    }

    /// The mean of y where x lies between two numbers, over all runs.
    fn level(&mut self, what: &str, from: f64, to: f64) {
        if self.runs.runs.iter().any(|run| run.between(from, to).is_empty()) {
            return;
        }
        let found = band(self.runs, self.alpha, &|run: &Run| mean(&run.between(from, to)));
        let Request { x, y, .. } = self.request;
        let place = |v: f64| format!("{v}");
        let name = if x.chars().all(|c| c.is_alphanumeric() || c == '_') { x.clone() } else { format!("{{{x}}}") };
        let filter = match from == to {
            true => format!("{name} == {}", place(from)),
            false => format!("{name} >= {} && {name} <= {}", place(from), place(to)),
        };
        let because = self.reason(&format!("mean {y} there"));
        let bound = self.bound(Stat::Mean, found);
        self.add(what, Some(filter), true, because, bound);
    }

    fn curves(&mut self) {
        let Request { x, y, by, .. } = self.request.clone();
        let (first, last) = self.runs.span();
        let at = |share: f64| first + share * (last - first);
        for (what, from, to) in WINDOWS {
            self.level(what, at(from), at(to));
        }
        let ends = |run: &Run| {
            let (first, last) = (run.x[0], run.x[run.x.len() - 1]);
            let width = END * (last - first);
            mean(&run.between(first, first + width)) - mean(&run.between(last - width, last))
        };
        let drop = band(self.runs, self.alpha, &ends);
        if drop.low > 0.0 {
            let because = self.reason(&format!("drop of {y} from the first to the last tenth"));
            let (x, y, by) = (x.clone(), y.clone(), by.clone());
            self.add(
                "comes-down",
                None,
                true,
                because,
                Converged { x, y, share: END, at_least: Some(drop.low), by, each: false },
            );
        }
        let tail = |run: &Run| {
            let (first, last) = (run.x[0], run.x[run.x.len() - 1]);
            let start = run.x.iter().position(|x| *x >= last - TAIL * (last - first)).unwrap_or(0);
            line(&run.x[start..], &run.y[start..]).0 * (last - run.x[start])
        };
        // As many new runs as here may each err, so that they share the error.
        let whole = self.alpha;
        self.alpha = whole / self.runs.runs.len() as f64;
        let change = band(self.runs, self.alpha, &tail);
        let within = change.low.abs().max(change.high.abs());
        if within.is_finite() && within > 0.0 {
            let because = self.reason(&format!("change of {y} over the last fifth, either way"));
            let (x, y, by, each) = (x.clone(), y.clone(), by.clone(), by.is_some());
            self.add("level-at-the-end", None, true, because, Plateau { x, y, within, share: TAIL, by, each });
        }
        self.alpha = whole;
        self.add(
            "spike-free",
            None,
            false,
            "eight times the noise of neighbours is a spike".into(),
            SpikeFree { x, y, z: SPIKE, by },
        );
    }

    fn ladder(&mut self) {
        let Request { x, y, by, .. } = self.request.clone();
        let (first, last) = self.runs.span();
        self.level("smallest", first, first);
        self.level("largest", last, last);
        let middle = quantile_sorted(&sorted(&self.runs.runs[0].x), 0.5);
        if self.runs.runs[0].x.contains(&middle) {
            self.level("middle", middle, middle);
        }
        for (what, direction) in [("falls", Direction::Falls), ("rises", Direction::Rises)] {
            let because = format!("{y} {what} with {x} here");
            self.add(what, None, false, because, Monotone { x: x.clone(), y: y.clone(), direction, strict: false });
        }
        let because = format!("the best {x} is inside of those tried here");
        self.add(
            "minimum",
            None,
            false,
            because,
            InteriorMinimum { x: x.clone(), y: y.clone(), at_least: None, at_most: None },
        );
        self.power_law(x, y, by);
    }

    fn power_law(&mut self, x: String, y: String, by: Option<String>) {
        if self.runs.runs.iter().any(|run| run.x.iter().chain(&run.y).any(|v| *v <= 0.0)) {
            return;
        }
        let logarithms = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<f64>>();
        let slope = |run: &Run| line(&logarithms(&run.x), &logarithms(&run.y)).0;
        let found = band(self.runs, self.alpha, &slope);
        let because = self.reason("slope of the logarithms");
        let exponent = Exponent {
            x: x.clone(),
            y: y.clone(),
            at_least: Some(found.low),
            at_most: Some(found.high),
            straight: None,
            by,
            each: false,
        };
        self.add("exponent", None, true, because, exponent.clone());
        let pooled = |pick: fn(&Run) -> &Vec<f64>| {
            self.runs.runs.iter().flat_map(|run| logarithms(pick(run))).collect::<Vec<f64>>()
        };
        let (px, py) = (pooled(|run| &run.x), pooled(|run| &run.y));
        let (slope, intercept, _) = line(&px, &py);
        let rest: f64 = px.iter().zip(&py).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
        let whole: f64 = py.iter().map(|y| (y - mean(&py)).powi(2)).sum();
        let straight = 1.0 - BEND * rest / whole;
        if straight > 0.5 {
            let straight = (straight * 1e4).floor() / 1e4;
            let because =
                format!("the points leave their line by no more than {} times what they do here", BEND.sqrt());
            self.add("power-law", None, true, because, Exponent { straight: Some(straight), by: None, ..exponent });
        }
    }
}
