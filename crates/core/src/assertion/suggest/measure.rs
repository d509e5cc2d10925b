//! How good suggested assertions are: false alarms on new runs of the same kind, and mutants noticed.

use super::mutants::all;
use super::runs::Runs;
use super::{Request, suggest};
use crate::CoreError;
use crate::assertion::{Assertion, Truth, share};
use crate::rng::Rng;
use crate::table::{Cells, Column, Table};
use std::ops::Range;
use std::sync::Arc;

/// Points of a synthetic curve, and steps between them.
const POINTS: usize = 200;
const STEP: usize = 10;
/// Correlation of the noise from one point to the next.
const CORRELATION: f64 = 0.5;
/// Sizes of a synthetic ladder.
const SIZES: [f64; 7] = [1e5, 2e5, 4e5, 8e5, 1.6e6, 3.2e6, 6.4e6];
/// Relative change that the last value may have, for the rule that compares it.
const CLOSE: f64 = 0.01;
/// Points at either end that the rule of two windows compares.
const WINDOW: usize = 10;

/// What synthetic runs look like. What each repeat draws besides its noise, so that no margin fits one curve by accident,
/// is in the documentation of the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Training logs: E + A t^-b with E in 1.5 to 3, A in 2 to 6, b in 0.3 to 0.7, noise of 0.02 to 0.08 with correlation
    /// 0.5, and an offset of each seed with half of that deviation.
    Curves,
    /// Losses at seven sizes: A n^-b with A in 10 to 40, b in 0.06 to 0.15, noise of 0.2% to 0.8% in each run and half of
    /// that in each seed.
    Ladder,
}

impl World {
    /// Runs of `seeds` seeds, numbered from `first`, of repeat `repeat`.
    fn runs(self, repeat: u32, first: u64, seeds: u64) -> Result<Table, CoreError> {
        let mut truth = Rng::new(0, "truth", repeat);
        let mut between = |low: f64, high: f64| low + (high - low) * truth.uniform();
        let (mut label, mut x, mut y) = (Vec::new(), Vec::new(), Vec::new());
        let (floor, scale, exponent, noise) = match self {
            Self::Curves => (between(1.5, 3.0), between(2.0, 6.0), between(0.3, 0.7), between(0.02, 0.08)),
            Self::Ladder => (0.0, between(10.0, 40.0), between(0.06, 0.15), between(0.002, 0.008)),
        };
        for seed in first..first + seeds {
            let mut rng = Rng::new(seed, "noise", repeat);
            let own = 0.5 * noise * rng.normal();
            let places: Vec<f64> = match self {
                Self::Curves => (1..=POINTS).map(|i| (i * STEP) as f64).collect(),
                Self::Ladder => SIZES.to_vec(),
            };
            let mut error = noise * rng.normal();
            for place in places {
                let value = floor + scale * place.powf(-exponent);
                y.push(match self {
                    Self::Curves => value + own + error,
                    Self::Ladder => value * (own + noise * rng.normal()).exp(),
                });
                error = CORRELATION * error + noise * (1.0 - CORRELATION * CORRELATION).sqrt() * rng.normal();
                x.push(place);
                label.push(Arc::from(format!("{seed}")));
            }
        }
        let column = |name: &str, cells: Cells| Column { name: name.into(), cells };
        Table::new(
            "synthetic",
            vec![column("seed", Cells::Text(label)), column("x", Cells::Number(x)), column("loss", Cells::Number(y))],
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::Curves => "curves",
            Self::Ladder => "ladder",
        }
    }
}

/// How one rule did.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `suggested`, `last-value` or `two-windows`.
    pub rule: &'static str,
    /// Share of repeats in which new runs of the same kind broke it.
    pub false_alarms: f64,
    /// Share of mutants that broke it where the runs as they were did not: a rule that is broken anyway notices nothing.
    pub kills: f64,
    /// Of each mutant the share of repeats in which it broke the rule, and that in which it did and the runs as they were did
    /// not.
    pub each: Vec<(&'static str, f64, f64)>,
    /// Mean number of assertions.
    pub assertions: f64,
}

/// A rule that was made from some runs: whether a table breaks it.
type Rule = Box<dyn Fn(&Table) -> Result<bool, CoreError>>;

