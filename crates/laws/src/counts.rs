//! Regression on counts: passes out of draws, with a probability that follows a straight line in a chosen scale.
//!
//! The log likelihood `sum of s ln p + (n - s) ln(1 - p)` is the same for a fixed number of draws, for drawing until
//! enough passes (the stopping rule does not enter it) and for counts cut off at a cap. Both links make it concave, so
//! Newton's method with step halving finds its one maximum. The crate `linfa` has logistic regression on single yes/no
//! rows only, without weights, offsets or covariances; this is 100 lines on `nalgebra`.

use crate::LawError;
use crate::real::Real;
use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// Passes out of draws under the same conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Regressors, the constant 1 among them.
    pub x: Vec<f64>,
    /// Passes.
    pub passes: f64,
    /// Draws.
    pub draws: f64,
    /// Rows that share what else may have moved them, such as one prompt under many attacks.
    pub cluster: u32,
}

/// The scale in which the probability is a straight line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// `ln(p / (1 - p))`.
    Logit,
    /// `ln(-ln p)`: the scale of the task law.
    LogLog,
}

/// Value and two derivatives of a function of the line.
type Derivatives = (f64, f64, f64);

impl Link {
    /// The probability at a point of the line.
    pub fn probability(self, eta: f64) -> f64 {
        match self {
            Self::Logit => (-(-eta).softplus()).exp(),
            Self::LogLog => (-eta.exp()).exp(),
        }
    }

    /// The point of the line of a probability strictly between 0 and 1.
    pub fn line(self, p: f64) -> f64 {
        match self {
            Self::Logit => p.ln() - (-p).ln_1p(),
            Self::LogLog => (-p.ln()).ln(),
        }
    }

    /// `ln p` and `ln(1 - p)`, each with its first and second derivative.
    fn logarithms(self, eta: f64) -> (Derivatives, Derivatives) {
        match self {
            Self::Logit => {
                let (p, q) = (self.probability(eta), self.probability(-eta));
                ((-(-eta).softplus(), q, -p * q), (-eta.softplus(), -p, -p * q))
            }
            Self::LogLog => {
                let t = eta.clamp(-700.0, 700.0).exp();
                let below = t.exp_m1();
                // t / (e^t - 1) and its derivative in ln t.
                let ratio = if t > 700.0 { 0.0 } else { t / below };
                let slope = if t > 700.0 {
                    0.0
                } else if t < 1e-5 {
                    -0.5 * t
                } else {
                    ratio * (1.0 - ratio - t)
                };
                ((-t, -t, -t), ((-(-t).exp_m1()).ln(), ratio, slope))
            }
        }
    }
}

/// A normal prior on the coefficients, independent of each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// Means.
    pub mean: Vec<f64>,
    /// One over the variances; 0 says nothing.
    pub precision: Vec<f64>,
}

/// A fitted line.
#[derive(Debug, Clone)]
pub struct CountFit {
    /// The scale.
    pub link: Link,
    /// One coefficient per regressor.
    pub coefficients: Vec<f64>,
    /// Their covariance: the inverse of the observed information.
    pub covariance: DMatrix<f64>,
    /// Log likelihood, without the prior.
    pub ln_likelihood: f64,
    /// Pearson's chi-square over its degrees of freedom; above 1 the rows scatter more than draws alone do.
    pub dispersion: f64,
}

/// Steps of Newton's method before giving up.
const STEPS: usize = 200;
/// Information of all rows below which each is at a probability of 0 or 1: the maximum is at infinity.
const NOTHING: f64 = 1e-8;
/// Smallest eigenvalue of the scaled information of a design that varies.
const FLAT: f64 = 1e-12;

