//! Does a rate rise with size? Rank correlation with exact permutation tests, a logistic slope with intervals, and
//! verdicts that know how many questions were asked.
//!
//! A study that measures several rates on several families of models finds a "law" somewhere by chance; the prompt
//! leaks of Liang et al. 2024 (arXiv 2408.02416) rise with size for whole prompts in one family and not at all for
//! fragments of three words or in another. So every series of one question is judged together (Holm 1979), and one
//! that has too few sizes to reach the level at all is called undecided rather than flat.

use crate::LawError;
use crate::counts::{CountFit, Counted, Link};
use crate::rank::{ranks, spearman};
use kleiber_core::rng::Rng;
use kleiber_core::stats::{line, student_quantile};
use serde::Serialize;

/// Most sizes of which every order is looked at: 9! = 362,880.
const EXACT: usize = 9;
/// Random orders beyond that.
const DRAWN: u32 = 20_000;

/// A rate at several sizes.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What was measured on what: `verbatim, Pythia`.
    pub name: String,
    /// One entry per size and cluster.
    pub points: Vec<Point>,
}

/// Passes of trials at one size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Size, such as parameters; positive.
    pub size: f64,
    /// Trials that passed.
    pub passes: f64,
    /// Trials.
    pub trials: f64,
    /// Trials that are not independent of each other, such as all attacks on one prompt. All equal: not known.
    pub cluster: u32,
}

/// What a series says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The rate rises with size.
    Rises,
    /// The rate falls with size.
    Falls,
    /// There were enough sizes to see a perfect order, and no order was seen.
    NoTrend,
    /// So few sizes, for so many questions, that even a perfect order could be chance.
    Undecided,
}

/// The trend of a series.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trend {
    /// Name of the series.
    pub name: String,
    /// Different sizes.
    pub sizes: usize,
    /// Spearman's rank correlation of size and rate.
    pub rho: f64,
    /// Two-sided permutation probability of a correlation as large.
    pub p: f64,
    /// The same after Holm's correction for all series of the question.
    pub adjusted: f64,
    /// Whether every order was looked at.
    pub exact: bool,
    /// Percentage points per tenfold size, by least squares over the sizes.
    pub points_per_decade: f64,
    /// Change of the log odds per tenfold size, where the counts determine it.
    pub slope: Option<Slope>,
    /// What it says at the level asked.
    pub verdict: Verdict,
}

/// A slope of the log odds per tenfold size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Slope {
    /// Estimate.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Pearson's dispersion: above 1 the sizes scatter more than trials alone do, and the interval is widened by it.
    pub dispersion: f64,
}

fn centred(values: &[f64]) -> Vec<f64> {
    let mean = kleiber_core::stats::mean(values);
    values.iter().map(|v| v - mean).collect()
}

/// Two-sided permutation probability that ranks correlate as much in absolute value, and whether it is exact. Beyond
/// nine values orders are drawn, and the observed one is counted among them (Phipson and Smyth 2010).
pub fn permutation_p(x: &[f64], y: &[f64], seed: u64) -> (f64, bool) {
    if !spearman(x, y).is_finite() {
        return (1.0, true);
    }
    // Orders have the same spread, so only the sum of products differs.
    let (x, y) = (centred(&ranks(x)), centred(&ranks(y)));
    let products = |order: &[f64]| x.iter().zip(order).map(|(a, b)| a * b).sum::<f64>().abs();
    let observed = products(&y) - 1e-9;
    let reaches = |order: &[f64]| products(order) >= observed;
    if x.len() <= EXACT {
        let (mut hits, mut all) = (0u32, 0u32);
        permute(&mut y.clone(), x.len(), &mut |order| {
            all += 1;
            hits += u32::from(reaches(order));
        });
        return (f64::from(hits) / f64::from(all), true);
    }
    let hits = (0..DRAWN).filter(|&draw| {
        let mut rng = Rng::new(seed, "trend", draw);
        let mut order = y.clone();
        for i in (1..order.len()).rev() {
            order.swap(i, rng.below(i + 1));
        }
        reaches(&order)
    });
    (f64::from(hits.count() as u32 + 1) / f64::from(DRAWN + 1), false)
}

/// Heap's algorithm: every order of the first `n` values.
fn permute(values: &mut [f64], n: usize, visit: &mut impl FnMut(&[f64])) {
    if n <= 1 {
        visit(values);
        return;
    }
    for i in 0..n {
        permute(values, n - 1, visit);
        values.swap(if n.is_multiple_of(2) { i } else { 0 }, n - 1);
    }
}

