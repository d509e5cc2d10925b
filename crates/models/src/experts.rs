//! Feed-forward layers that a router chooses among: each token passes one (Fedus et al. 2022, Switch Transformer).

use kleiber_tensor::Tensor;
use kleiber_tensor::ops;
use std::ops::Range;
use std::sync::Arc;

/// Factor of the loss that keeps experts equally busy (Fedus et al. 2022, section 2.2).
pub(crate) const BALANCE: f32 = 0.01;

/// Which rows each expert gets. No row is left out however many want the same expert.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Routes {
    /// Rows, those of the first expert first.
    rows: Vec<u32>,
    /// Where the rows of each expert begin, and their number at the end.
    starts: Vec<usize>,
    /// The expert of each row.
    chosen: Vec<u32>,
}

impl Routes {
    /// Routes of rows of scores, one for each expert: to the highest, the first of equals.
    pub(crate) fn new(scores: &[f32], experts: usize) -> Self {
        let best = |row: &[f32]| (1..experts).fold(0, |best, e| if row[e] > row[best] { e } else { best });
        let chosen: Vec<u32> = scores.chunks_exact(experts).map(|row| best(row) as u32).collect();
        let mut rows: Vec<u32> = (0..chosen.len() as u32).collect();
        rows.sort_by_key(|row| chosen[*row as usize]);
        let starts = (0..=experts as u32).map(|e| rows.partition_point(|row| chosen[*row as usize] < e)).collect();
        Self { rows, starts, chosen }
    }

    /// Experts that have rows, with where theirs lie in [`Routes::rows`].
    pub(crate) fn busy(&self) -> impl Iterator<Item = (usize, Range<usize>)> + '_ {
        self.starts.windows(2).map(|w| w[0]..w[1]).enumerate().filter(|(_, range)| !range.is_empty())
    }

    /// Rows in the order of their experts.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Where each row is among [`Routes::rows`].
    fn places(&self) -> Arc<[u32]> {
        let mut places = vec![0; self.rows.len()];
        (0u32..).zip(&self.rows).for_each(|(place, row)| places[*row as usize] = place);
        places.into()
    }

    /// A row for each row, 1 at its expert.
    fn choices(&self) -> Vec<f32> {
        let experts = self.starts.len() - 1;
        let mut choices = vec![0.0; self.rows.len() * experts];
        choices.chunks_exact_mut(experts).zip(&self.chosen).for_each(|(row, e)| row[*e as usize] = 1.0);
        choices
    }

    /// Share of the rows that each expert gets.
    fn shares(&self) -> Vec<f32> {
        self.starts.windows(2).map(|w| (w[1] - w[0]) as f32 / self.rows.len() as f32).collect()
    }
}

/// What becomes of rows, and the loss of balance.
pub(crate) struct Routed {
    /// What the expert of each row makes of it, times the probability with which it was chosen, `[rows, width]`.
    pub(crate) output: Tensor<2>,
    /// Experts times the sum over them of their share of the rows times their mean probability: 1 when all are equally busy,
    /// the number of experts when one does everything (eq. 4).
    pub(crate) balance: Tensor<1>,
}

/// Sends rows `x` to the experts that `logits`, `[rows, experts]`, prefer.
pub(crate) fn route(x: &Tensor<2>, logits: Tensor<2>, expert: impl Fn(usize, &Tensor<2>) -> Tensor<2>) -> Routed {
    let [rows, experts] = logits.dims();
    let routes = Routes::new(&ops::numbers(logits.clone()), experts);
    let probabilities = softmax(logits);
    let parts = routes.busy().map(|(e, range)| expert(e, &ops::embedding(x, &Arc::from(&routes.rows[range]))));
    let outputs = Tensor::cat(parts.collect(), 0);
    let choices = ops::constant(routes.choices(), [rows, experts], x);
    let gates = (probabilities.clone() * choices).sum_dim(1);
    let shares = ops::constant(routes.shares(), [1, experts], x);
    let balance = (probabilities.mean_dim(0) * shares).sum() * experts as f32;
    Routed { output: ops::embedding(&outputs, &routes.places()) * gates, balance }
}

fn softmax(logits: Tensor<2>) -> Tensor<2> {
    let exponentials = (logits.clone() - logits.max_dim(1)).exp();
    exponentials.clone() / exponentials.sum_dim(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_to_their_highest_score_and_come_back() {
        let scores = [0.1, 0.3, 0.2, 0.5, 0.1, 0.1, 0.0, 0.0, -1.0, 0.2, 0.9, 0.3];
        let routes = Routes::new(&scores, 3);
        assert_eq!(routes.chosen, [1, 0, 0, 1]);
        assert_eq!((routes.rows.clone(), routes.starts.clone()), (vec![1, 2, 0, 3], vec![0, 2, 4, 4]));
        assert_eq!(routes.busy().collect::<Vec<_>>(), [(0, 0..2), (1, 2..4)]);
        assert_eq!(*routes.places(), [2, 0, 1, 3]);
        assert_eq!(routes.shares(), [0.5, 0.5, 0.0]);
        assert_eq!(routes.choices()[..6], [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    }
}
