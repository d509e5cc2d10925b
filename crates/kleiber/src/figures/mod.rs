//! Which pictures a result deserves, as figures that any writer can draw.

mod comparison;
mod curve;
mod residuals;
mod surface;

pub(crate) use comparison::comparison_report;

use crate::commands::fit::coefficient_table;
use crate::render::{Block, Figure, Report, Section, TableBlock};
use kleiber_core::units::format_significant;
use kleiber_laws::{Fit, Law};

/// The picture that says most: the law over compute, or over its one size axis.
pub(crate) fn main_figure(fit: &Fit, law: &Law) -> Option<Figure> {
    let law = effective(fit, law);
    if let Some(figure) = curve::allocation(fit) {
        return Some(figure);
    }
    if is_surface(&law) { surface::frontier(fit, &law) } else { curve::curve(fit, &law) }
}

/// Everything worth knowing of a fit.
pub(crate) fn fit_report(fit: &Fit, law: &Law, source: &str) -> Report {
    let law = effective(fit, law);
    let mut summary = vec![
        format!("{} was fitted to {} rows of {source}: {}", fit.law, fit.rows, fit.equation),
        format!(
            "Method {}, objective {} (a sum over rows), {} of {} starts at the best objective, seed {}. Intervals: {} with {} draws.",
            fit.method, fit.objective.name, fit.starts.at_best, fit.starts.tried, fit.seed, fit.interval, fit.bootstrap
        ),
    ];
    if let Some(h) = &fit.holdout {
        let percent = |v: f64| format_significant(100.0 * v, 3);
        summary.push(format!(
            "On {} held-out rows the mean error is {}% and the largest {}%.",
            h.rows,
            percent(h.mean_abs_rel_error),
            percent(h.max_abs_rel_error)
        ));
    }
    let mut sections = vec![Section {
        title: "Law".into(),
        blocks: main_figure(fit, &law)
            .map(Block::Figure)
            .into_iter()
            .chain([Block::Table(coefficient_table(fit, &law))])
            .collect(),
    }];
    let mut checks: Vec<Block> = residuals::residuals(fit, &law).map(Block::Figure).into_iter().collect();
    if fit.law == "allocation"
        && let Some(figure) = curve::curve(fit, &law)
    {
        sections.push(Section { title: "Loss along the best sizes".into(), blocks: vec![Block::Figure(figure)] });
    }
    if is_surface(&law)
        && let Some(figure) = surface::slices(fit, &law)
    {
        sections.push(Section { title: "Slices of equal compute".into(), blocks: vec![Block::Figure(figure)] });
    }
    checks.extend(residuals::influence_table(fit).map(Block::Table));
    sections.push(Section { title: "How well the rows follow it".into(), blocks: checks });
    let profiles: Vec<Block> = fit.profiles.iter().map(|(name, p)| Block::Figure(curve::profile(name, p))).collect();
    if !profiles.is_empty() {
        sections.push(Section { title: "What the rows do not determine".into(), blocks: profiles });
    }
    if let Some(h) = fit.holdout.as_ref().filter(|h| !h.predictions.is_empty()) {
        sections
            .push(Section { title: "Held-out rows".into(), blocks: vec![Block::Table(residuals::holdout_table(h))] });
    }
    if !fit.warnings.is_empty() {
        let blocks = fit.warnings.iter().map(|w| Block::Text(format!("{} ({})", w.message, w.code))).collect();
        sections.push(Section { title: "Warnings".into(), blocks });
    }
    sections.push(Section { title: "How to repeat it".into(), blocks: vec![Block::Code(command_line())] });
    Report { title: format!("Scaling law: {}", fit.law), summary, sections }
}

/// The command as it was typed, quoted for a shell, with the version that ran it.
pub(crate) fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|w| quoted(&w.to_string_lossy()));
    let line: Vec<String> = std::iter::once("kleiber".to_string()).chain(words).collect();
    format!("{}\n# kleiber {}", line.join(" "), env!("CARGO_PKG_VERSION"))
}

/// A word quoted for a shell where it must be.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// IsoFLOP and envelope fits are laws of compute whatever law was asked for.
fn effective(fit: &Fit, law: &Law) -> Law {
    if fit.law == "allocation" { Law::of(fit).unwrap_or_else(|_| law.clone()) } else { law.clone() }
}

fn is_surface(law: &Law) -> bool {
    let ones = vec![1.0; law.info().variables.len()];
    law.compute(&ones).is_some() && law.info().variable("tokens").is_some()
}

/// `count` values from `low` to `high`, evenly spaced in logarithm.
fn spaced(low: f64, high: f64, count: usize) -> Vec<f64> {
    (0..count).map(|i| low * (high / low).powf(i as f64 / (count - 1).max(1) as f64)).collect()
}

/// At most `count` draws of the coefficients, evenly picked.
fn some_draws(fit: &Fit, count: usize) -> Vec<Vec<f64>> {
    let draws = fit.model.as_ref().map(|m| m.draws.as_slice()).unwrap_or_default();
    let step = draws.len().div_ceil(count).max(1);
    draws.iter().step_by(step).cloned().collect()
}

/// 2.5% and 97.5% quantiles; `NaN` with too few values.
fn band(values: &[f64]) -> (f64, f64) {
    let sorted = kleiber_core::stats::sorted(values);
    if sorted.len() < 20 {
        return (f64::NAN, f64::NAN);
    }
    (kleiber_core::stats::quantile_sorted(&sorted, 0.025), kleiber_core::stats::quantile_sorted(&sorted, 0.975))
}

/// A table of texts and numbers.
fn table(headers: &[&str], numeric: &[bool], rows: Vec<Vec<String>>) -> TableBlock {
    TableBlock { headers: headers.iter().map(|h| (*h).to_string()).collect(), rows, numeric: numeric.to_vec() }
}