impl CountFit {
    /// The most likely line.
    ///
    /// # Errors
    /// [`LawError::Request`] when passes and draws make no sense, when every draw passed or none did (and there is no
    /// prior), or when the regressors do not vary.
    pub fn of(rows: &[Counted], link: Link, prior: Option<&Prior>) -> Result<Self, LawError> {
        let Some(width) = rows.first().map(|r| r.x.len()) else { return Err(refuse("there are no rows of counts")) };
        let sound = |r: &Counted| {
            r.x.len() == width
                && r.x.iter().all(|x| x.is_finite())
                && r.draws >= 1.0
                && (0.0..=r.draws).contains(&r.passes)
        };
        if let Some(at) = rows.iter().position(|r| !sound(r)) {
            let (passes, draws) = (rows[at].passes, rows[at].draws);
            return Err(refuse(format!(
                "counts of row {at}: {passes} passes of {draws} draws; at least one draw is needed"
            )));
        }
        let (passes, draws) = rows.iter().fold((0.0, 0.0), |t, r| (t.0 + r.passes, t.1 + r.draws));
        if prior.is_none() && (passes == 0.0 || passes == draws) {
            let what = if passes == 0.0 { "no draw passed" } else { "every draw passed" };
            return Err(refuse(format!(
                "{what}: the probability is known on one side only; draw more, or use an interval"
            )));
        }
        let start = link.line((passes + 0.5) / (draws + 1.0));
        let constant = (0..width).find(|&k| rows.iter().all(|r| r.x[k] == 1.0));
        let mut at =
            DVector::from_fn(width, |k, _| prior.map_or(if Some(k) == constant { start } else { 0.0 }, |p| p.mean[k]));
        let (mut value, mut gradient, mut information) = evaluate(rows, link, prior, &at);
        for _ in 0..STEPS {
            let step = information
                .clone()
                .cholesky()
                .map(|c| c.solve(&gradient))
                .filter(|s| s.iter().all(|v| v.is_finite()))
                .ok_or_else(|| refuse("the sizes do not vary, so counts say nothing about their effect"))?;
            let promised = gradient.dot(&step);
            // Of so little gain in log likelihood rounding leaves nothing to see, and a last step is exact.
            if promised < 1e-9 {
                at += step;
                (_, _, information) = evaluate(rows, link, prior, &at);
                break;
            }
            let halves = (0..60).map(|k| 0.5f64.powi(k)).map(|f| &at + &step * f);
            let Some(next) = halves.into_iter().find(|v| evaluate(rows, link, prior, v).0 > value) else {
                break;
            };
            at = next;
            (value, gradient, information) = evaluate(rows, link, prior, &at);
        }
        let told: f64 = rows.iter().map(|r| score(r, link, dot(&r.x, at.as_slice())).1).sum();
        if prior.is_none() && told < NOTHING {
            return Err(refuse("one size separates passes from failures completely: add sizes between, or draw more"));
        }
        let flat = SymmetricEigen::new(DMatrix::from_fn(width, width, |i, j| {
            information[(i, j)] / (information[(i, i)] * information[(j, j)]).sqrt()
        }));
        let least = flat.eigenvalues.min();
        if least.is_nan() || least <= FLAT {
            return Err(refuse("the sizes do not vary, so counts say nothing about their effect"));
        }
        Self::finished(rows, link, at, information)
    }

    fn finished(rows: &[Counted], link: Link, at: DVector<f64>, information: DMatrix<f64>) -> Result<Self, LawError> {
        let covariance = information.try_inverse().ok_or_else(|| refuse("the sizes do not vary"))?;
        let (ln_likelihood, _, _) = evaluate(rows, link, None, &at);
        let chi = rows.iter().map(|r| {
            let p = link.probability(dot(&r.x, at.as_slice()));
            (r.passes - r.draws * p).powi(2) / (r.draws * p * (1.0 - p)).max(1e-300)
        });
        let freedom = rows.len() as f64 - at.len() as f64;
        let dispersion = if freedom > 0.0 { chi.sum::<f64>() / freedom } else { f64::NAN };
        Ok(Self { link, coefficients: at.as_slice().to_vec(), covariance, ln_likelihood, dispersion })
    }

    /// The line at regressors, and its standard deviation.
    pub fn line(&self, x: &[f64]) -> (f64, f64) {
        let v = DVector::from_column_slice(x);
        (dot(x, &self.coefficients), v.dot(&(&self.covariance * &v)).max(0.0).sqrt())
    }

    /// The probability at regressors.
    pub fn probability(&self, x: &[f64]) -> f64 {
        self.link.probability(dot(x, &self.coefficients))
    }

    /// Standard deviation of a coefficient.
    pub fn deviation(&self, k: usize) -> f64 {
        self.covariance[(k, k)].sqrt()
    }

    /// Covariance of the coefficients when only clusters are independent: the sandwich with the factor `G / (G - 1)`
    /// for `G` clusters (Liang and Zeger 1986). `None` for a single cluster.
    pub fn clustered(&self, rows: &[Counted]) -> Option<DMatrix<f64>> {
        let mut scores: std::collections::BTreeMap<u32, DVector<f64>> = std::collections::BTreeMap::new();
        for row in rows {
            let (score, _) = score(row, self.link, dot(&row.x, &self.coefficients));
            let sum = scores.entry(row.cluster).or_insert_with(|| DVector::zeros(row.x.len()));
            *sum += DVector::from_column_slice(&row.x) * score;
        }
        let groups = scores.len() as f64;
        let meat: DMatrix<f64> = scores.values().fold(self.covariance.clone() * 0.0, |m, s| m + s * s.transpose());
        (groups > 1.0).then(|| &self.covariance * meat * &self.covariance * (groups / (groups - 1.0)))
    }
}

