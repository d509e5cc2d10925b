//! Exact optimal transport by shortest augmenting paths.

use crate::LawError;
use crate::mixture::Points;

/// An optimal transport.
#[derive(Debug, Clone, PartialEq)]
pub struct Transport {
    /// Its cost.
    pub cost: f64,
    /// What moves from each row to each column.
    pub flow: Points,
    /// Dual potentials of the rows.
    pub f: Vec<f64>,
    /// Dual potentials of the columns: `f_i + g_j <= c_ij`, with equality wherever something moves.
    pub g: Vec<f64>,
}

/// Masses below this are rounding.
const NOTHING: f64 = 1e-13;

/// Equal masses that add up to one.
pub fn uniform(n: usize) -> Vec<f64> {
    vec![1.0 / n as f64; n]
}

/// Squared Euclidean distances: one row for each point of `a`, one column for each of `b`.
///
/// # Panics
/// When the points have different widths, or `b` is empty.
pub fn squared_distances(a: &Points, b: &Points) -> Points {
    assert_eq!(a.width(), b.width(), "features of both samples");
    let distance = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - y) * (x - y)).sum::<f64>();
    Points::new(b.len(), a.iter().flat_map(|x| b.iter().map(move |y| distance(x, y))).collect())
}

/// The cheapest way to move the masses `a` of the rows of `costs` to the masses `b` of its columns. Takes in the order of
/// `rows + columns` searches over all costs: samples of hundreds, not of tens of thousands.
///
/// # Errors
/// [`LawError::Request`] for costs or masses that are not finite, negative masses, or masses with different sums.
pub fn exact(costs: &Points, a: &[f64], b: &[f64]) -> Result<Transport, LawError> {
    check(costs, a, b)?;
    let mut state = State {
        costs,
        f: vec![0.0; a.len()],
        g: (0..b.len()).map(|j| costs.iter().map(|row| row[j]).fold(f64::INFINITY, f64::min)).collect(),
        flow: vec![0.0; a.len() * b.len()],
        supply: a.to_vec(),
        demand: b.to_vec(),
    };
    let scale = a.iter().sum::<f64>() * NOTHING;
    while state.supply.iter().any(|s| *s > scale) && state.demand.iter().any(|d| *d > scale) {
        state.augment(scale);
    }
    let cost = costs.iter().flatten().zip(&state.flow).map(|(c, x)| c * x).sum();
    Ok(Transport { cost, flow: Points::new(b.len(), state.flow), f: state.f, g: state.g })
}

pub(super) fn check(costs: &Points, a: &[f64], b: &[f64]) -> Result<(), LawError> {
    if costs.is_empty() || costs.len() != a.len() || costs.width() != b.len() {
        return Err(LawError::Request(format!(
            "{} x {} costs for {} and {} masses",
            costs.len(),
            costs.width(),
            a.len(),
            b.len()
        )));
    }
    if costs.iter().flatten().any(|c| !c.is_finite()) || a.iter().chain(b).any(|m| !(*m >= 0.0 && m.is_finite())) {
        return Err(LawError::Request("transport needs finite costs and masses from 0".into()));
    }
    let (from, to): (f64, f64) = (a.iter().sum(), b.iter().sum());
    if from <= 0.0 || (from - to).abs() > 1e-9 * from {
        return Err(LawError::Request(format!("the masses of both samples must be equal, not {from} and {to}")));
    }
    Ok(())
}

struct State<'a> {
    costs: &'a Points,
    f: Vec<f64>,
    g: Vec<f64>,
    flow: Vec<f64>,
    supply: Vec<f64>,
    demand: Vec<f64>,
}