/// Holm's step-down correction: the chance of any false claim stays below the level.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let (mut adjusted, mut highest) = (vec![1.0; p.len()], 0.0f64);
    for (place, &i) in order.iter().enumerate() {
        highest = highest.max((p.len() - place) as f64 * p[i]).min(1.0);
        adjusted[i] = highest;
    }
    adjusted
}

/// Trends of all series of one question at a level such as .95, corrected for their number.
///
/// # Errors
/// [`LawError::Request`] for no series, a series of fewer than three sizes, or counts that make no sense.
pub fn trends(series: &[Series], level: f64, seed: u64) -> Result<Vec<Trend>, LawError> {
    if series.is_empty() || !(0.5..1.0).contains(&level) {
        return Err(LawError::Request("a trend needs at least one series and a level between .5 and 1".into()));
    }
    let mut found = series.iter().map(|s| one(s, level, seed)).collect::<Result<Vec<_>, _>>()?;
    let adjusted = holm(&found.iter().map(|t| t.p).collect::<Vec<_>>());
    for (trend, adjusted) in found.iter_mut().zip(adjusted) {
        trend.adjusted = adjusted;
        let smallest = 2.0 / (1..=trend.sizes.min(20)).map(|i| i as f64).product::<f64>();
        trend.verdict = match () {
            () if adjusted <= 1.0 - level && trend.rho > 0.0 => Verdict::Rises,
            () if adjusted <= 1.0 - level => Verdict::Falls,
            () if smallest * series.len() as f64 > 1.0 - level => Verdict::Undecided,
            () => Verdict::NoTrend,
        };
    }
    Ok(found)
}

fn one(series: &Series, level: f64, seed: u64) -> Result<Trend, LawError> {
    let fail = |why: String| LawError::Request(format!("{}: {why}", series.name));
    let sound =
        |p: &Point| p.size > 0.0 && p.size.is_finite() && p.trials >= 1.0 && (0.0..=p.trials).contains(&p.passes);
    if let Some(p) = series.points.iter().find(|p| !sound(p)) {
        let (size, passes, trials) = (p.size, p.passes, p.trials);
        return Err(fail(format!("{passes} passes of {trials} trials at size {size} cannot be")));
    }
    let mut sizes: Vec<f64> = series.points.iter().map(|p| p.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes.dedup();
    if sizes.len() < 3 {
        return Err(fail(format!("{} sizes make no trend; at least three are needed, five to claim one", sizes.len())));
    }
    let rate = |size: &f64| {
        let at = series.points.iter().filter(|p| p.size == *size);
        let (passes, trials) = at.fold((0.0, 0.0), |t, p| (t.0 + p.passes, t.1 + p.trials));
        passes / trials
    };
    let rates: Vec<f64> = sizes.iter().map(rate).collect();
    let decades: Vec<f64> = sizes.iter().map(|s| s.log10()).collect();
    let (p, exact) = permutation_p(&sizes, &rates, seed);
    let rho = spearman(&sizes, &rates);
    Ok(Trend {
        name: series.name.clone(),
        sizes: sizes.len(),
        rho: if rho.is_nan() { 0.0 } else { rho },
        p,
        adjusted: p,
        exact,
        points_per_decade: 100.0 * line(&decades, &rates).0,
        slope: slope(series, sizes.len(), level),
        verdict: Verdict::Undecided,
    })
}

/// The logistic slope. Models are drawn too, not only trials: the interval is widened by the dispersion among sizes
/// and takes Student's t with sizes - 2 degrees of freedom; where clusters are named, the wider of the two counts.
fn slope(series: &Series, sizes: usize, level: f64) -> Option<Slope> {
    let row =
        |p: &Point| Counted { x: vec![1.0, p.size.log10()], passes: p.passes, draws: p.trials, cluster: p.cluster };
    let rows: Vec<Counted> = series.points.iter().map(row).collect();
    let mut pooled: Vec<Counted> = Vec::new();
    for row in &rows {
        match pooled.iter_mut().find(|p| p.x == row.x) {
            Some(p) => (p.passes, p.draws) = (p.passes + row.passes, p.draws + row.draws),
            None => pooled.push(row.clone()),
        }
    }
    let fit = CountFit::of(&pooled, Link::Logit, None).ok()?;
    let scattered = fit.covariance[(1, 1)] * fit.dispersion.max(1.0);
    let clustered = fit.clustered(&rows).filter(|_| rows.len() > pooled.len()).map_or(0.0, |c| c[(1, 1)]);
    let half = student_quantile(0.5 + 0.5 * level, sizes as f64 - 2.0) * scattered.max(clustered).sqrt();
    let value = fit.coefficients[1];
    Some(Slope { value, low: value - half, high: value + half, dispersion: fit.dispersion })
}
