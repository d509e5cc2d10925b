//! Which examples of a data set to keep: difficulty scores, selection by them, and the theory of how far it helps
//! (Sorscher et al. 2022, "Beyond neural scaling laws: beating power law scaling via data pruning", arXiv 2206.14486).

mod simulate;
mod theory;

pub use simulate::Trial;
pub use theory::{End, Kept, Point, frontier};

use crate::LawError;
use kleiber_core::rng::Rng;

/// A score of how hard each example is. Higher is harder, always: published files differ in sign.
pub trait Metric {
    /// Name.
    fn name(&self) -> &'static str;

    /// One finite score per example, higher for harder ones.
    ///
    /// # Errors
    /// [`LawError::Request`] when what it is computed from does not fit together.
    fn scores(&self) -> Result<Vec<f64>, LawError>;
}

/// Distance of an example from the decision boundary of a probe: near ones are hard.
#[derive(Debug, Clone)]
pub struct Margin {
    /// Output of the probe for each example, of either sign; zero on the boundary.
    pub outputs: Vec<f64>,
}

impl Metric for Margin {
    fn name(&self) -> &'static str {
        "margin"
    }

    fn scores(&self) -> Result<Vec<f64>, LawError> {
        finite(self.outputs.iter().map(|v| -v.abs()).collect())
    }
}

/// EL2N: the length of the error `softmax(f(x)) - onehot(y)`, the mean over models early in training
/// (Paul et al. 2021). The cost of those models belongs to the budget of the selection.
#[derive(Debug, Clone)]
pub struct ErrorNorm {
    /// Probabilities by model, example and class.
    pub probabilities: Vec<Vec<Vec<f64>>>,
    /// Class of each example.
    pub labels: Vec<usize>,
}

impl Metric for ErrorNorm {
    fn name(&self) -> &'static str {
        "el2n"
    }

    fn scores(&self) -> Result<Vec<f64>, LawError> {
        let fits = |model: &Vec<Vec<f64>>| {
            model.len() == self.labels.len() && model.iter().zip(&self.labels).all(|(p, label)| *label < p.len())
        };
        if self.probabilities.is_empty() || !self.probabilities.iter().all(fits) {
            return Err(LawError::Request("EL2N needs at least one model with probabilities for every example".into()));
        }
        let norm = |p: &Vec<f64>, label: usize| {
            let square = |(i, v): (usize, &f64)| (v - if i == label { 1.0 } else { 0.0 }).powi(2);
            p.iter().enumerate().map(square).sum::<f64>().sqrt()
        };
        let mean = |i: usize| {
            self.probabilities.iter().map(|model| norm(&model[i], self.labels[i])).sum::<f64>()
                / self.probabilities.len() as f64
        };
        finite((0..self.labels.len()).map(mean).collect())
    }
}

fn finite(scores: Vec<f64>) -> Result<Vec<f64>, LawError> {
    match scores.iter().position(|s| !s.is_finite()) {
        Some(i) => Err(LawError::Request(format!("example {i} has the score {}", scores[i]))),
        None => Ok(scores),
    }
}

/// What to keep of a data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Selection {
    /// Share of the examples.
    pub fraction: f64,
    /// Which end of the difficulty ranking.
    pub end: End,
    /// Least share of the even count per class that each class keeps, 0 to 1; the paper uses one half.
    pub balance: f64,
    /// Seed of a random selection.
    pub seed: u64,
}

