//! Where two curves cross.

use super::{Declared, Property, PropertyInfo, keys, read, written};
use crate::assertion::columns::{labels, levels, replicates};
use crate::assertion::estimate::{Estimate, middle, student, t_draw};
use crate::assertion::finding::{Finding, Stop, counted, shown, undecided};
use crate::assertion::label::Label;
use crate::assertion::range::Range;
use crate::assertion::verdict::Truth;
use crate::stats::mean;
use crate::table::Table;
use serde::{Deserialize, Serialize};

pub(super) const INFO: PropertyInfo = PropertyInfo {
    name: "crosses",
    about: "The curves of two groups cross at an x between bounds.",
    keys: keys::<Crosses>,
    read: read::<Crosses>,
};

/// Draws of an interval.
const DRAWS: u32 = 2_000;

/// `property = "crosses"`: the x at which the means of `y` of the two groups change places.
///
/// Between neighbouring x that both have, the difference is taken as straight in ln x (in x where one is not above zero).
/// Curves whose ends stand in the same order do not cross; of three or more crossings the middle one is meant. With
/// `paired` every replicate has a crossing of its own, and Student's interval is of their logarithms. Without it, rows at
/// the same x and group are replicates: means are drawn with the spread of Student's t around those measured, and the
/// interval is the middle of the drawn crossings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crosses {
    /// Column along which.
    pub x: String,
    /// Column of the curves.
    pub y: String,
    /// Column that names the groups.
    pub group: String,
    /// One group.
    pub a: Label,
    /// The other.
    pub b: Label,
    /// Column that names the replicates.
    pub paired: Option<String>,
    /// Least x.
    pub at_least: Option<f64>,
    /// Largest x.
    pub at_most: Option<f64>,
}

/// Means of both groups at the x that both have.
struct Curves {
    /// x, in logarithms where all are above zero.
    x: Vec<f64>,
    /// Mean of a less that of b.
    difference: Vec<f64>,
    /// Rows behind each mean.
    counts: Vec<(usize, usize)>,
    /// Sum of squares around the means.
    square: f64,
    logarithms: bool,
}

impl Curves {
    fn position(&self, x: f64) -> f64 {
        if self.logarithms { x.exp() } else { x }
    }

    /// The crossing of these differences; none when their ends stand in the same order.
    fn crossing(&self, difference: &[f64]) -> Option<f64> {
        let (first, last) = (difference.first()?, difference.last()?);
        if first * last >= 0.0 {
            return None;
        }
        let changes: Vec<usize> =
            (1..difference.len()).filter(|&i| (difference[i - 1] < 0.0) != (difference[i] < 0.0)).collect();
        let i = changes[changes.len() / 2];
        let (before, after) = (difference[i - 1], difference[i]);
        Some(self.x[i - 1] + (self.x[i] - self.x[i - 1]) * before / (before - after))
    }
}

impl Crosses {
    fn curves(&self, table: &Table) -> Result<Curves, Stop> {
        let groups = labels(table, &self.group)?;
        let of = |label: &Label| -> Result<Vec<(f64, Vec<f64>)>, Stop> {
            let rows: Vec<usize> = (0..groups.len()).filter(|&i| label.is(&groups[i])).collect();
            match rows.is_empty() {
                true => undecided(format!("no row has {label} in `{}`", self.group)),
                false => levels(&table.take(&rows), &self.x, &self.y),
            }
        };
        let (a, b) = (of(&self.a)?, of(&self.b)?);
        let mut curves =
            Curves { x: Vec::new(), difference: Vec::new(), counts: Vec::new(), square: 0.0, logarithms: false };
        for (x, a) in &a {
            let Ok(place) = b.binary_search_by(|(other, _)| other.total_cmp(x)) else { continue };
            let b = &b[place].1;
            curves.x.push(*x);
            curves.difference.push(mean(a) - mean(b));
            curves.counts.push((a.len(), b.len()));
            let around = |v: &[f64]| v.iter().map(|y| (y - mean(v)).powi(2)).sum::<f64>();
            curves.square += around(a) + around(b);
        }
        if curves.x.len() < 2 {
            return undecided(format!("{} and {} share fewer than two values of `{}`", self.a, self.b, self.x));
        }
        curves.logarithms = curves.x[0] > 0.0;
        if curves.logarithms {
            curves.x.iter_mut().for_each(|x| *x = x.ln());
        }
        Ok(curves)
    }

