//! Multi-start search: a quasi-Newton descent from every point of the law's grid.

use super::bfgs::{Settings, minimise};
use super::newton::polish;
use super::varpro::Projection;
use super::{Minimum, Starts, best_of};
use crate::data::Data;
use crate::form::{Coefficient, Starts as Where};
use crate::problem::Problem;
use kleiber_core::rng::Rng;
use rayon::prelude::*;

/// Largest product grid that is searched whole; larger ones are thinned by a seeded choice.
const MAX_STARTS: usize = 6000;
/// Starts kept of a larger grid.
const THINNED: usize = 2000;
/// A rough end above this multiple of the best objective is not followed further.
const HOPELESS: f64 = 1.5;
/// Points examined on the way to a refined minimum.
const PATH: u32 = 6;

/// Starting points in search coordinates.
pub(crate) fn starts(problem: &Problem<'_>, seed: u64) -> Vec<Vec<f64>> {
    let at = problem.at;
    if let Some(own) = problem.form.starts(problem.data) {
        return own.iter().map(|c| at.coordinates(c)).collect();
    }
    let coefficients = &problem.form.info().coefficients;
    let owners: Vec<usize> = (0..at.free()).map(|k| at.owner(k)).collect();
    let projection = Projection::new(*problem);
    let solved = |i: usize| coefficients[i].starts == Where::Solved && at.untied(i) && projection.is_some();
    let axes: Vec<Vec<f64>> = owners
        .iter()
        .map(|&i| if solved(i) { vec![0.0] } else { nodes(&coefficients[i], problem.data, None) })
        .collect();
    let count: usize = axes.iter().map(Vec::len).product();
    let points = seeded_subset(product(&axes), if count > MAX_STARTS { THINNED } else { count }, seed);
    let any_solved = owners.iter().any(|&i| solved(i));
    match projection.filter(|_| any_solved) {
        None => points,
        Some(projection) => points
            .into_par_iter()
            .map(|u| {
                let mut c = at.natural(&u);
                projection.solve(&mut c, 6);
                at.coordinates(&c)
            })
            .collect(),
    }
}

/// The outcome of a multi-start search.
pub(crate) struct Search {
    /// The lowest minimum, to the last digit.
    pub(crate) best: Minimum,
    /// How the starts fared.
    pub(crate) starts: Starts,
    /// Largest move of a coordinate from the start whose descent came lowest.
    pub(crate) moved: f64,
}

/// Descends from every start. A rough descent brings each start to a valley floor; the lowest end is refined
/// to a minimum. Ends from which a straight path leads down to that minimum belong to it; other ends of
/// comparable objective descend on by themselves, and ends far above stay where they stopped.
pub(crate) fn search(problem: &Problem<'_>, starts: &[Vec<f64>]) -> Option<Search> {
    let rough: Vec<Minimum> = starts.par_iter().map(|start| minimise(problem, start, Settings::ROUGH)).collect();
    let finite = (0..rough.len()).filter(|&i| rough[i].value.is_finite());
    let lowest = finite.min_by(|&a, &b| rough[a].value.total_cmp(&rough[b].value))?;
    let centre = minimise(problem, &rough[lowest].u, Settings::POLISH);
    let finish = |end: &Minimum| {
        if end.value.is_nan() || end.value > HOPELESS * centre.value {
            end.clone()
        } else if leads_down(problem, end, &centre) {
            centre.clone()
        } else {
            minimise(problem, &end.u, Settings::SEARCH)
        }
    };
    let ends: Vec<Minimum> = rough.par_iter().map(finish).collect();
    let (best, counts) = best_of(&ends)?;
    let moved = rough[lowest].u.iter().zip(&starts[lowest]).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    Some(Search { best: polish(problem, best), starts: counts, moved })
}

/// Whether the objective falls all the way along the straight line to `centre`.
fn leads_down(problem: &Problem<'_>, from: &Minimum, centre: &Minimum) -> bool {
    let mut last = from.value;
    (1..=PATH).all(|step| {
        let t = f64::from(step) / f64::from(PATH);
        let point: Vec<f64> = from.u.iter().zip(&centre.u).map(|(a, b)| a + t * (b - a)).collect();
        let value = problem.value(&point);
        let falls = value <= last;
        last = value;
        falls
    })
}

/// Values of the search coordinate at which the search for a coefficient starts, or `scan` values
/// over its scanned range.
pub(crate) fn nodes(coefficient: &Coefficient, data: &Data, scan: Option<usize>) -> Vec<f64> {
    let spread = |from: f64, to: f64, count: usize| -> Vec<f64> {
        (0..count).map(|i| from + (to - from) * i as f64 / (count - 1).max(1) as f64).collect()
    };
    match (&coefficient.starts, coefficient.span, scan) {
        (_, Some((from, to)), Some(count)) => spread(from, to, count),
        (Where::AcrossAxis { count, power }, _, scan) => {
            let (low, high) = data.range(0);
            let (low, high) = (power * low.ln(), power * high.ln());
            // Two e-folds beyond the data on both sides.
            let (from, to) = (low.min(high) - 2.0, low.max(high) + 2.0);
            spread(from, to, scan.unwrap_or(*count))
        }
        (Where::At(values), None, Some(count)) if values.len() > 1 => {
            let (from, to) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
            spread(from, to, count)
        }
        (Where::At(values), ..) => values.clone(),
        (Where::Solved, ..) => vec![-1.0, 2.0, 6.0, 10.0],
    }
}

/// Every combination of the values of each axis, the last axis fastest; made lazily.
pub(crate) fn product(axes: &[Vec<f64>]) -> impl Fn(usize) -> Option<Vec<f64>> + '_ {
    let count: usize = axes.iter().map(Vec::len).product();
    move |mut index| {
        (index < count).then(|| {
            let mut point = vec![0.0; axes.len()];
            for (slot, axis) in point.iter_mut().zip(axes).rev() {
                *slot = axis[index % axis.len()];
                index /= axis.len();
            }
            point
        })
    }
}

/// All points of a product, or a seeded choice of `limit` of them.
pub(crate) fn seeded_subset(point: impl Fn(usize) -> Option<Vec<f64>>, limit: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut all = Vec::new();
    let mut rng = Rng::new(seed, "thinned grid", 0);
    // Reservoir sampling keeps the choice uniform without holding the whole product.
    for index in 0.. {
        let Some(p) = point(index) else { break };
        if all.len() < limit {
            all.push(p);
        } else {
            let slot = rng.below(index + 1);
            if slot < limit {
                all[slot] = p;
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_and_subsets() {
        let axes = vec![vec![1.0, 2.0], vec![3.0, 4.0, 5.0]];
        let all = seeded_subset(product(&axes), 100, 0);
        assert_eq!(all.len(), 6);
        assert_eq!(all[4], [2.0, 4.0]);
        assert_eq!(seeded_subset(product(&axes), 4, 1).len(), 4);
        assert_eq!(seeded_subset(product(&axes), 4, 1), seeded_subset(product(&axes), 4, 1));
    }
}
