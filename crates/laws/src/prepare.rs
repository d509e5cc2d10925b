//! From a run table to the rows of a fit: which column is which variable, which checkpoint counts,
//! and what in the table speaks against an answer.

use crate::LawError;
use crate::data::Data;
use crate::form::{Info, Input, LOSS, Variable};
use crate::objective::Objective;
use crate::options::{Checkpoints, Options};
use crate::reason::{Findings, Reason};
use kleiber_core::table::{Cells, Column, Table, recognise};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Sizes below these are usually written in millions or billions.
const FEWEST_PARAMS: f64 = 3000.0;
const FEWEST_TOKENS: f64 = 30_000.0;

/// A table reduced to what a law needs.
pub(crate) struct Prepared {
    pub(crate) data: Data,
    /// Canonical name of each variable and of the response, with the column it was read from.
    pub(crate) columns: Vec<(String, String)>,
}

/// The rows that may be fitted or held out: the last checkpoint of each run, unless the law is one of curves. Comes
/// before rows are held out, so that no early checkpoint of a held-out run is taken for a small run.
pub(crate) fn reduce(table: &Table, curve: bool, options: &Options, findings: &mut Findings) -> Table {
    check_duplicates(table, findings);
    last_checkpoints(table, curve, options, findings)
}

/// Reads variables, response, noise and clusters of a reduced `table` for the law with these facts.
pub(crate) fn prepare(
    info: &Info,
    mut table: Table,
    options: &Options,
    objective: Objective,
    findings: &mut Findings,
) -> Result<Prepared, LawError> {
    let mut columns: Vec<(String, String)> = Vec::new();
    for variable in &info.variables {
        let column = resolve(&mut table, info, variable, findings)?;
        columns.push((variable.name.clone(), column));
    }
    let response = recognise(&table, &info.response.name)
        .or_else(|| {
            table.columns().iter().map(|c| c.name.as_str()).find(|c| info.response == LOSS && unit(c).is_some())
        })
        .ok_or_else(|| table.missing(&info.response.name))?
        .to_string();
    columns.push((info.response.name.to_string(), response.clone()));
    let mut values: Vec<Vec<f64>> = columns.iter().map(|(_, c)| table.numbers(c)).collect::<Result<_, _>>()?;
    let sigma = options.sigma.as_deref().map(|s| table.numbers(s)).transpose()?;

    let named: Vec<&str> = columns.iter().map(|(_, c)| c.as_str()).chain(options.sigma.as_deref()).collect();
    let all: Vec<&Vec<f64>> = values.iter().chain(sigma.iter()).collect();
    // A formula may be fitted to any response on any axis; every published law wants positive sizes.
    let signed_response = info.response.domain.0 < 0.0 && !objective.is_log();
    let mut least: Vec<Sign> =
        info.variables.iter().map(|v| if v.may_be_zero() { Sign::NotNegative } else { Sign::Positive }).collect();
    least.push(if signed_response { Sign::Any } else { Sign::Positive });
    let usable = usable_rows(&table, &named, &all, &least, findings);
    if usable.len() < table.rows() {
        if options.force {
            findings.warn(Reason::DroppedRows { count: table.rows() - usable.len() });
        }
        table = table.take(&usable);
        values.iter_mut().for_each(|v| *v = usable.iter().map(|&i| v[i]).collect());
    }
    let sigma = sigma.map(|s| usable.iter().map(|&i| s[i]).collect::<Vec<f64>>());
    check_response(
        &table,
        &response,
        values.last().map_or(&[], Vec::as_slice),
        info.response.domain,
        info.response == LOSS,
        findings,
    );
    check_flops(&table, info, findings);
    check_units(&columns, &values, findings);

    let response_values = values.pop().unwrap_or_default();
    let inputs =
        (0..table.rows()).flat_map(|i| values.iter().map(move |v| Input::new(v[i])).collect::<Vec<_>>()).collect();
    let labels = labels(&table)?;
    let names = columns[..columns.len() - 1].iter().map(|(_, c)| c.clone()).collect();
    let mut data = Data::new(names, response, inputs, response_values, labels);
    if let Some(sigma) = sigma {
        data = data.with_noise(&sigma, objective.is_log());
    }
    if let Some(cluster) = cluster_column(&table, info.curve, options) {
        data = data.with_clusters(&table.labels(&cluster)?);
    }
    Ok(Prepared { data, columns })
}

