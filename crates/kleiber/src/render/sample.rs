//! Small figures shared by the tests of this module.

use super::figure::{Axis, Figure, Layer};
use super::report::{Block, Report, Section, TableBlock};

/// Log-log axes and no layer.
pub(super) fn empty() -> Figure {
    let axis = |label: &str, unit: &str| Axis { label: label.into(), unit: unit.into(), log: true };
    Figure {
        id: "empty".into(),
        title: "Loss against compute".into(),
        caption: "Nothing yet.".into(),
        x: axis("Compute", "FLOP"),
        y: axis("Loss", "nats/token"),
        layers: Vec::new(),
    }
}

/// One layer of each kind, with a point that cannot be drawn.
pub(super) fn each_layer() -> Figure {
    let layers = vec![
        Layer::Points {
            name: "runs, seed 1".into(),
            x: vec![1e18, 0.0],
            y: vec![3.1, f64::NAN],
            labels: vec!["a \"b\"".into()],
            color: 0,
        },
        Layer::Line { name: "fit".into(), x: vec![1e18], y: vec![3.0], dashed: false, color: 0 },
        Layer::Line { name: "fit".into(), x: vec![1e21], y: vec![2.0], dashed: true, color: 0 },
        Layer::Band { name: "95% CI".into(), x: vec![1e18], low: vec![2.9], high: vec![3.1], color: 0 },
        Layer::Region { name: "extrapolated".into(), from: 1e20, to: f64::INFINITY },
        Layer::Mark {
            name: "optimum".into(),
            x: 1e19,
            x_low: Some(5e18),
            x_high: Some(2e19),
            y: 2.5,
            y_low: Some(2.4),
            y_high: Some(2.6),
            color: 1,
        },
    ];
    Figure { id: "each".into(), layers, ..empty() }
}

/// A figure whose every text tries to break out of its format.
pub(super) fn hostile() -> Figure {
    let attack = "</script><img src=x onerror=alert(1)>|\"'&\u{1b}[2J]]>";
    let mut figure = each_layer();
    figure.id = "../x".into();
    figure.title = attack.into();
    figure.caption = attack.into();
    figure.x.label = attack.into();
    figure.y.unit = attack.into();
    for layer in &mut figure.layers {
        match layer {
            Layer::Points { name, labels, .. } => {
                *name = attack.into();
                *labels = vec![attack.into()];
            }
            Layer::Line { name, .. }
            | Layer::Band { name, .. }
            | Layer::Region { name, .. }
            | Layer::Mark { name, .. } => *name = attack.into(),
        }
    }
    figure
}

/// A report with one block of each kind around `figure`.
pub(super) fn report(figure: Figure) -> Report {
    let table = TableBlock {
        headers: vec!["parameter".into(), "a|b".into()],
        rows: vec![vec!["<E>".into(), "1.69".into()], vec!["x|y".into()]],
        numeric: vec![false, true],
    };
    let blocks = vec![
        Block::Text("A <b>plain</b> paragraph.".into()),
        Block::Code("kleiber fit runs.csv".into()),
        Block::Table(table),
        Block::Figure(figure),
    ];
    Report {
        title: "Fit & forecast".into(),
        summary: vec!["One *short* summary.".into()],
        sections: vec![Section { title: "Result".into(), blocks }],
    }
}
