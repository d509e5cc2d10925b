//! The catalogue: listed, near a size, recounted.

use super::SizeArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use kleiber_core::catalogue::{Catalogue, Entry, Recount, SortKey, TOLERANCE, Verdict};
use kleiber_core::units::{format_quantity, format_significant};
use serde::Serialize;

/// What `--list --json` and `--nearest --json` print.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    kind: &'static str,
    status: &'static str,
    models: Vec<Row<'a>>,
}

/// A model and what follows from its fields.
#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    params: Option<u64>,
    params_matmul: Option<u64>,
    params_total: Option<u64>,
    /// Training tokens per parameter of `params_total`.
    multiplier: Option<f64>,
    /// Width over layers.
    aspect: Option<f64>,
}

impl<'a> Row<'a> {
    fn new(entry: &'a Entry) -> Self {
        let shape = entry.shape().ok();
        let parts = shape.as_ref().and_then(|s| s.parts().ok());
        let params_total = parts.and_then(|p| p.params_total().ok());
        Self {
            entry,
            params: parts.and_then(|p| p.params().ok()),
            params_matmul: parts.and_then(|p| p.params_matmul().ok()),
            params_total,
            multiplier: entry.train.tokens.zip(params_total).map(|(tokens, total)| tokens / total as f64),
            aspect: shape.map(|s| s.aspect()),
        }
    }
}

/// `--list` and `--nearest`.
pub(crate) fn list(args: &SizeArgs, catalogue: &Catalogue) -> Result<Output, CliError> {
    let mut entries = match &args.condition {
        Some(condition) => catalogue.select(condition)?,
        None => catalogue.entries().iter().collect(),
    };
    let mut kind = "list";
    if let Some(params) = args.nearest {
        kind = "nearest";
        // A row whose fields are known not to add up is no neighbour of any size.
        let near = catalogue.near(params).into_iter().filter(|e| e.doubt.is_none());
        let kept = near.filter(|e| entries.iter().any(|kept| std::ptr::eq(*kept, *e)));
        entries = kept.take(args.limit).collect();
    } else if let Some(column) = &args.sort {
        SortKey::named(column)?.sort(&mut entries);
    }
    let rows: Vec<Row<'_>> = entries.into_iter().map(Row::new).collect();
    let empty = rows.is_empty();
    let mut output = if args.json {
        let status = if empty { "empty" } else { "ok" };
        Output::json(&Document { schema: "kleiber.size/1", kind, status, models: rows })
    } else if empty {
        Output::default()
    } else {
        Output::text(render::terminal_table(&table(&rows), Some(110)))
    };
    if empty {
        output.notes.push("no model matches".into());
    }
    output.code = u8::from(empty);
    Ok(output)
}

fn table(rows: &[Row<'_>]) -> TableBlock {
    let size = |value: Option<f64>| value.map_or("-".into(), format_quantity);
    let plain = |value: Option<u64>| value.map_or("-".into(), |n| n.to_string());
    let short = |value: Option<f64>| value.map_or("-".into(), |v| format_significant(v, 3));
    let row = |row: &Row<'_>| {
        let arch = &row.entry.arch;
        let layers = match arch.encoder_layers {
            Some(encoder) if encoder > 0 => format!("{encoder}+{}", plain(arch.layers)),
            _ => plain(arch.layers),
        };
        vec![
            row.entry.name.clone(),
            row.entry.released.clone(),
            if row.entry.open { "yes" } else { "no" }.into(),
            size(row.params.map(|n| n as f64)),
            size(row.params_total.map(|n| n as f64)),
            layers,
            plain(arch.width),
            short(row.aspect),
            plain(arch.heads),
            size(row.entry.train.tokens),
            short(row.multiplier),
        ]
    };
    TableBlock {
        headers: [
            "model",
            "released",
            "open",
            "params",
            "params_total",
            "layers",
            "width",
            "d/L",
            "heads",
            "tokens",
            "tok/param",
        ]
        .map(String::from)
        .to_vec(),
        rows: rows.iter().map(row).collect(),
        numeric: vec![false, false, false, true, true, true, true, true, true, true, true],
    }
}

/// What `--check --json` prints.
#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    kind: &'static str,
    status: &'static str,
    tolerance: f64,
    recounts: Vec<Recount>,
}

/// `--check`.
pub(crate) fn check(args: &SizeArgs, catalogue: &Catalogue) -> Result<Output, CliError> {
    let entries = match &args.condition {
        Some(condition) => catalogue.select(condition)?,
        None => catalogue.entries().iter().collect(),
    };
    let recounts = entries.into_iter().map(Entry::recount).collect::<Result<Vec<_>, _>>()?;
    let bad: Vec<String> = recounts.iter().filter(|r| r.unexpected).map(complaint).collect();
    let failed = !bad.is_empty() || recounts.is_empty();
    let mut output = if args.json {
        let status = if failed { "failed" } else { "ok" };
        Output::json(&Checked { schema: "kleiber.size/1", kind: "check", status, tolerance: TOLERANCE, recounts })
    } else if recounts.is_empty() {
        Output::default()
    } else {
        Output::text(recount_text(&recounts))
    };
    if bad.is_empty() && failed {
        output.notes.push("no model matches".into());
    }
    output.notes.extend(bad);
    output.code = u8::from(failed);
    Ok(output)
}

/// Why a recount is other than the entry says.
fn complaint(recount: &Recount) -> String {
    let why = match recount.verdict {
        Verdict::Incomplete => format!("is incomplete: {} missing", recount.missing.join(", ")),
        Verdict::Inconsistent => "does not add up, and the entry does not say why".into(),
        _ if recount.doubt.is_some() => "adds up, although the entry says that it does not".into(),
        _ => "is called verified, but nothing says what it has exactly".into(),
    };
    format!("false: {} {why}", recount.name)
}

fn recount_text(recounts: &[Recount]) -> String {
    let row = |r: &Recount| {
        let verdict = match r.verdict {
            Verdict::Exact => "exact".to_string(),
            Verdict::Consistent => "consistent".into(),
            Verdict::Inconsistent => "inconsistent".into(),
            Verdict::Incomplete => format!("incomplete: {}", r.missing.join(", ")),
        };
        let doubt = r.doubt.as_ref().map_or(String::new(), |d| format!(" ({d})"));
        vec![
            r.name.clone(),
            r.count.into(),
            format_quantity(r.nominal),
            r.recounted.map_or("-".into(), |n| format_quantity(n as f64)),
            r.off.map_or("-".into(), |off| format!("{:+.2}%", 100.0 * off)),
            verdict + &doubt,
        ]
    };
    let block = TableBlock {
        headers: ["model", "count", "nominal", "recount", "off", "verdict"].map(String::from).to_vec(),
        rows: recounts.iter().map(row).collect(),
        numeric: vec![false, false, true, true, true, false],
    };
    let good = recounts.iter().filter(|r| matches!(r.verdict, Verdict::Exact | Verdict::Consistent)).count();
    let exact = recounts.iter().filter(|r| r.verdict == Verdict::Exact).count();
    let summary = format!(
        "{good} of {} add up ({exact} of them to the parameter), within {}%; an entry that does not must say why",
        recounts.len(),
        100.0 * TOLERANCE
    );
    format!("{}\n{summary}\n", render::terminal_table(&block, Some(110)))
}
