//! The report of a ladder: what a paper's appendix would say of it.

use super::document::{Document, date};
use crate::error::CliError;
use crate::figures;
use crate::render::{Axis, Block, Figure, Layer, Report, Section, TableBlock};
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_laws::Law;
use kleiber_sweep::ladder::{Ascent, Design};

/// Makes it.
pub(super) fn report(document: &Document<'_>, design: &Design, ascent: &Ascent) -> Result<Report, CliError> {
    let Some(result) = &document.result else { unreachable!("only finished ladders are reported") };
    let fit = &ascent.forecast.fit;
    let law = Law::named(&fit.law)?;
    let of_fit = figures::fit_report(fit, &law, "the run table");
    let percent = |v: f64| format!("{}%", format_significant(100.0 * v, 3));
    let p = &result.prediction;
    let summary = vec![
        format!(
            "Question: what loss will a model of {} parameters reach after {} tokens, judged by runs of at most 1/{} of its compute?",
            format_quantity(document.target.params as f64),
            format_quantity(document.target.tokens as f64),
            format_significant(p.times_beyond, 3)
        ),
        format!(
            "Answer, written down {}{}, the target begun {}: {:.4} nats per token, {:.0}% between {:.4} and {:.4}. Measured: {:.4}, {} the interval; the error is {} of the loss.",
            date(p.made),
            if p.before_target { "" } else { " (after the target: no prediction)" },
            date(ascent.target_begun),
            p.value,
            100.0 * p.level,
            p.low,
            p.high,
            result.measured,
            if result.inside_interval { "inside" } else { "outside" },
            percent(result.relative_error)
        ),
        if result.baselines_beaten {
            "The law beats the simpler rules below by more than the noise of seeds.".into()
        } else {
            "A simpler rule below was as good as the law, within the noise of seeds, or better.".into()
        },
    ];
    let mut sections = vec![
        Section {
            title: "Prediction and measurement".into(),
            blocks: vec![Block::Figure(ladder_figure(document)), Block::Table(result.table(&document.target))],
        },
        Section { title: "Loss on the way".into(), blocks: on_the_way(result) },
        Section { title: "The runs".into(), blocks: vec![Block::Table(runs(document)), Block::Figure(curves(ascent))] },
        Section {
            title: "Which law".into(),
            blocks: vec![
                Block::Text(
                    "Each law is fitted to the cheaper rungs and judged on the dearer ones, at three cuts by compute; the best one that can be fitted to all of them predicts."
                        .into(),
                ),
                Block::Table(comparison(ascent)),
            ],
        },
    ];
    sections.extend(of_fit.sections.into_iter().map(|mut section| {
        if section.title == "Law" {
            section.blocks.insert(0, Block::Text(of_fit.summary.join(" ")));
        }
        section
    }));
    let search = ascent.search.iter().map(|(f, l)| format!("{} times: {l:.4}", format_significant(*f, 3)));
    let search = match search.collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => "A rate was asked for.".to_string(),
        losses => format!("Loss of the smallest size at factors of its default rate: {losses}."),
    };
    sections.insert(
        3,
        Section {
            title: "Learning rate".into(),
            blocks: vec![Block::Text(format!(
                "{search} All runs use {} times the default of their size and tokens.",
                format_significant(ascent.factor, 3)
            ))],
        },
    );
    if ascent.predictions.len() > 1 {
        let row = |p: &kleiber_sweep::ladder::Prediction| {
            let when = if ascent.is_before(p) { "before the target" } else { "after the target: no prediction" };
            vec![date(p.made), p.hash[..12].to_string(), format!("{:.4}", p.claim.value), when.to_string()]
        };
        let table = TableBlock {
            headers: ["written down", "hash", "loss", "when"].map(String::from).to_vec(),
            rows: ascent.predictions.iter().map(row).collect(),
            numeric: vec![false, false, true, false],
        };
        sections.insert(1, Section { title: "All that was written down".into(), blocks: vec![Block::Table(table)] });
    }
    if design.batches.is_some() {
        sections.push(Section { title: "Critical batch size".into(), blocks: critical_batch(result, ascent) });
    }
    let config = design.asked.to_toml();
    sections.push(Section {
        title: "Configuration that all runs share".into(),
        blocks: vec![
            Block::Text("Sizes, tokens, and the learning rate that follows from them are in the table of runs.".into()),
            Block::Code(config),
        ],
    });
    Ok(Report { title: "A ladder and its target".into(), summary, sections })
}

fn axis(label: &str, unit: &str, log: bool) -> Axis {
    Axis { label: label.into(), unit: unit.into(), log }
}

/// Loss against compute: rungs, prediction and measurement.
pub(super) fn ladder_figure(document: &Document<'_>) -> Figure {
    let Some(result) = &document.result else { unreachable!("only finished ladders are drawn") };
    let mut sizes: Vec<u64> = document.rungs.iter().map(|r| r.params).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut layers: Vec<Layer> = sizes
        .iter()
        .enumerate()
        .map(|(color, size)| {
            let runs: Vec<_> = document.rungs.iter().filter(|r| r.params == *size).collect();
            Layer::Points {
                name: format!("{} parameters", format_quantity(*size as f64)),
                x: runs.iter().map(|r| r.flops).collect(),
                y: runs.iter().map(|r| r.loss.unwrap_or(f64::NAN)).collect(),
                labels: runs.iter().map(|r| r.label.clone()).collect(),
                color,
            }
        })
        .collect();
    let p = &result.prediction;
    let mark = |name: &str, x: f64, y: f64, ends: Option<(f64, f64)>, color| Layer::Mark {
        name: name.into(),
        x,
        x_low: None,
        x_high: None,
        y,
        y_low: ends.map(|e| e.0),
        y_high: ends.map(|e| e.1),
        color,
    };
    let flops = document.target.flops;
    layers.push(mark("predicted", flops, p.value, Some((p.low, p.high)), sizes.len()));
    layers.push(mark("measured", flops, result.measured, None, sizes.len() + 1));
    Figure {
        id: "ladder".into(),
        title: "Rungs, prediction and measurement".into(),
        caption: "Each point is a rung; the mark with its interval is the prediction.".into(),
        x: axis("training compute", "FLOP", true),
        y: axis("loss", "nats/token", true),
        layers,
    }
}

