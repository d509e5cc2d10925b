//! How the rows lie around the law.

use super::table;
use crate::render::{Axis, Figure, Layer, TableBlock};
use kleiber_core::units::format_significant;
use kleiber_laws::{Fit, Holdout, Law};

/// Relative residuals against compute, or against the first variable.
pub(super) fn residuals(fit: &Fit, law: &Law) -> Option<Figure> {
    let model = fit.model.as_ref()?;
    let c = fit.point();
    let ones = vec![1.0; law.info().variables.len()];
    let by_compute = law.compute(&ones).is_some();
    let x: Vec<f64> =
        model.rows.iter().map(|r| if by_compute { law.compute(&r.1).unwrap_or(f64::NAN) } else { r.1[0] }).collect();
    let y: Vec<f64> = model.rows.iter().map(|r| 100.0 * (r.2 / law.predict(&c, &r.1) - 1.0)).collect();
    let low = x.iter().copied().fold(f64::INFINITY, f64::min);
    let high = x.iter().copied().fold(0.0, f64::max);
    let label = if by_compute { "training compute" } else { fit.columns.get_index(0).map_or("x", |(_, c)| c.as_str()) };
    Some(Figure {
        id: "residuals".into(),
        title: "Residuals".into(),
        caption: "Observed over predicted. A trend here is what the law cannot say; the scatter is the noise of runs."
            .into(),
        x: Axis { label: label.into(), unit: if by_compute { "FLOP".into() } else { String::new() }, log: true },
        y: Axis { label: "observed minus predicted".into(), unit: "%".into(), log: false },
        layers: vec![
            Layer::Line { name: String::new(), x: vec![low, high], y: vec![0.0, 0.0], dashed: true, color: 1 },
            Layer::Points {
                name: "rows".into(),
                x,
                y,
                labels: model.rows.iter().map(|r| r.0.clone()).collect(),
                color: 0,
            },
        ],
    })
}

/// The rows that move the fit most when they are left out.
pub(super) fn influence_table(fit: &Fit) -> Option<TableBlock> {
    let names: Vec<String> = fit.influence.first()?.change.keys().cloned().collect();
    let headers: Vec<String> =
        std::iter::once("without".to_string()).chain(names.iter().map(|n| format!("{n} changes by"))).collect();
    let rows = fit.influence.iter().map(|i| {
        let changes = i.change.values().map(|v| format!("{}%", format_significant(100.0 * v, 2)));
        std::iter::once(i.label.clone()).chain(changes).collect()
    });
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let numeric: Vec<bool> = (0..headers.len()).map(|i| i > 0).collect();
    Some(table(&headers, &numeric, rows.collect()))
}

/// Prediction and observation of each held-out row.
pub(super) fn holdout_table(holdout: &Holdout) -> TableBlock {
    let rows = holdout.predictions.iter().map(|p| {
        vec![
            p.label.clone(),
            format_significant(p.observed, 5),
            format_significant(p.predicted, 5),
            format!("{}%", format_significant(100.0 * p.rel_error, 3)),
        ]
    });
    table(&["row", "observed", "predicted", "error"], &[false, true, true, true], rows.collect())
}
