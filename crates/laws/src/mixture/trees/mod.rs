//! Boosted regression trees as LightGBM grows them (Ke et al. 2017): each tree by its best leaf first, on the residuals of squared
//! loss. Splits are searched between all different values, not between bins, which a few hundred runs allow.

mod grow;
mod score;

use super::Points;
use crate::LawError;
use grow::Grower;
use score::Scorer;

/// How trees are grown. The defaults are those of Liu et al. 2024, without their early stopping: it looked at the rows that the
/// rank correlation was then reported on, and does not help.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TreeOptions {
    /// Number of trees.
    pub trees: usize,
    /// Most leaves of a tree, 2 to 32.
    pub leaves: usize,
    /// Fewest rows of a leaf.
    pub rows: usize,
    /// Share of each tree that is added.
    pub rate: f64,
}

impl Default for TreeOptions {
    fn default() -> Self {
        Self { trees: 1000, leaves: 31, rows: 20, rate: 0.01 }
    }
}

/// A fitted sum of trees.
///
/// It is constant beyond the values it was fitted to, and never above or below the losses it has seen.
#[derive(Debug, Clone)]
pub struct Boosted {
    scorer: Scorer,
}

/// A split or a leaf of a tree.
#[derive(Debug, Clone, PartialEq)]
enum Node {
    /// Rows whose feature is at most `cut` go to `low`, the others to `high`.
    Split { feature: usize, cut: f64, low: usize, high: usize },
    /// What the tree adds.
    Leaf(f64),
}

/// Nodes of a tree; the first is the root.
type Tree = Vec<Node>;

/// Largest number of trees.
const MOST_TREES: usize = 100_000;

impl Boosted {
    /// Boosts from the mean. The same rows give the same trees, bit for bit, with any number of threads.
    ///
    /// # Errors
    /// [`LawError::Request`] for options that grow nothing, or numbers that are not finite.
    pub fn fit(x: &Points, y: &[f64], options: &TreeOptions) -> Result<Self, LawError> {
        let (mean, trees) = grown(x, y, options)?;
        Ok(Self { scorer: Scorer::new(x.width(), mean, &trees) })
    }

    /// The value at a mixture.
    pub fn predict(&self, shares: &[f64]) -> f64 {
        self.scorer.score(shares, &mut self.scorer.scratch())
    }

    /// The values at many mixtures, in order, appended to `out`.
    pub fn predict_into<'a>(&self, points: impl Iterator<Item = &'a [f64]>, out: &mut Vec<f64>) {
        let mut scratch = self.scorer.scratch();
        out.extend(points.map(|row| self.scorer.score(row, &mut scratch)));
    }
}