impl Selection {
    /// The indices to keep, in increasing order. Ties go to the earlier example. With `labels`, every class keeps
    /// `balance` of its even part of the examples kept, or all it has.
    ///
    /// # Errors
    /// [`LawError::Request`] for a share outside 0 to 1, fewer than two examples left, labels of another length, or a
    /// class of which nothing would be left.
    pub fn of(&self, scores: &[f64], labels: Option<&[usize]>) -> Result<Vec<usize>, LawError> {
        let wrong = |what: String| Err(LawError::Request(what));
        let wanted = (self.fraction * scores.len() as f64).round() as usize;
        if !(self.fraction > 0.0 && self.fraction <= 1.0 && (0.0..=1.0).contains(&self.balance)) {
            return wrong("the share to keep is above 0 and at most 1, the balance from 0 to 1".into());
        }
        if wanted < 2 {
            return wrong(format!("{} of {} examples would be left: keep more", wanted, scores.len()));
        }
        let mut rng = Rng::new(self.seed, "pruning", 0);
        let key: Vec<f64> = match self.end {
            End::Hard => scores.iter().map(|s| -s).collect(),
            End::Easy => scores.to_vec(),
            End::Random => scores.iter().map(|_| rng.uniform()).collect(),
        };
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|a, b| key[*a].total_cmp(&key[*b]).then(a.cmp(b)));
        let mut kept = match labels {
            None => order[..wanted].to_vec(),
            Some(labels) if labels.len() != scores.len() => {
                return wrong(format!("{} labels for {} examples", labels.len(), scores.len()));
            }
            Some(labels) => self.balanced(&order, labels, wanted),
        };
        kept.sort_unstable();
        if let Some(labels) = labels {
            let mut missing: Vec<usize> =
                labels.iter().copied().filter(|l| !kept.iter().any(|i| labels[*i] == *l)).collect();
            missing.sort_unstable();
            missing.dedup();
            if !missing.is_empty() {
                return wrong(format!("nothing would be left of classes {missing:?}: keep more or raise the balance"));
            }
        }
        Ok(kept)
    }

    /// The best of each class up to its floor, then the best of the rest.
    fn balanced(&self, order: &[usize], labels: &[usize], wanted: usize) -> Vec<usize> {
        let mut classes: Vec<usize> = labels.to_vec();
        classes.sort_unstable();
        classes.dedup();
        let floor = (self.balance * wanted as f64 / classes.len() as f64).floor() as usize;
        let first: Vec<usize> = classes
            .iter()
            .flat_map(|class| order.iter().copied().filter(|i| labels[*i] == *class).take(floor))
            .collect();
        let rest = order.iter().copied().filter(|i| !first.contains(i)).take(wanted - first.len());
        first.iter().copied().chain(rest.collect::<Vec<_>>()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(fraction: f64, end: End) -> Selection {
        Selection { fraction, end, balance: 0.0, seed: 1 }
    }

    #[test]
    fn higher_scores_are_harder() {
        let margin = Margin { outputs: vec![-3.0, 0.1, 1.0, -0.5] }.scores().unwrap();
        assert_eq!(keep(0.5, End::Hard).of(&margin, None).unwrap(), [1, 3]);
        assert_eq!(keep(0.5, End::Easy).of(&margin, None).unwrap(), [0, 2]);
        assert!(Margin { outputs: vec![f64::NAN] }.scores().is_err());
        // A sure and right, a sure and wrong and an even model: 0, sqrt 2 and sqrt 1/2.
        let sure = vec![vec![1.0, 0.0], vec![1.0, 0.0], vec![0.5, 0.5]];
        let metric = ErrorNorm { probabilities: vec![sure.clone(), sure], labels: vec![0, 1, 0] };
        let scores = metric.scores().unwrap();
        assert!(
            scores[0] == 0.0 && (scores[1] - 2f64.sqrt()).abs() < 1e-12 && (scores[2] - 0.5f64.sqrt()).abs() < 1e-12
        );
        assert!(ErrorNorm { labels: vec![0, 7, 0], ..metric }.scores().is_err());
        assert_eq!((metric_name(&Margin { outputs: vec![] })), "margin");
    }

    fn metric_name(metric: &dyn Metric) -> &'static str {
        metric.name()
    }

    #[test]
    fn classes_keep_their_floor() {
        // Class 1 is easy throughout: without a floor nothing of it is left.
        let scores = [9.0, 8.0, 7.0, 6.0, 2.0, 1.0, 0.5, 0.0];
        let labels = [0, 0, 0, 0, 1, 1, 1, 1];
        let refused = keep(0.5, End::Hard).of(&scores, Some(&labels)).unwrap_err().to_string();
        assert!(refused.contains("classes [1]"), "{refused}");
        let half = Selection { balance: 0.5, ..keep(0.5, End::Hard) };
        assert_eq!(half.of(&scores, Some(&labels)).unwrap(), [0, 1, 2, 4]);
        let even = Selection { balance: 1.0, ..half };
        assert_eq!(even.of(&scores, Some(&labels)).unwrap(), [0, 1, 4, 5]);
    }

    #[test]
    fn nonsense_is_refused_and_ties_are_stable() {
        let same = [1.0; 10];
        assert_eq!(keep(0.3, End::Hard).of(&same, None).unwrap(), [0, 1, 2]);
        assert_eq!(keep(1.0, End::Random).of(&same, None).unwrap().len(), 10);
        assert!(keep(0.1, End::Hard).of(&same, None).is_err() && keep(1.5, End::Hard).of(&same, None).is_err());
        assert!(keep(0.5, End::Hard).of(&same, Some(&[0; 3])).is_err());
        assert_ne!(
            keep(0.5, End::Random).of(&same, None).unwrap(),
            Selection { seed: 2, ..keep(0.5, End::Random) }.of(&same, None).unwrap()
        );
    }
}
