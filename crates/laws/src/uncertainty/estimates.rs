//! Intervals of every coefficient and derived quantity.

use super::{IntervalKind, bootstrap, influence, interval, profile};
use crate::fitted::{Estimate, Fit};
use crate::form::Scale;
use crate::options::Options;
use crate::problem::Problem;
use crate::reason::{Findings, Reason};

/// Width of a bootstrap interval, in the search coordinate of a positive coefficient, beyond which
/// its profile is examined.
const FLAT_WIDTH: f64 = 3.5;

/// Width of a profile, ln 10, beyond which the rows are said not to determine the coefficient.
const LOOSE_WIDTH: f64 = 2.3;

/// Coefficients and derived quantities with their intervals; returns the draws as natural coefficients.
pub(crate) fn estimates(
    fit: &mut Fit,
    problem: &Problem<'_>,
    u: &[f64],
    options: &Options,
    at_bound: &[usize],
    findings: &mut Findings,
) -> Vec<Vec<f64>> {
    let info = problem.form.info();
    let c = problem.at.natural(u);
    let made = bootstrap::draw(problem, u, options.bootstrap, options.seed);
    if made.coordinates.len() < options.bootstrap {
        findings.warn(Reason::Bootstrap { used: made.coordinates.len(), asked: options.bootstrap });
    }
    fit.bootstrap = made.coordinates.len();
    fit.interval = match (options.bootstrap, options.interval, made.kind) {
        (0, IntervalKind::Profile, _) | (_, IntervalKind::Profile, _) => "profile".into(),
        (0, ..) => "none".into(),
        (_, kind, "case") => kind.name().into(),
        (_, _, other) => other.into(),
    };
    let draws: Vec<Vec<f64>> = made.coordinates.iter().map(|d| problem.at.natural(d)).collect();
    let jackknife = if options.interval == IntervalKind::Bca { leave_one_out(problem, u) } else { Vec::new() };
    let bound = |values: &[f64], point: f64, left_out: &[f64]| match options.interval {
        IntervalKind::Bca if made.kind == "case" => interval::bca(values, point, left_out, options.level),
        _ => interval::percentile(values, options.level),
    };
    for (i, coefficient) in info.coefficients.iter().enumerate() {
        let mut estimate = Estimate::point(c[i], options.level);
        if problem.at.fixed(i).is_none() {
            let values: Vec<f64> = draws.iter().map(|d| d[i]).collect();
            let left_out: Vec<f64> = jackknife.iter().map(|d| d[i]).collect();
            let sampled = bound(&values, c[i], &left_out);
            if let Some((low, high)) = sampled {
                estimate = Estimate::interval(c[i], low, high, options.level);
            }
            let width = |(low, high)| coefficient.scale.coordinate(high) - coefficient.scale.coordinate(low);
            let wide = |ends, limit| coefficient.scale == Scale::Log && (width(ends) > limit || width(ends).is_nan());
            let flat = sampled.is_some_and(|ends| at_bound.contains(&i) || wide(ends, FLAT_WIDTH));
            if (flat || coefficient.doubtful || options.interval == IntervalKind::Profile)
                && let Some(profile) = profile::profile(problem, u, i, options.level)
            {
                // The profile says of a flat coefficient what the bootstrap cannot.
                if flat || options.interval == IntervalKind::Profile {
                    (estimate.low, estimate.high) = (profile.low, profile.high);
                }
                if flat && estimate.low.zip(estimate.high).is_none_or(|ends| wide(ends, LOOSE_WIDTH)) {
                    let coefficient = coefficient.name.clone();
                    findings.warn(Reason::WeaklyIdentified { coefficient, low: profile.low, high: profile.high });
                }
                fit.profiles.insert(coefficient.name.clone(), profile);
            }
        }
        // An interval that ends at a bound of the search has no end there.
        let (bottom, top) = coefficient.bounds();
        let open = |v: f64, bound: f64| (coefficient.scale.coordinate(v) - bound).abs() <= 1e-6 * (1.0 + bound.abs());
        estimate.low = estimate.low.filter(|v| !open(*v, bottom));
        estimate.high = estimate.high.filter(|v| !open(*v, top));
        fit.coefficients.insert(coefficient.name.clone(), estimate);
    }
    for (index, (name, value)) in problem.form.derived(&c).into_iter().enumerate() {
        if fit.coefficients.contains_key(name) && name != "a" && name != "b" {
            continue;
        }
        let of = |d: &Vec<f64>| problem.form.derived(d)[index].1;
        let values: Vec<f64> = draws.iter().map(of).collect();
        let left_out: Vec<f64> = jackknife.iter().map(of).collect();
        let estimate = match bound(&values, value, &left_out) {
            Some((low, high)) => Estimate::interval(value, low, high, options.level),
            None => Estimate::point(value, options.level),
        };
        fit.derived.insert(name.to_string(), estimate);
    }
    draws
}

/// Natural coefficients with each row left out, to first order.
fn leave_one_out(problem: &Problem<'_>, u: &[f64]) -> Vec<Vec<f64>> {
    let Some(effects) = influence::one_step(problem, u) else { return Vec::new() };
    let clusters = problem.data.clusters();
    let count = clusters.iter().copied().max().map_or(0, |c| c as usize + 1);
    let mut sums = vec![vec![0.0; u.len()]; count];
    for (row, cluster) in effects.row_iter().zip(clusters) {
        sums[*cluster as usize].iter_mut().zip(row.iter()).for_each(|(s, e)| *s += e);
    }
    // Only the skewness is used; a small step keeps the exponentials of the coordinates in range.
    let largest = sums.iter().flatten().fold(0f64, |m, v| m.max(v.abs())).max(f64::MIN_POSITIVE);
    let step = (0.05 / largest).min(1.0);
    sums.iter().map(|s| problem.at.natural(&u.iter().zip(s).map(|(x, e)| x + step * e).collect::<Vec<_>>())).collect()
}