fn on_the_way(result: &super::document::Result<'_>) -> Vec<Block> {
    let t = &result.trajectory;
    if t.predicted.is_empty() {
        return vec![Block::Text(
            "The rungs were measured too seldom on their way to say anything of the target's.".into(),
        )];
    }
    let line = |name: &str, points: &[(f64, f64)], dashed, color| Layer::Line {
        name: name.into(),
        x: points.iter().map(|p| p.0).collect(),
        y: points.iter().map(|p| p.1).collect(),
        dashed,
        color,
    };
    let error = t
        .mean_abs_rel_error
        .map_or(String::new(), |e| format!(" The mean error is {}%.", format_significant(100.0 * e, 3)));
    vec![Block::Figure(Figure {
        id: "trajectory".into(),
        title: "Held-out loss of the target".into(),
        caption: format!("Dashed: drawn from the rungs alone, before. Full: measured.{error}"),
        x: axis("tokens", "tokens", false),
        y: axis("loss", "nats/token", false),
        layers: vec![line("predicted", t.predicted, true, 1), line("measured", t.measured, false, 0)],
    })]
}

fn critical_batch(result: &super::document::Result<'_>, ascent: &Ascent) -> Vec<Block> {
    let Some(batch) = &result.critical_batch else {
        return vec![Block::Text("The runs with different batches reached no losses that tell it.".into())];
    };
    let count = |v: f64| format_quantity(v.round());
    let text = format!(
        "A small model was trained with several batches at constant rates. To reach a loss takes E_min + S_min B tokens with a batch of B; the critical batch E_min / S_min takes twice the tokens of the smallest batches and twice the steps of the largest. It grows as {} L^-{}: {} tokens at the loss that was predicted for the target, whose batch is {}. Losses beyond the last of the table are extrapolated.",
        format_significant(batch.found.scale, 3),
        format_significant(batch.found.power, 3),
        count(batch.at_prediction),
        count(ascent.target.batch as f64),
    );
    let row = |c: &kleiber_laws::batch::Crossing| {
        vec![
            format!("{:.3}", c.loss),
            count(c.min_tokens),
            count(c.min_steps),
            count(c.batch),
            format!("{}%", format_significant(100.0 * c.misfit, 2)),
        ]
    };
    let table = TableBlock {
        headers: ["loss", "E_min, tokens", "S_min, steps", "critical batch", "misfit of tokens"]
            .map(String::from)
            .to_vec(),
        rows: batch.found.crossings.iter().map(row).collect(),
        numeric: vec![true; 5],
    };
    vec![Block::Text(text), Block::Table(table)]
}

fn curves(ascent: &Ascent) -> Figure {
    let all = ascent.rungs.iter().chain([&ascent.target]).enumerate();
    let layers = all.map(|(color, made)| Layer::Line {
        name: made.rung.label(),
        x: made.curve.points.iter().map(|p| p.0).collect(),
        y: made.curve.points.iter().map(|p| p.1).collect(),
        dashed: false,
        color,
    });
    Figure {
        id: "curves".into(),
        title: "Held-out loss of every run".into(),
        caption: "Parameters and tokens of each run stand in the legend; the target is the last.".into(),
        x: axis("tokens", "tokens", true),
        y: axis("loss", "nats/token", true),
        layers: layers.collect(),
    }
}

fn runs(document: &Document<'_>) -> TableBlock {
    let row = |(what, run): (&str, &super::document::RungDocument)| {
        vec![
            what.to_string(),
            run.params.to_string(),
            run.tokens.to_string(),
            format_significant(run.flops, 4),
            run.seed.to_string(),
            run.loss.map_or("-".into(), |l| format!("{l:.4}")),
        ]
    };
    let rungs = document.rungs.iter().map(|r| ("rung", r)).chain([("target", &document.target)]);
    TableBlock {
        headers: ["", "params", "tokens", "FLOP", "seed", "loss"].map(String::from).to_vec(),
        rows: rungs.map(row).collect(),
        numeric: vec![false, true, true, true, true, true],
    }
}

fn comparison(ascent: &Ascent) -> TableBlock {
    let percent = |v: Option<f64>| v.map_or("-".into(), |v| format!("{}%", format_significant(100.0 * v, 3)));
    let row = |c: &kleiber_laws::compare::Candidate| {
        let state = c.reasons.first().map_or_else(|| "ok".to_string(), |r| format!("refused: {}", r.message));
        vec![c.law.clone(), percent(c.holdout_mean_abs_rel_error), percent(c.holdout_max_abs_rel_error), state]
    };
    TableBlock {
        headers: ["law", "mean error on dearer rungs", "largest", "state"].map(String::from).to_vec(),
        rows: ascent.forecast.comparison.laws.iter().map(row).collect(),
        numeric: vec![false, true, true, false],
    }
}
