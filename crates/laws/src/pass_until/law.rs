//! A task over model sizes: `p = exp(-C N^-alpha)`, a straight line of `ln(-ln p)` over `ln N` (Hu et al. 2023, eq. 3), and
//! whether it bends.

use super::PassCount;
use crate::LawError;
use crate::counts::{CountFit, Counted, Link, Prior};
use kleiber_core::stats::{mean, normal_cdf, normal_quantile};
use serde::Serialize;

/// Counts of one or more instances at several sizes; all of one decoding temperature.
#[derive(Debug, Clone, PartialEq)]
pub struct Ladder {
    /// Parameters of each size, in one convention of counting.
    pub sizes: Vec<f64>,
    /// Counts: one list per instance, one entry per size.
    pub counts: Vec<Vec<PassCount>>,
}

/// How a pass rate grows with size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Growth {
    /// Along the task law: `ln(-ln p)` is straight within its interval.
    Law,
    /// Slower than the task law, as a product of several steps is: `ln(-ln p)` is convex.
    SubScaling,
    /// Faster than the task law, accelerated emergence: `ln(-ln p)` is concave.
    Accelerated,
}

/// The law of one pass probability.
#[derive(Debug, Clone)]
pub struct TaskLaw {
    fit: CountFit,
    centre: f64,
    sizes: (f64, f64),
}

/// A predicted pass rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Predicted {
    /// The pass rate.
    pub rate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// Fewest sizes for a line.
const SIZES: usize = 3;
/// Rounds of the empirical Bayes prior.
const ROUNDS: usize = 40;
/// Smallest variance of the prior, so that equal instances stay regular.
const LEAST_VARIANCE: f64 = 1e-4;

impl Ladder {
    fn check(&self, least: usize) -> Result<f64, LawError> {
        let fail = |why: String| Err(LawError::Request(why));
        let mut sizes = self.sizes.clone();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        if sizes.len() < least {
            return fail(format!(
                "{} sizes cannot show how a pass rate grows; at least {least} are needed",
                sizes.len()
            ));
        }
        if sizes.iter().any(|s| !(*s > 0.0 && s.is_finite())) {
            return fail("sizes must be positive numbers of parameters".into());
        }
        if self.counts.is_empty() || self.counts.iter().any(|c| c.len() != self.sizes.len()) {
            return fail("each instance needs one count per size".into());
        }
        Ok(mean(&self.sizes.iter().map(|s| s.ln()).collect::<Vec<_>>()))
    }

    fn rows(&self, instance: usize, centre: f64, bent: bool) -> Vec<Counted> {
        let row = |(size, count): (&f64, &PassCount)| {
            let x = size.ln() - centre;
            let mut regressors = vec![1.0, x];
            regressors.extend(bent.then_some(x * x));
            Counted { x: regressors, passes: count.passes as f64, draws: count.draws as f64, cluster: instance as u32 }
        };
        self.sizes.iter().zip(&self.counts[instance]).map(row).collect()
    }

    fn all_rows(&self, centre: f64, bent: bool) -> Vec<Counted> {
        (0..self.counts.len()).flat_map(|i| self.rows(i, centre, bent)).collect()
    }
}

impl TaskLaw {
    /// One law for all instances of the ladder, by the likelihood of the counts: rates of 0 and counts cut off at the cap
    /// enter as they are. For instances that differ take [`InstanceLaws`].
    ///
    /// # Errors
    /// [`LawError::Request`] for fewer than three sizes or counts that determine nothing.
    pub fn of(ladder: &Ladder) -> Result<Self, LawError> {
        let centre = ladder.check(SIZES)?;
        let fit = CountFit::of(&ladder.all_rows(centre, false), Link::LogLog, None)?;
        Ok(Self { fit, centre, sizes: span(&ladder.sizes) })
    }

    /// Exponent of model size.
    pub fn alpha(&self) -> f64 {
        -self.fit.coefficients[1]
    }

    /// Its standard deviation.
    pub fn alpha_deviation(&self) -> f64 {
        self.fit.deviation(1)
    }

    /// `ln C`, for sizes in parameters.
    pub fn ln_c(&self) -> f64 {
        self.fit.coefficients[0] + self.alpha() * self.centre
    }

    /// Pearson's dispersion: far above 1 the instances do not share one law.
    pub fn dispersion(&self) -> f64 {
        self.fit.dispersion
    }

    /// How far a size is beyond the largest of the ladder, or below the smallest; 1 inside.
    pub fn beyond(&self, size: f64) -> f64 {
        (size / self.sizes.1).max(self.sizes.0 / size).max(1.0)
    }

    /// The pass rate at a size.
    pub fn predict(&self, size: f64, level: f64) -> Predicted {
        let (line, deviation) = self.fit.line(&[1.0, size.ln() - self.centre]);
        let half = normal_quantile(0.5 + 0.5 * level) * deviation;
        let p = |line| Link::LogLog.probability(line);
        Predicted { rate: p(line), low: p(line + half), high: p(line - half) }
    }

    /// Probability that the pass rate at a size is above a threshold, given the law.
    pub fn exceeds(&self, size: f64, threshold: f64) -> f64 {
        let (line, deviation) = self.fit.line(&[1.0, size.ln() - self.centre]);
        normal_cdf((Link::LogLog.line(threshold) - line) / deviation)
    }

