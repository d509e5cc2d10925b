//! Documents for training and validation: read from a source, labelled, deduplicated, balanced between groups, split
//! by group, hashed. The same source and options give the same bytes on every machine.

mod archive;
mod cargo;
mod dedup;
mod domain;
mod file;
mod folder;
mod jsonl;
mod minhash;
mod parquet_file;
mod quota;
mod save;
mod split;
mod vendored;

pub use domain::domain_of;

use crate::limits::Limits;
use crate::tasks::{self, TaskSpec};
use crate::{ContentHash, ContentHasher, DataError, Document, Stage};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Where documents come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The crates that Kleiber is built from on every platform (`crates/data/corpus/crates.txt`), with the versions of
    /// its lock file: real source code, documentation and configuration by many authors. Nothing is downloaded.
    Cargo {
        /// Folder with archives or vendored crates, or with folders that hold archives; by default `registry/cache` in
        /// Cargo's home.
        registry: Option<PathBuf>,
        /// Goes on without missing archives; the corpus is another one then, and so is its hash.
        allow_missing: bool,
    },
    /// All text, JSON Lines, Parquet and packed files below a folder. Links are not followed, hidden folders, `target`
    /// and `node_modules` are left out. Each file is a group.
    Folder(PathBuf),
    /// One file: text (cut into blocks at line ends, each its own group), `.jsonl`, `.parquet`, `.tar` or `.crate`;
    /// `.gz` and `.zst` may be appended.
    File(PathBuf),
    /// A corpus that [`Corpus::save`] wrote: it is loaded as it is, options do not apply.
    Saved(PathBuf),
    /// Training examples of a synthetic task, each a group of its own: `addition?digits=2&count=20000&seed=3`, as
    /// [`TaskSpec::parse`] reads it. Repeated examples stay, unless the options say otherwise.
    Task(String),
}

impl Source {
    /// The default corpus.
    pub fn cargo() -> Self {
        Self::Cargo { registry: None, allow_missing: false }
    }

    /// The source that a configuration names: `cargo`, a task behind `task:`, or the path of a saved corpus, a folder or
    /// a file.
    pub fn named(name: &str) -> Self {
        match name {
            "cargo" => Self::cargo(),
            task if task.starts_with(tasks::PREFIX) => Self::Task(task[tasks::PREFIX.len()..].into()),
            path if std::path::Path::new(path).join(save::SUMMARY).is_file() => Self::Saved(path.into()),
            path if std::path::Path::new(path).is_dir() => Self::Folder(path.into()),
            path => Self::File(path.into()),
        }
    }

    /// What there is to read, without reading it.
    ///
    /// # Errors
    /// [`DataError::Io`] for a path that is not there, [`DataError::Malformed`] for a damaged summary, those of
    /// [`TaskSpec::parse`] and [`TaskSpec::task`].
    pub fn survey(&self) -> Result<Survey, DataError> {
        Ok(match self {
            Self::Cargo { registry, .. } => cargo::survey(registry.as_deref()),
            Self::Folder(path) => folder::survey(path)?,
            Self::File(path) => {
                let bytes = std::fs::metadata(path).map_err(DataError::read(path))?.len();
                Survey { files: 1, bytes, missing: Vec::new() }
            }
            Self::Saved(path) => {
                let summary = save::summary(path)?;
                Survey { files: 2, bytes: summary.train.bytes + summary.validation.bytes, missing: Vec::new() }
            }
            Self::Task(task) => Survey { files: 0, bytes: TaskSpec::parse(task)?.bytes()?, missing: Vec::new() },
        })
    }

    /// A hash of everything the corpus is read from: the list of crates, the hash of a saved corpus, names and bytes of
    /// files, or the task with its examples. Two sources with one fingerprint give one corpus under equal options, wherever they lie.
    ///
    /// # Errors
    /// [`DataError::Io`] for files that cannot be read, [`DataError::Malformed`] for a damaged summary, those of
    /// [`TaskSpec::parse`] and [`TaskSpec::task`].
    pub fn fingerprint(&self) -> Result<ContentHash, DataError> {
        let (kind, hash) = match self {
            Self::Cargo { registry, allow_missing } => {
                ("cargo", cargo::fingerprint(registry.as_deref(), *allow_missing))
            }
            Self::Folder(path) => ("folder", folder::fingerprint(path)?),
            Self::File(path) => ("file", file::fingerprint(path)?),
            Self::Saved(path) => ("saved", ContentHash::of(save::summary(path)?.hash.as_bytes())),
            Self::Task(task) => ("task", TaskSpec::parse(task)?.fingerprint()?),
        };
        let mut hasher = ContentHasher::new();
        hasher.piece(kind.as_bytes()).piece(hash.to_string().as_bytes());
        Ok(hasher.finish())
    }
}

