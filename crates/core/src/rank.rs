//! Rank correlations with ties.

/// Spearman's rank correlation: Pearson's correlation of average ranks. `NaN` when one side does not vary.
///
/// # Panics
/// When the lengths differ.
pub fn spearman(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    let (x, y) = (ranks(x), ranks(y));
    let middle = (x.len() as f64 + 1.0) / 2.0;
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
}

/// Kendall's tau-b in `n log n` steps (Knight 1966). `NaN` when one side does not vary.
///
/// # Panics
/// When the lengths differ.
pub fn kendall(x: &[f64], y: &[f64]) -> f64 {
    assert_eq!(x.len(), y.len(), "pairs");
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_unstable_by(|&a, &b| x[a].total_cmp(&x[b]).then(y[a].total_cmp(&y[b])));
    let pairs = |n: usize| n as f64 * (n as f64 - 1.0) / 2.0;
    let tied = |same: &dyn Fn(usize, usize) -> bool, order: &[usize]| {
        order.chunk_by(|&a, &b| same(a, b)).map(|run| pairs(run.len())).sum::<f64>()
    };
    let both = tied(&|a, b| x[a] == x[b] && y[a] == y[b], &order);
    let in_x = tied(&|a, b| x[a] == x[b], &order);
    let mut values: Vec<f64> = order.iter().map(|&i| y[i]).collect();
    let swaps = inversions(&mut values);
    let in_y: f64 = values.chunk_by(|a, b| a == b).map(|run| pairs(run.len())).sum();
    let all = pairs(x.len());
    (all - in_x - in_y + both - 2.0 * swaps) / ((all - in_x) * (all - in_y)).sqrt()
}

/// Ranks from 1, ties sharing the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let (mut ranks, mut before) = (vec![0.0; values.len()], 0);
    for run in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let shared = before as f64 + (run.len() as f64 + 1.0) / 2.0;
        run.iter().for_each(|&i| ranks[i] = shared);
        before += run.len();
    }
    ranks
}

/// Sorts and counts the pairs that stood in falling order.
fn inversions(values: &mut [f64]) -> f64 {
    let n = values.len();
    if n < 2 {
        return 0.0;
    }
    let (mut left, mut right) = (values[..n / 2].to_vec(), values[n / 2..].to_vec());
    let mut count = inversions(&mut left) + inversions(&mut right);
    let (mut i, mut j) = (0, 0);
    for slot in values {
        let from_right = i == left.len() || (j < right.len() && right[j] < left[i]);
        if from_right {
            count += (left.len() - i) as f64;
            *slot = right[j];
            j += 1;
        } else {
            *slot = left[i];
            i += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn correlations_with_ties_are_those_of_scipy() {
        // scipy.stats.spearmanr and kendalltau.
        let x = [1.0, 2.0, 2.0, 3.0, 5.0, 4.0, 4.0, 9.0];
        let y = [2.0, 1.0, 4.0, 4.0, 3.0, 7.0, 8.0, 8.0];
        let (rho, tau) = (spearman(&x, &y), kendall(&x, &y));
        assert!(
            (rho - 0.658_536_585_365_853_7).abs() < 1e-14 && (tau - 0.538_461_538_461_538_5).abs() < 1e-14,
            "{rho} {tau}"
        );
        let back: Vec<f64> = x.iter().map(|v| -v).collect();
        assert!((spearman(&x, &back) + 1.0).abs() < 1e-15 && (kendall(&x, &back) + 1.0).abs() < 1e-15);
        assert!(spearman(&x, &[1.0; 8]).is_nan() && kendall(&x, &[1.0; 8]).is_nan());
    }
}
