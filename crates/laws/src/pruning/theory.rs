//! Test error of a perceptron trained on pruned data: the saddle-point equations of Sorscher et al. 2022 (their
//! appendix A), in the limit of many dimensions.
//!
//! A teacher `T` labels `alpha_tot N` Gaussian inputs of `N` dimensions. A probe at the angle `theta` to the teacher ranks
//! them by `|J_probe . x|`; the share `f` with the smallest (hard) or largest (easy) values is kept, and the student of
//! the largest margin is trained on it. Its error is `arccos(R)/pi`, `R` its overlap with the teacher.

use crate::LawError;
use crate::solve::root::root;
use kleiber_core::stats::{normal_cdf, normal_quantile};
use serde::Serialize;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// Which end of the ranking is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The hardest examples.
    Hard,
    /// The easiest.
    Easy,
    /// Any, whatever their score.
    Random,
}

/// A pruned data set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Kept {
    /// Examples per dimension before pruning.
    pub alpha_tot: f64,
    /// Share kept.
    pub fraction: f64,
    /// Angle between probe and teacher in radians.
    pub theta: f64,
    /// End kept.
    pub end: End,
}

/// The order parameters of the student.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Test error.
    pub error: f64,
    /// Cosine of student and teacher (R).
    pub overlap: f64,
    /// Cosine of student and probe (rho); R when the probe is the teacher.
    pub probe: f64,
    /// Largest margin (kappa).
    pub margin: f64,
}

/// Below this angle the probe counts as the teacher: the general equations divide by its sine.
const PERFECT: f64 = 1e-3;
/// Standard normal values beyond this do not count.
const FAR: f64 = 8.0;
/// Steps of an integral over the student's field, even.
const STEPS: usize = 480;
/// The same for the general equations.
const FEWER: usize = 240;
/// Nodes of an integral over the probe's field.
const NODES: usize = 48;
/// Residual at which the equations count as solved.
const SOLVED: f64 = 1e-9;

impl Kept {
    /// Examples per dimension after pruning.
    pub fn alpha_prune(&self) -> f64 {
        self.fraction * self.alpha_tot
    }

    /// Solves the saddle-point equations.
    ///
    /// # Errors
    /// [`LawError::Request`] for sizes that make no sense and where no solution is found.
    pub fn solve(&self) -> Result<Point, LawError> {
        let Self { alpha_tot, fraction, theta, end } = *self;
        if !(alpha_tot > 0.0 && alpha_tot.is_finite() && fraction > 0.0 && fraction <= 1.0) {
            return Err(LawError::Request("alpha_tot is positive and the share kept above 0 and at most 1".into()));
        }
        if !(0.0..=0.5 * PI).contains(&theta) {
            return Err(LawError::Request("the angle of the probe is from 0 to 90 degrees".into()));
        }
        let found = if end == End::Random || fraction == 1.0 {
            Perfect { alpha: self.alpha_prune(), gate: FAR, end: End::Hard }.solve()
        } else if theta < PERFECT {
            Perfect { alpha: alpha_tot, gate: gate(fraction, end), end }.solve()
        } else {
            General::solve(self)
        };
        let unsolved = || {
            LawError::Request(format!(
                "no order parameters found for alpha_tot {alpha_tot}, share {fraction}, theta {theta}"
            ))
        };
        let found = found.ok_or_else(unsolved)?;
        // Without the probe's help its overlap is that of any direction at its angle to the teacher.
        let probe = if end == End::Random || fraction == 1.0 { found.overlap * theta.cos() } else { found.probe };
        Ok(Point { probe, ..found })
    }
}

/// The best share to keep for so many kept examples per dimension: the lower envelope of the error over `fractions`.
///
/// # Errors
/// As [`Kept::solve`].
pub fn frontier(alpha_prune: f64, theta: f64, fractions: &[f64]) -> Result<(f64, Point), LawError> {
    let mut best: Option<(f64, Point)> = None;
    for fraction in fractions {
        let kept = Kept { alpha_tot: alpha_prune / fraction, fraction: *fraction, theta, end: End::Hard };
        let point = kept.solve()?;
        if best.is_none_or(|(_, b)| point.error < b.error) {
            best = Some((*fraction, point));
        }
    }
    best.ok_or_else(|| LawError::Request("no shares to choose from".into()))
}

/// Value of `|z|` that parts the share kept from the rest.
fn gate(fraction: f64, end: End) -> f64 {
    match end {
        End::Easy => -normal_quantile(0.5 * fraction),
        _ => -normal_quantile(0.5 * (1.0 - fraction)),
    }
    .min(FAR)
}

fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Gaussian tail.
fn tail(x: f64) -> f64 {
    normal_cdf(-x)
}