fn refuse(why: impl Into<String>) -> LawError {
    LawError::Request(why.into())
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Slope of the log likelihood along the line, and minus its curvature.
fn score(row: &Counted, link: Link, eta: f64) -> (f64, f64) {
    let (pass, fail) = link.logarithms(eta);
    let failures = row.draws - row.passes;
    (row.passes * pass.1 + failures * fail.1, -(row.passes * pass.2 + failures * fail.2))
}

/// Log likelihood with prior, its gradient and the information.
fn evaluate(
    rows: &[Counted],
    link: Link,
    prior: Option<&Prior>,
    at: &DVector<f64>,
) -> (f64, DVector<f64>, DMatrix<f64>) {
    let width = at.len();
    let (mut value, mut gradient, mut information) = (0.0, DVector::zeros(width), DMatrix::zeros(width, width));
    for row in rows {
        let eta = dot(&row.x, at.as_slice());
        let (pass, fail) = link.logarithms(eta);
        let failures = row.draws - row.passes;
        value += if row.passes > 0.0 { row.passes * pass.0 } else { 0.0 };
        value += if failures > 0.0 { failures * fail.0 } else { 0.0 };
        let (slope, weight) = score(row, link, eta);
        let x = DVector::from_column_slice(&row.x);
        gradient.axpy(slope, &x, 1.0);
        information.ger(weight, &x, &x, 1.0);
    }
    if let Some(prior) = prior {
        for k in 0..width {
            let off = at[k] - prior.mean[k];
            value -= 0.5 * prior.precision[k] * off * off;
            gradient[k] -= prior.precision[k] * off;
            information[(k, k)] += prior.precision[k];
        }
    }
    (value, gradient, information)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(x: f64, passes: f64, draws: f64) -> Counted {
        Counted { x: vec![1.0, x], passes, draws, cluster: 0 }
    }

    #[test]
    fn exact_counts_give_the_exact_line() {
        for link in [Link::Logit, Link::LogLog] {
            let rows: Vec<Counted> =
                [-1.0, 0.0, 1.0].map(|x| row(x, 1e6 * link.probability(0.3 - 0.9 * x), 1e6)).to_vec();
            let fit = CountFit::of(&rows, link, None).unwrap();
            assert!((fit.coefficients[0] - 0.3).abs() < 1e-9 && (fit.coefficients[1] + 0.9).abs() < 1e-9, "{fit:?}");
            assert!(fit.dispersion < 1e-9 && (link.line(link.probability(-1.3)) + 1.3).abs() < 1e-12);
        }
    }

    #[test]
    fn one_proportion_has_its_textbook_deviation() {
        // 30 of 100: the logit is ln(3/7), its variance 1 / (n p q) = 1/21.
        let fit = CountFit::of(&[Counted { x: vec![1.0], passes: 30.0, draws: 100.0, cluster: 0 }], Link::Logit, None)
            .unwrap();
        assert!((fit.coefficients[0] - (3.0f64 / 7.0).ln()).abs() < 1e-10);
        assert!((fit.deviation(0) - (1.0f64 / 21.0).sqrt()).abs() < 1e-9);
    }

    #[test]
    fn derivatives_are_those_of_differences() {
        for link in [Link::Logit, Link::LogLog] {
            for eta in [-6.0, -1.0, 0.4, 2.0] {
                let h = 1e-5;
                let ((_, p1, p2), (_, q1, q2)) = link.logarithms(eta);
                let (up, down) = (link.logarithms(eta + h), link.logarithms(eta - h));
                let near = |got: f64, want: f64| (got - want).abs() < 1e-7 * (1.0 + want.abs());
                assert!(
                    near(p1, (up.0.0 - down.0.0) / (2.0 * h)) && near(q1, (up.1.0 - down.1.0) / (2.0 * h)),
                    "{link:?} {eta}"
                );
                assert!(
                    near(p2, (up.0.1 - down.0.1) / (2.0 * h)) && near(q2, (up.1.1 - down.1.1) / (2.0 * h)),
                    "{link:?} {eta}"
                );
            }
        }
    }

    #[test]
    fn clusters_that_move_together_widen_the_interval() {
        // Ten prompts, each always or never leaking under ten attacks: 10 facts, not 100.
        let rows: Vec<Counted> = (0..100)
            .map(|i| Counted { x: vec![1.0], passes: f64::from(u8::from(i / 10 < 4)), draws: 1.0, cluster: i / 10 })
            .collect();
        let fit = CountFit::of(&rows, Link::Logit, None).unwrap();
        let clustered = fit.clustered(&rows).unwrap()[(0, 0)];
        assert!((clustered / fit.covariance[(0, 0)] - 10.0 * 10.0 / 9.0).abs() < 1e-6, "{clustered}");
    }

    #[test]
    fn counts_that_determine_nothing_are_refused() {
        let says = |rows: &[Counted], word: &str| {
            let text = CountFit::of(rows, Link::Logit, None).unwrap_err().to_string();
            assert!(text.contains(word), "{text}");
        };
        says(&[row(0.0, 0.0, 10.0), row(1.0, 0.0, 10.0)], "no draw passed");
        says(&[row(0.0, 10.0, 10.0), row(1.0, 10.0, 10.0)], "every draw passed");
        says(&[row(1.0, 3.0, 10.0), row(1.0, 4.0, 10.0)], "do not vary");
        says(&[row(0.0, 0.0, 10.0), row(1.0, 10.0, 10.0)], "separates");
        says(&[row(0.0, 11.0, 10.0)], "11 passes of 10");
        says(&[], "no rows");
        // With a prior, zero passes are information.
        let prior = Prior { mean: vec![-2.0, 0.0], precision: vec![1.0, 1.0] };
        let fit = CountFit::of(&[row(0.0, 0.0, 1000.0)], Link::Logit, Some(&prior)).unwrap();
        assert!(fit.coefficients[0] < -3.0);
    }
}