    /// The ruling on curves that do not cross.
    fn apart(&self, curves: &Curves) -> (Truth, String) {
        let (from, to) = (curves.position(curves.x[0]), curves.position(curves.x[curves.x.len() - 1]));
        let range = self.accepted();
        let inside =
            range.excess(from) >= 0.0 && range.excess(to) >= 0.0 && self.at_least.is_some() && self.at_most.is_some();
        let span = format!("from {} to {}", shown(from), shown(to));
        match inside {
            true => (Truth::False, format!("there is no crossing {span}")),
            false => (Truth::Undecided, format!("there is none {span}, and the claim reaches further")),
        }
    }

    fn finding(&self, estimate: Estimate, count: String, ruled: Option<(Truth, String)>) -> Finding {
        let Self { x, y, a, b, .. } = self;
        let says = match estimate.value.is_nan() {
            true => format!("{y} of {a} and of {b} do not cross"),
            false => format!("{y} of {a} crosses that of {b} at {x} {}", shown(estimate.value)),
        };
        let statistic = format!("{x} at which {y} of {a} crosses that of {b}");
        let finding = Finding::new(statistic, says, estimate, "replicate", self.accepted());
        Finding { count, ruled, ..finding }
    }

    /// Each replicate by itself.
    fn of_replicates(&self, table: &Table, paired: &str, alpha: f64) -> Result<Finding, Stop> {
        let mut found = Vec::new();
        let groups = replicates(table, Some(paired))?;
        let n = groups.len();
        for (_, rows) in &groups {
            let curves = self.curves(rows)?;
            found.extend(curves.crossing(&curves.difference).map(|x| (x, curves.logarithms)));
        }
        let count = counted(n, "replicate");
        let whole = self.curves(table)?;
        if found.is_empty() {
            return Ok(self.finding(Estimate::bare(f64::NAN, n), count, Some(self.apart(&whole))));
        }
        let logarithms = found.iter().all(|f| f.1);
        let x: Vec<f64> = found.iter().map(|(x, log)| if *log && !logarithms { x.exp() } else { *x }).collect();
        let estimate = student(&x, alpha).map(|x| if logarithms { x.exp() } else { x });
        let some =
            (found.len() < n).then(|| (Truth::Undecided, format!("only {} of {n} replicates cross", found.len())));
        Ok(self.finding(estimate, count, some))
    }
}

impl Declared for Crosses {
    fn check(&self) -> Result<(), String> {
        self.accepted().check()
    }
}

impl Property for Crosses {
    fn info(&self) -> PropertyInfo {
        INFO
    }

    fn accepted(&self) -> Range {
        Range::new(self.at_least, self.at_most)
    }

    fn find(&self, table: &Table, alpha: f64) -> Result<Finding, Stop> {
        if let Some(paired) = &self.paired {
            return self.of_replicates(table, paired, alpha);
        }
        let curves = self.curves(table)?;
        let rows: usize = curves.counts.iter().map(|(a, b)| a + b).sum();
        let (k, count) = (curves.x.len(), counted(rows, "row"));
        let value = curves.crossing(&curves.difference).map_or(f64::NAN, |x| curves.position(x));
        let degrees = rows - 2 * k;
        if degrees == 0 {
            let one = (Truth::Undecided, "one row at each point says nothing of the noise".to_string());
            return Ok(self.finding(Estimate::bare(value, k), count, Some(one)));
        }
        let deviation = (curves.square / degrees as f64).sqrt();
        let mut drawn = Vec::new();
        for draw in 0..DRAWS {
            let (factor, mut rng) = t_draw(0, "crossing", draw, degrees);
            let shaken = |(d, (a, b)): (&f64, &(usize, usize))| {
                d + factor * deviation * (1.0 / *a as f64 + 1.0 / *b as f64).sqrt() * rng.normal()
            };
            let difference: Vec<f64> = curves.difference.iter().zip(&curves.counts).map(shaken).collect();
            drawn.extend(curves.crossing(&difference).map(|x| curves.position(x)));
        }
        let apart = 1.0 - drawn.len() as f64 / f64::from(DRAWS);
        if value.is_nan() {
            let ruled = match apart >= 1.0 - alpha {
                true => self.apart(&curves),
                false => (Truth::Undecided, "the noise allows a crossing".into()),
            };
            return Ok(self.finding(Estimate::bare(value, k), count, Some(ruled)));
        }
        let (low, high) = middle(&drawn, alpha);
        let ruled = (apart > alpha).then(|| (Truth::Undecided, "the noise allows that they do not cross".to_string()));
        Ok(self.finding(Estimate { value, low, high, n: rows }, count, ruled))
    }