impl State<'_> {
    fn reduced(&self, i: usize, j: usize) -> f64 {
        (self.costs.row(i)[j] - self.f[i] - self.g[j]).max(0.0)
    }

    /// Moves mass along the shortest path from any row with supply to the nearest column with demand.
    fn augment(&mut self, scale: f64) {
        let (rows, columns) = (self.supply.len(), self.demand.len());
        // Length of the path to each column, and the row before it; the column before each row that is reached.
        let (mut length, mut by_row) = (vec![f64::INFINITY; columns], vec![0; columns]);
        let (mut row_length, mut by_column) = (vec![f64::INFINITY; rows], vec![usize::MAX; rows]);
        let mut settled = vec![false; columns];
        let mut fresh: Vec<usize> = (0..rows).filter(|&i| self.supply[i] > scale).collect();
        fresh.iter().for_each(|&i| row_length[i] = 0.0);
        let end = loop {
            for &i in &fresh {
                for j in (0..columns).filter(|&j| !settled[j]) {
                    let reached = row_length[i] + self.reduced(i, j);
                    if reached < length[j] {
                        (length[j], by_row[j]) = (reached, i);
                    }
                }
            }
            let open = (0..columns).filter(|&j| !settled[j]);
            let Some(next) = open.min_by(|&a, &b| length[a].total_cmp(&length[b])) else { return };
            if self.demand[next] > scale {
                break next;
            }
            settled[next] = true;
            fresh.clear();
            for i in (0..rows).filter(|&i| self.flow[i * columns + next] > 0.0) {
                if row_length[i].is_infinite() {
                    (row_length[i], by_column[i]) = (length[next], next);
                    fresh.push(i);
                }
            }
        };
        let whole = length[end];
        self.f.iter_mut().zip(&row_length).for_each(|(f, d)| *f += (whole - d).max(0.0));
        self.g.iter_mut().zip(&length).for_each(|(g, d)| *g -= (whole - d).max(0.0));
        // Twice along the path backwards: how much fits, then moving it.
        let mut amount = self.demand[end];
        let mut row = by_row[end];
        while by_column[row] != usize::MAX {
            let column = by_column[row];
            amount = amount.min(self.flow[row * columns + column]);
            row = by_row[column];
        }
        amount = amount.min(self.supply[row]);
        let mut column = end;
        row = by_row[end];
        self.demand[end] -= amount;
        loop {
            self.flow[row * columns + column] += amount;
            if by_column[row] == usize::MAX {
                break;
            }
            column = by_column[row];
            self.flow[row * columns + column] -= amount;
            row = by_row[column];
        }
        self.supply[row] -= amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![vec![]];
        }
        let insert = |p: Vec<usize>| (0..n).map(move |at| [&p[..at], &[n - 1], &p[at..]].concat());
        permutations(n - 1).into_iter().flat_map(insert).collect()
    }

    #[test]
    fn assignments_are_the_best_of_all() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed, "assignments", 0);
            let costs = Points::new(6, (0..36).map(|_| rng.uniform()).collect());
            let found = exact(&costs, &[1.0; 6], &[1.0; 6]).unwrap();
            let cost = |p: &Vec<usize>| p.iter().enumerate().map(|(i, &j)| costs.row(i)[j]).sum::<f64>();
            let best = permutations(6).iter().map(cost).fold(f64::INFINITY, f64::min);
            assert!((found.cost - best).abs() < 1e-12, "{} {best}", found.cost);
        }
    }

    #[test]
    fn duals_prove_the_optimum_for_unequal_masses() {
        for seed in 0..10 {
            let mut rng = Rng::new(seed, "masses", 0);
            let mut masses = |n: usize| {
                let raw: Vec<f64> = (0..n).map(|_| rng.uniform()).collect();
                let sum: f64 = raw.iter().sum();
                raw.iter().map(|m| m / sum).collect::<Vec<f64>>()
            };
            let (a, b) = (masses(15), masses(22));
            let costs = Points::new(22, (0..15 * 22).map(|_| rng.uniform() - 0.3).collect());
            let found = exact(&costs, &a, &b).unwrap();
            let dot = |m: &[f64], p: &[f64]| m.iter().zip(p).map(|(m, p)| m * p).sum::<f64>();
            assert!((dot(&a, &found.f) + dot(&b, &found.g) - found.cost).abs() < 1e-10, "duality gap");
            for (i, mass) in a.iter().enumerate() {
                assert!((found.flow.row(i).iter().sum::<f64>() - mass).abs() < 1e-11);
                let feasible = |j: usize| found.f[i] + found.g[j] <= costs.row(i)[j] + 1e-11;
                assert!((0..22).all(feasible) && found.flow.row(i).iter().all(|x| *x >= 0.0));
            }
        }
    }

    #[test]
    fn on_a_line_the_order_is_kept() {
        let a = Points::new(1, vec![3.0, 0.0, 1.0]);
        let b = Points::new(1, vec![1.5, 4.0, 0.5]);
        let found = exact(&squared_distances(&a, &b), &uniform(3), &uniform(3)).unwrap();
        assert!((found.cost - (0.25 + 0.25 + 1.0) / 3.0).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_moved_is_refused() {
        let costs = Points::new(2, vec![1.0, 2.0]);
        assert!(exact(&costs, &[1.0], &[0.5, 0.6]).unwrap_err().to_string().contains("must be equal"));
        assert!(exact(&costs, &[1.0, 1.0], &[1.0, 1.0]).is_err());
        assert!(exact(&costs, &[1.0], &[2.0, -1.0]).is_err());
    }
}
