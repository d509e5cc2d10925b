//! Pictures of laws of one size axis, and of profiles.

use super::surface::law_band;
use super::{band, some_draws, spaced};
use crate::render::{Axis, Figure, Layer};
use kleiber_laws::{Fit, Law, Profile};

/// How far beyond the fitted range a curve is drawn.
const BEYOND: f64 = 10.0;
const POINTS: usize = 81;
const DRAWS: usize = 300;

/// Response against the first variable; laws of several variables only show their rows' predictions.
pub(super) fn curve(fit: &Fit, law: &Law) -> Option<Figure> {
    let model = fit.model.as_ref()?;
    let info = law.info();
    if info.variables.len() != 1 {
        return predicted_against_observed(fit, law);
    }
    let (_, &(low, high)) = model.ranges.get_index(0)?;
    let is_loss = info.variables[0].name == "loss";
    let (from, to) = if is_loss { (low * 0.8, high * 1.05) } else { (low, high * BEYOND) };
    let (c, draws) = (fit.point(), some_draws(fit, DRAWS));
    let x = spaced(from, to, POINTS);
    let y: Vec<f64> = x.iter().map(|v| law.predict(&c, &[*v])).collect();
    let (lows, highs): (Vec<f64>, Vec<f64>) = x.iter().map(|v| law_band(law, &draws, &[*v])).unzip();
    let split = |keep: &dyn Fn(f64) -> bool| -> (Vec<f64>, Vec<f64>) {
        x.iter().zip(&y).filter(|(v, _)| keep(**v)).map(|(a, b)| (*a, *b)).unzip()
    };
    let (inside, beyond) = (
        split(&|v| v >= low * 0.999 && v <= high * 1.001),
        split(&|v| if is_loss { v <= low * 1.02 } else { v >= high * 0.9 }),
    );
    let mut layers = vec![Layer::Points {
        name: "rows".into(),
        x: model.rows.iter().map(|r| r.1[0]).collect(),
        y: model.rows.iter().map(|r| r.2).collect(),
        labels: model.rows.iter().map(|r| r.0.clone()).collect(),
        color: 0,
    }];
    if lows.iter().any(|v| v.is_finite()) {
        layers.push(Layer::Band { name: "95% of the law".into(), x: x.clone(), low: lows, high: highs, color: 1 });
    }
    let region = if is_loss { (from, low) } else { (high, to) };
    layers.push(Layer::Region { name: "beyond the fitted rows".into(), from: region.0, to: region.1 });
    layers.push(Layer::Line { name: fit.law.clone(), x: inside.0, y: inside.1, dashed: false, color: 1 });
    layers.push(Layer::Line { name: "extrapolated".into(), x: beyond.0, y: beyond.1, dashed: true, color: 1 });
    let name = info.variables[0].name.as_str();
    let column = fit.columns.get(name).map_or(name, String::as_str);
    let (column, unit) = if name == "flops" { ("training compute", "FLOP") } else { (column, "") };
    Some(Figure {
        id: "curve".into(),
        title: format!("{} against {column}", info.response.name),
        caption: "Points: fitted rows. Line: the law, dashed beyond them.".into(),
        x: Axis { label: column.into(), unit: unit.into(), log: !is_loss },
        y: Axis { label: info.response.name.to_string(), unit: info.response.unit.into(), log: !is_loss },
        layers,
    })
}

