//! `kleiber compress quantize`: weights in few bits.

use crate::error::CliError;
use crate::figures::quoted;
use crate::output::Output;
use crate::render::{self, TableBlock};
use clap::Args;
use kleiber_compress::{Array, FORMATS, Format, Quantised, Scope, paired_error, quantize};
use kleiber_core::atomic;
use kleiber_core::units::{format_bytes, format_quantity, format_significant};
use kleiber_data::{Stage, Tokenizer};
use kleiber_evaluate::{EvaluateError, Model};
use kleiber_models::{Decoder, checkpoint};
use kleiber_train::OpenRun;
use serde::Serialize;
use std::path::{Path, PathBuf};

const TOKENIZER: &str = "tokenizer.json";
/// Bits of weights that stay as they are, and of those before, as models are usually kept.
const USUAL_BITS: f64 = 16.0;

/// Store the matrices of a model in few bits, and say how far that moves its weights and its loss.
///
/// Every matrix of the blocks is cut into groups of weights that share a scale, and goes through the codes of the format and
/// back; the embedding, the head, norms and biases stay as they are unless asked for. --out writes the model as its codes
/// have it, in single precision, so that every other command and Python `transformers` read it: the folder is not smaller,
/// its numbers are those that a smaller one would hold. Bits and bytes are those of the codes with their scales.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(crate) struct QuantizeArgs {
    /// Folder of a run (its newest step is taken), of one of its steps, or of a Hugging Face model.
    checkpoint: PathBuf,
    /// How weights become codes; the list is below.
    #[arg(long, default_value = "rtn")]
    format: String,
    /// Bits of a code, for rtn and rtn-asym. [default: 4]
    #[arg(long, value_name = "BITS")]
    bits: Option<u32>,
    /// Weights that share a scale, 0 for a row. [default: 64; int8 always has a scale per row]
    #[arg(long, value_name = "N")]
    group: Option<u32>,
    /// The embedding as well.
    #[arg(long)]
    embedding: bool,
    /// The output head as well.
    #[arg(long)]
    head: bool,
    /// Write the model to this folder, which must not exist.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Measure the held-out loss before and after, for a checkpoint of a run whose text is still there.
    #[arg(long)]
    evaluate: bool,
    /// Folder that prepared text is kept in. [default: `data` beside the run]
    #[arg(long, value_name = "DIR", requires = "evaluate")]
    cache: Option<PathBuf>,
    /// Print one JSON document (kleiber.compress/1).
    #[arg(long)]
    pub(crate) json: bool,
}

fn after_help() -> String {
    let examples = "Examples:
  kleiber compress quantize runs/small --bits 4
  kleiber compress quantize runs/small/step-2000 --format nf4 --evaluate --json
  kleiber compress quantize gpt2-folder --format int8 --out gpt2-int8\n\nFormats:\n";
    FORMATS.iter().fold(examples.to_string(), |text, (name, what)| format!("{text}  {name:<9} {what}\n"))
}

#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    kind: &'static str,
    status: &'static str,
    checkpoint: &'a Path,
    format: &'a str,
    bits: u32,
    group: u32,
    /// Weights that became codes.
    weights: usize,
    bits_per_weight: f64,
    /// Bytes of the codes with their scales, and of the same weights in 16 bits.
    bytes: f64,
    bytes_before: f64,
    /// Bytes of all other parameters in 16 bits.
    bytes_kept: f64,
    /// Mean square error over mean square of the weights.
    nmse: f64,
    arrays: &'a [Array],
    kept: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation: Option<Evaluated>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<&'a Path>,
}

/// The same held-out tokens before and after.
#[derive(Debug, Serialize)]
struct Evaluated {
    tokens: u64,
    loss_before: f64,
    loss_after: f64,
    penalty: f64,
    /// Standard error of the penalty.
    penalty_error: f64,
}

/// Runs `kleiber compress quantize`.
pub(crate) fn run(args: &QuantizeArgs, tell: &dyn Fn(Stage)) -> Result<Output, CliError> {
    let format = Format::named(&args.format, args.bits, args.group)?;
    if let Some(out) = args.out.as_deref().filter(|out| out.exists()) {
        return Err(CliError::usage(format!("{}: exists already", out.display()), "give --out a new folder"));
    }
    let folder = kleiber_train::checkpoint::locate(&args.checkpoint)
        .ok_or_else(|| EvaluateError::NoModel { path: args.checkpoint.clone() })?;
    // What needs the run is known before the work.
    let opened = if args.evaluate { Some(open(args, &folder, tell)?) } else { None };
    let loaded = Loaded::read(&folder)?;
    let scope = Scope { embedding: args.embedding, head: args.head };
    let small = quantize(&loaded.decoder, &format, scope)?;
    let evaluation = opened.map(|run| evaluate(&run, &loaded.decoder, &small)).transpose()?;
    if let Some(out) = &args.out {
        loaded.write(out, &small)?;
    }
    let document = Document {
        schema: "kleiber.compress/1",
        kind: "quantize",
        status: "ok",
        checkpoint: &folder,
        format: format.name(),
        bits: format.bits(),
        group: format.group(),
        weights: small.weights(),
        bits_per_weight: small.bits_per_weight(),
        bytes: small.bytes(),
        bytes_before: small.weights() as f64 * USUAL_BITS / 8.0,
        bytes_kept: small.kept_bytes(USUAL_BITS),
        nmse: small.nmse(),
        arrays: &small.arrays,
        kept: small.kept.iter().map(|(name, _)| name.as_str()).collect(),
        evaluation,
        out: args.out.as_deref(),
    };
    let mut output = if args.json { Output::json(&document) } else { Output::text(text(&document, &format)) };
    if let Some(out) = &args.out {
        output.hints.push(format!("next: kleiber generate {} --prompt TEXT", quoted(&out.to_string_lossy())));
    } else if !args.evaluate {
        output.hints.push("--evaluate measures the loss, --out writes the model".into());
    }
    Ok(output)
}

