//! The best size at each compute budget.

use super::akima::Akima;
use super::{Optimum, Point};
use crate::options::Method;
use crate::reason::{Findings, Reason};
use nalgebra::{DMatrix, DVector};

/// Runs whose compute differs by less than this factor from their neighbour share a budget.
const SAME_BUDGET: f64 = 1.05;
/// Sizes closer than this factor are one size.
const SAME_SIZE: f64 = 1.03;
/// Values of the spline examined in each gap (as in Porian et al. 2024).
const PER_GAP: usize = 25;
/// Sampled sizes over the optimum beyond which a parabola in ln N is a poor description.
const WIDE: f64 = 16.0;

/// The points of each budget, sorted by size: (mean ln compute, points).
pub(super) fn budgets(points: &[Point]) -> Vec<(f64, Vec<Point>)> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.ln_flops.total_cmp(&b.ln_flops));
    let mut groups: Vec<Vec<Point>> = Vec::new();
    for point in sorted {
        match groups.last_mut() {
            Some(group) if group.last().is_some_and(|p| point.ln_flops - p.ln_flops < SAME_BUDGET.ln()) => {
                group.push(point)
            }
            _ => groups.push(vec![point]),
        }
    }
    groups.into_iter().map(ordered).collect()
}

fn ordered(mut group: Vec<Point>) -> (f64, Vec<Point>) {
    group.sort_by(|a, b| a.ln_params.total_cmp(&b.ln_params));
    (group.iter().map(|p| p.ln_flops).sum::<f64>() / group.len() as f64, group)
}

/// The optimum of every budget that has one inside its sampled sizes.
pub(super) fn optima(points: &[Point], method: Method, findings: &mut Findings) -> Vec<Optimum> {
    let groups = budgets(points);
    let found: Vec<Optimum> = groups.iter().filter_map(|(c, group)| optimum(*c, group, method)).collect();
    let usable = groups.iter().filter(|g| g.1.len() >= 3).count();
    if found.len() < usable {
        let what = format!("{} of {usable} budgets have no interior minimum and were left out", usable - found.len());
        findings.warn(Reason::Assumed { what });
    }
    let widest = groups.iter().map(|(_, g)| g[g.len() - 1].ln_params - g[0].ln_params).fold(0.0, f64::max);
    if method == Method::IsoflopParabola && widest > 2.0 * WIDE.ln() {
        let what = format!(
            "sizes span a factor of {:.0} at one budget: a parabola in ln N is biased there; --method isoflop:akima does not assume the shape",
            widest.exp()
        );
        findings.warn(Reason::Assumed { what });
    }
    found
}

/// As [`optima`] for a resample in which a budget may come several times.
pub(super) fn resampled_optima(groups: Vec<Vec<Point>>, method: Method) -> Vec<Optimum> {
    groups.into_iter().map(ordered).filter_map(|(c, group)| optimum(c, &group, method)).collect()
}

fn optimum(ln_flops: f64, group: &[Point], method: Method) -> Option<Optimum> {
    let merged = merge_equal_sizes(group);
    let (low, high) = (merged.first()?.0, merged.last()?.0);
    if merged.len() < 3 {
        return None;
    }
    let (ln_params, loss) = if method == Method::IsoflopParabola { vertex(&merged)? } else { spline(&merged)? };
    (ln_params > low && ln_params < high).then_some(Optimum { ln_flops, ln_params, loss })
}

/// Runs of about the same size at the same budget are averaged: a spline through two noisy losses at one
/// size would swing without limit.
fn merge_equal_sizes(group: &[Point]) -> Vec<(f64, f64)> {
    let mut merged: Vec<(f64, f64, f64)> = Vec::new();
    for p in group {
        match merged.last_mut() {
            Some(last) if (p.ln_params - last.0 / last.2).abs() < SAME_SIZE.ln() => {
                last.0 += p.ln_params;
                last.1 += p.loss;
                last.2 += 1.0;
            }
            _ => merged.push((p.ln_params, p.loss, 1.0)),
        }
    }
    merged.into_iter().map(|(x, sum, count)| (x / count, sum / count)).collect()
}

/// Vertex of the least-squares parabola of loss in ln N; `None` when it opens downwards.
fn vertex(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let centre = points.iter().map(|p| p.0).sum::<f64>() / points.len() as f64;
    let c = polynomial(points, centre, 2)?;
    (c[2] > 0.0).then(|| {
        let x = -c[1] / (2.0 * c[2]);
        (centre + x, c[0] + c[1] * x + c[2] * x * x)
    })
}

fn spline(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let (x, y): (Vec<f64>, Vec<f64>) = points.iter().map(|p| (p.0, p.1.ln())).unzip();
    let (at, low) = Akima::new(&x, &y)?.lowest(PER_GAP);
    Some((at, low.exp()))
}