/// The column of a variable, adding a computed one when two others determine it.
fn resolve(table: &mut Table, info: &Info, variable: &Variable, findings: &mut Findings) -> Result<String, LawError> {
    let is_axis = variable.name == "x";
    let candidates = std::iter::once(variable.name.as_str()).chain(variable.alternatives.iter().copied());
    for name in candidates {
        let Some(column) = recognise(table, name) else { continue };
        if is_axis && name != "x" && !varies(table, column) {
            continue;
        }
        let column = column.to_string();
        if name != variable.name {
            findings.warn(Reason::Stand { wanted: variable.name.clone(), used: name.to_string() });
        }
        return Ok(column);
    }
    let size = ["params", "params_matmul", "params_total"].into_iter().find_map(|n| recognise(table, n));
    let (flops, tokens) = (recognise(table, "flops"), recognise(table, "tokens"));
    if let Some((formula, cells)) = of_vocabulary(table, info, &variable.name)? {
        findings.warn(Reason::Derived { column: variable.name.clone(), formula });
        *table = table.with_column(Column { name: variable.name.clone(), cells: Cells::Number(cells) })?;
        return Ok(variable.name.clone());
    }
    let (formula, cells) = match (variable.name.as_str(), size, tokens, flops) {
        ("tokens", Some(n), _, Some(c)) => (format!("{c} / (6*{n})"), combine(table, c, n, |c, n| c / (6.0 * n))?),
        ("params" | "params_total", _, Some(d), Some(c)) => {
            (format!("{c} / (6*{d})"), combine(table, c, d, |c, d| c / (6.0 * d))?)
        }
        ("flops", Some(n), Some(d), _) => (format!("6*{n}*{d}"), combine(table, n, d, |n, d| 6.0 * n * d)?),
        _ => return Err(table.missing(&variable.name).into()),
    };
    findings.warn(Reason::Derived { column: variable.name.clone(), formula });
    *table = table.with_column(Column { name: variable.name.clone(), cells: Cells::Number(cells) })?;
    Ok(variable.name.clone())
}

/// The vocabulary's matrix from its entries and the width; for a law that has it, tokens from FLOP that count it.
fn of_vocabulary(table: &Table, info: &Info, wanted: &str) -> Result<Option<(String, Vec<f64>)>, LawError> {
    if info.variable("vocab_params").is_none() {
        return Ok(None);
    }
    let named = |name: &str| recognise(table, name);
    Ok(match (wanted, named("vocab"), named("width"), named("params"), named("vocab_params"), named("flops")) {
        ("vocab_params", Some(v), Some(d), ..) => Some((format!("{v} * {d}"), combine(table, v, d, |v, d| v * d)?)),
        ("tokens", .., Some(n), Some(head), Some(c)) => {
            let matmul = combine(table, n, head, |n, head| 6.0 * (n + head))?;
            let tokens = table.numbers(c)?.iter().zip(matmul).map(|(c, m)| c / m).collect();
            Some((format!("{c} / (6*({n} + {head}))"), tokens))
        }
        _ => None,
    })
}

fn combine(table: &Table, a: &str, b: &str, join: impl Fn(f64, f64) -> f64) -> Result<Vec<f64>, LawError> {
    Ok(table.numbers(a)?.iter().zip(table.numbers(b)?).map(|(a, b)| join(*a, b)).collect())
}

fn varies(table: &Table, column: &str) -> bool {
    table.numbers(column).is_ok_and(|v| v.iter().any(|x| *x != v[0]))
}

fn check_duplicates(table: &Table, findings: &mut Findings) {
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::with_capacity(table.rows());
    let same = |a: usize, b: usize| {
        table.columns().iter().all(|c| match &c.cells {
            Cells::Number(v) => v[a].to_bits() == v[b].to_bits(),
            Cells::Text(v) => v[a] == v[b],
        })
    };
    let (mut first_pair, mut count) = (None, 0);
    for row in 0..table.rows() {
        let mut hasher = DefaultHasher::new();
        for column in table.columns() {
            match &column.cells {
                Cells::Number(v) => v[row].to_bits().hash(&mut hasher),
                Cells::Text(v) => v[row].hash(&mut hasher),
            }
        }
        let alike = seen.entry(hasher.finish()).or_default();
        if let Some(&first) = alike.iter().find(|&&first| same(first, row)) {
            count += 1;
            first_pair.get_or_insert((table.origin(first), table.origin(row)));
        } else {
            alike.push(row);
        }
    }
    if let Some((first, second)) = first_pair {
        findings.refuse(Reason::DuplicateRows { first, second, count });
    }
}

/// Which values a column may have.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Positive,
    NotNegative,
    Any,
}

