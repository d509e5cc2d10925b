//! Random mixtures: the Dirichlet distribution, and the design of small runs that was published with it.

use super::Points;
use crate::LawError;
use kleiber_core::rng::Rng;

/// A Dirichlet distribution over the simplex.
#[derive(Debug, Clone, PartialEq)]
pub struct Dirichlet {
    shapes: Vec<f64>,
}

/// Logarithms this far below the largest are nothing beside it in double precision.
const NOTHING: f64 = -40.0;

impl Dirichlet {
    /// The distribution of these concentrations; a zero keeps its coordinate at zero.
    pub fn new(concentrations: &[f64]) -> Self {
        Self { shapes: concentrations.to_vec() }
    }

    /// Fills `out` with one mixture. Gamma variates are drawn in logarithms, so that concentrations near zero give a corner of the
    /// simplex and not 0/0.
    pub fn sample(&self, rng: &mut Rng, out: &mut [f64]) {
        let mut largest = f64::NEG_INFINITY;
        for (slot, &shape) in out.iter_mut().zip(&self.shapes) {
            *slot = if shape > 0.0 { ln_gamma_variate(rng, shape) } else { f64::NEG_INFINITY };
            largest = largest.max(*slot);
        }
        let mut sum = 0.0;
        for slot in out.iter_mut() {
            let below = *slot - largest;
            *slot = if below > NOTHING { below.exp() } else { 0.0 };
            sum += *slot;
        }
        out.iter_mut().for_each(|slot| *slot /= sum);
    }
}

/// Logarithm of a gamma variate with this shape and scale 1: rejection of Marsaglia and Tsang 2000 from shape 1 up, of Ahrens and
/// Dieter 1974 (GS) below.
fn ln_gamma_variate(rng: &mut Rng, shape: f64) -> f64 {
    if shape >= 1.0 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = rng.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && (1.0 - rng.uniform()).ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
                return (d * v).ln();
            }
        }
    }
    let b = 1.0 + shape / std::f64::consts::E;
    loop {
        let p = b * (1.0 - rng.uniform());
        if p <= 1.0 {
            let ln = p.ln() / shape;
            // Below e^-40 the variate is accepted for certain in double precision.
            if ln < NOTHING || rng.uniform() <= (-ln.exp()).exp() {
                return ln;
            }
        } else {
            let x = -((b - p) / shape).ln();
            let ln = x.ln();
            if rng.uniform() <= ((shape - 1.0) * ln).exp() {
                return ln;
            }
        }
    }
}

