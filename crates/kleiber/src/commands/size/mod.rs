//! `kleiber size`: parameters, FLOP and bytes of a configuration, and the catalogue of published ones.

pub(crate) mod flags;
mod list;
mod report;

use super::quantity;
use crate::error::CliError;
use crate::output::Output;
use clap::{ArgGroup, Args};
use flags::ShapeFlags;
use kleiber_core::CoreError;
use kleiber_core::catalogue::Catalogue;
use kleiber_core::shape::hugging_face::Config;
use kleiber_core::shape::{Dtype, Shape};
use kleiber_models::checkpoint::{CONFIG, read_config};
use std::path::{Path, PathBuf};

/// Count parameters, FLOP and bytes of a model without building it.
///
/// The model is a name from the catalogue of published ones, a Hugging Face config.json (gpt2, gpt_neox, llama,
/// mistral, qwen2, opt, bloom, falcon) or that of a run's checkpoint, or a shape in flags. params is without embeddings and head, params_matmul
/// is body plus head, params_total is everything. Activations and buffers are not part of the bytes.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["model", "config", "layers", "nearest", "list", "check"]))]
#[command(after_help = "Examples:
  kleiber size llama-65b --dtype bf16 --batch 8
  kleiber size --config config.json --context 8192
  kleiber size --layers 6 --width 384 --heads 6 --vocab 4096 --context 256 --gated
  kleiber size --nearest 1.3B
  kleiber size --list --where 'params<2e9 && positions==\"rotary\"' --sort released
  kleiber size --check")]
pub(crate) struct SizeArgs {
    /// A model of the catalogue.
    model: Option<String>,
    /// A Hugging Face config.json, a folder that holds one, or that of a run.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: ShapeFlags,
    /// List models of the catalogue whose params_total is nearest to this.
    #[arg(long, value_name = "PARAMS", value_parser = quantity, help_heading = "Catalogue")]
    nearest: Option<f64>,
    /// List the catalogue.
    #[arg(long, help_heading = "Catalogue")]
    list: bool,
    /// Recount every model of the catalogue; exit 1 where the recount is other than the entry says.
    #[arg(long, help_heading = "Catalogue")]
    check: bool,
    /// Keep only models for which this is true (--list, --nearest, --check).
    #[arg(long = "where", value_name = "EXPR", conflicts_with_all = ["model", "config", "layers"], help_heading = "Catalogue")]
    condition: Option<String>,
    /// Column to sort a --list by, smallest first.
    #[arg(long, value_name = "COLUMN", requires = "list", help_heading = "Catalogue")]
    sort: Option<String>,
    /// Models that --nearest shows.
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Catalogue")]
    limit: usize,
    /// Add the models of a TOML file of the catalogue's form.
    #[arg(long, value_name = "FILE", help_heading = "Catalogue")]
    catalogue: Vec<PathBuf>,
    /// Tokens of a sequence, for attention and the KV cache. [default: the model's longest]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    context: Option<u64>,
    /// Sequences at the same time, for the KV cache.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    batch: u64,
    /// Format of weights: f32, f16, bf16, f8, int8 or int4.
    #[arg(long, default_value = "bf16", value_parser = dtype, help_heading = "Use")]
    dtype: Dtype,
    /// Format of keys and values. [default: that of weights, bf16 beside integers]
    #[arg(long, value_name = "DTYPE", value_parser = dtype, help_heading = "Use")]
    kv_dtype: Option<Dtype>,
    /// Print one JSON document (kleiber.size/1).
    #[arg(long, help_heading = "Output")]
    pub(crate) json: bool,
}

fn dtype(text: &str) -> Result<Dtype, String> {
    text.parse().map_err(|e: CoreError| e.to_string())
}

impl SizeArgs {
    fn catalogue(&self) -> Result<Catalogue, CoreError> {
        let builtin = Catalogue::builtin().clone();
        self.catalogue.iter().try_fold(builtin, |all, path| all.with(Catalogue::read(path)?))
    }

    fn kv_dtype(&self) -> Dtype {
        self.kv_dtype.unwrap_or(if self.dtype.is_integer() { Dtype::Bf16 } else { self.dtype })
    }
}

/// Runs `kleiber size`.
pub(crate) fn run(args: &SizeArgs) -> Result<Output, CliError> {
    if args.check {
        return list::check(args, &args.catalogue()?);
    }
    if args.list || args.nearest.is_some() {
        return list::list(args, &args.catalogue()?);
    }
    if let Some(name) = &args.model {
        let catalogue = args.catalogue()?;
        let entry = catalogue.entry(name)?;
        let notes = entry.doubt.iter().map(|d| format!("{name} does not add up: {d}")).collect();
        return report::report(args, name, Some(entry), &entry.shape()?, notes);
    }
    if let Some(path) = &args.config {
        let (name, shape, notes) = configured(path)?;
        return report::report(args, &name, None, &shape, notes);
    }
    let (shape, notes) = args.flags.shape(args.context)?;
    report::report(args, "this shape", None, &shape, notes)
}

/// Family, shape and notes of a config.json, of a folder that holds one, or of a run.
pub(crate) fn configured(path: &Path) -> Result<(String, Shape, Vec<String>), CliError> {
    let found = kleiber_train::checkpoint::locate(path).map(|folder| folder.join(CONFIG));
    let path = found.as_deref().unwrap_or(path);
    match Config::read(path) {
        // The families of published models do not include our own.
        Err(CoreError::Config { field, found, .. }) if field == "model_type" && found.contains("kleiber") => {
            Ok(("kleiber".into(), read_config(path)?.shape(), Vec::new()))
        }
        config => {
            let config = config?;
            Ok((config.model_type.to_string(), config.shape, config.notes))
        }
    }
}