/// Rows whose values can be used; each first fault of a kind becomes a reason. Columns beyond `signs` are positive.
fn usable_rows(
    table: &Table,
    names: &[&str],
    values: &[&Vec<f64>],
    signs: &[Sign],
    findings: &mut Findings,
) -> Vec<usize> {
    let mut bad: HashSet<usize> = HashSet::new();
    for (index, (name, column)) in names.iter().zip(values).enumerate() {
        let (mut infinite, mut negative) = (false, false);
        let sign = signs.get(index).copied().unwrap_or(Sign::Positive);
        for (row, &value) in column.iter().enumerate() {
            let origin = table.origin(row);
            if !value.is_finite() {
                bad.insert(row);
                if !std::mem::replace(&mut infinite, true) {
                    let found =
                        if value.is_nan() { "nothing (an empty cell or NaN)".into() } else { value.to_string() };
                    findings.refuse(Reason::NonFinite { column: (*name).into(), row: origin, found });
                }
            } else if value <= 0.0 && sign != Sign::Any && !(value == 0.0 && sign == Sign::NotNegative) {
                bad.insert(row);
                if !std::mem::replace(&mut negative, true) {
                    findings.refuse(Reason::NonPositive { column: (*name).into(), row: origin, found: value });
                }
            }
        }
    }
    (0..table.rows()).filter(|r| !bad.contains(r)).collect()
}

fn check_response(
    table: &Table,
    column: &str,
    values: &[f64],
    domain: (f64, f64),
    is_loss: bool,
    findings: &mut Findings,
) {
    let (low, high) = domain;
    if let Some(row) = values.iter().position(|v| *v < low || *v > high) {
        let (column, row, value) = (column.to_string(), table.origin(row), values[row]);
        findings.refuse(if is_loss {
            Reason::LossDomain { column, row, value, low, high }
        } else {
            Reason::ResponseDomain { column, row, value, low, high }
        });
        return;
    }
    let name = table.name_in_file(column);
    if let Some((unit, convert)) = unit(name).filter(|_| is_loss) {
        let convert = convert.replace('_', &format!("{{{name}}}"));
        findings.refuse(Reason::LossUnit { column: name.into(), unit: unit.into(), convert });
    }
}

/// The unit that a column's name gives away when it is not nats per token, and the way back, `_` for the column.
fn unit(name: &str) -> Option<(&'static str, &'static str)> {
    const UNITS: [(&str, &str, &[&str]); 4] = [
        ("perplexity", "ln(_)", &["perplexity", "ppl"]),
        ("bits per byte", "_*0.6931*BYTES-PER-TOKEN", &["bpb", "bits_per_byte", "bits per byte"]),
        ("bits per character", "_*0.6931*CHARACTERS-PER-TOKEN", &["bpc", "bits_per_char", "bits per char"]),
        ("bits", "_*0.6931", &["bits_per", "bits per", "bpt", "bpw", "_bits", "loss bits"]),
    ];
    let name = name.to_lowercase();
    UNITS
        .iter()
        .find(|(_, _, words)| words.iter().any(|w| name.contains(w)))
        .map(|(unit, convert, _)| (*unit, *convert))
}

/// Sizes that are small for a neural network are usually written in millions or billions.
fn check_units(columns: &[(String, String)], values: &[Vec<f64>], findings: &mut Findings) {
    for ((name, column), values) in columns.iter().zip(values) {
        let smallest = match name.as_str() {
            "params" | "params_matmul" | "params_total" => FEWEST_PARAMS,
            "tokens" | "unique_tokens" => FEWEST_TOKENS,
            _ => continue,
        };
        let median = kleiber_core::stats::median(values);
        if median < smallest {
            let (column, quantity) = (column.clone(), name.clone());
            findings.warn(Reason::UnitsSuspected { column, quantity, median: smallest });
        }
    }
}

/// Compares a FLOP column with 6ND where the table has all three. A law of the vocabulary counts its matrix in N.
fn check_flops(table: &Table, info: &Info, findings: &mut Findings) {
    let column = |name: &str| recognise(table, name).and_then(|c| table.numbers(c).ok());
    let (Some(c), Some(mut n), Some(d)) = (column("flops"), column("params"), column("tokens")) else { return };
    if let Some(head) = info.variable("vocab_params").and_then(|_| column("vocab_params")) {
        n.iter_mut().zip(head).for_each(|(n, head)| *n += head);
    }
    let rows: Vec<(f64, f64, f64)> = c
        .iter()
        .zip(&n)
        .zip(&d)
        .map(|((c, n), d)| ((c / (6.0 * n * d)).ln(), n.ln(), d.ln()))
        .filter(|(r, a, b)| r.is_finite() && a.is_finite() && b.is_finite())
        .collect();
    if rows.len() < 3 {
        return;
    }
    let ratios: Vec<f64> = rows.iter().map(|r| r.0).collect();
    let (low, high) = ratios.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), r| (l.min(*r), h.max(*r)));
    let middle = kleiber_core::stats::median(&ratios);
    // Heads, embeddings and attention make the ratio drift smoothly with size; a mixture of conventions does not.
    if high - low > 1.1f64.ln() && scatter_around_trend(&rows) > 0.05 {
        findings.refuse(Reason::MixedFlops { low: low.exp(), high: high.exp() });
    } else if middle.abs() > 1.1f64.ln() || high - low > 1.1f64.ln() {
        findings.warn(Reason::FlopsConvention { ratio: middle.exp() });
    }
}

