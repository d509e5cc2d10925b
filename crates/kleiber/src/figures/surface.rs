//! Pictures of laws of model size and tokens: the compute-optimal frontier and slices of equal compute.

use super::{band, some_draws, spaced};
use crate::render::{Axis, Figure, Layer};
use kleiber_core::units::format_quantity;
use kleiber_laws::plan::{ComputeRequest, plan_compute};
use kleiber_laws::{Fit, Law, Model};

/// How far beyond the fitted compute the frontier is drawn.
const BEYOND: f64 = 100.0;
/// Points along a line.
const POINTS: usize = 61;
/// Draws behind a band.
const DRAWS: usize = 200;
/// Slices of equal compute.
const SLICES: usize = 5;

/// Loss against compute: runs, the best loss at each budget, and its band.
pub(super) fn frontier(fit: &Fit, law: &Law) -> Option<Figure> {
    let model = fit.model.as_ref()?;
    let (low, high) = model.flops_range?;
    let thin = Fit {
        model: Some(Model { draws: some_draws(fit, DRAWS), residuals: Vec::new(), ..model.clone() }),
        ..fit.clone()
    };
    let request =
        |flops: f64| ComputeRequest { flops: Some(flops), level: 0.95, force: true, ..ComputeRequest::default() };
    let plans: Vec<(f64, f64, f64, f64)> = spaced(low, high * BEYOND, POINTS)
        .into_iter()
        .filter_map(|flops| {
            let loss = plan_compute(&thin, &request(flops)).ok()?.loss;
            Some((flops, loss.value?, loss.low.unwrap_or(f64::NAN), loss.high.unwrap_or(f64::NAN)))
        })
        .collect();
    let part = |keep: &dyn Fn(f64) -> bool| -> (Vec<f64>, Vec<f64>) {
        plans.iter().filter(|p| keep(p.0)).map(|p| (p.0, p.1)).unzip()
    };
    let (inside, beyond) = (part(&|c| c <= high * 1.0001), part(&|c| c >= high * 0.85));
    let flops: Vec<f64> = model.rows.iter().filter_map(|r| law.compute(&r.1)).collect();
    let mut layers = vec![
        Layer::Region { name: "beyond the fitted runs".into(), from: high, to: high * BEYOND },
        Layer::Points {
            name: "runs".into(),
            x: flops,
            y: model.rows.iter().map(|r| r.2).collect(),
            labels: model.rows.iter().map(|r| r.0.clone()).collect(),
            color: 0,
        },
    ];
    if plans.iter().any(|p| p.2.is_finite()) {
        layers.push(Layer::Band {
            name: "95% of the law".into(),
            x: plans.iter().map(|p| p.0).collect(),
            low: plans.iter().map(|p| p.2).collect(),
            high: plans.iter().map(|p| p.3).collect(),
            color: 1,
        });
    }
    layers.push(Layer::Line {
        name: "best loss at this compute".into(),
        x: inside.0,
        y: inside.1,
        dashed: false,
        color: 1,
    });
    layers.push(Layer::Line { name: "extrapolated".into(), x: beyond.0, y: beyond.1, dashed: true, color: 1 });
    Some(Figure {
        id: "frontier".into(),
        title: "Loss against compute".into(),
        caption: "Each point is a run; the line is the lowest loss the law allows at that compute, dashed where no run has been.".into(),
        x: Axis { label: "training compute".into(), unit: "FLOP".into(), log: true },
        y: Axis { label: law.info().response.name.to_string(), unit: law.info().response.unit.into(), log: true },
        layers,
    })
}

/// Loss against model size at a few budgets, with the runs near each.
pub(super) fn slices(fit: &Fit, law: &Law) -> Option<Figure> {
    let model = fit.model.as_ref()?;
    let (low, high) = model.flops_range?;
    if law.info().variables.len() != 2 || high < 2.0 * low {
        return None;
    }
    let size = law.info().variables.iter().position(|v| v.name.starts_with("params"))?;
    let (_, &(small, large)) = model.ranges.get_index(size)?;
    let c = fit.point();
    let mut layers = Vec::new();
    for (color, budget) in budgets(model, law).into_iter().enumerate() {
        let near = |row: &&(String, Vec<f64>, f64)| law.compute(&row.1).is_some_and(|f| (f / budget).ln().abs() < 0.25);
        let runs: Vec<&(String, Vec<f64>, f64)> = model.rows.iter().filter(near).collect();
        // The runs near a budget are moved to it along the law, so that points and line can be compared.
        let at = |n: f64| {
            let mut x = [0.0; 2];
            x[size] = n;
            x[1 - size] = budget / (6.0 * n);
            law.predict(&c, &x)
        };
        let moved = |row: &&(String, Vec<f64>, f64)| row.2 + at(row.1[size]) - law.predict(&c, &row.1);
        let sizes: Vec<f64> = spaced(small, large, POINTS)
            .into_iter()
            .filter(|n| budget / (6.0 * n) > *n * 0.3 && budget / (6.0 * n * n) < 3e4)
            .collect();
        let name = format!("{} FLOP", format_quantity(budget));
        layers.push(Layer::Line {
            name: name.clone(),
            y: sizes.iter().map(|n| at(*n)).collect(),
            x: sizes,
            dashed: false,
            color,
        });
        layers.push(Layer::Points {
            name: String::new(),
            x: runs.iter().map(|r| r.1[size]).collect(),
            y: runs.iter().map(moved).collect(),
            labels: runs.iter().map(|r| r.0.clone()).collect(),
            color,
        });
    }
    Some(Figure {
        id: "slices".into(),
        title: "Loss against model size at fixed compute".into(),
        caption: "Lines: the law. Points: runs within 28% of each budget, moved to it along the law.".into(),
        x: Axis { label: "model size".into(), unit: "params".into(), log: true },
        y: Axis { label: law.info().response.name.to_string(), unit: law.info().response.unit.into(), log: true },
        layers,
    })
}

/// Budgets where the runs are: even shares of the runs by compute, each rounded to two digits.
fn budgets(model: &Model, law: &Law) -> Vec<f64> {
    let compute: Vec<f64> = model.rows.iter().filter_map(|row| law.compute(&row.1)).collect();
    let sorted = kleiber_core::stats::sorted(&compute);
    let middle = |slice: usize| kleiber_core::stats::quantile_sorted(&sorted, (slice as f64 + 0.5) / SLICES as f64);
    let mut budgets: Vec<f64> = (0..SLICES).map(middle).map(two_digits).collect();
    budgets.dedup_by(|next, last| *next < 1.7 * *last);
    budgets
}

fn two_digits(value: f64) -> f64 {
    let unit = 10f64.powf(value.log10().floor() - 1.0);
    (value / unit).round() * unit
}

/// Band of values of the law under the draws; used by curves as well.
pub(super) fn law_band(law: &Law, draws: &[Vec<f64>], x: &[f64]) -> (f64, f64) {
    band(&draws.iter().map(|c| law.predict(c, x)).collect::<Vec<_>>())
}
