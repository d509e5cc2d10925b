//! Where a command takes its law from: a file, or what a paper printed.

use crate::error::CliError;
use clap::Args;
use kleiber_laws::{Fit, LawError};
use std::path::{Path, PathBuf};

/// The coefficients behind a saved law or a preset; nothing when neither is given.
pub(crate) fn law_of(law: Option<&Path>, preset: Option<&str>) -> Result<Option<Fit>, CliError> {
    Ok(match (law, preset) {
        (Some(path), _) => Some(Fit::read(path)?),
        (None, Some(name)) => Some(Fit::published(name)?),
        (None, None) => None,
    })
}

/// A saved law or a published one.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct LawSource {
    /// A law saved with `kleiber fit -o`.
    pub(crate) law: Option<PathBuf>,
    /// Published coefficients instead of a fit, such as paper:chinchilla/besiroglu; `kleiber laws` lists them.
    #[arg(long, value_name = "NAME")]
    pub(crate) preset: Option<String>,
}

impl LawSource {
    /// The law, with its coefficients.
    pub(crate) fn read(&self) -> Result<Fit, CliError> {
        let given = law_of(self.law.as_deref(), self.preset.as_deref())?;
        given.ok_or_else(|| LawError::Request("give a saved law or --preset".into()).into())
    }

    /// In words: what it was fitted to, or who printed it.
    pub(crate) fn describe(&self, fit: &Fit) -> String {
        if let Some(name) = &self.preset {
            return format!("{} with the coefficients of {name}", fit.law);
        }
        if fit.runs.is_empty() {
            return format!("{} fitted to {} rows", fit.law, fit.rows);
        }
        let shown: Vec<&str> = fit.runs.iter().take(8).map(String::as_str).collect();
        let more = if fit.rows > shown.len() { format!(" and {} more", fit.rows - shown.len()) } else { String::new() };
        format!("{} fitted to {}{more}", fit.law, shown.join(", "))
    }
}
