//! Runs that went wrong in a known way: what a set of assertions should notice.

use super::Request;
use super::runs::{Kind, Runs};
use crate::CoreError;
use crate::assertion::estimate::smooth;
use crate::table::{Cells, Column, Table, recognise};
use std::collections::HashMap;

/// A way to go wrong.
#[derive(Debug, Clone, Copy)]
pub struct Mutant {
    /// Its name.
    pub name: &'static str,
    /// What happened.
    pub about: &'static str,
    change: fn(&mut Damage),
}

/// Of training logs.
const CURVES: &[Mutant] = &[
    Mutant { name: "nan", about: "one value of one run is no number", change: not_a_number },
    Mutant { name: "units", about: "bits instead of nats, 1.4427 times as many", change: units },
    Mutant { name: "truncated", about: "one run stops at 30%", change: truncated },
    Mutant {
        name: "spike",
        about: "one run jumps to its first value and comes back within five points",
        change: spike,
    },
    Mutant { name: "no-decrease", about: "nothing is learned: the start goes on, with the noise", change: no_decrease },
    Mutant { name: "offset", about: "three standard deviations of the noise are added", change: offset },
    Mutant { name: "exponent-halved", about: "every point comes as late as its square", change: late },
    Mutant { name: "duplicated", about: "one run logs its last tenth twice", change: duplicated },
    Mutant { name: "diverges", about: "one run climbs half way back over its last fifth", change: diverges },
];

/// Of results at several sizes.
const LADDER: &[Mutant] = &[
    Mutant { name: "nan", about: "one value of one run is no number", change: not_a_number },
    Mutant { name: "units", about: "bits instead of nats, 1.4427 times as many", change: units },
    Mutant { name: "truncated", about: "the largest size is missing", change: without_largest },
    Mutant { name: "swapped", about: "two neighbouring sizes in the middle have changed places", change: swapped },
    Mutant { name: "exponent-halved", about: "logarithms change half as much with size", change: halved },
    Mutant {
        name: "plateau",
        about: "the three largest sizes are as good as the largest of the others",
        change: levelled,
    },
    Mutant { name: "edge", about: "the best value stands at an end", change: edge },
];

/// The mutants of this kind of table.
pub(super) fn all(kind: Kind) -> &'static [Mutant] {
    match kind {
        Kind::Curves => CURVES,
        Kind::Ladder => LADDER,
    }
}

/// A table on its way to being damaged.
struct Damage {
    x: Vec<f64>,
    y: Vec<f64>,
    /// Rows of each run in the order of x.
    runs: Vec<Vec<usize>>,
    noise: f64,
    /// Rows that the table will have.
    keep: Vec<usize>,
}

impl Mutant {
    /// The table with this fault; nothing where it changes nothing.
    pub(super) fn of(&self, table: &Table, runs: &Runs, request: &Request) -> Result<Option<Table>, CoreError> {
        let name = |column: &str| recognise(table, column).unwrap_or(column).to_string();
        let (x, y) = (table.numbers(&name(&request.x))?, table.numbers(&name(&request.y))?);
        let labels = match &request.by {
            Some(by) => table.labels(&name(by))?,
            None => vec!["".into(); table.rows()],
        };
        let mut rows: HashMap<&str, Vec<usize>> = HashMap::new();
        for (row, label) in labels.iter().enumerate() {
            rows.entry(label).or_default().push(row);
        }
        let in_order = |label: &str| {
            let mut rows = rows.remove(label).unwrap_or_default();
            rows.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
            rows
        };
        let order: Vec<Vec<usize>> = runs.runs.iter().map(|run| run.label.as_ref()).map(in_order).collect();
        let noise = if runs.kind == Kind::Curves { runs.noise() } else { 0.0 };
        let mut damage = Damage { x: x.clone(), y: y.clone(), runs: order, noise, keep: (0..table.rows()).collect() };
        (self.change)(&mut damage);
        let same =
            damage.keep.len() == table.rows() && damage.y.iter().zip(&y).all(|(a, b)| a.to_bits() == b.to_bits());
        if same {
            return Ok(None);
        }
        let changed = table.with_column(Column { name: name(&request.y), cells: Cells::Number(damage.y) })?;
        Ok(Some(changed.take(&damage.keep)))
    }
}

impl Damage {
    /// x and y of a run.
    fn curve(&self, run: usize) -> (Vec<f64>, Vec<f64>) {
        self.runs[run].iter().map(|&row| (self.x[row], self.y[row])).unzip()
    }

    /// Different x, and y put at each in all runs.
    fn sizes(&self) -> Vec<f64> {
        let mut x = self.x.clone();
        x.sort_by(f64::total_cmp);
        x.dedup();
        x
    }