/// What a source holds on disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Survey {
    /// Files to read.
    pub files: u64,
    /// Bytes of these files as they lie there, packed or not; of a saved corpus, bytes of its text.
    pub bytes: u64,
    /// Archives of the default corpus that are missing.
    pub missing: Vec<String>,
}

impl Survey {
    fn add(&mut self, path: &std::path::Path) {
        self.files += 1;
        self.bytes += std::fs::metadata(path).map_or(0, |m| m.len());
    }
}

/// How documents become a corpus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BuildOptions {
    /// Key of every choice: which documents are kept under a cap, which groups validate.
    pub seed: u64,
    /// Share of the groups that validate, 0 to 0.5.
    pub validation: f64,
    /// Most bytes of text to keep.
    pub max_bytes: u64,
    /// Largest share of the corpus that one group may have, up to 1 (no cap).
    pub group_cap: f64,
    /// Drops documents whose text is already there.
    pub exact_dedup: bool,
    /// Drops documents that resemble one already there at least this much (Jaccard similarity of 5-word shingles,
    /// estimated); 1 or more keeps them.
    pub near_dedup: f64,
    /// Documents shorter than this many bytes are left out.
    pub min_document: u64,
    /// Documents longer than this many bytes are left out.
    pub max_document: u64,
    /// Only these domains; all when empty.
    pub domains: Vec<String>,
    /// Name of the text field in JSON Lines and Parquet.
    pub text_field: String,
    /// Limits on unpacking.
    pub limits: Limits,
}

impl Default for BuildOptions {
    fn default() -> Self {
        Self {
            seed: 0,
            validation: 0.1,
            max_bytes: 256 << 20,
            group_cap: 1.0,
            exact_dedup: true,
            near_dedup: 0.8,
            min_document: 1,
            max_document: 64 << 20,
            domains: Vec::new(),
            text_field: "text".into(),
            limits: Limits::default(),
        }
    }
}

impl BuildOptions {
    /// What suits a source: [`BuildOptions::cargo`] for the default corpus, [`BuildOptions::task`] for a task, the defaults
    /// otherwise.
    pub fn for_source(source: &Source) -> Self {
        match source {
            Source::Cargo { .. } => Self::cargo(),
            Source::Task(_) => Self::task(),
            Source::Folder(_) | Source::File(_) | Source::Saved(_) => Self::default(),
        }
    }

    /// For a task: examples stay as often as they are drawn.
    pub fn task() -> Self {
        Self { exact_dedup: false, near_dedup: 1.0, ..Self::default() }
    }

    /// For the default corpus: no crate above 2%, files of 64 bytes to 1 MiB, at most 64 MiB in all.
    pub fn cargo() -> Self {
        Self { group_cap: 0.02, max_bytes: 64 << 20, min_document: 64, max_document: 1 << 20, ..Self::default() }
    }

    fn check(&self) -> Result<(), DataError> {
        if !(0.0..=0.5).contains(&self.validation) {
            return Err(DataError::option("validation", self.validation, "a fraction from 0 to 0.5"));
        }
        if self.group_cap.is_nan() || self.group_cap <= 0.0 || self.group_cap > 1.0 {
            return Err(DataError::option("group_cap", self.group_cap, "a fraction above 0, up to 1"));
        }
        if self.near_dedup.is_nan() || self.near_dedup < 0.5 {
            return Err(DataError::option("near_dedup", self.near_dedup, "a similarity of 0.5 or more"));
        }
        if self.max_bytes == 0 {
            return Err(DataError::option("max_bytes", 0, "a positive number of bytes"));
        }
        Ok(())
    }
}

/// Documents on one side of the split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The documents, ordered by group and place in the group.
    pub documents: Vec<Document>,
    /// SHA-256 over domains, groups and texts.
    pub hash: ContentHash,
}

impl Split {
    /// Documents with their hash.
    pub fn new(documents: Vec<Document>) -> Self {
        let mut hasher = ContentHasher::new();
        for document in &documents {
            hasher.piece(document.domain.as_bytes());
            hasher.piece(document.group.as_bytes());
            hasher.piece(document.text.as_bytes());
        }
        Self { documents, hash: hasher.finish() }
    }

    /// Its documents of one domain, for a mixture by domain or a loss per domain.
    pub fn of_domain(&self, domain: &str) -> Self {
        Self::new(self.documents.iter().filter(|d| &*d.domain == domain).cloned().collect())
    }

    /// Bytes of text.
    pub fn bytes(&self) -> u64 {
        self.documents.iter().map(|d| d.text.len() as u64).sum()
    }
}

