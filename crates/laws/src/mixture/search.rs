//! The best of many simulated mixtures.

use super::{Dirichlet, Points, Regression, project};
use crate::LawError;
use kleiber_core::rng::Rng;
use rayon::prelude::*;

/// A search among random mixtures: the mean of the best few is the answer (Liu et al. 2024, section 3.3).
///
/// Every candidate is a function of the seed and its number alone, so the answer does not depend on the number of threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// The mixture that candidates scatter around.
    pub prior: Vec<f64>,
    /// Concentration of the Dirichlet distribution: large stays near the prior.
    pub strength: f64,
    /// Number of candidates.
    pub candidates: usize,
    /// How many of the best are averaged.
    pub keep: usize,
    /// Largest share of each domain. A candidate beyond it is moved to the nearest mixture within.
    pub caps: Vec<f64>,
    /// Seed of the candidates.
    pub seed: u64,
    /// The largest value is wanted instead of the smallest.
    pub maximise: bool,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    /// Mean of the best candidates.
    pub shares: Vec<f64>,
    /// The model at this mean.
    pub predicted: f64,
    /// The model at the one best candidate.
    pub best_candidate: f64,
    /// The model at the worst of those averaged.
    pub worst_kept: f64,
    /// Candidates that had to be moved within the caps.
    pub moved: usize,
}

/// Candidates that a thread makes and scores together.
const CHUNK: usize = 2048;

impl Search {
    /// A million candidates around a prior, the best 100 averaged, no caps.
    pub fn around(prior: &[f64]) -> Self {
        let caps = vec![1.0; prior.len()];
        Self { prior: prior.to_vec(), strength: 1.0, candidates: 1_000_000, keep: 100, caps, seed: 0, maximise: false }
    }

    /// The best mixture by a model.
    ///
    /// # Errors
    /// [`LawError::Request`] for a prior that is none, caps that no mixture keeps, or nothing to search.
    pub fn lowest(&self, model: &Regression) -> Result<Best, LawError> {
        self.check()?;
        let sum: f64 = self.prior.iter().sum();
        let source = Dirichlet::new(&self.prior.iter().map(|q| self.strength * q / sum).collect::<Vec<_>>());
        let (width, sign) = (self.prior.len(), if self.maximise { -1.0 } else { 1.0 });
        let chunk = |number: usize| {
            let numbers = number * CHUNK..((number + 1) * CHUNK).min(self.candidates);
            let mut points = vec![0.0; width * numbers.len()];
            let mut moved = 0;
            for (i, row) in numbers.clone().zip(points.chunks_exact_mut(width)) {
                moved += usize::from(self.candidate(&source, i, row));
            }
            let mut values = Vec::with_capacity(numbers.len());
            model.predict_into(points.chunks_exact(width), &mut values);
            let scored = values.iter().zip(numbers).map(|(v, i)| (sign * v, i)).collect();
            (smallest(scored, self.keep), moved)
        };
        let join = |(mut a, m): (Vec<(f64, usize)>, usize), (b, n): (Vec<(f64, usize)>, usize)| {
            a.extend(b);
            (smallest(a, self.keep), m + n)
        };
        let chunks = (0..self.candidates.div_ceil(CHUNK)).into_par_iter();
        let (mut kept, moved) = chunks.map(chunk).reduce(|| (Vec::new(), 0), join);
        kept.sort_unstable_by(order);
        let mut rows = vec![0.0; width * kept.len()];
        for ((_, i), row) in kept.iter().zip(rows.chunks_exact_mut(width)) {
            self.candidate(&source, *i, row);
        }
        // A mean of mixtures within the caps is within the caps.
        let shares = Points::new(width, rows).mean();
        let at = |i: usize| sign * kept[i].0;
        let (best_candidate, worst_kept) = (at(0), at(kept.len() - 1));
        Ok(Best { predicted: model.predict(&shares), shares, best_candidate, worst_kept, moved })
    }

    /// Writes a candidate; whether it had to be moved.
    fn candidate(&self, source: &Dirichlet, number: usize, row: &mut [f64]) -> bool {
        source.sample(&mut Rng::new(self.seed, "mixture candidates", number as u32), row);
        let beyond = row.iter().zip(&self.caps).any(|(w, cap)| w > cap);
        if beyond {
            // Caps that hold a mixture have been checked.
            project(row, &self.caps).iter().for_each(|within| row.copy_from_slice(within));
        }
        beyond
    }

