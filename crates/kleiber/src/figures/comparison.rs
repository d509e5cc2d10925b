//! The report of a comparison.

use crate::render::{Axis, Block, Figure, Layer, Report, Section, TableBlock};
use kleiber_laws::compare::Comparison;

/// Ranking as a picture and a table.
pub(crate) fn comparison_report(comparison: &Comparison, block: &TableBlock, source: &str) -> Report {
    let judged: Vec<_> = comparison.laws.iter().filter(|l| l.holdout_mean_abs_rel_error.is_some()).collect();
    let layers = judged.iter().enumerate().map(|(i, l)| Layer::Mark {
        name: l.law.clone(),
        x: (i + 1) as f64,
        x_low: None,
        x_high: None,
        y: 100.0 * l.holdout_mean_abs_rel_error.unwrap_or(f64::NAN),
        y_low: Some(0.0),
        y_high: l.holdout_max_abs_rel_error.map(|v| 100.0 * v),
        color: i,
    });
    let figure = Figure {
        id: "comparison".into(),
        title: "Error on held-out rows".into(),
        caption:
            "Mean relative error of each law on rows it has not seen, best first; the bar reaches to the largest error."
                .into(),
        x: Axis { label: String::new(), unit: "rank".into(), log: false },
        y: Axis { label: "relative error".into(), unit: "%".into(), log: false },
        layers: layers.collect(),
    };
    Report {
        title: "Which law extrapolates best".into(),
        summary: vec![format!(
            "{} rows of {source}; held out: {}; every law minimises {}.",
            comparison.rows, comparison.holdout, comparison.objective
        )],
        sections: vec![
            Section { title: "Ranking".into(), blocks: vec![Block::Figure(figure), Block::Table(block.clone())] },
            Section { title: "How to repeat it".into(), blocks: vec![Block::Code(super::command_line())] },
        ],
    }
}
