//! Classifiers trained on mixtures of three unbalanced sources, what they reach, and what the distance of their data to the target
//! says of it (study `projektor`).

use super::Function;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_core::stats::{mean, median};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_laws::LawError;
use kleiber_laws::mixture::Points;
use kleiber_laws::rank::spearman;
use kleiber_laws::transport::{Link, PerformanceModel, PilotRun, Sinkhorn, Terms, labelled_costs, project};
use rayon::prelude::*;
use serde::Deserialize;

pub(super) const RUNS: Function = Function {
    name: "projektor-runs",
    about: "accuracy of classifiers on every mixture of three sources in tenths, and the distance of their data to the target",
    run: runs,
};
pub(super) const ERRORS: Function = Function {
    name: "projektor-errors",
    about: "errors of regressions of accuracy on mixtures they were fitted to and on hidden ones",
    run: errors,
};
pub(super) const PROJECTIONS: Function = Function {
    name: "projektor-projections",
    about: "accuracy at a larger size projected from two pilot sizes, and the mixture that it chooses",
    run: projections,
};

const CLASSES: usize = 10;
const WIDTH: usize = 8;
/// Standard deviation of the centres of classes; that of a class around its centre is 1.
const SPREAD: f64 = 1.3;
/// Rows of the sample of the target that distances are measured to, and of the one that accuracy is.
const VALIDATION: usize = 200;
const TEST: usize = 1000;
/// Strength of the entropy of the transport, as a share of the median cost.
const EPS: f64 = 0.05;
/// Classes of each source and the share of each; what remains is spread over the others (the example of Kang et al. 2023).
const SOURCES: [(std::ops::Range<usize>, f64); 3] = [(0..4, 0.2425), (4..7, 0.32), (7..10, 0.33)];
/// Mixtures with at least so much of the second source are hidden from the fits.
const HIDDEN: f64 = 0.5;

struct Sample {
    x: Points,
    labels: Vec<usize>,
}

/// The centres of the classes of one seed.
struct World(Vec<f64>);

impl World {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "projektor centres", 0);
        Self((0..CLASSES * WIDTH).map(|_| SPREAD * rng.normal()).collect())
    }

    fn sample(&self, labels: Vec<usize>, rng: &mut Rng) -> Sample {
        let centre = |class: &usize| &self.0[class * WIDTH..(class + 1) * WIDTH];
        let x = labels.iter().flat_map(centre).map(|m| m + rng.normal()).collect();
        Sample { x: Points::new(WIDTH, x), labels }
    }

    fn balanced(&self, rows: usize, rng: &mut Rng) -> Sample {
        self.sample((0..rows).map(|i| i % CLASSES).collect(), rng)
    }

    /// Rows of the sources with these shares.
    fn mixed(&self, rows: usize, shares: &[f64], rng: &mut Rng) -> Sample {
        let mut labels = Vec::with_capacity(rows);
        let mut before = 0.0;
        for (share, (classes, each)) in shares.iter().zip(&SOURCES) {
            let end = |share: f64| (share * rows as f64).round() as usize;
            for _ in end(before)..end(before + share) {
                let class = if rng.uniform() < classes.len() as f64 * each {
                    classes.start + rng.below(classes.len())
                } else {
                    let other = rng.below(CLASSES - classes.len());
                    if other < classes.start { other } else { other + classes.len() }
                };
                labels.push(class);
            }
            before += share;
        }
        self.sample(labels, rng)
    }
}

/// Softmax regression with a small penalty.
struct Classifier(Vec<f64>);

impl Classifier {
    const COLUMNS: usize = WIDTH + 1;
    const STEPS: usize = 200;
    const PENALTY: f64 = 1e-3;

