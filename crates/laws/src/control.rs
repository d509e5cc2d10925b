//! How much output an attacker on activations controls (Fort 2023, arXiv 2312.02780): from attempts to the number of tokens that
//! can be forced, and whether that number is proportional to the tokens under control.

use crate::LawError;
use crate::forms::ACTIVATION_BITS;
use kleiber_core::stats::{line, student_quantile};
use serde::Serialize;

/// Attacks on `a` tokens and the most tokens they forced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attack {
    /// Input tokens under control; with a share of their dimensions, times that share.
    pub controlled: f64,
    /// Tokens forced, by [`forced`].
    pub forced: f64,
}

/// The line through the origin, and what speaks against it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Control {
    /// Forced tokens per controlled token.
    pub kappa: f64,
    /// Interval of kappa.
    pub interval: (f64, f64),
    /// Share of the variance around zero that the line explains.
    pub r_squared: f64,
    /// Exponent of a power law instead of the line.
    pub exponent: f64,
    /// Which of the three has the smallest corrected Akaike criterion.
    pub best: Shape,
    /// Criteria of line, affine line and power, less the smallest.
    pub aicc: [f64; 3],
}

/// How forced tokens grow with controlled ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// In proportion.
    Proportional,
    /// In a line that does not pass the origin.
    Affine,
    /// By a power other than one.
    Power,
}

/// Tokens forced: the largest target length at which half of its tokens are right, between measured lengths along a straight
/// line. `attempts` are pairs of target length and share of tokens right, in any order.
///
/// # Errors
/// [`LawError::Request`] for shares outside 0 to 1, or when the share does not cross one half within the lengths tried.
pub fn forced(attempts: &[(f64, f64)]) -> Result<f64, LawError> {
    let fail = |why: &str| Err(LawError::Request(why.into()));
    if attempts.iter().any(|(t, q)| !(*t > 0.0 && (0.0..=1.0).contains(q))) {
        return fail("attempts are pairs of a positive target length and a share of its tokens between 0 and 1");
    }
    let mut sorted = attempts.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let Some(last) = sorted.iter().rposition(|a| a.1 >= 0.5) else {
        return fail("less than half of the tokens are right even for the shortest target: try shorter ones");
    };
    let Some(next) = sorted.get(last + 1) else {
        return fail("half of the tokens are right even for the longest target: try longer ones");
    };
    let here = sorted[last];
    Ok(here.0 + (here.1 - 0.5) / (here.1 - next.1) * (next.0 - here.0))
}

impl Control {
    /// The fit to attacks on at least three numbers of controlled tokens.
    ///
    /// # Errors
    /// [`LawError::Request`] for too few or impossible attacks.
    pub fn of(attacks: &[Attack], level: f64) -> Result<Self, LawError> {
        let mut amounts: Vec<f64> = attacks.iter().map(|a| a.controlled).collect();
        amounts.sort_by(f64::total_cmp);
        amounts.dedup();
        if amounts.len() < 3 || attacks.len() < 4 || attacks.iter().any(|a| !(a.controlled > 0.0 && a.forced > 0.0)) {
            let found = amounts.len();
            return Err(LawError::Request(format!(
                "a line needs at least four attacks on three numbers of controlled tokens (found {found}), all positive"
            )));
        }
        let (x, y): (Vec<f64>, Vec<f64>) = attacks.iter().map(|a| (a.controlled, a.forced)).unzip();
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let n = x.len() as f64;
        let rss = |of: &dyn Fn(f64) -> f64| x.iter().zip(&y).map(|(x, y)| (y - of(*x)).powi(2)).sum::<f64>();
        let kappa = sum(&x, &y) / sum(&x, &x);
        let (slope, intercept, _) = line(&x, &y);
        let (exponent, scale) = power(&x, &y);
        let residual = rss(&|x| kappa * x);
        let criterion = |rss: f64, coefficients: f64| {
            // One more for the variance.
            let k = coefficients + 1.0;
            n * (rss.max(1e-24 * sum(&y, &y)) / n).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0).max(1e-9)
        };
        let raw = [
            criterion(residual, 1.0),
            criterion(rss(&|x| intercept + slope * x), 2.0),
            criterion(rss(&|x| scale * x.powf(exponent)), 2.0),
        ];
        let least = raw.iter().copied().fold(f64::INFINITY, f64::min);
        let shapes = [Shape::Proportional, Shape::Affine, Shape::Power];
        let best = raw.iter().position(|c| *c == least).map_or(Shape::Proportional, |i| shapes[i]);
        let half = student_quantile(0.5 + 0.5 * level, n - 1.0) * (residual / (n - 1.0) / sum(&x, &x)).sqrt();
        Ok(Self {
            kappa,
            interval: (kappa - half, kappa + half),
            r_squared: 1.0 - residual / sum(&y, &y),
            exponent,
            best,
            aicc: raw.map(|c| c - least),
        })
    }

    /// Attack resistance: bits of activation per bit of output, for a width and a vocabulary (of random targets; for text, a
    /// vocabulary of 2 to the entropy of a token), with the interval that kappa's gives.
    pub fn resistance(&self, width: f64, vocab: f64) -> (f64, f64, f64) {
        let chi = |kappa: f64| ACTIVATION_BITS * width / (kappa * vocab.log2());
        (chi(self.kappa), chi(self.interval.1), chi(self.interval.0))
    }
}

/// Attack resistance of an attack on tokens: input bits per output bit do not depend on the vocabulary.
pub fn token_resistance(controlled: f64, forced: f64) -> f64 {
    controlled / forced
}

/// Least squares of `scale x^exponent`, by golden sections over the exponent.
fn power(x: &[f64], y: &[f64]) -> (f64, f64) {
    let scale = |g: f64| {
        let (xy, xx) = x.iter().zip(y).fold((0.0, 0.0), |t, (x, y)| (t.0 + x.powf(g) * y, t.1 + x.powf(2.0 * g)));
        xy / xx
    };
    let rss = |g: f64| x.iter().zip(y).map(|(x, y)| (y - scale(g) * x.powf(g)).powi(2)).sum::<f64>();
    let (mut low, mut high) = (-1.0, 4.0);
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..100 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if rss(left) < rss(right) { high = right } else { low = left }
    }
    let g = 0.5 * (low + high);
    (g, scale(g))
}