/// Standard deviation of the log ratio around a quadratic in ln N plus a line in ln D.
fn scatter_around_trend(rows: &[(f64, f64, f64)]) -> f64 {
    let mean = |f: fn(&(f64, f64, f64)) -> f64| rows.iter().map(f).sum::<f64>() / rows.len() as f64;
    let (mn, md) = (mean(|r| r.1), mean(|r| r.2));
    let design = nalgebra::DMatrix::from_fn(rows.len(), 4, |i, j| {
        let (x, z) = (rows[i].1 - mn, rows[i].2 - md);
        [1.0, x, x * x, z][j]
    });
    let target = nalgebra::DVector::from_iterator(rows.len(), rows.iter().map(|r| r.0));
    let Ok(solution) = design.clone().svd(true, true).solve(&target, 1e-9) else { return f64::INFINITY };
    let residual = target - design * solution;
    let freedom = (rows.len() as f64 - 4.0).max(1.0);
    (residual.norm_squared() / freedom).sqrt()
}

/// Keeps the last checkpoint of each run, when the table holds several per run and the law is not a
/// law of curves.
fn last_checkpoints(table: &Table, curve: bool, options: &Options, findings: &mut Findings) -> Table {
    let keep_all = options.checkpoints.map_or(curve, |c| c == Checkpoints::All);
    let (Some(run), false) = (recognise(table, "run"), keep_all) else { return table.clone() };
    let (Ok(runs), Some(clock)) = (table.labels(run), clock(table)) else { return table.clone() };
    let sizes = recognise(table, "params").and_then(|c| table.numbers(c).ok());
    let mut by_run: HashMap<Arc<str>, Vec<usize>> = HashMap::new();
    for (row, name) in runs.iter().enumerate() {
        by_run.entry(name.clone()).or_default().push(row);
    }
    let count = by_run.len();
    let mut rows: Vec<usize> = Vec::with_capacity(count);
    for members in by_run.into_values() {
        // Rows of one name but different size are not checkpoints of one run.
        if sizes.as_ref().is_some_and(|s| members.iter().any(|&m| s[m] != s[members[0]])) {
            return table.clone();
        }
        let latest = members.iter().map(|&m| clock[m]).fold(f64::NEG_INFINITY, f64::max);
        if members.iter().all(|&m| clock[m] == latest || clock[m].is_nan()) {
            // Repetitions of a run, or one row.
            rows.extend(members);
        } else {
            // A restarted run may have logged its last step twice: the later line counts.
            rows.extend(members.into_iter().rfind(|&m| clock[m] == latest));
        }
    }
    if rows.len() == table.rows() {
        return table.clone();
    }
    rows.sort_unstable();
    findings.warn(Reason::Checkpoints { kept: count, dropped: table.rows() - rows.len() });
    table.take(&rows)
}

fn clock(table: &Table) -> Option<Vec<f64>> {
    ["step", "tokens", "flops"].iter().find_map(|name| recognise(table, name).and_then(|c| table.numbers(c).ok()))
}

/// The column whose equal labels are drawn together by the bootstrap.
fn cluster_column(table: &Table, curve: bool, options: &Options) -> Option<String> {
    if options.cluster.is_some() {
        return options.cluster.clone();
    }
    let run = recognise(table, "run")?;
    let runs: HashSet<Arc<str>> = table.labels(run).ok()?.into_iter().collect();
    let several = runs.len() < table.rows() && runs.len() >= 5;
    (several && (curve || options.checkpoints == Some(Checkpoints::All))).then(|| run.to_string())
}

fn labels(table: &Table) -> Result<Vec<Arc<str>>, LawError> {
    Ok(match recognise(table, "run") {
        Some(run) => table.labels(run)?,
        None => (0..table.rows()).map(|i| format!("row {}", table.origin(i)).into()).collect(),
    })
}