    /// Gives each run new values.
    fn replace(&mut self, new: impl Fn(&[f64], &[f64]) -> Vec<f64>) {
        for run in 0..self.runs.len() {
            let (x, y) = self.curve(run);
            for (row, value) in self.runs[run].clone().into_iter().zip(new(&x, &y)) {
                self.y[row] = value;
            }
        }
    }

    /// Rows of all runs at one size.
    fn at(&self, size: f64) -> Vec<usize> {
        self.runs.iter().flatten().copied().filter(|&row| self.x[row] == size).collect()
    }
}

fn not_a_number(damage: &mut Damage) {
    let rows = &damage.runs[0];
    damage.y[rows[rows.len() * 3 / 5]] = f64::NAN;
}

fn units(damage: &mut Damage) {
    damage.y.iter_mut().for_each(|y| *y /= std::f64::consts::LN_2);
}

fn truncated(damage: &mut Damage) {
    let rows = &damage.runs[0];
    let gone = &rows[(rows.len() * 3 / 10).max(1)..];
    damage.keep.retain(|row| !gone.contains(row));
}

fn spike(damage: &mut Damage) {
    let rows = damage.runs[0].clone();
    let (at, height) = (rows.len() * 3 / 5, damage.y[rows[0]] - damage.y[rows[rows.len() - 1]]);
    for (i, &row) in rows[at..].iter().take(5).enumerate() {
        damage.y[row] += height * (1.0 - i as f64 / 5.0);
    }
}

fn no_decrease(damage: &mut Damage) {
    damage.replace(|_, y| {
        let level = smooth(y);
        y.iter().zip(&level).map(|(y, s)| level[0] + y - s).collect()
    });
}

fn offset(damage: &mut Damage) {
    let three = 3.0 * damage.noise;
    damage.y.iter_mut().for_each(|y| *y += three);
}

/// A power of x with half the exponent is the same power of its square root.
fn late(damage: &mut Damage) {
    damage.replace(|x, y| {
        let level = smooth(y);
        let start = x.iter().position(|x| *x > 0.0).unwrap_or(0);
        let unit = x[start].max(f64::MIN_POSITIVE);
        let there = |x: f64| unit * (x / unit).max(0.0).sqrt();
        let read = |at: f64| {
            let after = x.iter().position(|x| *x >= at).unwrap_or(x.len() - 1);
            if after <= start {
                return level[start];
            }
            let share = (at - x[after - 1]) / (x[after] - x[after - 1]);
            level[after - 1] + share * (level[after] - level[after - 1])
        };
        (0..y.len()).map(|i| if i <= start { y[i] } else { read(there(x[i])) + y[i] - level[i] }).collect()
    });
}

fn duplicated(damage: &mut Damage) {
    let rows = &damage.runs[0];
    damage.keep.extend_from_slice(&rows[rows.len() * 9 / 10..]);
}

fn diverges(damage: &mut Damage) {
    let rows = damage.runs[0].clone();
    let height = 0.5 * (damage.y[rows[0]] - damage.y[rows[rows.len() - 1]]);
    let start = rows.len() * 4 / 5;
    for (i, &row) in rows[start..].iter().enumerate() {
        damage.y[row] += height * (i + 1) as f64 / (rows.len() - start) as f64;
    }
}

fn without_largest(damage: &mut Damage) {
    let largest = damage.sizes().pop();
    damage.keep.retain(|&row| Some(damage.x[row]) != largest);
}

fn swapped(damage: &mut Damage) {
    let sizes = damage.sizes();
    let middle = sizes.len() / 2;
    let (a, b) = (damage.at(sizes[middle - 1]), damage.at(sizes[middle]));
    for (&a, &b) in a.iter().zip(&b) {
        damage.y.swap(a, b);
    }
}

fn halved(damage: &mut Damage) {
    damage.replace(|_, y| {
        let start = y[0];
        y.iter().map(|y| if start > 0.0 && *y > 0.0 { (start * y).sqrt() } else { *y }).collect()
    });
}

fn levelled(damage: &mut Damage) {
    damage.replace(|x, y| {
        let first = y.len().saturating_sub(3);
        let level = y[first.saturating_sub(1)];
        x.iter().zip(y).enumerate().map(|(i, (_, y))| if i >= first { level } else { *y }).collect()
    });
}

fn edge(damage: &mut Damage) {
    damage.replace(|_, y| {
        let inside =
            (1..y.len() - 1).min_by(|&a, &b| y[a].total_cmp(&y[b])).filter(|&i| y[i] < y[0] && y[i] < y[y.len() - 1]);
        let mut new = y.to_vec();
        if inside.is_some() {
            new.sort_by(|a, b| b.total_cmp(a));
        }
        new
    });
}