/// What was read and what became of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Documents read from the source.
    pub found: u64,
    /// Bytes of text read from the source.
    pub found_bytes: u64,
    /// Files that are no text, too short, too long, or data rather than writing.
    pub skipped: u64,
    /// Documents dropped because their text was already there.
    pub exact_duplicates: u64,
    /// Documents dropped because they resemble one that was already there.
    pub near_duplicates: u64,
    /// Documents dropped by the cap per group and the limit in all.
    pub over_cap: u64,
    /// Training documents dropped by [`Corpus::pruned`].
    #[serde(default, skip_serializing_if = "none")]
    pub pruned: u64,
    /// Groups in the corpus.
    pub groups: u64,
    /// Bytes of text by domain.
    pub domains: BTreeMap<String, u64>,
    /// Archives that were missing, where that was allowed.
    pub missing: Vec<String>,
    /// Documents, bytes and hash of the training side.
    pub train: Side,
    /// Documents, bytes and hash of the validation side.
    pub validation: Side,
    /// SHA-256 over the hashes of both sides: names the corpus.
    pub hash: String,
    /// What it was built with.
    pub options: BuildOptions,
}

/// Size and hash of one side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Side {
    /// Number of documents.
    pub documents: u64,
    /// Bytes of text.
    pub bytes: u64,
    /// SHA-256, 64 hexadecimal digits.
    pub hash: String,
}

impl Side {
    fn of(split: &Split) -> Self {
        Self { documents: split.documents.len() as u64, bytes: split.bytes(), hash: split.hash.to_string() }
    }
}

/// Documents to train on and documents to validate with; no group is on both sides.
#[derive(Debug, Clone, PartialEq)]
pub struct Corpus {
    /// Training documents.
    pub train: Split,
    /// Validation documents.
    pub validation: Split,
    /// How the corpus came about.
    pub summary: Summary,
}

fn none(count: &u64) -> bool {
    *count == 0
}

impl Corpus {
    /// The same corpus with these of its training documents alone, by index; what is held out stays as it is.
    ///
    /// # Errors
    /// [`DataError::Option`] for an index beyond the last document, [`DataError::Empty`] when none is left.
    pub fn pruned(&self, kept: &[usize]) -> Result<Self, DataError> {
        let all = &self.train.documents;
        if let Some(beyond) = kept.iter().find(|i| **i >= all.len()) {
            return Err(DataError::option(
                "document",
                beyond,
                format!("below the {} documents that there are", all.len()),
            ));
        }
        if kept.is_empty() {
            let found = format!("none of {} documents kept", all.len());
            return Err(DataError::Empty { source_name: "the pruned corpus".into(), found });
        }
        let train = Split::new(kept.iter().map(|i| all[*i].clone()).collect());
        let validation = self.validation.clone();
        let mut summary = self.summary.clone();
        summary.pruned += (all.len() - train.documents.len()) as u64;
        let documents = || train.documents.iter().chain(&validation.documents);
        summary.groups = documents().map(|d| &*d.group).collect::<BTreeSet<_>>().len() as u64;
        summary.domains.clear();
        for document in documents() {
            *summary.domains.entry(document.domain.to_string()).or_default() += document.text.len() as u64;
        }
        summary.train = Side::of(&train);
        summary.hash = hash_of(&train, &validation).to_string();
        Ok(Self { train, validation, summary })
    }
}

/// A document on its way, with its name inside the source.
#[derive(Debug, Clone)]
struct Raw {
    document: Document,
    name: String,
}

/// What a reader gives: documents, and how many files it left out.
#[derive(Debug, Default)]
struct Read {
    documents: Vec<Raw>,
    skipped: u64,
    missing: Vec<String>,
}

impl Read {
    fn append(&mut self, mut other: Self) {
        self.documents.append(&mut other.documents);
        self.skipped += other.skipped;
        self.missing.append(&mut other.missing);
    }
}

/// Builds a corpus. The text read from the source is held in memory.
///
/// ```
/// use kleiber_data::corpus::{self, BuildOptions, Source};
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("texts.jsonl");
/// let lines = "{\"text\": \"first\"}\n{\"text\": \"second\"}\n{\"text\": \"first\"}\n";
/// std::fs::write(&path, lines).unwrap();
/// let corpus = corpus::build(&Source::File(path), &BuildOptions { validation: 0.0, ..BuildOptions::default() })?;
/// assert_eq!(corpus.train.documents.len(), 2);
/// assert_eq!(corpus.summary.exact_duplicates, 1);
/// # Ok(()) }
/// ```
///
/// # Errors
/// Faults of the source by file and line, [`DataError::Empty`] when nothing is left, [`DataError::TooFewGroups`] when
/// the split or the cap needs more groups.
pub fn build(source: &Source, options: &BuildOptions) -> Result<Corpus, DataError> {
    build_with(source, options, &|_| ())
}