    /// Which growth the counts show at a level such as .95: a term in `(ln N)^2` is added, and only when its interval
    /// excludes zero is the growth called anything but the law's. Returns the growth, the term and its interval; the
    /// interval is widened by the dispersion of the counts.
    ///
    /// # Errors
    /// [`LawError::Request`] for fewer than four sizes or counts that determine nothing.
    pub fn growth(ladder: &Ladder, level: f64) -> Result<(Growth, f64, (f64, f64)), LawError> {
        let centre = ladder.check(SIZES + 1)?;
        let fit = CountFit::of(&ladder.all_rows(centre, true), Link::LogLog, None)?;
        let bend = fit.coefficients[2];
        let half = normal_quantile(0.5 + 0.5 * level) * fit.deviation(2) * fit.dispersion.max(1.0).sqrt();
        let growth = match () {
            () if bend - half > 0.0 => Growth::SubScaling,
            () if bend + half < 0.0 => Growth::Accelerated,
            () => Growth::Law,
        };
        Ok((growth, bend, (bend - half, bend + half)))
    }
}

fn span(sizes: &[f64]) -> (f64, f64) {
    sizes.iter().fold((f64::INFINITY, 0.0), |s, v| (s.0.min(*v), s.1.max(*v)))
}

/// A law for each instance. The mean of `exp(-C_i N^-alpha_i)` is not of that form, so instances are followed one by one and
/// the predictions averaged; what an instance of few passes leaves open is taken from the others (a normal prior whose
/// means and variances are those of all instances: empirical Bayes, by expectation and maximisation).
#[derive(Debug, Clone)]
pub struct InstanceLaws {
    fits: Vec<CountFit>,
    centre: f64,
    /// The prior that the instances share: of `ln(-ln p)` at the middle size, and of its slope.
    pub prior: Prior,
}

impl InstanceLaws {
    /// The laws of all instances.
    ///
    /// # Errors
    /// [`LawError::Request`] as [`TaskLaw::of`].
    pub fn of(ladder: &Ladder) -> Result<Self, LawError> {
        let centre = ladder.check(SIZES)?;
        let shared = CountFit::of(&ladder.all_rows(centre, false), Link::LogLog, None)?;
        let mut prior = Prior { mean: shared.coefficients, precision: vec![1.0, 4.0] };
        let rows: Vec<Vec<Counted>> = (0..ladder.counts.len()).map(|i| ladder.rows(i, centre, false)).collect();
        let mut fits: Vec<CountFit> = Vec::new();
        for _ in 0..ROUNDS {
            fits = rows.iter().map(|r| CountFit::of(r, Link::LogLog, Some(&prior))).collect::<Result<_, _>>()?;
            let mut next = prior.clone();
            for k in 0..2 {
                let centre = mean(&fits.iter().map(|f| f.coefficients[k]).collect::<Vec<_>>());
                let spread = |f: &CountFit| (f.coefficients[k] - centre).powi(2) + f.covariance[(k, k)];
                let variance = mean(&fits.iter().map(spread).collect::<Vec<_>>()).max(LEAST_VARIANCE);
                (next.mean[k], next.precision[k]) = (centre, 1.0 / variance);
            }
            let moved =
                |k: usize| (next.mean[k] - prior.mean[k]).abs() + (next.precision[k] / prior.precision[k]).ln().abs();
            let settled = moved(0) + moved(1) < 1e-6;
            prior = next;
            if settled {
                break;
            }
        }
        Ok(Self { fits, centre, prior })
    }

    /// The mean pass rate at a size. Each instance's rate is averaged over what its counts leave open, by quadrature, since
    /// the rate at the most likely line is not the mean rate.
    pub fn predict(&self, size: f64) -> f64 {
        let x = [1.0, size.ln() - self.centre];
        // Gauss-Hermite of seven points for the standard normal distribution.
        const NODES: [(f64, f64); 4] = [
            (0.0, 0.457_142_857_142_857_1),
            (1.154_405_394_739_968, 0.240_123_178_605_012_7),
            (2.366_759_410_734_541, 0.030_757_123_967_586_5),
            (3.750_439_717_725_742, 0.000_548_268_855_972_217),
        ];
        let rate = |fit: &CountFit| {
            let (line, deviation) = fit.line(&x);
            let p = |z: f64| Link::LogLog.probability(line + z * deviation);
            NODES.iter().map(|&(z, w)| if z == 0.0 { w * p(z) } else { w * (p(z) + p(-z)) }).sum::<f64>()
        };
        mean(&self.fits.iter().map(rate).collect::<Vec<_>>())
    }

    /// Exponent of an instance.
    pub fn alpha(&self, instance: usize) -> f64 {
        -self.fits[instance].coefficients[1]
    }
}

/// Several steps that must all pass, each by its own law `(ln C, alpha)`: the product grows slower than a single law, so steps
/// do not explain acceleration (Hu et al. 2023, theorem 1).
pub fn steps(laws: &[(f64, f64)], size: f64) -> f64 {
    (-laws.iter().map(|(ln_c, alpha)| (ln_c - alpha * size.ln()).exp()).sum::<f64>()).exp()
}

/// Several circuits that can each solve the task by its own law `(ln C, alpha)`, the surer one heard more: the mean of `-ln p_j`
/// with weights in proportion to `p_j`. The paper proposes circuits that vote; this weighting is one way to write it down,
/// and it accelerates where a circuit of larger alpha takes over.
pub fn circuits(laws: &[(f64, f64)], size: f64) -> f64 {
    let costs: Vec<f64> = laws.iter().map(|(ln_c, alpha)| (ln_c - alpha * size.ln()).exp()).collect();
    let least = costs.iter().copied().fold(f64::INFINITY, f64::min);
    let weights: Vec<f64> = costs.iter().map(|c| (least - c).exp()).collect();
    (-costs.iter().zip(&weights).map(|(c, w)| c * w).sum::<f64>() / weights.iter().sum::<f64>()).exp()
}