/// IsoFLOP and envelope fits: the best size at each compute.
pub(super) fn allocation(fit: &Fit) -> Option<Figure> {
    let model = fit.model.as_ref().filter(|m| !m.optima.is_empty())?;
    let (low, high) = model.flops_range?;
    let (c, draws) = (fit.point(), some_draws(fit, DRAWS));
    let best = |c: &[f64], flops: f64| c[0] * flops.powf(c[1]);
    let x = spaced(low, high * BEYOND, POINTS);
    let at = |flops: &f64| band(&draws.iter().map(|c| best(c, *flops)).collect::<Vec<_>>());
    let (lows, highs): (Vec<f64>, Vec<f64>) = x.iter().map(at).unzip();
    let line = |name: &str, from: f64, to: f64, dashed| {
        let x = spaced(from, to, 2);
        Layer::Line { name: name.into(), y: x.iter().map(|v| best(&c, *v)).collect(), x, dashed, color: 1 }
    };
    let mut layers = vec![
        Layer::Region { name: "beyond the fitted budgets".into(), from: high, to: high * BEYOND },
        Layer::Points {
            name: "best size at each budget".into(),
            x: model.optima.iter().map(|o| o[0]).collect(),
            y: model.optima.iter().map(|o| o[1]).collect(),
            labels: model.optima.iter().map(|o| format!("loss {:.4}", o[2])).collect(),
            color: 0,
        },
    ];
    if lows.iter().any(|v| v.is_finite()) {
        layers.push(Layer::Band { name: "95% of the law".into(), x, low: lows, high: highs, color: 1 });
    }
    layers.push(line("N0 C^a", low, high, false));
    layers.push(line("extrapolated", high, high * BEYOND, true));
    Some(Figure {
        id: "allocation".into(),
        title: "Best model size against compute".into(),
        caption: "Points: the lowest loss at each budget. Line: the power law through them, dashed beyond them.".into(),
        x: Axis { label: "training compute".into(), unit: "FLOP".into(), log: true },
        y: Axis { label: "model size".into(), unit: "params".into(), log: true },
        layers,
    })
}

fn predicted_against_observed(fit: &Fit, law: &Law) -> Option<Figure> {
    let model = fit.model.as_ref()?;
    let c = fit.point();
    let observed: Vec<f64> = model.rows.iter().map(|r| r.2).collect();
    let predicted: Vec<f64> = model.rows.iter().map(|r| law.predict(&c, &r.1)).collect();
    let low = observed.iter().copied().fold(f64::INFINITY, f64::min);
    let high = observed.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(Figure {
        id: "predicted".into(),
        title: "Predicted against observed".into(),
        caption: "On the line a row is predicted exactly.".into(),
        x: Axis { label: format!("observed {}", law.info().response.name), unit: String::new(), log: false },
        y: Axis { label: format!("predicted {}", law.info().response.name), unit: String::new(), log: false },
        layers: vec![
            Layer::Line { name: "exact".into(), x: vec![low, high], y: vec![low, high], dashed: true, color: 1 },
            Layer::Points {
                name: "rows".into(),
                x: observed,
                y: predicted,
                labels: model.rows.iter().map(|r| r.0.clone()).collect(),
                color: 0,
            },
        ],
    })
}

/// The objective along one coefficient.
pub(super) fn profile(name: &str, profile: &Profile) -> Figure {
    // Far beyond the threshold the ratio says nothing more and would flatten the rest.
    let cap = 1.0 + 6.0 * (profile.threshold - 1.0);
    let points: Vec<(f64, f64)> =
        profile.values.iter().zip(&profile.ratio).filter(|(_, r)| **r <= cap).map(|(v, r)| (*v, *r)).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
    let ends = (x.first().copied().unwrap_or(1.0), x.last().copied().unwrap_or(1.0));
    let log = ends.0 > 0.0;
    Figure {
        id: format!("profile-{name}"),
        title: format!("Profile of {name}"),
        caption: format!(
            "Objective, all other coefficients re-fitted, over its minimum. Values of {name} under the dashed line fit about as well as the best; a side \
             on which the curve stays under it is not bounded by the rows."
        ),
        x: Axis { label: name.into(), unit: String::new(), log },
        y: Axis { label: "objective over its minimum".into(), unit: String::new(), log: false },
        layers: vec![
            Layer::Line { name: "profile".into(), x, y, dashed: false, color: 1 },
            Layer::Line {
                name: "threshold".into(),
                x: vec![ends.0, ends.1],
                y: vec![profile.threshold; 2],
                dashed: true,
                color: 0,
            },
        ],
    }
}