    fn check(&self) -> Result<(), LawError> {
        let refuse = |text: &str| Err(LawError::Request(text.into()));
        let sum: f64 = self.prior.iter().sum();
        if self.prior.iter().any(|q| !q.is_finite() || *q < 0.0) || sum <= 0.0 {
            return refuse("the natural mixture has a share that is negative or no number, or none above zero");
        }
        if !(self.strength > 0.0 && self.strength.is_finite()) {
            return refuse("the strength of the search must be positive");
        }
        if self.candidates == 0 || u32::try_from(self.candidates).is_err() || self.keep == 0 {
            return refuse("ask for 1 to 4 billion candidates and keep at least one");
        }
        if self.keep > self.candidates {
            return refuse("no more of the best can be kept than there are candidates");
        }
        if self.caps.len() != self.prior.len() || project(&self.prior, &self.caps).is_none() {
            return refuse(
                "the largest shares add up to less than 1, so no mixture keeps to them: allow more epochs, fewer tokens or larger shares",
            );
        }
        Ok(())
    }
}

fn order(a: &(f64, usize), b: &(f64, usize)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

fn smallest(mut scored: Vec<(f64, usize)>, keep: usize) -> Vec<(f64, usize)> {
    if scored.len() > keep {
        scored.select_nth_unstable_by(keep - 1, order);
        scored.truncate(keep);
    }
    scored
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::Method;

    /// Lowest at (0.7, 0.2, 0.1).
    fn bowl() -> Regression {
        let source = Dirichlet::new(&[1.0; 3]);
        let mut values = vec![0.0; 3 * 400];
        for (i, row) in values.chunks_exact_mut(3).enumerate() {
            source.sample(&mut Rng::new(1, "bowl", i as u32), row);
        }
        let x = Points::new(3, values);
        let root = |t: f64, w: f64| w - 2.0 * (t * w).sqrt();
        let y: Vec<f64> = x.iter().map(|w| 4.0 + root(0.7, w[0]) + root(0.2, w[1]) + root(0.1, w[2])).collect();
        Regression::fit(&Method::SquareRoot, &x, &y).unwrap()
    }

    #[test]
    fn the_lowest_mixture_is_found_with_and_without_caps() {
        let model = bowl();
        let search = Search { candidates: 30_000, keep: 50, strength: 3.0, ..Search::around(&[1.0, 1.0, 1.0]) };
        let best = search.lowest(&model).unwrap();
        let off: f64 = best.shares.iter().zip([0.7, 0.2, 0.1]).map(|(a, b)| (a - b).abs()).sum();
        assert!(off < 0.03 && best.moved == 0, "{best:?}");
        assert!(best.predicted <= best.worst_kept + 1e-9 && best.best_candidate <= best.worst_kept);
        let capped = Search { caps: vec![0.4, 1.0, 1.0], ..search.clone() }.lowest(&model).unwrap();
        assert!((capped.shares[0] - 0.4).abs() < 0.01 && capped.shares[0] <= 0.4 + 1e-12, "{capped:?}");
        assert!(capped.moved > 1000 && capped.predicted > best.predicted);
        let worst = Search { maximise: true, ..search }.lowest(&model).unwrap();
        assert!(worst.shares[2] > 0.9, "{worst:?}");
    }

    #[test]
    fn threads_do_not_change_the_answer() {
        let (model, search) = (bowl(), Search { candidates: 20_000, ..Search::around(&[0.5, 0.3, 0.2]) });
        let with =
            |n| rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap().install(|| search.lowest(&model));
        assert_eq!(with(1).unwrap(), with(3).unwrap());
        assert_ne!(with(1).unwrap(), Search { seed: 1, ..search.clone() }.lowest(&model).unwrap());
    }

    #[test]
    fn searches_without_an_answer_are_refused() {
        let model = bowl();
        let refused = |search: Search| search.lowest(&model).unwrap_err().to_string();
        let fair = Search { candidates: 100, ..Search::around(&[1.0, 1.0, 1.0]) };
        assert!(refused(Search { caps: vec![0.3; 3], ..fair.clone() }).contains("less than 1"));
        assert!(refused(Search { prior: vec![0.0; 3], ..fair.clone() }).contains("natural mixture"));
        assert!(refused(Search { keep: 101, ..fair.clone() }).contains("kept"));
        assert!(refused(Search { strength: 0.0, ..fair }).contains("strength"));
    }
}