    fn keys(&self) -> toml::Table {
        written(self)
    }
}

#[cfg(test)]
mod tests {
    use crate::assertion::tests::{check, truths};
    use crate::assertion::verdict::Truth;

    const CLAIM: &str = "property = 'crosses'\nx = 'n'\ny = 'loss'\ngroup = 'kind'\na = 'a'\nb = 'b'";

    fn table(a: [f64; 3], b: [f64; 3]) -> String {
        let rows = |seed: usize, shift: f64| -> String {
            (0..3)
                .map(|i| {
                    let n = 10usize.pow(i as u32);
                    // Opposite shifts move the crossing, so that replicates differ.
                    format!("a,{seed},{n},{}\nb,{seed},{n},{}\n", a[i] + shift, b[i] - shift)
                })
                .collect()
        };
        format!("kind,seed,n,loss\n{}{}{}", rows(0, -0.01), rows(1, 0.0), rows(2, 0.01))
    }

    #[test]
    fn replicates_cross_at_geometric_means() {
        // Differences 2, 1, -1 (shifted by -0.02, 0, 0.02): half way from ln 10 to ln 100, 31.62; at -+0.02 / 2 of ln 10
        // from there. Student: 3.453878 -+ 4.302653 * 0.0230259 / sqrt(3) = 0.057199.
        let curves = table([4.0, 3.0, 1.0], [2.0, 2.0, 2.0]);
        let paired = format!("{CLAIM}\npaired = 'seed'");
        truths(&curves, &paired, &["at_least = 29\nat_most = 34", "at_least = 40", "at_least = 31"]);
        let verdict = check(&curves, &format!("{paired}\nat_least = 10\nat_most = 50"));
        assert!((verdict.value - 31.622_777).abs() < 1e-5 && (verdict.low - 29.864).abs() < 1e-2, "{verdict:?}");
        assert!(verdict.why.starts_with("loss of a crosses that of b at n 31.6 (95%"), "{}", verdict.why);
    }

    #[test]
    fn rows_at_a_point_give_the_noise() {
        let curves = table([4.0, 3.0, 1.0], [2.0, 2.0, 2.0]);
        truths(&curves, CLAIM, &["at_least = 29\nat_most = 34", "at_least = 40", "at_least = 31.6"]);
        let one = check(&curves, &format!("{CLAIM}\nat_least = 1\nwhere = 'seed == 0'"));
        assert!(one.truth == Truth::Undecided && one.low.is_nan(), "{one:?}");
    }

    #[test]
    fn curves_that_stay_apart_do_not_cross() {
        let curves = table([4.0, 3.0, 2.5], [2.0, 2.0, 2.0]);
        for paired in ["", "\npaired = 'seed'"] {
            let inside = check(&curves, &format!("{CLAIM}{paired}\nat_least = 2\nat_most = 50"));
            assert!(
                inside.truth == Truth::False && inside.why.contains("there is no crossing from 1 to 100"),
                "{inside:?}"
            );
            assert_eq!(check(&curves, &format!("{CLAIM}{paired}\nat_least = 2")).truth, Truth::Undecided);
        }
    }
}