fn polynomial(points: &[(f64, f64)], centre: f64, degree: usize) -> Option<DVector<f64>> {
    let design = DMatrix::from_fn(points.len(), degree + 1, |i, j| (points[i].0 - centre).powi(j as i32));
    let target = DVector::from_iterator(points.len(), points.iter().map(|p| p.1));
    design.svd(true, true).solve(&target, 1e-12).ok()
}

/// Standard deviation of ln loss, from how far each run lies off the cubic in ln N through its four neighbours at
/// the same budget: local, so that the shape of the whole curve is not taken for noise; a median, so that a few runs
/// that failed are not either.
pub(super) fn noise(points: &[Point]) -> f64 {
    let mut off = Vec::new();
    for (_, group) in budgets(points) {
        let merged: Vec<(f64, f64)> = merge_equal_sizes(&group).iter().map(|p| (p.0, p.1.ln())).collect();
        for five in merged.windows(5) {
            let near = [five[0], five[1], five[3], five[4]];
            // Lagrange weights of the neighbours at the middle.
            let weight = |j: usize| -> f64 {
                let others = (0..4).filter(|k| *k != j);
                others.map(|k| (five[2].0 - near[k].0) / (near[j].0 - near[k].0)).product()
            };
            let (mut expected, mut square) = (0.0, 1.0);
            for (j, point) in near.iter().enumerate() {
                expected += weight(j) * point.1;
                square += weight(j).powi(2);
            }
            off.push((five[2].1 - expected).abs() / square.sqrt());
        }
    }
    // The median of the absolute value of a normal number is 0.6745 of its standard deviation. Four points per budget
    // leave nothing to estimate noise from: half a percent is typical.
    if off.is_empty() { 0.005 } else { kleiber_core::stats::median(&off) / 0.6745 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Law;
    use crate::simulate::Design;

    fn bias(width: f64, c: [f64; 5]) -> f64 {
        // D* extrapolated to 1e24 FLOP from noise-free slices at 1e17..1e21, 15 points each.
        let law = Law::named("chinchilla").unwrap();
        let derived = law.derived(&c);
        let (a, g) = (derived[0].1, derived[2].1);
        let budgets: Vec<f64> = (0..5).map(|i| 10f64.powi(17 + i)).collect();
        let design = Design::isoflop(&budgets, |flops| g * (flops / 6.0).powf(a), width, 15);
        let points: Vec<Point> = design
            .runs
            .iter()
            .map(|&(n, d)| Point {
                run: 0,
                ln_flops: (6.0 * n * d).ln(),
                ln_params: n.ln(),
                loss: law.predict(&c, &[n, d]),
            })
            .collect();
        let optima = optima(&points, Method::IsoflopParabola, &mut Findings::default());
        let (slope, intercept, _) = kleiber_core::stats::line(
            &optima.iter().map(|o| o.ln_flops).collect::<Vec<_>>(),
            &optima.iter().map(|o| o.ln_flops - 6f64.ln() - o.ln_params).collect::<Vec<_>>(),
        );
        let target = 1e24f64;
        let tokens = (slope * target.ln() + intercept).exp();
        let truth = (target / 6.0).powf(1.0 - a) / g;
        100.0 * (tokens / truth - 1.0)
    }

    #[test]
    fn the_parabola_has_its_published_bias() {
        // Percent error of D* at 1e24 for half-widths 2, 4, 8 and 16.
        let chinchilla = [1.69, 406.4, 410.7, 0.34, 0.28];
        for (width, want) in [(2.0, -0.33), (4.0, -1.30), (8.0, -2.90), (16.0, -5.10)] {
            assert!((bias(width, chinchilla) - want).abs() < 0.01, "{width}: {}", bias(width, chinchilla));
        }
        for (width, want) in [(2.0, -1.67), (4.0, -6.50), (8.0, -13.9), (16.0, -23.1)] {
            let got = bias(width, [1.69, 406.4, 410.7, 0.465, 0.155]);
            assert!((got - want).abs() < 0.06, "{width}: {got}");
        }
    }

    #[test]
    fn budgets_are_grouped_and_edges_refused() {
        let point = |c: f64, n: f64, loss: f64| Point { run: 0, ln_flops: c.ln(), ln_params: n.ln(), loss };
        let falling: Vec<Point> = (0..5)
            .map(|i| point(1e18 * (1.0 + 0.01 * f64::from(i)), 1e7 * 2f64.powi(i), 4.0 - 0.1 * f64::from(i)))
            .collect();
        assert_eq!(budgets(&falling).len(), 1);
        for method in [Method::IsoflopParabola, Method::IsoflopAkima] {
            assert!(optima(&falling, method, &mut Findings::default()).is_empty());
        }
    }
}
