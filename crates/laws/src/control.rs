//! How much output an attacker on activations controls (Fort 2023, arXiv 2312.02780): from attempts to the number of tokens that
//! can be forced, and whether that number is proportional to the tokens under control.

use crate::LawError;
use crate::forms::ACTIVATION_BITS;
use kleiber_core::stats::{line, mean, standard_deviation, student_quantile};
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
    /// The fit to attacks on at least three numbers of controlled tokens. Errors are taken to be relative (an attack on twice the
    /// tokens is twice as far off), so all three shapes are fitted to logarithms.
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
        let n = x.len() as f64;
        let logs = |v: &[f64]| v.iter().map(|v| v.ln()).collect::<Vec<_>>();
        let (ln_x, ln_y) = (logs(&x), logs(&y));
        let ratios: Vec<f64> = ln_y.iter().zip(&ln_x).map(|(y, x)| y - x).collect();
        let (ln_kappa, deviation) = (mean(&ratios), standard_deviation(&ratios));
        let kappa = ln_kappa.exp();
        let (exponent, _, scatter) = line(&ln_x, &ln_y);
        let criterion = |rss: f64, coefficients: f64| {
            // One more for the variance; rounding alone is no misfit.
            let k = coefficients + 1.0;
            n * (rss.max(n * 1e-24) / n).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0).max(1e-9)
        };
        let raw = [
            criterion((n - 1.0) * deviation.powi(2), 1.0),
            criterion(affine(&x, &ln_y), 2.0),
            criterion((n - 2.0) * scatter.powi(2), 2.0),
        ];
        let least = raw.iter().copied().fold(f64::INFINITY, f64::min);
        let shapes = [Shape::Proportional, Shape::Affine, Shape::Power];
        let best = raw.iter().position(|c| *c == least).map_or(Shape::Proportional, |i| shapes[i]);
        let half = student_quantile(0.5 + 0.5 * level, n - 1.0) * deviation / n.sqrt();
        let squares = |of: &dyn Fn(f64) -> f64| x.iter().zip(&y).map(|(x, y)| (y - of(*x)).powi(2)).sum::<f64>();
        Ok(Self {
            kappa,
            interval: ((ln_kappa - half).exp(), (ln_kappa + half).exp()),
            r_squared: 1.0 - squares(&|x| kappa * x) / squares(&|_| 0.0),
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

/// Sum of squared log residuals of the best line `b (x + r)`, by golden sections over `ln(r + lowest x)`.
fn affine(x: &[f64], ln_y: &[f64]) -> f64 {
    let (low, high) = x.iter().fold((f64::INFINITY, 0.0), |e: (f64, f64), x| (e.0.min(*x), e.1.max(*x)));
    let rss = |t: f64| {
        let shift = t.exp() - low;
        let off: Vec<f64> = x.iter().zip(ln_y).map(|(x, y)| y - (x + shift).ln()).collect();
        off.iter().map(|o| (o - mean(&off)).powi(2)).sum::<f64>()
    };
    let (mut left, mut right) = ((1e-3 * low).ln(), (100.0 * high).ln());
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    for _ in 0..100 {
        let (a, b) = (right - ratio * (right - left), left + ratio * (right - left));
        if rss(a) < rss(b) { right = b } else { left = a }
    }
    rss(0.5 * (left + right))
}
