//! One model: its parts, FLOP and bytes.

use super::SizeArgs;
use crate::error::CliError;
use crate::output::Output;
use crate::render::{self, TableBlock};
use indexmap::IndexMap;
use kleiber_core::catalogue::{Entry, Recount};
use kleiber_core::shape::{Convention, Dtype, Kind, Memory, NormKind, Parts, PerToken, Positions, Shape};
use kleiber_core::units::{format_bytes, format_quantity, format_significant};
use serde::Serialize;

/// What `kleiber size MODEL --json` prints.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    kind: &'static str,
    status: &'static str,
    model: &'a str,
    entry: Option<&'a Entry>,
    recount: Option<Recount>,
    shape: &'a Shape,
    parts: Parts,
    params: u64,
    params_matmul: u64,
    params_total: u64,
    /// By convention; for an encoder-decoder per pair of an input and an output token.
    flops_per_token: IndexMap<&'static str, PerToken>,
    context: u64,
    batch: u64,
    dtype: Dtype,
    kv_dtype: Dtype,
    memory: Memory,
    notes: Vec<String>,
}

/// Counts a shape and prints it.
pub(crate) fn report(
    args: &SizeArgs,
    model: &str,
    entry: Option<&Entry>,
    shape: &Shape,
    mut notes: Vec<String>,
) -> Result<Output, CliError> {
    let context = args.context.unwrap_or(shape.context);
    if context > shape.context {
        notes.push(format!("a context of {context} is longer than the model's {}", shape.context));
    }
    let parts = shape.parts()?;
    let flops = Convention::ALL.into_iter().map(|c| Ok((c.name(), shape.flops(c, context)?)));
    let kv_dtype = args.kv_dtype();
    let document = Document {
        schema: "kleiber.size/1",
        kind: "model",
        status: "ok",
        model,
        entry,
        recount: entry.map(Entry::recount).transpose()?,
        shape,
        parts,
        params: parts.params()?,
        params_matmul: parts.params_matmul()?,
        params_total: parts.params_total()?,
        flops_per_token: flops.collect::<Result<_, CliError>>()?,
        context,
        batch: args.batch,
        dtype: args.dtype,
        kv_dtype,
        memory: shape.memory(args.dtype, kv_dtype, context, args.batch)?,
        notes,
    };
    let mut output = if args.json { Output::json(&document) } else { Output::text(text(&document)) };
    output.notes = document.notes.iter().map(|note| format!("note: {note}")).collect();
    output.hints.push(format!("next: kleiber size --nearest {}", format_quantity(document.params_total as f64)));
    Ok(output)
}

fn text(document: &Document<'_>) -> String {
    let mut out = format!("{}: {}\n", document.model, described(document.shape));
    if let (Some(entry), Some(recount)) = (document.entry, &document.recount) {
        let off = recount.off.map_or("-".into(), |off| format!("{:+.2}%", 100.0 * off));
        out.push_str(&format!(
            "{} is said to have {} ({}): the recount is {off} from that; source: {}\n",
            entry.name,
            format_quantity(recount.nominal),
            recount.count,
            entry.source
        ));
    }
    for block in [parts_table(document), flops_table(document), bytes_table(document)] {
        out.push('\n');
        out.push_str(&render::terminal_table(&block, Some(100)));
    }
    out
}

fn parts_table(document: &Document<'_>) -> TableBlock {
    let total = document.params_total as f64;
    let row = |name: &str, count: u64, share: bool| {
        let share =
            if share { format!("{}%", format_significant(100.0 * count as f64 / total, 3)) } else { "-".into() };
        vec![name.to_string(), format_quantity(count as f64), count.to_string(), share]
    };
    let mut rows: Vec<Vec<String>> = document.parts.named().map(|(name, count)| row(name, count, true)).to_vec();
    rows.push(row("params (body)", document.params, true));
    // A tied head is counted here but not a second time in the total.
    let multiplied = match document.shape.experts {
        1 => "params_matmul (body + head)",
        _ => "params_matmul (body with one expert + head)",
    };
    rows.push(row(multiplied, document.params_matmul, !document.shape.tied));
    rows.push(row("params_total", document.params_total, true));
    TableBlock {
        headers: ["part", "parameters", "exactly", "share"].map(String::from).to_vec(),
        rows,
        numeric: vec![false, true, true, true],
    }
}

