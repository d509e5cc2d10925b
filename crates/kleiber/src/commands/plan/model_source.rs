//! The model of a plan: a name of the catalogue, a config.json, or a shape in flags.

use crate::commands::size::configured;
use crate::commands::size::flags::ShapeFlags;
use crate::error::CliError;
use clap::Args;
use kleiber_core::catalogue::Catalogue;
use kleiber_core::shape::Shape;
use std::path::PathBuf;

/// Where the shape of a model comes from.
#[derive(Debug, Args)]
pub(super) struct ModelSource {
    /// A model of the catalogue; `kleiber size --list` shows them.
    model: Option<String>,
    /// A Hugging Face config.json, a folder that holds one, or that of a run.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    flags: ShapeFlags,
    /// Tokens of a sequence. [default: the model's longest]
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u64).range(1..), help_heading = "Use")]
    pub(super) context: Option<u64>,
}

impl ModelSource {
    /// Name, shape and notes; the caller has required that one source is given.
    pub(super) fn read(&self) -> Result<(String, Shape, Vec<String>), CliError> {
        if let Some(name) = &self.model {
            let entry = Catalogue::builtin().entry(name)?;
            let notes = entry.doubt.iter().map(|d| format!("{name} does not add up: {d}")).collect();
            return Ok((name.clone(), entry.shape()?, notes));
        }
        if let Some(path) = &self.config {
            return configured(path);
        }
        let (shape, notes) = self.flags.shape(self.context)?;
        Ok(("this shape".into(), shape, notes))
    }
}