/// Simpson's rule with an even number of steps.
fn integral(low: f64, high: f64, steps: usize, f: impl Fn(f64) -> f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    let h = (high - low) / steps as f64;
    let inner: f64 = (1..steps).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * f(low + h * i as f64)).sum();
    (f(low) + inner + f(high)) * h / 3.0
}

/// The two equations of a probe that is the teacher. With a gate beyond [`FAR`] it is the perceptron without pruning.
struct Perfect {
    /// `alpha_prune / f`.
    alpha: f64,
    gate: f64,
    end: End,
}

impl Perfect {
    fn solve(&self) -> Option<Point> {
        // R = tanh(u): the first equation, at the margin that the second one gives.
        // Below some overlap no margin separates so many examples: the student is nearer the teacher.
        let gap = |u: f64| self.margin(u.tanh()).map_or(-1.0, |k| self.first(u.tanh(), k));
        let ends: Vec<f64> = (0..=12).map(|i| 1e-4 + f64::from(i)).collect();
        let bracket = ends.windows(2).find(|w| gap(w[0]) * gap(w[1]) <= 0.0)?;
        let overlap = root(bracket[0], bracket[1], gap)?.tanh();
        let margin = self.margin(overlap)?;
        Some(Point { error: overlap.acos() / PI, overlap, probe: overlap, margin })
    }

    /// The margin that satisfies the second equation: its right side only grows with it.
    fn margin(&self, overlap: f64) -> Option<f64> {
        // In logarithm: margins of hard examples are tiny.
        let left = 1.0 - overlap * overlap;
        root(-25.0, 6.0, |ln_k| (left / self.second(overlap, ln_k.exp())).ln()).map(f64::exp)
    }

    /// Left side less right side of the first equation.
    fn first(&self, r: f64, k: f64) -> f64 {
        let rest = 1.0 - r * r;
        let kept = |t: f64| {
            // Ends of the range of the teacher's field that is kept, each as e^(-(z - R t)^2 / 2 rest).
            let at_zero = (-0.5 * r * r * t * t / rest).exp();
            let at_gate = (-0.5 * (self.gate - r * t).powi(2) / rest).exp();
            if self.end == End::Easy { at_gate } else { at_zero - at_gate }
        };
        r - 2.0 * self.alpha / (2.0 * PI * rest).sqrt() * self.over(r, k, |t| kept(t) * (k - t))
    }

    /// Right side of the second equation.
    fn second(&self, r: f64, k: f64) -> f64 {
        let root = (1.0 - r * r).sqrt();
        let kept = |t: f64| {
            let above_gate = tail((self.gate - r * t) / root);
            if self.end == End::Easy { above_gate } else { tail(-r * t / root) - above_gate }
        };
        2.0 * self.alpha * self.over(r, k, |t| kept(t) * (k - t).powi(2))
    }

    /// Over the student's field up to the margin, in steps that are fine around zero where its distribution is narrow.
    fn over(&self, r: f64, k: f64, f: impl Fn(f64) -> f64) -> f64 {
        let width = (1.0 - r * r).sqrt();
        let (low, high) = ((-FAR / width).asinh(), (k.min(FAR) / width).asinh());
        integral(low, high, STEPS, |x| {
            let t = width * x.sinh();
            width * x.cosh() * density(t) * f(t)
        })
    }
}

/// The three equations of a probe at an angle.
struct General {
    alpha: f64,
    cos: f64,
    sin: f64,
    /// Values of the probe's field and their weights, which sum to one.
    fields: Vec<(f64, f64)>,
    /// Steps of an integral over the student's field, even.
    steps: usize,
}

/// Sums of the three right sides.
struct Sides {
    overlap: f64,
    margin: f64,
    probe: f64,
}

impl General {
    fn new(kept: &Kept, nodes: usize, steps: usize) -> Self {
        let g = gate(kept.fraction, kept.end);
        let ranges = if kept.end == End::Easy { vec![(-FAR, -g), (g, FAR)] } else { vec![(-g, g)] };
        let nodes = nodes / ranges.len();
        let mut fields = Vec::new();
        for (low, high) in ranges {
            // The midpoints of Gauss-Chebyshev's substitution z = middle + half sin(x): dense at both ends.
            let (middle, half) = (0.5 * (low + high), 0.5 * (high - low));
            for i in 0..nodes {
                let x = PI * ((i as f64 + 0.5) / nodes as f64 - 0.5);
                let z = middle + half * x.sin();
                fields.push((z, half * x.cos() * density(z)));
            }
        }
        let sum: f64 = fields.iter().map(|f| f.1).sum();
        fields.iter_mut().for_each(|f| f.1 /= sum);
        Self { alpha: kept.alpha_prune(), cos: kept.theta.cos(), sin: kept.theta.sin(), fields, steps }
    }

