//! Entropic optimal transport in logarithms (Cuturi 2013; debiased as by Feydy et al. 2019).

use super::exact::check;
use crate::LawError;
use crate::mixture::Points;

/// How far the iteration goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sinkhorn {
    /// Strength of the entropy, in units of the costs. Against costs of another scale it is another problem: give a share of their
    /// median with [`Sinkhorn::relative`].
    pub eps: f64,
    /// Most iterations at this strength.
    pub iterations: usize,
    /// Largest total difference of a marginal when it stops.
    pub tolerance: f64,
}

/// An entropic transport.
#[derive(Debug, Clone, PartialEq)]
pub struct Entropic {
    /// `min <P, C> + eps KL(P | a b)`.
    pub value: f64,
    /// `<P, C>` of its plan.
    pub cost: f64,
    /// Dual potentials of the rows: the slope of `value` along their masses, up to a constant.
    pub f: Vec<f64>,
    /// Dual potentials of the columns.
    pub g: Vec<f64>,
    /// Total difference of the row sums from their masses.
    pub residual: f64,
    /// Iterations used.
    pub iterations: usize,
    /// Whether the residual is within the tolerance.
    pub converged: bool,
}

impl Sinkhorn {
    /// A strength in units of the costs.
    pub fn new(eps: f64) -> Self {
        Self { eps, iterations: 10_000, tolerance: 1e-9 }
    }

    /// A strength as a share of the median cost.
    pub fn relative(share: f64, costs: &Points) -> Self {
        let all: Vec<f64> = costs.iter().flatten().copied().collect();
        Self::new(share * kleiber_core::stats::median(&all))
    }

    /// Entropic transport of the masses `a` of the rows to the masses `b` of the columns. The strength is lowered to its value in
    /// halves, which is faster for small ones.
    ///
    /// # Errors
    /// As [`super::exact()`], or for a strength that is not positive.
    pub fn solve(&self, costs: &Points, a: &[f64], b: &[f64]) -> Result<Entropic, LawError> {
        check(costs, a, b)?;
        if !(self.eps > 0.0 && self.eps.is_finite()) {
            return Err(LawError::Request(
                "the strength of the entropy must be positive; exact transport needs none".into(),
            ));
        }
        let (rows, columns) = (a.len(), b.len());
        let across = Points::new(rows, (0..columns).flat_map(|j| costs.iter().map(move |row| row[j])).collect());
        let ln = |masses: &[f64]| masses.iter().map(|m| m.ln()).collect::<Vec<f64>>();
        let (ln_a, ln_b) = (ln(a), ln(b));
        let (mut f, mut g) = (vec![0.0; rows], vec![0.0; columns]);
        let widest = costs.iter().flatten().fold(0.0f64, |m, c| m.max(c.abs()));
        let mut eps = widest.max(self.eps);
        while eps > self.eps {
            update(&mut g, &across, &f, &ln_a, eps);
            update(&mut f, costs, &g, &ln_b, eps);
            eps *= 0.5;
        }
        let (eps, mut residual, mut iterations) = (self.eps, f64::INFINITY, 0);
        while iterations < self.iterations && residual > self.tolerance {
            update(&mut f, costs, &g, &ln_b, eps);
            let before = g.clone();
            update(&mut g, &across, &f, &ln_a, eps);
            // The columns were off by the factor exp((before - after) / eps).
            let off = |j: usize| b[j] * (((before[j] - g[j]) / eps).exp() - 1.0).abs();
            residual = (0..columns).filter(|&j| b[j] > 0.0).map(off).sum();
            iterations += 1;
        }
        let mass = |i: usize, j: usize| (ln_a[i] + ln_b[j] + (f[i] + g[j] - costs.row(i)[j]) / eps).exp();
        let cost = (0..rows).map(|i| (0..columns).map(|j| mass(i, j) * costs.row(i)[j]).sum::<f64>()).sum();
        let sum = |m: &[f64], p: &[f64]| m.iter().zip(p).filter(|(m, _)| **m > 0.0).map(|(m, p)| m * p).sum::<f64>();
        let value = sum(a, &f) + sum(b, &g);
        Ok(Entropic { value, cost, f, g, residual, iterations, converged: residual <= self.tolerance })
    }