    /// Accelerated gradient descent.
    fn train(sample: &Sample) -> Self {
        let n = sample.labels.len() as f64;
        let square = sample.x.iter().map(|x| 1.0 + x.iter().map(|v| v * v).sum::<f64>()).sum::<f64>() / n;
        let step = 1.0 / (0.5 * square + Self::PENALTY);
        let mut now = Self(vec![0.0; CLASSES * Self::COLUMNS]);
        let mut before = now.0.clone();
        for k in 0..Self::STEPS {
            let ahead = k as f64 / (k as f64 + 3.0);
            let at = Self(now.0.iter().zip(&before).map(|(w, b)| w + ahead * (w - b)).collect());
            let mut slope: Vec<f64> = at.0.iter().map(|w| Self::PENALTY * w).collect();
            for (x, label) in sample.x.iter().zip(&sample.labels) {
                let scores = at.scores(x);
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let e = scores.map(|s| (s - largest).exp());
                let sum: f64 = e.iter().sum();
                for (class, (e, row)) in e.iter().zip(slope.chunks_exact_mut(Self::COLUMNS)).enumerate() {
                    let off = (e / sum - f64::from(u8::from(class == *label))) / n;
                    row.iter_mut().zip(x).for_each(|(s, x)| *s += off * x);
                    row[WIDTH] += off;
                }
            }
            before = now.0;
            now = Self(at.0.iter().zip(&slope).map(|(w, s)| w - step * s).collect());
        }
        now
    }

    fn scores(&self, x: &[f64]) -> [f64; CLASSES] {
        std::array::from_fn(|class| {
            let row = &self.0[class * Self::COLUMNS..(class + 1) * Self::COLUMNS];
            row[WIDTH] + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()
        })
    }

    /// Share of the rows that it labels right.
    fn accuracy(&self, test: &Sample) -> f64 {
        let right = test.x.iter().zip(&test.labels).filter(|(x, label)| {
            let scores = self.scores(x);
            (0..CLASSES).max_by(|a, b| scores[*a].total_cmp(&scores[*b])) == Some(**label)
        });
        right.count() as f64 / test.labels.len() as f64
    }
}

/// Debiased transport between labelled samples.
fn distance(a: &Sample, b: &Sample) -> Result<f64, LawError> {
    let costs = |a: &Sample, b: &Sample| labelled_costs(&a.x, &a.labels, &b.x, &b.labels, 1.0);
    let between = costs(a, b)?;
    let sinkhorn = Sinkhorn { iterations: 1000, tolerance: 1e-4, ..Sinkhorn::relative(EPS, &between) };
    sinkhorn.divergence(&between, &costs(a, a)?, &costs(b, b)?)
}

