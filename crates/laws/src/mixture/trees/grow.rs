//! Growing one tree: every leaf keeps its rows sorted by each feature, so that all splits are found in one pass over them.

use super::{Node, Points, Tree, TreeOptions};
use rayon::prelude::*;

/// From this many rows times features a leaf's features are searched side by side.
const PARALLEL: usize = 1 << 17;
/// Gains below this share of the squares are rounding.
const LEAST_GAIN: f64 = 1e-12;

pub(super) struct Grower {
    options: TreeOptions,
    /// Values column by column.
    columns: Vec<Vec<f64>>,
    /// Rows by rising value, column by column.
    sorted: Vec<Vec<u32>>,
    /// The same, parted by the leaves of the tree that is grown.
    parted: Vec<Vec<u32>>,
    low: Vec<bool>,
    aside: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Split {
    gain: f64,
    feature: usize,
    cut: f64,
    /// Rows and sum of residuals up to the cut.
    rows: usize,
    sum: f64,
}

/// A leaf that may be split: its node, its rows as a range of every column, the sum of their residuals, and its best split.
struct Leaf {
    node: usize,
    start: usize,
    end: usize,
    sum: f64,
    best: Option<Split>,
}

impl Grower {
    pub(super) fn new(x: &Points, options: &TreeOptions) -> Self {
        let columns: Vec<Vec<f64>> = (0..x.width()).map(|j| x.iter().map(|row| row[j]).collect()).collect();
        let sort = |column: &Vec<f64>| {
            let mut order: Vec<u32> = (0..column.len() as u32).collect();
            order.sort_by(|&a, &b| column[a as usize].total_cmp(&column[b as usize]));
            order
        };
        let sorted: Vec<Vec<u32>> = columns.iter().map(sort).collect();
        let parted = sorted.clone();
        Self {
            options: *options,
            columns,
            sorted,
            parted,
            low: vec![false; x.len()],
            aside: Vec::with_capacity(x.len()),
        }
    }

    /// The next tree on these residuals, which it is subtracted from.
    pub(super) fn grow(&mut self, residuals: &mut [f64]) -> Tree {
        self.parted.iter_mut().zip(&self.sorted).for_each(|(to, from)| to.copy_from_slice(from));
        let least = LEAST_GAIN * residuals.iter().map(|r| r * r).sum::<f64>();
        let mut tree = vec![Node::Leaf(0.0)];
        let mut root = Leaf { node: 0, start: 0, end: residuals.len(), sum: residuals.iter().sum(), best: None };
        root.best = self.best(&root, residuals, least);
        let mut leaves = vec![root];
        while leaves.len() < self.options.leaves {
            // The first of equal gains, so that the order is a matter of the rows alone.
            let gain = |leaf: &Leaf| leaf.best.map_or(0.0, |s| s.gain);
            let at = (0..leaves.len()).fold(0, |best, i| if gain(&leaves[i]) > gain(&leaves[best]) { i } else { best });
            let Some(split) = leaves[at].best else { break };
            let (start, end, sum) = (leaves[at].start, leaves[at].end, leaves[at].sum);
            self.part(start, end, &split);
            let (low, high) = (tree.len(), tree.len() + 1);
            tree[leaves[at].node] = Node::Split { feature: split.feature, cut: split.cut, low, high };
            tree.extend([Node::Leaf(0.0), Node::Leaf(0.0)]);
            let middle = start + split.rows;
            let mut lower = Leaf { node: low, start, end: middle, sum: split.sum, best: None };
            let mut upper = Leaf { node: high, start: middle, end, sum: sum - split.sum, best: None };
            if leaves.len() + 1 < self.options.leaves {
                lower.best = self.best(&lower, residuals, least);
                upper.best = self.best(&upper, residuals, least);
            }
            leaves[at] = lower;
            leaves.push(upper);
        }
        for leaf in &leaves {
            let rows = &self.parted[0][leaf.start..leaf.end];
            let value = self.options.rate * leaf.sum / rows.len() as f64;
            tree[leaf.node] = Node::Leaf(value);
            rows.iter().for_each(|&i| residuals[i as usize] -= value);
        }
        tree
    }

    fn best(&self, leaf: &Leaf, residuals: &[f64], least: f64) -> Option<Split> {
        if leaf.end - leaf.start < 2 * self.options.rows {
            return None;
        }
        let features = 0..self.columns.len();
        let of = |feature| self.best_of(feature, leaf, residuals, least);
        let found: Vec<Option<Split>> = if (leaf.end - leaf.start) * self.columns.len() >= PARALLEL {
            features.into_par_iter().map(of).collect()
        } else {
            features.map(of).collect()
        };
        let better = |best: Split, next: Split| if next.gain > best.gain { next } else { best };
        found.into_iter().flatten().reduce(better)
    }

    /// The split of one feature that lowers the squares most.
    fn best_of(&self, feature: usize, leaf: &Leaf, residuals: &[f64], least: f64) -> Option<Split> {
        let (column, rows) = (&self.columns[feature], &self.parted[feature][leaf.start..leaf.end]);
        let (n, few) = (rows.len(), self.options.rows);
        let parent = leaf.sum * leaf.sum / n as f64;
        let (mut sum, mut best) = (0.0, None);
        let mut most = parent + least;
        let mut value = column[rows[0] as usize];
        for (before, &row) in rows[..=n - few].iter().enumerate() {
            let next = column[row as usize];
            if before >= few && next > value {
                let rest = leaf.sum - sum;
                let gained = sum * sum / before as f64 + rest * rest / (n - before) as f64;
                if gained > most {
                    most = gained;
                    best = Some((before, sum, value, next));
                }
            }
            value = next;
            sum += residuals[row as usize];
        }
        best.map(|(rows, sum, value, next)| {
            let middle = value + 0.5 * (next - value);
            // Neighbouring numbers have no middle.
            let cut = if middle < next { middle } else { value };
            Split { gain: most - parent, feature, cut, rows, sum }
        })
    }

    /// Parts the rows of a range in every column, keeping their order.
    fn part(&mut self, start: usize, end: usize, split: &Split) {
        let by = &self.parted[split.feature][start..end];
        by[..split.rows].iter().for_each(|&i| self.low[i as usize] = true);
        by[split.rows..].iter().for_each(|&i| self.low[i as usize] = false);
        for (_, column) in self.parted.iter_mut().enumerate().filter(|(j, _)| *j != split.feature) {
            let rows = &mut column[start..end];
            self.aside.clear();
            let mut kept = 0;
            for i in 0..rows.len() {
                let row = rows[i];
                if self.low[row as usize] {
                    rows[kept] = row;
                    kept += 1;
                } else {
                    self.aside.push(row);
                }
            }
            rows[kept..].copy_from_slice(&self.aside);
        }
    }
}