    /// The debiased divergence of two samples with equal masses each: zero for a sample and itself. The costs are those between
    /// both, of the first and itself, of the second and itself.
    ///
    /// # Errors
    /// As [`Self::solve`].
    pub fn divergence(&self, between: &Points, first: &Points, second: &Points) -> Result<f64, LawError> {
        let (a, b) = (super::uniform(between.len()), super::uniform(between.width()));
        Ok(self.solve(between, &a, &b)?.value - 0.5 * self.own(first, &a)? - 0.5 * self.own(second, &b)?)
    }

    /// The value for a sample and itself, whose two potentials are the same: their mean is iterated, which converges fast.
    fn own(&self, costs: &Points, masses: &[f64]) -> Result<f64, LawError> {
        check(costs, masses, masses)?;
        let ln: Vec<f64> = masses.iter().map(|m| m.ln()).collect();
        let mut f = vec![0.0; masses.len()];
        for _ in 0..self.iterations {
            let mut next = f.clone();
            update(&mut next, costs, &f, &ln, self.eps);
            let moved = f.iter().zip(&next).map(|(f, n)| (f - n).abs()).fold(0.0, f64::max);
            f.iter_mut().zip(&next).for_each(|(f, n)| *f = 0.5 * (*f + n));
            if moved <= self.tolerance * self.eps {
                break;
            }
        }
        Ok(2.0 * masses.iter().zip(&f).map(|(m, f)| m * f).sum::<f64>())
    }
}

/// `p_i = -eps ln sum_j exp(ln m_j + (q_j - c_ij) / eps)`.
fn update(potential: &mut [f64], costs: &Points, other: &[f64], ln_masses: &[f64], eps: f64) {
    for (p, costs) in potential.iter_mut().zip(costs.iter()) {
        let terms = || costs.iter().zip(other).zip(ln_masses).map(|((c, q), m)| m + (q - c) / eps);
        let largest = terms().fold(f64::NEG_INFINITY, f64::max);
        *p = -eps * (largest + terms().map(|t| (t - largest).exp()).sum::<f64>().ln());
    }
}