fn flops_table(document: &Document<'_>) -> TableBlock {
    let per = if document.shape.kind == Kind::EncoderDecoder { "input and output token" } else { "token" };
    let rows = document.flops_per_token.iter().map(|(name, flops)| {
        let name = match *name {
            "6nd" => "6nd (N = params_matmul)".to_string(),
            other => format!("{other} (context {})", document.context),
        };
        vec![name, format_quantity(flops.forward as f64), format_quantity(flops.training as f64)]
    });
    TableBlock {
        headers: vec![format!("FLOP per {per}"), "forward".into(), "training".into()],
        rows: rows.collect(),
        numeric: vec![false, true, true],
    }
}

fn bytes_table(document: &Document<'_>) -> TableBlock {
    let (memory, dtype, kv) = (document.memory, document.dtype, document.kv_dtype);
    let mut rows = vec![vec![format!("weights ({dtype})"), format_bytes(memory.weights)]];
    rows.push(match memory.training {
        Some(state) if state.master == 0 => {
            vec![format!("training with Adam ({dtype}: 4 + 4 + 8 B per parameter)"), format_bytes(state.total)]
        }
        Some(state) => vec![
            format!("training with Adam (mixed {dtype}: 2 + 2 + 4 + 8 B per parameter)"),
            format_bytes(state.total),
        ],
        None => vec![format!("training with Adam ({dtype} is not trained in)"), "-".into()],
    });
    rows.push(vec![format!("KV cache per token ({kv})"), format_bytes(memory.kv_per_token)]);
    rows.push(vec![
        format!("KV cache ({kv}, batch {} x context {})", document.batch, document.context),
        format_bytes(memory.kv_cache),
    ]);
    TableBlock {
        headers: vec!["memory, without activations and buffers".into(), "bytes".into()],
        rows,
        numeric: vec![false, true],
    }
}

/// A shape in words.
fn described(shape: &Shape) -> String {
    let kind = match shape.kind {
        Kind::CausalDecoder => format!("causal decoder, {} layers", shape.layers),
        Kind::PrefixDecoder => format!("prefix decoder, {} layers", shape.layers),
        Kind::EncoderDecoder => format!("encoder-decoder, {} + {} layers", shape.encoder_layers, shape.layers),
    };
    let positions = match shape.positions {
        Positions::None => "no positions".to_string(),
        Positions::Learned { rows } => format!("{rows} learned positions"),
        Positions::Sinusoidal => "sinusoidal positions".into(),
        Positions::Rotary => "rotary positions".into(),
        Positions::Alibi => "ALiBi".into(),
        Positions::T5 { buckets } => format!("T5 biases in {buckets} buckets"),
        Positions::RelativeProjected => "projected relative positions".into(),
        Positions::Relative => "relative positions that are not counted".into(),
    };
    let groups = if shape.groups == shape.heads { String::new() } else { format!(" ({} key heads)", shape.groups) };
    let bias = match (shape.bias.qkv, shape.bias.output, shape.bias.mlp) {
        (false, false, false) => "no biases",
        (true, true, true) => "biases",
        (true, false, false) => "query, key and value biases",
        _ => "some biases",
    };
    let experts = if shape.experts > 1 { format!(" in {} experts", shape.experts) } else { String::new() };
    format!(
        "{kind} of width {}, {} heads of {}{groups}, hidden {}{}{experts}, {positions}, {} norms, {bias}, vocabulary {} {}, context {}",
        shape.width,
        shape.heads,
        shape.head_width,
        shape.hidden,
        if shape.gated { " gated" } else { "" },
        if shape.norm.kind == NormKind::Rms { "RMS" } else { "layer" },
        shape.vocab,
        if shape.tied { "tied" } else { "untied" },
        shape.context
    )
}