    fn solve(kept: &Kept) -> Option<Point> {
        // rho = tanh(b), and R = rho cos + sin sqrt(1 - rho^2) tanh(a): every pair is a possible student.
        let (rough, fine) = (Self::new(kept, NODES / 4, FEWER / 6), Self::new(kept, NODES, FEWER));
        let grid = [-0.6, -0.2, 0.2, 0.6, 1.0, 1.6, 2.4, 3.2];
        let mut starts: Vec<(f64, [f64; 2])> = Vec::new();
        for a in grid {
            for b in grid {
                if let Some(r) = rough.residual([a, b]) {
                    starts.push((length(r), [a, b]));
                }
            }
        }
        starts.sort_by(|x, y| x.0.total_cmp(&y.0));
        let solution =
            starts.iter().take(6).find_map(|(_, start)| rough.newton(*start).and_then(|at| fine.newton(at)))?;
        let (overlap, probe) = fine.student(solution);
        let margin = fine.margin(overlap, probe)?;
        Some(Point { error: overlap.clamp(-1.0, 1.0).acos() / PI, overlap, probe, margin })
    }

    fn student(&self, [a, b]: [f64; 2]) -> (f64, f64) {
        let rho = b.tanh();
        (rho * self.cos + self.sin * (1.0 - rho * rho).sqrt() * a.tanh(), rho)
    }

    /// First and third equation at the margin of the second; nothing where it has no margin.
    fn residual(&self, at: [f64; 2]) -> Option<[f64; 2]> {
        let (r, rho) = self.student(at);
        let k = self.margin(r, rho)?;
        let sides = self.sides(r, rho, k);
        let square = self.sin * self.sin;
        Some([(r - rho * self.cos) / square - sides.overlap, (rho - r * self.cos) / square - sides.probe])
    }

    fn margin(&self, r: f64, rho: f64) -> Option<f64> {
        let left = self.length_squared(r, rho) / (self.sin * self.sin);
        root(-25.0, 5.0, |ln_k| (left / self.sides(r, rho, ln_k.exp()).margin).ln()).map(f64::exp)
    }

    /// `L^2`: what of the student lies outside the plane of teacher and probe, times `sin^2`.
    fn length_squared(&self, r: f64, rho: f64) -> f64 {
        (self.sin * self.sin * (1.0 - rho * rho) - (r - rho * self.cos).powi(2)).max(1e-300)
    }

    fn sides(&self, r: f64, rho: f64, k: f64) -> Sides {
        let (c, s) = (self.cos, self.sin);
        let l = self.length_squared(r, rho).sqrt();
        let free = 1.0 - rho * rho;
        let spread = free.sqrt();
        let mut sums = Sides { overlap: 0.0, margin: 0.0, probe: 0.0 };
        for (z, weight) in &self.fields {
            // D/(2 L^2) is a square in t: its Gaussian integral of (k - t) is known.
            let (centre, width) = (z * (rho - r * c) / (s * s), l / s);
            let least = z * z * ((rho * rho + c * c - 2.0 * rho * r * c) - ((rho - r * c) / s).powi(2));
            let u = (k - centre) / width;
            let bell =
                (-0.5 * least / (l * l)).exp() * (2.0 * PI).sqrt() * width * width * (u * normal_cdf(u) + density(u));
            let right = |t: f64| tail((z * (rho * r - c) - t * (r - rho * c)) / (spread * l));
            let (low, high) = (rho * z - FAR * spread, k.min(rho * z + FAR * spread));
            // The second and the third equation share the distribution of t.
            let mut second = 0.0;
            let mut third = 0.0;
            let h = (high - low) / self.steps as f64;
            if h > 0.0 {
                for i in 0..=self.steps {
                    let t = low + h * i as f64;
                    let simpson = if i == 0 || i == self.steps { 1.0 } else { 2.0 + 2.0 * (i % 2) as f64 };
                    let common = simpson * density((t - rho * z) / spread) / spread * right(t) * (k - t);
                    second += common * (k - t);
                    third += common * (z - rho * t) / free;
                }
            }
            sums.overlap += weight * bell;
            sums.margin += weight * second * h / 3.0;
            sums.probe += weight * (third * h / 3.0 + bell / (2.0 * PI * l) * (rho * r - c) / free);
        }
        Sides {
            overlap: self.alpha / (PI * l) * sums.overlap,
            margin: 2.0 * self.alpha * sums.margin,
            probe: 2.0 * self.alpha * sums.probe,
        }
    }