/// Makes assertions from `seeds` runs and checks them on as many others and on mutants of these, for each of `repeats`, beside
/// two rules that people write by hand: the last value is that seen before within 1%, and the first ten values are above the
/// last ten.
///
/// # Errors
/// None for the worlds that there are; those of [`suggest`] otherwise.
pub fn outcomes(world: World, seeds: u64, repeats: Range<u32>) -> Result<Vec<Outcome>, CoreError> {
    let request = Request::new("x", "loss", (seeds > 1).then_some("seed"));
    let rules = ["suggested", "last-value", "two-windows"];
    let mut alarms = [0.0; 3];
    // Of each mutant, for each rule: how often it was broken, and how often where it was not otherwise.
    let mut found: Vec<(&'static str, [[f64; 2]; 3])> = Vec::new();
    let mut count = 0.0;
    for repeat in repeats.clone() {
        let (seen, new) = (world.runs(repeat, 0, seeds)?, world.runs(repeat, 1_000, seeds)?);
        let suggested = suggest(&seen, &request)?.assertions;
        count += suggested.len() as f64;
        let made: [Rule; 3] = [assertions(suggested, request.alpha), last_value(&seen)?, Box::new(two_windows)];
        let runs = Runs::read(&new, &request)?;
        let alarm = [made[0](&new)?, made[1](&new)?, made[2](&new)?];
        alarms.iter_mut().zip(alarm).for_each(|(sum, alarm)| *sum += f64::from(u8::from(alarm)));
        for mutant in all(runs.kind) {
            let Some(damaged) = mutant.of(&new, &runs, &request)? else { continue };
            let place = found.iter().position(|(name, _)| *name == mutant.name).unwrap_or_else(|| {
                found.push((mutant.name, [[0.0; 2]; 3]));
                found.len() - 1
            });
            for (i, rule) in made.iter().enumerate() {
                if rule(&damaged)? {
                    found[place].1[i][0] += 1.0;
                    found[place].1[i][1] += f64::from(u8::from(!alarm[i]));
                }
            }
        }
    }
    let n = repeats.len() as f64;
    let outcome = |(i, rule): (usize, &'static str)| {
        let each: Vec<_> = found.iter().map(|(name, sums)| (*name, sums[i][0] / n, sums[i][1] / n)).collect();
        let kills = each.iter().map(|e| e.2).sum::<f64>() / each.len() as f64;
        let assertions = if i == 0 { count / n } else { 1.0 };
        Outcome { rule, false_alarms: alarms[i] / n, kills, each, assertions }
    };
    Ok(rules.into_iter().enumerate().map(outcome).collect())
}

/// [`outcomes`] of both worlds as a table, of a row for each batch of `repeats`, world, rule and mutant, and one for `no-fault`:
/// `broken`, the share of repeats in which the rule was broken, and `told`, that in which it was and the same runs without the
/// fault kept it.
///
/// # Errors
/// As [`outcomes`].
pub fn measure(seeds: u64, batches: u32, repeats: u32) -> Result<Table, CoreError> {
    let (mut text, mut numbers): ([Vec<Arc<str>>; 3], [Vec<f64>; 3]) = Default::default();
    for (batch, world) in (0..batches).flat_map(|batch| [(batch, World::Curves), (batch, World::Ladder)]) {
        for outcome in outcomes(world, seeds, batch * repeats..(batch + 1) * repeats)? {
            for (mutant, broken, told) in [("no-fault", outcome.false_alarms, 0.0)].into_iter().chain(outcome.each) {
                text.iter_mut()
                    .zip([world.name(), outcome.rule, mutant])
                    .for_each(|(column, cell)| column.push(cell.into()));
                numbers.iter_mut().zip([broken, told, f64::from(batch)]).for_each(|(column, cell)| column.push(cell));
            }
        }
    }
    let columns = text.map(Cells::Text).into_iter().chain(numbers.map(Cells::Number));
    let named = ["world", "rule", "mutant", "broken", "told", "batch"].into_iter().zip(columns);
    Table::new("assertions", named.map(|(name, cells)| Column { name: name.into(), cells }).collect())
}

fn assertions(list: Vec<Assertion>, alpha: f64) -> Rule {
    Box::new(move |table| {
        let each = share(&list, alpha);
        for assertion in &list {
            if assertion.check(table, each)?.truth == Truth::False {
                return Ok(true);
            }
        }
        Ok(false)
    })
}

/// y of each seed in the order of its rows.
fn curves(table: &Table) -> Result<Vec<Vec<f64>>, CoreError> {
    table.group_by("seed")?.iter().map(|(_, rows)| rows.numbers("loss")).collect()
}

/// The last values of new runs, against the mean of those seen.
fn last_value(seen: &Table) -> Result<Rule, CoreError> {
    let lasts = |table: &Table| -> Result<Vec<f64>, CoreError> {
        Ok(curves(table)?.iter().filter_map(|y| y.last().copied()).collect())
    };
    let expected = crate::stats::mean(&lasts(seen)?);
    Ok(Box::new(move |table| Ok(lasts(table)?.iter().any(|y| y.is_nan() || (y / expected - 1.0).abs() > CLOSE))))
}

/// Whether the first values of a run are not above its last.
fn two_windows(table: &Table) -> Result<bool, CoreError> {
    let apart = |y: &Vec<f64>| {
        let k = WINDOW.min(y.len() / 2);
        crate::stats::mean(&y[..k]) > crate::stats::mean(&y[y.len() - k..])
    };
    Ok(!curves(table)?.iter().all(apart))
}