/// How a transport changes as the share of each source grows at the cost of the others in proportion: the mean potential of its rows
/// less the mean of the others (Just et al. 2023; Kang et al. 2023, section 4). `source` numbers the source of every row; a source
/// without rows, or the only one, has no slope.
pub fn source_gradient(f: &[f64], source: &[usize], sources: usize) -> Vec<f64> {
    let total: f64 = f.iter().sum();
    let of = |s: usize| {
        let inside: Vec<f64> = f.iter().zip(source).filter(|(_, k)| **k == s).map(|(f, _)| *f).collect();
        let (sum, n) = (inside.iter().sum::<f64>(), inside.len());
        sum / n as f64 - (total - sum) / (f.len() - n) as f64
    };
    (0..sources).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{exact, squared_distances, uniform};
    use kleiber_core::rng::Rng;

    fn cloud(n: usize, seed: u64, shift: f64) -> Points {
        let mut rng = Rng::new(seed, "cloud", 0);
        Points::new(3, (0..3 * n).map(|_| shift + rng.normal()).collect())
    }

    #[test]
    fn little_entropy_gives_the_exact_cost() {
        let (a, b) = (cloud(64, 1, 0.0), cloud(64, 2, 0.7));
        let costs = squared_distances(&a, &b);
        let want = exact(&costs, &uniform(64), &uniform(64)).unwrap().cost;
        let at = |share: f64| {
            let limits = Sinkhorn { iterations: 400, tolerance: 1e-3, ..Sinkhorn::relative(share, &costs) };
            limits.solve(&costs, &uniform(64), &uniform(64)).unwrap()
        };
        let (fine, coarse) = (at(0.002), at(0.5));
        assert!((fine.cost / want - 1.0).abs() < 0.01, "{} {want} {} {}", fine.cost, fine.residual, fine.iterations);
        assert!(coarse.converged && coarse.cost > 1.1 * want, "{} {}", coarse.cost, want);
    }

    #[test]
    fn two_points_have_a_closed_form() {
        // Costs 0 and 1 with equal masses: P_off / P_on = exp(-1/eps), so <P, C> = 1 / (1 + e^(1/eps)).
        let costs = Points::new(2, vec![0.0, 1.0, 1.0, 0.0]);
        let found = Sinkhorn::new(0.5).solve(&costs, &uniform(2), &uniform(2)).unwrap();
        assert!((found.cost - 1.0 / (1.0 + 2f64.exp())).abs() < 1e-9, "{}", found.cost);
        assert!((found.value + 0.5 * ((1.0 + (-2f64).exp()) / 2.0).ln()).abs() < 1e-9, "{}", found.value);
    }

    #[test]
    fn the_divergence_of_a_sample_and_itself_is_zero() {
        let (a, b) = (cloud(30, 3, 0.0), cloud(40, 4, 0.5));
        let of = |x: &Points, y: &Points| {
            let own = |p: &Points| squared_distances(p, p);
            Sinkhorn { tolerance: 1e-8, ..Sinkhorn::new(0.5) }
                .divergence(&squared_distances(x, y), &own(x), &own(y))
                .unwrap()
        };
        assert!(of(&a, &a).abs() < 1e-7 && of(&a, &b) > 0.1, "{} {}", of(&a, &a), of(&a, &b));
        let raw = Sinkhorn { tolerance: 1e-3, ..Sinkhorn::new(0.5) }
            .solve(&squared_distances(&a, &a), &uniform(30), &uniform(30))
            .unwrap();
        assert!(raw.value > 0.1, "without debiasing it is not: {}", raw.value);
    }

    #[test]
    fn potentials_are_the_slope_along_the_mixture() {
        let source: Vec<usize> = (0..60).map(|i| i / 20).collect();
        let parts = [cloud(20, 5, 0.0), cloud(20, 6, 1.0), cloud(20, 7, 2.5)];
        let all = Points::new(3, parts.iter().flat_map(|p| p.iter().flatten().copied()).collect());
        let costs = squared_distances(&all, &cloud(50, 8, 0.4));
        let value = |p: [f64; 3]| {
            let masses: Vec<f64> = source.iter().map(|&s| p[s] / 20.0).collect();
            Sinkhorn { tolerance: 1e-11, ..Sinkhorn::new(0.5) }.solve(&costs, &masses, &uniform(50)).unwrap()
        };
        let third = 1.0 / 3.0;
        let slope = source_gradient(&value([third; 3]).f, &source, 3);
        for (s, slope) in slope.iter().enumerate() {
            let h = 1e-4;
            let moved = |h: f64| value(std::array::from_fn(|i| third + if i == s { h } else { -0.5 * h })).value;
            let want = (moved(h) - moved(-h)) / (2.0 * h);
            assert!((slope - want).abs() < 1e-4 * want.abs().max(1.0), "{s}: {slope} {want}");
        }
        assert!(slope[2] > slope[0], "the far source costs more: {slope:?}");
    }

    #[test]
    fn an_unfinished_iteration_says_so() {
        let costs = squared_distances(&cloud(30, 1, 0.0), &cloud(30, 2, 0.7));
        let stopped =
            Sinkhorn { iterations: 2, ..Sinkhorn::new(0.01) }.solve(&costs, &uniform(30), &uniform(30)).unwrap();
        assert!(!stopped.converged && stopped.residual > 1e-6 && stopped.iterations == 2);
        assert!(Sinkhorn::new(0.0).solve(&costs, &uniform(30), &uniform(30)).is_err());
    }
}