/// Like [`build`], and tells what it is about to do.
///
/// # Errors
/// As [`build`].
pub fn build_with(source: &Source, options: &BuildOptions, tell: &dyn Fn(Stage)) -> Result<Corpus, DataError> {
    options.check()?;
    let (name, mut read) = match source {
        Source::Cargo { registry, allow_missing } => {
            let name = "the registry cache".to_string();
            tell(Stage::Reading { source: name.clone() });
            (name, cargo::read(registry.as_deref(), *allow_missing, options)?)
        }
        Source::Folder(path) | Source::File(path) => {
            let name = path.display().to_string();
            tell(Stage::Reading { source: name.clone() });
            let folder = matches!(source, Source::Folder(_));
            (name, if folder { folder::read(path, options)? } else { file::read(path, options)? })
        }
        Source::Saved(path) => {
            tell(Stage::Reading { source: path.display().to_string() });
            return Corpus::load(path);
        }
        Source::Task(task) => {
            let name = format!("{}{task}", tasks::PREFIX);
            tell(Stage::Reading { source: name.clone() });
            (name, examples(&TaskSpec::parse(task)?, options)?)
        }
    };
    let mut documents = std::mem::take(&mut read.documents);
    documents.sort_by(|a, b| (&a.document.group, &a.name).cmp(&(&b.document.group, &b.name)));
    let mut summary = Summary {
        found: documents.len() as u64,
        found_bytes: documents.iter().map(|d| d.document.text.len() as u64).sum(),
        skipped: read.skipped,
        missing: read.missing,
        options: options.clone(),
        ..Summary::default()
    };
    tell(Stage::Deduplicating { documents: summary.found, bytes: summary.found_bytes });
    if options.exact_dedup {
        summary.exact_duplicates = dedup::exact(&mut documents);
    }
    if options.near_dedup < 1.0 {
        summary.near_duplicates = minhash::near(&mut documents, options.near_dedup);
    }
    let before = documents.len();
    let documents = quota::keep(documents, options)?;
    summary.over_cap = (before - documents.len()) as u64;
    if documents.is_empty() {
        let found = format!("{} documents read, {} files left out", summary.found, summary.skipped);
        return Err(DataError::Empty { source_name: name, found });
    }
    for document in &documents {
        *summary.domains.entry(document.domain.to_string()).or_default() += document.text.len() as u64;
    }
    let (train, validation, groups) = split::by_group(documents, options)?;
    summary.groups = groups;
    (summary.train, summary.validation) = (Side::of(&train), Side::of(&validation));
    summary.hash = hash_of(&train, &validation).to_string();
    Ok(Corpus { train, validation, summary })
}

/// The examples of a task.
fn examples(task: &TaskSpec, options: &BuildOptions) -> Result<Read, DataError> {
    let all = task.documents(options.max_bytes)?;
    let found = all.len();
    let kept = all.into_iter().filter(|d| wanted(&d.text, &d.domain, options));
    let documents: Vec<Raw> = kept.map(|document| Raw { name: document.group.to_string(), document }).collect();
    let skipped = (found - documents.len()) as u64;
    Ok(Read { documents, skipped, missing: Vec::new() })
}

/// Names a corpus by its two sides.
fn hash_of(train: &Split, validation: &Split) -> ContentHash {
    let mut hasher = ContentHasher::new();
    hasher.piece(&train.hash.0).piece(&validation.hash.0);
    hasher.finish()
}

/// `f` of each item, on all threads when there are enough items to be worth waking them.
fn each<T: Sync, R: Send>(items: &[T], f: impl Fn(&T) -> R + Sync + Send) -> Vec<R> {
    if items.len() < 64 { items.iter().map(f).collect() } else { items.par_iter().map(f).collect() }
}

/// Text as it enters a corpus: no byte order mark, line feeds only.
fn clean(mut text: String) -> String {
    if text.starts_with('\u{feff}') {
        text.drain(..'\u{feff}'.len_utf8());
    }
    if text.contains('\r') {
        text = text.replace("\r\n", "\n");
    }
    text
}

/// Whether a document may enter: its size and its domain.
fn wanted(text: &str, domain: &str, options: &BuildOptions) -> bool {
    (options.min_document..=options.max_document).contains(&(text.len() as u64))
        && !text.is_empty()
        && (options.domains.is_empty() || options.domains.iter().any(|d| d == domain))
}