/// How the mixtures of small runs are drawn (Liu et al. 2024, section 3.1 and their code).
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Shares that the domains have by their tokens.
    pub prior: Vec<f64>,
    /// Power of the prior before it is normalised again: below 1 small domains are seen more.
    pub temperature: f64,
    /// Smallest and largest concentration of the Dirichlet distribution.
    pub strengths: (f64, f64),
    /// Concentrations between them, equally far apart in logarithm.
    pub levels: usize,
    /// Largest share of a domain, in multiples of its prior: epochs when the tokens of the target equal those there are.
    pub epochs: f64,
    /// Shares are multiples of this; smaller ones become zero.
    pub smallest: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Design {
    /// The published settings around a prior: power 0.5, 15 concentrations from 0.1 to 5, 15 epochs, multiples of 0.0002.
    pub fn published(prior: &[f64]) -> Self {
        Self {
            prior: prior.to_vec(),
            temperature: 0.5,
            strengths: (0.1, 5.0),
            levels: 15,
            epochs: 15.0,
            smallest: 2e-4,
            seed: 0,
        }
    }

    /// So many different mixtures.
    ///
    /// # Errors
    /// [`LawError::Request`] for a prior that is none, or when too few draws keep to the limit of epochs.
    pub fn mixtures(&self, count: usize) -> Result<Points, LawError> {
        let sum: f64 = self.prior.iter().sum();
        let (low, high) = self.strengths;
        let usable = self.prior.iter().all(|q| *q >= 0.0 && q.is_finite()) && sum > 0.0 && self.levels > 0;
        if !(usable && low > 0.0 && low <= high && self.smallest > 0.0) {
            return Err(LawError::Request("a design needs a prior of shares from 0 and positive strengths".into()));
        }
        let powered: Vec<f64> =
            self.prior.iter().map(|q| if *q > 0.0 { (q / sum).powf(self.temperature) } else { 0.0 }).collect();
        let total: f64 = powered.iter().sum();
        let steps = (self.levels - 1).max(1) as f64;
        let source = |j: usize| {
            let strength = low * (high / low).powf(j as f64 / steps);
            Dirichlet::new(&powered.iter().map(|q| strength * q / total).collect::<Vec<_>>())
        };
        let sources: Vec<Dirichlet> = (0..self.levels).map(source).collect();
        let (mut values, mut seen) = (Vec::new(), std::collections::HashSet::new());
        let mut row = vec![0.0; self.prior.len()];
        for draw in 0..(1000 * count) as u32 {
            let mut rng = Rng::new(self.seed, "mixture design", draw);
            sources[rng.below(self.levels)].sample(&mut rng, &mut row);
            let kept: f64 = row.iter().filter(|w| **w >= self.smallest).sum();
            let units: Vec<u64> = row
                .iter()
                .map(|w| if *w < self.smallest { 0 } else { (w / kept / self.smallest).round() as u64 })
                .collect();
            let all: u64 = units.iter().sum();
            // After rounding: what is written down is what must keep to the limit.
            let kept = |(u, q): (&u64, &f64)| *u as f64 <= (self.epochs * q / sum).min(1.0) * all as f64;
            if units.iter().zip(&self.prior).all(kept) && seen.insert(units.clone()) {
                values.extend(units.iter().map(|u| *u as f64 / all as f64));
            }
            if seen.len() == count {
                return Ok(Points::new(self.prior.len(), values));
            }
        }
        Err(LawError::Request(format!(
            "only {} of {count} mixtures keep to {} epochs; allow more epochs, or ask for fewer mixtures",
            seen.len(),
            self.epochs
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_distribution() {
        // Mean a_i/s and variance a_i (s - a_i) / (s^2 (s + 1)).
        for shapes in [vec![0.02, 0.3, 0.68], vec![0.5, 1.0, 2.5, 6.0]] {
            let s: f64 = shapes.iter().sum();
            let source = Dirichlet::new(&shapes);
            let (n, m) = (100_000, shapes.len());
            let (mut mean, mut square, mut row) = (vec![0.0; m], vec![0.0; m], vec![0.0; m]);
            for i in 0..n {
                source.sample(&mut Rng::new(1, "moments", i), &mut row);
                assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
                row.iter().enumerate().for_each(|(j, w)| {
                    mean[j] += w / f64::from(n);
                    square[j] += w * w / f64::from(n);
                });
            }
            for (j, a) in shapes.iter().enumerate() {
                let variance = a * (s - a) / (s * s * (s + 1.0));
                let off = 5.0 * (variance / f64::from(n)).sqrt();
                assert!((mean[j] - a / s).abs() < off, "{shapes:?} mean {} of {}", mean[j], a / s);
                let found = square[j] - mean[j] * mean[j];
                assert!((found / variance - 1.0).abs() < 0.05, "{shapes:?} variance {found} of {variance}");
            }
        }
        let mut row = [0.0; 3];
        Dirichlet::new(&[1e-4, 0.0, 1e-4]).sample(&mut Rng::new(1, "corner", 0), &mut row);
        assert!(row.iter().sum::<f64>() == 1.0 && row[1] == 0.0, "{row:?}");
    }

    #[test]
    fn a_design_keeps_its_limits() {
        let prior = [0.5, 0.3, 0.15, 0.05];
        let design = Design { epochs: 3.0, ..Design::published(&prior) };
        let mixtures = design.mixtures(200).unwrap();
        assert_eq!(mixtures, design.mixtures(200).unwrap());
        for row in mixtures.iter() {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(row.iter().zip(prior).all(|(w, q)| *w <= 3.0 * q + 1e-12), "{row:?}");
            assert!(row.iter().all(|w| *w == 0.0 || *w > 1.9e-4), "{row:?}");
        }
        // Without a limit the small domain has its share of the powered prior: 0.05^0.5 / 1.866 = 0.1198, not 0.05.
        let free = Design { epochs: 100.0, ..design.clone() }.mixtures(4000).unwrap().mean()[3];
        assert!((free - 0.1198).abs() < 0.03, "{free}");
        assert!(Design { epochs: 0.5, ..design.clone() }.mixtures(5).is_err());
        assert!(Design { prior: vec![0.0; 3], ..design }.mixtures(5).is_err());
    }
}
