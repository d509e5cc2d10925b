//! Options shared by the commands that read a corpus.

use super::{count, megabytes};
use crate::commands::quantity;
use crate::error::CliError;
use crate::figures::quoted;
use clap::{Args, ValueEnum};
use kleiber_data::corpus::{BuildOptions, Source, Survey};
use std::path::PathBuf;

/// Bytes of text per second that reading, deduplication and hashing take on two cores, for estimates.
const READING: f64 = 80e6;

/// Which duplicates are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Dedup {
    /// None.
    None,
    /// Equal texts.
    Exact,
    /// Equal and similar texts.
    Near,
}

/// Where documents come from and how they become a corpus.
#[derive(Debug, Args)]
#[command(next_help_heading = "Corpus")]
pub(super) struct SourceArgs {
    /// cargo (the crates Kleiber is built from), a folder, a file (.txt .md .rs .jsonl .parquet .tar .crate; .gz and
    /// .zst may be appended), a corpus of `data build`, or a synthetic task (task:addition?digits=2&count=20000&seed=3).
    #[arg(long, default_value = "cargo", value_name = "cargo|PATH|task:NAME")]
    pub(super) source: String,
    /// With the source cargo: folder with package archives or vendored crates. [default: Cargo's registry/cache]
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// With the source cargo: go on without missing archives; the corpus is another one then.
    #[arg(long)]
    allow_missing: bool,
    /// Share of the groups (crates, files) that validate, 0 to 0.5. [default: 0.1]
    #[arg(long, value_name = "SHARE")]
    validation: Option<f64>,
    /// Most bytes of text. [default: 64MiB for cargo, else 256MiB]
    #[arg(long, value_name = "BYTES", value_parser = quantity)]
    max_bytes: Option<f64>,
    /// Largest share of one group, up to 1. [default: 0.02 for cargo, else 1]
    #[arg(long, value_name = "SHARE")]
    group_cap: Option<f64>,
    /// Only these domains: rust, docs, config, c, asm, other, or those of the file.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    domains: Vec<String>,
    /// Which duplicates are dropped. [default: near; none for a task]
    #[arg(long, value_enum)]
    dedup: Option<Dedup>,
    /// Similarity from which texts count as duplicates (Jaccard, 5-word shingles). [default: 0.8]
    #[arg(long, value_name = "SHARE")]
    similarity: Option<f64>,
    /// Shortest document in bytes. [default: 64 for cargo, else 1]
    #[arg(long, value_name = "BYTES", value_parser = quantity)]
    min_document: Option<f64>,
    /// Longest document in bytes. [default: 1MiB for cargo, else 64MiB]
    #[arg(long, value_name = "BYTES", value_parser = quantity)]
    max_document: Option<f64>,
    /// Field or column that holds the text. [default: text]
    #[arg(long, value_name = "NAME")]
    text_field: Option<String>,
    /// Seed of every choice. [default: 0]
    #[arg(long)]
    seed: Option<u64>,
}

impl SourceArgs {
    /// The source and its options.
    pub(super) fn read(&self) -> Result<(Source, BuildOptions), CliError> {
        let mut source = Source::named(&self.source);
        match &mut source {
            Source::Cargo { registry, allow_missing } => {
                registry.clone_from(&self.registry);
                *allow_missing = self.allow_missing;
            }
            _ if self.registry.is_some() || self.allow_missing => {
                let message = format!("--registry and --allow-missing belong to the source cargo, not {}", self.source);
                return Err(CliError::usage(message, "leave them out, or leave --source out"));
            }
            Source::File(path) if !path.exists() => {
                let message = format!("{}: there is no such file or folder", path.display());
                return Err(CliError::usage(message, "give cargo, or the path of a folder or file"));
            }
            _ => {}
        }
        let options = self.options(&source);
        if matches!(source, Source::Saved(_)) && options != BuildOptions::for_source(&source) {
            let message = format!("{} is a corpus already: options for building one change nothing", self.source);
            return Err(CliError::usage(message, "leave them out, or build another corpus with: kleiber data build"));
        }
        Ok((source, options))
    }

    fn options(&self, source: &Source) -> BuildOptions {
        let usual = BuildOptions::for_source(source);
        let bytes = |given: Option<f64>, usual: u64| given.map_or(usual, |b| b as u64);
        let near = if self.dedup == Some(Dedup::Near) { BuildOptions::default().near_dedup } else { usual.near_dedup };
        let similarity = self.similarity.unwrap_or(near);
        BuildOptions {
            seed: self.seed.unwrap_or(usual.seed),
            validation: self.validation.unwrap_or(usual.validation),
            max_bytes: bytes(self.max_bytes, usual.max_bytes),
            group_cap: self.group_cap.unwrap_or(usual.group_cap),
            exact_dedup: self.dedup.map_or(usual.exact_dedup, |dedup| dedup != Dedup::None),
            near_dedup: if matches!(self.dedup, None | Some(Dedup::Near)) { similarity } else { 1.0 },
            min_document: bytes(self.min_document, usual.min_document),
            max_document: bytes(self.max_document, usual.max_document),
            domains: self.domains.clone(),
            text_field: self.text_field.clone().unwrap_or(usual.text_field),
            limits: usual.limits,
        }
    }

    /// The source as it would be typed again, for a hint; nothing for the default.
    pub(super) fn words(&self) -> String {
        if self.source == "cargo" { String::new() } else { format!(" --source {}", quoted(&self.source)) }
    }
}

/// What reading a source will take.
pub(super) struct Estimate {
    pub(super) survey: Survey,
    /// Bytes of text, at most.
    pub(super) text: u64,
    pub(super) seconds: f64,
}

impl Estimate {
    /// By the size of the files; packed ones hold about four times as much text.
    pub(super) fn of(source: &Source, options: &BuildOptions) -> Result<Self, CliError> {
        let survey = source.survey()?;
        let packed = matches!(source, Source::Cargo { .. });
        let text = survey.bytes * if packed { 4 } else { 1 };
        Ok(Self { text: text.min(options.max_bytes), seconds: text as f64 / READING, survey })
    }

    /// One line for people.
    pub(super) fn line(&self, name: &str) -> String {
        let missing = match self.survey.missing.len() {
            0 => String::new(),
            n => format!(", {n} missing"),
        };
        format!(
            "would read {} files of {} from {name}{missing}; text in memory, about {} at most",
            count(self.survey.files),
            megabytes(self.survey.bytes),
            megabytes(self.text),
        )
    }
}