    fn newton(&self, start: [f64; 2]) -> Option<[f64; 2]> {
        let mut at = start;
        let mut now = self.residual(at)?;
        for _ in 0..60 {
            if length(now) < SOLVED {
                return Some(at);
            }
            let step = 1e-6;
            let (da, db) = (self.residual([at[0] + step, at[1]])?, self.residual([at[0], at[1] + step])?);
            let j = [
                [(da[0] - now[0]) / step, (db[0] - now[0]) / step],
                [(da[1] - now[1]) / step, (db[1] - now[1]) / step],
            ];
            let det = j[0][0] * j[1][1] - j[0][1] * j[1][0];
            let full = [(j[1][1] * now[0] - j[0][1] * now[1]) / det, (j[0][0] * now[1] - j[1][0] * now[0]) / det];
            let size = full[0].hypot(full[1]);
            let mut share = (FRAC_1_SQRT_2 / size).min(1.0);
            let better = loop {
                let trial = [at[0] - share * full[0], at[1] - share * full[1]];
                match self.residual(trial) {
                    Some(r) if length(r) < length(now) => break Some((trial, r)),
                    _ if share < 1e-6 => break None,
                    _ => share *= 0.5,
                }
            };
            let Some((next, residual)) = better else { return (length(now) < 1e-7).then_some(at) };
            (at, now) = (next, residual);
        }
        (length(now) < 1e-7).then_some(at)
    }
}

fn length(r: [f64; 2]) -> f64 {
    r[0].hypot(r[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(alpha_tot: f64, fraction: f64, degrees: f64, end: End) -> f64 {
        let point = Kept { alpha_tot, fraction, theta: degrees.to_radians(), end }.solve().unwrap();
        eprintln!("{alpha_tot} {fraction} {degrees} {end:?}: {point:?}");
        point.error
    }

    #[test]
    fn perfect_probes() {
        // Solved elsewhere by least squares on a grid of starts.
        for (alpha, f, want, digit) in
            [(2.0, 0.5, 0.321, 5e-4), (5.0, 0.5, 0.0998, 5e-5), (20.0, 0.2, 0.0250, 5e-5), (50.0, 0.2, 0.0100, 5e-5)]
        {
            let got = error(alpha, f, 0.0, End::Hard);
            assert!((got - want).abs() <= 1.1 * digit, "{alpha} {f}: {got} {want}");
        }
    }

    #[test]
    fn the_unpruned_perceptron_of_the_largest_margin() {
        // 0.50 / alpha for large alpha (Opper & Kinzel 1996).
        for alpha in [50.0, 200.0] {
            let got = error(alpha, 1.0, 0.0, End::Random);
            assert!((got * alpha / 0.5005 - 1.0).abs() < 0.05, "{}", got * alpha);
        }
        // A random share of the examples is a smaller set, and a share of one leaves the angle without effect.
        assert_eq!(error(20.0, 0.5, 0.0, End::Random), error(10.0, 1.0, 40.0, End::Hard));
    }

    #[test]
    fn probes_at_an_angle() {
        for (alpha, f, want, digit) in [(20.0, 0.2, 0.1524, 5e-5), (20.0, 0.5, 0.0266, 5e-5), (50.0, 0.2, 0.0220, 5e-5)]
        {
            let got = error(alpha, f, 20.0, End::Hard);
            assert!((got - want).abs() <= 1.1 * digit, "{alpha} {f}: {got} {want}");
        }
        // A nearly perfect probe is close to a perfect one.
        let (near, perfect) = (error(5.0, 0.5, 0.5, End::Hard), error(5.0, 0.5, 0.0, End::Hard));
        assert!((near / perfect - 1.0).abs() < 0.02, "{near} {perfect}");
    }

    #[test]
    fn hard_examples_help_when_there_are_many() {
        assert!(error(20.0, 0.2, 0.0, End::Hard) < error(20.0, 0.2, 0.0, End::Easy));
        assert!(error(20.0, 0.2, 0.0, End::Easy) < error(20.0, 0.2, 0.0, End::Random));
        assert!(error(2.0, 0.5, 0.0, End::Easy) < error(2.0, 0.5, 0.0, End::Hard));
        assert!(error(2.0, 0.5, 0.0, End::Random) < error(2.0, 0.5, 0.0, End::Hard));
        // Pruned too far with a poor probe, hard examples are worse than random ones.
        assert!(error(20.0, 0.2, 20.0, End::Hard) > error(20.0, 0.2, 20.0, End::Random));
        assert!(error(20.0, 0.5, 20.0, End::Hard) < error(20.0, 0.5, 20.0, End::Random));
    }

    #[test]
    fn nonsense_is_refused() {
        let kept = Kept { alpha_tot: 5.0, fraction: 0.5, theta: 0.0, end: End::Hard };
        assert!(Kept { fraction: 0.0, ..kept }.solve().is_err() && Kept { fraction: 1.1, ..kept }.solve().is_err());
        assert!(Kept { alpha_tot: -1.0, ..kept }.solve().is_err() && Kept { theta: 2.0, ..kept }.solve().is_err());
        assert!(frontier(5.0, 0.0, &[]).is_err());
    }
}