/// The run that a step belongs to.
fn open(args: &QuantizeArgs, step: &Path, tell: &dyn Fn(Stage)) -> Result<OpenRun, CliError> {
    let run = step.parent().filter(|run| run.join("run.json").exists());
    let run = run.ok_or_else(|| {
        let message = format!("{}: is not a checkpoint of a run, so its held-out text is not known", step.display());
        CliError::usage(message, "leave --evaluate out, or give the folder of a run of kleiber train")
    })?;
    let beside = run.parent().unwrap_or(Path::new("")).join("data");
    Ok(OpenRun::open(run, args.cache.as_deref().unwrap_or(&beside), tell)?)
}

fn evaluate(run: &OpenRun, before: &Decoder, after: &Quantised) -> Result<Evaluated, CliError> {
    let held_out = run.held_out()?;
    let (before, after) = (held_out.losses(before)?, held_out.losses(&after.decoder)?);
    let (loss_before, loss_after) = (before.evaluation.loss, after.evaluation.loss);
    Ok(Evaluated {
        tokens: before.evaluation.tokens,
        loss_before,
        loss_after,
        penalty: loss_after - loss_before,
        penalty_error: paired_error(&after, &before),
    })
}

/// A model, with its tokenizer where it has one.
struct Loaded {
    decoder: Decoder,
    tokenizer: Option<Tokenizer>,
    end: Option<u32>,
}

impl Loaded {
    fn read(folder: &Path) -> Result<Self, CliError> {
        match Model::load(folder) {
            Ok(Model { decoder, tokenizer, ends, .. }) => {
                Ok(Self { decoder, tokenizer: Some(tokenizer), end: ends.first().copied() })
            }
            Err(EvaluateError::NoTokenizer { .. }) => {
                let read = checkpoint::read(folder)?;
                Ok(Self { decoder: read.decoder, tokenizer: None, end: read.ends.first().copied() })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what became of the model, with the tokenizer.
    fn write(&self, out: &Path, small: &Quantised) -> Result<(), CliError> {
        atomic::folder(out, |scratch| -> Result<(), CliError> {
            checkpoint::write(&small.decoder, self.end, scratch)?;
            match &self.tokenizer {
                Some(tokenizer) => Ok(tokenizer.save(&scratch.join(TOKENIZER))?),
                None => Ok(()),
            }
        })
    }
}

fn text(document: &Document<'_>, format: &Format) -> String {
    let short = |v: f64| format_significant(v, 3);
    let mut out = format!(
        "{}: {format}\n{} weights in {} bits each with their scales: {} (16 bits: {}); {} of other parameters stay\n\
         mean square error {} of the weights' mean square\n",
        document.checkpoint.display(),
        format_quantity(document.weights as f64),
        format_significant(document.bits_per_weight, 5),
        format_bytes(document.bytes.ceil() as u64),
        format_bytes(document.bytes_before as u64),
        format_bytes(document.bytes_kept as u64),
        short(document.nmse),
    );
    if let Some(e) = &document.evaluation {
        out.push_str(&format!(
            "held-out loss {:.4} before, {:.4} after: {:+.4} with standard error {} over {} tokens\n",
            e.loss_before,
            e.loss_after,
            e.penalty,
            short(e.penalty_error),
            format_quantity(e.tokens as f64),
        ));
    }
    if let Some(path) = document.out {
        out.push_str(&format!("written to {}\n", path.display()));
    }
    let row = |a: &Array| {
        let shape = format!("{} x {}", a.rows, a.columns);
        vec![a.name.clone(), shape, short(a.nmse), short(a.largest), a.kept_columns.to_string(), short(a.bytes)]
    };
    let block = TableBlock {
        headers: ["matrix", "shape", "nmse", "largest/rms", "kept columns", "bytes"].map(String::from).to_vec(),
        rows: document.arrays.iter().map(row).collect(),
        numeric: vec![false, false, true, true, true, true],
    };
    out + "\n" + &render::terminal_table(&block, Some(100)) + &format!("as they were: {}\n", document.kept.join(", "))
}
