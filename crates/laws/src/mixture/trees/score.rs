//! Scoring many points: the leaf of every tree at once, by masks instead of walks (after QuickScorer, Lucchese et al. 2015).
//!
//! The leaves of a tree are bits, in order. A feature above the cut of a node rules out the leaves on its low side. All that a
//! feature rules out depends only on how many of the cuts it exceeds, so those masks are tables: one row of masks per interval
//! between cuts, one mask per tree. The leaf of a tree is the first bit that no feature rules out.

use super::{Node, Tree};

/// Cells of [0, 1] from which the search for a value's interval starts.
const CELLS: usize = 1024;

#[derive(Debug, Clone)]
pub(super) struct Scorer {
    constant: f64,
    trees: usize,
    /// Number of features, used or not.
    width: usize,
    features: Vec<Feature>,
    /// Most leaves of a tree, and the leaves' values tree by tree.
    leaves: usize,
    values: Vec<f64>,
}

/// A feature that some node splits by.
#[derive(Debug, Clone)]
struct Feature {
    index: usize,
    cuts: Vec<f64>,
    /// Number of cuts below the start of each cell.
    first: Vec<u32>,
    /// `trees` masks for each number of exceeded cuts, from one on.
    masks: Vec<u32>,
}

impl Scorer {
    pub(super) fn new(width: usize, constant: f64, trees: &[Tree]) -> Self {
        let splits = |wanted: usize| {
            trees.iter().flatten().filter_map(move |n| match n {
                Node::Split { feature, cut, .. } if *feature == wanted => Some(*cut),
                _ => None,
            })
        };
        let feature = |index: usize| {
            let mut cuts: Vec<f64> = splits(index).collect();
            cuts.sort_unstable_by(f64::total_cmp);
            cuts.dedup();
            let below = |cell: usize| cuts.partition_point(|c| *c < cell as f64 / CELLS as f64) as u32;
            let first = (0..CELLS).map(|cell| if cell == 0 { 0 } else { below(cell) }).collect();
            let masks = vec![u32::MAX; cuts.len() * trees.len()];
            Feature { index, cuts, first, masks }
        };
        let mut features: Vec<Feature> = (0..width).map(feature).collect();
        let leaves = trees.iter().map(|t| t.len().div_ceil(2)).max().unwrap_or(1);
        let mut values = vec![0.0; leaves * trees.len()];
        for (number, tree) in trees.iter().enumerate() {
            let values = &mut values[number * leaves..][..leaves];
            Numbering { tree, number, trees: trees.len(), values, next: 0 }.visit(0, &mut features);
        }
        features.retain(|f| !f.cuts.is_empty());
        for f in &mut features {
            for above in trees.len()..f.masks.len() {
                f.masks[above] &= f.masks[above - trees.len()];
            }
        }
        Self { constant, trees: trees.len(), width, features, leaves, values }
    }

    /// Room for one call of [`Self::score`].
    pub(super) fn scratch(&self) -> Vec<u32> {
        vec![0; self.trees]
    }

    /// The constant and the sum of all trees at a point.
    pub(super) fn score(&self, row: &[f64], open: &mut [u32]) -> f64 {
        assert_eq!(row.len(), self.width, "coordinates of a point");
        open.fill(u32::MAX);
        for feature in &self.features {
            let exceeded = feature.exceeded(row[feature.index]);
            if exceeded > 0 {
                let masks = &feature.masks[(exceeded - 1) * self.trees..][..self.trees];
                open.iter_mut().zip(masks).for_each(|(o, m)| *o &= m);
            }
        }
        // Four sums, so that additions need not wait for each other.
        let mut sums = [0.0; 4];
        let (open, values) = (open.chunks(4), self.values.chunks(4 * self.leaves));
        for (open, values) in open.zip(values) {
            for ((sum, open), values) in sums.iter_mut().zip(open).zip(values.chunks_exact(self.leaves)) {
                *sum += values[open.trailing_zeros() as usize];
            }
        }
        self.constant + ((sums[0] + sums[1]) + (sums[2] + sums[3]))
    }
}

impl Feature {
    /// How many cuts a value lies above.
    fn exceeded(&self, value: f64) -> usize {
        let cell = ((value * CELLS as f64) as usize).min(CELLS - 1);
        let mut count = self.first[cell] as usize;
        while self.cuts.get(count).is_some_and(|cut| *cut < value) {
            count += 1;
        }
        count
    }
}

/// Numbers the leaves of a tree from the low side and notes what each node rules out.
struct Numbering<'a> {
    tree: &'a Tree,
    number: usize,
    trees: usize,
    values: &'a mut [f64],
    next: u32,
}

impl Numbering<'_> {
    fn visit(&mut self, node: usize, features: &mut [Feature]) {
        match &self.tree[node] {
            Node::Leaf(value) => {
                self.values[self.next as usize] = *value;
                self.next += 1;
            }
            Node::Split { feature, cut, low, high } => {
                let from = self.next;
                self.visit(*low, features);
                let ruled_out = ((1u64 << self.next) - (1u64 << from)) as u32;
                let of = &mut features[*feature];
                let at = of.cuts.partition_point(|c| c < cut);
                of.masks[at * self.trees + self.number] &= !ruled_out;
                self.visit(*high, features);
            }
        }
    }
}