fn grown(x: &Points, y: &[f64], options: &TreeOptions) -> Result<(f64, Vec<Tree>), LawError> {
    let request = |text: String| Err(LawError::Request(text));
    if !(2..=32).contains(&options.leaves) || options.rows == 0 {
        return request(format!("trees have 2 to 32 leaves of at least one row, not {}", options.leaves));
    }
    if !(1..=MOST_TREES).contains(&options.trees) {
        return request(format!("{} trees: ask for 1 to {MOST_TREES}", options.trees));
    }
    if !(options.rate > 0.0 && options.rate <= 1.0) {
        return request(format!("a learning rate of {}: it lies above 0 and is at most 1", options.rate));
    }
    if y.len() < 2 * options.rows {
        let needed = 2 * options.rows;
        return request(format!(
            "{} rows cannot be split into leaves of {}: {needed} are needed",
            y.len(),
            options.rows
        ));
    }
    if x.iter().flatten().chain(y).any(|v| !v.is_finite()) {
        return request("trees need finite numbers".into());
    }
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let mut residuals: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let mut grower = Grower::new(x, options);
    let mut trees = Vec::with_capacity(options.trees);
    for _ in 0..options.trees {
        let tree = grower.grow(&mut residuals);
        // Nothing is left to split: all further trees would be the same.
        if tree.len() == 1 {
            break;
        }
        trees.push(tree);
    }
    Ok((mean, trees))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    fn sample(n: u32, of: impl Fn(&[f64]) -> f64) -> (Points, Vec<f64>) {
        let mut rng = Rng::new(3, "trees", n);
        let x = Points::new(3, (0..3 * n).map(|_| rng.uniform()).collect());
        let y = x.iter().map(of).collect();
        (x, y)
    }

    fn walk(tree: &Tree, row: &[f64]) -> f64 {
        let mut at = 0;
        loop {
            match &tree[at] {
                Node::Leaf(value) => return *value,
                Node::Split { feature, cut, low, high } => at = if row[*feature] <= *cut { *low } else { *high },
            }
        }
    }

    #[test]
    fn one_split_is_the_best_one() {
        // Residuals -1, -1, 2 around the mean of 1: the split between 0.4 and 0.6 leaves nothing.
        let x = Points::new(2, vec![0.1, 7.0, 0.4, 9.0, 0.6, 8.0]);
        let options = TreeOptions { trees: 1, leaves: 2, rows: 1, rate: 0.5 };
        let (mean, trees) = grown(&x, &[0.0, 0.0, 3.0], &options).unwrap();
        assert_eq!(mean, 1.0);
        let split = Node::Split { feature: 0, cut: 0.5, low: 1, high: 2 };
        assert_eq!(trees, [vec![split, Node::Leaf(-0.5), Node::Leaf(1.0)]]);
        let fit = Boosted::fit(&x, &[0.0, 0.0, 3.0], &options).unwrap();
        assert_eq!((fit.predict(&[0.5, 0.0]), fit.predict(&[0.51, 0.0])), (0.5, 2.0));
    }

    #[test]
    fn scores_are_the_sums_of_walks() {
        let (x, y) = sample(300, |r| (6.0 * r[0]).sin() + r[1] * r[2]);
        let options = TreeOptions { trees: 50, leaves: 32, rows: 3, rate: 0.1 };
        let (mean, trees) = grown(&x, &y, &options).unwrap();
        let leaves = |t: &Tree| t.iter().filter(|n| matches!(n, Node::Leaf(_))).count();
        assert!(trees.iter().all(|t| leaves(t) == 32));
        let fit = Boosted::fit(&x, &y, &options).unwrap();
        let mut rng = Rng::new(4, "walks", 0);
        let fresh = (0..500).map(|_| [rng.uniform(), 3.0 * rng.uniform() - 1.0, rng.uniform()]);
        let rows: Vec<[f64; 3]> = fresh.chain(x.iter().map(|r| [r[0], r[1], r[2]])).collect();
        // Exactly at the cuts as well.
        let cuts = trees[0].iter().filter_map(|n| match n {
            Node::Split { feature, cut, .. } => Some(std::array::from_fn(|i| if i == *feature { *cut } else { 0.5 })),
            Node::Leaf(_) => None,
        });
        for row in rows.iter().copied().chain(cuts) {
            let walked = mean + trees.iter().map(|t| walk(t, &row)).sum::<f64>();
            assert!((fit.predict(&row) - walked).abs() < 1e-12, "{row:?}");
        }
    }

    #[test]
    fn a_smooth_function_is_learnt_and_not_left() {
        let truth = |r: &[f64]| 2.0 + (3.0 * r[0]).sin() - r[1];
        let (x, y) = sample(600, truth);
        let fit = Boosted::fit(&x, &y, &TreeOptions { trees: 300, rate: 0.05, ..TreeOptions::default() }).unwrap();
        let (fresh, want) = sample(200, truth);
        let mut got = Vec::new();
        fit.predict_into(fresh.iter(), &mut got);
        let squares = got.iter().zip(&want).map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 200.0;
        assert!(squares.sqrt() < 0.06, "{}", squares.sqrt());
        assert!(crate::rank::spearman(&got, &want) > 0.99);
        let low = y.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(fit.predict(&[0.0, 50.0, 0.0]) > low - 1e-9, "trees do not extrapolate");
    }

    #[test]
    fn what_cannot_be_grown_is_refused() {
        let (x, y) = sample(30, |r| r[0]);
        let of = |options: TreeOptions| Boosted::fit(&x, &y, &options).map(|_| ()).unwrap_err().to_string();
        assert!(of(TreeOptions::default()).contains("30 rows cannot be split into leaves of 20: 40 are needed"));
        let few = TreeOptions { rows: 2, ..TreeOptions::default() };
        assert!(of(TreeOptions { leaves: 33, ..few }).contains("2 to 32 leaves"));
        assert!(of(TreeOptions { rate: 0.0, ..few }).contains("learning rate"));
        assert!(of(TreeOptions { trees: 0, ..few }).contains("trees"));
        let constant = Boosted::fit(&x, &[4.0; 30], &few).unwrap();
        assert_eq!(constant.predict(&[0.1, 0.2, 0.3]), 4.0);
    }
}