/// The 66 mixtures of three sources in tenths.
fn mixtures() -> Vec<[f64; 3]> {
    let tenth = |v: usize| v as f64 / 10.0;
    (0..=10).flat_map(|i| (0..=10 - i).map(move |j| [tenth(i), tenth(j), tenth(10 - i - j)])).collect()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RunKeys {
    /// Worlds.
    seeds: u64,
    /// Rows of training samples.
    sizes: Vec<usize>,
    /// Samples of each mixture, of whose accuracies the median is taken.
    #[serde(default = "one")]
    repeats: usize,
    /// Whether the distance of the first sample to the target is measured.
    #[serde(default)]
    distances: bool,
}

fn one() -> usize {
    1
}

/// Columns `seed`, `size`, `p1`, `p2`, `p3`, `accuracy` (fraction) and, where asked for, `distance`.
fn runs(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: RunKeys = super::keys(keys)?;
    let (mixtures, seeds) = (mixtures(), context.options.seeds.unwrap_or(keys.seeds));
    let cell = |seed: u64, size: usize, place: usize| -> Result<[f64; 7], LawError> {
        let (world, shares) = (World::new(seed), mixtures[place]);
        let mut target = Rng::new(seed, "projektor target", 0);
        let (validation, test) = (world.balanced(VALIDATION, &mut target), world.balanced(TEST, &mut target));
        let sample = |repeat: usize| {
            let stream = format!("projektor sample {size} {repeat}");
            world.mixed(size, &shares, &mut Rng::new(seed, &stream, place as u32))
        };
        let reached: Vec<f64> =
            (0..keys.repeats).map(|repeat| Classifier::train(&sample(repeat)).accuracy(&test)).collect();
        let far = if keys.distances { distance(&sample(0), &validation)? } else { f64::NAN };
        Ok([seed as f64, size as f64, shares[0], shares[1], shares[2], median(&reached), far])
    };
    let (first, mut rows) = (context.options.seed, Vec::new());
    for seed in first..first + seeds {
        context.go_on()?;
        let cells: Vec<(usize, usize)> =
            keys.sizes.iter().flat_map(|size| (0..mixtures.len()).map(move |place| (*size, place))).collect();
        let found: Result<Vec<_>, LawError> =
            cells.into_par_iter().map(|(size, place)| cell(seed, size, place)).collect();
        rows.extend(found?);
    }
    let mut columns = numbers(&["seed", "size", "p1", "p2", "p3", "accuracy", "distance"], &rows);
    if !keys.distances {
        columns.pop();
    }
    Ok(Table::new(context.step, columns)?)
}

fn numbers<const N: usize>(names: &[&str; N], rows: &[[f64; N]]) -> Vec<Column> {
    let cells = |j: usize| Cells::Number(rows.iter().map(|r| r[j]).collect());
    names.iter().enumerate().map(|(j, name)| Column { name: (*name).into(), cells: cells(j) }).collect()
}

/// Seed and size, and the runs that have them.
type Group = ((f64, f64), Vec<PilotRun>);

/// Runs by seed and size, in the order of the table.
fn groups(table: &Table) -> Result<Vec<Group>, StudyError> {
    let column = |name: &str| table.numbers(name);
    let (seed, size, p) = (column("seed")?, column("size")?, [column("p1")?, column("p2")?, column("p3")?]);
    let accuracy = column("accuracy")?;
    let distance = if table.column("distance").is_some() { column("distance")? } else { vec![0.0; table.rows()] };
    let mut groups: IndexMap<(u64, u64), Vec<PilotRun>> = IndexMap::new();
    for i in 0..table.rows() {
        let run =
            PilotRun { shares: p.iter().map(|p| p[i]).collect(), distance: distance[i], performance: accuracy[i] };
        groups.entry((seed[i] as u64, size[i] as u64)).or_default().push(run);
    }
    Ok(groups.into_iter().map(|((seed, size), runs)| ((seed as f64, size as f64), runs)).collect())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ErrorKeys {
    /// Runs with distances.
    table: String,
}

/// A row for each seed, size, predictor and region: the mean absolute `error` in points of accuracy. Predictors are the mean of what
/// was seen (`constant`), least squares on `shares`, `squares`, the `distance` and all terms (`published`), and `kleiber`, which
/// chooses; the regions are `seen` and `hidden` (half or more of the second source).
fn errors(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: ErrorKeys = super::keys(keys)?;
    let (mut rows, mut predictors, mut regions) = (Vec::new(), Vec::new(), Vec::new());
    for ((seed, size), all) in groups(context.table(&keys.table)?)? {
        let (hidden, seen): (Vec<PilotRun>, Vec<PilotRun>) = all.into_iter().partition(|r| r.shares[1] >= HIDDEN);
        let models = [
            ("shares", PerformanceModel::without_penalty(&seen, Terms::Shares)?),
            ("squares", PerformanceModel::without_penalty(&seen, Terms::Squares)?),
            ("distance", PerformanceModel::without_penalty(&seen, Terms::Distance)?),
            ("published", PerformanceModel::without_penalty(&seen, Terms::All)?),
            ("kleiber", PerformanceModel::fit(&seen)?),
        ];
        let level = mean(&seen.iter().map(|r| r.performance).collect::<Vec<f64>>());
        let constant = ("constant", None);
        let models = models.iter().map(|(predictor, model)| (*predictor, Some(model)));
        for (predictor, model) in std::iter::once(constant).chain(models) {
            for (region, runs) in [("seen", &seen), ("hidden", &hidden)] {
                let said = |r: &PilotRun| model.map_or(level, |m| m.predict(&r.shares, r.distance));
                let off = |r: &PilotRun| 100.0 * (said(r) - r.performance).abs();
                rows.push([seed, size, mean(&runs.iter().map(off).collect::<Vec<f64>>())]);
                predictors.push(predictor.into());
                regions.push(region.into());
            }
        }
    }
    let mut columns = numbers(&["seed", "size", "error"], &rows);
    columns.push(Column { name: "predictor".into(), cells: Cells::Text(predictors) });
    columns.push(Column { name: "region".into(), cells: Cells::Text(regions) });
    Ok(Table::new(context.step, columns)?)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectionKeys {
    /// Runs of two sizes with distances.
    pilots: String,
    /// Runs of the size that is projected to.
    target: String,
}

/// A row for each seed: rank correlation of projected and measured accuracy over mixtures (`rank`), mean absolute errors in points by
/// the `logit` link, by the published `identity`, and `carried` over from the larger pilot; the largest projected accuracy by either
/// link; accuracy in points of the mixture that the logit link chooses, and of the median, the even and the best mixture.
fn projections(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let keys: ProjectionKeys = super::keys(keys)?;
    let pilots = groups(context.table(&keys.pilots)?)?;
    let mut rows = Vec::new();
    for ((seed, size), measured) in groups(context.table(&keys.target)?)? {
        let two: Vec<_> = pilots.iter().filter(|((of, _), _)| *of == seed).collect();
        let [small, large] = two[..] else {
            return Err(StudyError::refused("projections need two pilot sizes of every seed", "give two sizes"));
        };
        let said = |runs: &[PilotRun]| -> Result<Vec<f64>, LawError> {
            let model = PerformanceModel::fit(runs)?;
            // None right and all right have no logit.
            let least = 0.5 / TEST as f64;
            Ok(runs.iter().map(|r| model.predict(&r.shares, r.distance).clamp(least, 1.0 - least)).collect())
        };
        let (first, second) = (said(&small.1)?, said(&large.1)?);
        let by = |link: Link| -> Result<Vec<f64>, LawError> {
            let one = |(a, b): (&f64, &f64)| Ok(project(link, (small.0.1, *a), (large.0.1, *b), size, true)?.value);
            first.iter().zip(&second).map(one).collect()
        };
        let (logit, identity) = (by(Link::Logit)?, by(Link::Identity)?);
        let truth: Vec<f64> = measured.iter().map(|r| r.performance).collect();
        let off = |of: &[f64]| 100.0 * mean(&of.iter().zip(&truth).map(|(a, b)| (a - b).abs()).collect::<Vec<f64>>());
        let largest = |of: &[f64]| 100.0 * of.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let chosen = (0..truth.len()).max_by(|a, b| logit[*a].total_cmp(&logit[*b])).map_or(f64::NAN, |i| truth[i]);
        // The three mixtures next to equal shares.
        let even: Vec<f64> =
            measured.iter().filter(|r| r.shares.iter().all(|p| *p > 0.25)).map(|r| r.performance).collect();
        rows.push([
            seed,
            spearman(&logit, &truth),
            off(&logit),
            off(&identity),
            off(&second),
            largest(&logit),
            largest(&identity),
            100.0 * chosen,
            100.0 * median(&truth),
            100.0 * mean(&even),
            largest(&truth),
        ]);
    }
    let names = [
        "seed",
        "rank",
        "logit",
        "identity",
        "carried",
        "largest_logit",
        "largest_identity",
        "chosen",
        "median",
        "even",
        "best",
    ];
    Ok(Table::new(context.step, numbers(&names, &rows))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::tests::{table, with};

    #[test]
    fn sources_have_the_classes_that_they_are_declared_to_have() {
        let sample = World::new(0).mixed(10_000, &[0.0, 1.0, 0.0], &mut Rng::new(1, "test", 0));
        let count = |class: usize| sample.labels.iter().filter(|l| **l == class).count() as f64 / 1e4;
        assert!((count(5) - 0.32).abs() < 0.02 && (count(0) - 0.04 / 7.0).abs() < 0.004, "{} {}", count(5), count(0));
        assert_eq!(mixtures().len(), 66);
    }

    #[test]
    fn more_rows_and_more_classes_are_better_and_nearer() {
        let found = table("projektor-runs", "seeds = 1\nsizes = [60]\ndistances = true");
        let at = |p: [f64; 3]| mixtures().iter().position(|m| *m == p).unwrap();
        let (accuracy, distance) = (found.numbers("accuracy").unwrap(), found.numbers("distance").unwrap());
        let (corner, middle) = (at([0.0, 1.0, 0.0]), at([0.3, 0.3, 0.4]));
        assert!(accuracy[middle] > accuracy[corner] && distance[middle] < distance[corner]);
        let tables = IndexMap::from([("runs".to_string(), found)]);
        let errors = with("projektor-errors", "table = \"runs\"", &tables);
        assert_eq!(errors.rows(), 12);
        assert!(errors.numbers("error").unwrap().iter().all(|e| *e > 0.0));
    }
}
