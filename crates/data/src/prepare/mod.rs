//! From a source to token stores in one step, kept under a name that its content gives it.

mod manifest;

pub use manifest::StoreFacts;

use crate::corpus::{BuildOptions, Source, Summary, build_with};
use crate::{ContentHash, ContentHasher, DataError, Stage, TokenStore, Tokenizer};
use manifest::Manifest;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Part of every key: raise it when the same recipe gives other bytes than before.
const FORMAT: &str = "kleiber.prepared/1";

/// Which tokenizer a corpus is prepared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenizerSpec {
    /// One token per byte.
    Bytes,
    /// A byte-level BPE trained on the training side of the corpus.
    Bpe {
        /// Tokens in its vocabulary, 257 to 2^20.
        vocab: usize,
    },
    /// The same with a vocabulary that suits the text, [`Tokenizer::train_bpe_to_fit`].
    BpeToFit,
    /// A `tokenizer.json` with a BPE model.
    File(PathBuf),
}

impl TokenizerSpec {
    /// The tokenizer that a configuration names: `bytes`, `bpe`, `bpe:4096`, or the path of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`DataError::Option`] for `bpe:` without a number behind it, and for a word that names no file.
    pub fn named(name: &str) -> Result<Self, DataError> {
        let unknown = || Err(DataError::option("tokenizer", name, "bytes, bpe, bpe:VOCAB or a tokenizer.json"));
        match name.strip_prefix("bpe:") {
            _ if name == "bytes" => Ok(Self::Bytes),
            _ if name == "bpe" => Ok(Self::BpeToFit),
            Some(vocab) => match vocab.parse() {
                Ok(vocab) => Ok(Self::Bpe { vocab }),
                Err(_) => unknown(),
            },
            None if !name.contains(['.', '/', '\\']) && !Path::new(name).exists() => unknown(),
            None => Ok(Self::File(name.into())),
        }
    }
}

/// Everything that decides the bytes of a prepared corpus.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// Where documents come from.
    pub source: Source,
    /// How they become a corpus; a saved corpus stays as it is.
    pub options: BuildOptions,
    /// How they become tokens.
    pub tokenizer: TokenizerSpec,
}

impl Recipe {
    /// A recipe with the options that suit the source.
    pub fn new(source: Source, tokenizer: TokenizerSpec) -> Self {
        let options = BuildOptions::for_source(&source);
        Self { source, options, tokenizer }
    }

    /// The name of what it makes: a hash over the content of the source, the options and the tokenizer. Paths play no
    /// part, so a moved folder keeps its key and a changed file gets another.
    ///
    /// # Errors
    /// As [`Source::fingerprint`] and [`Tokenizer::load`].
    pub fn key(&self) -> Result<ContentHash, DataError> {
        let tokenizer = match &self.tokenizer {
            TokenizerSpec::Bytes => Tokenizer::Bytes.hash().to_string(),
            TokenizerSpec::Bpe { vocab } => format!("trained on the training side: {vocab}"),
            TokenizerSpec::BpeToFit => "trained on the training side: to fit".into(),
            TokenizerSpec::File(path) => Tokenizer::load(path)?.hash().to_string(),
        };
        let options = match &self.source {
            Source::Saved(_) => String::new(),
            _ => serde_json::to_string(&self.options).map_err(|e| DataError::option("options", e, "serialisable"))?,
        };
        let mut hasher = ContentHasher::new();
        hasher.piece(FORMAT.as_bytes()).piece(&self.source.fingerprint()?.0);
        hasher.piece(options.as_bytes()).piece(tokenizer.as_bytes());
        Ok(hasher.finish())
    }
}

/// A corpus as tokens, with its tokenizer; both stores are mapped and verified.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The key of its recipe.
    pub key: ContentHash,
    /// The folder with `train.tokens`, `validation.tokens`, `tokenizer.json` and `prepared.json`.
    pub folder: PathBuf,
    /// Tokens to train on.
    pub train: Arc<TokenStore>,
    /// Tokens to validate with; knows the bytes they stand for ([`TokenStore::bits_per_byte`]).
    pub validation: Arc<TokenStore>,
    /// The tokenizer of both.
    pub tokenizer: Tokenizer,
    /// How the corpus came about, with its hashes.
    pub corpus: Summary,
    /// Whether it was there before.
    pub cached: bool,
}

/// Builds a corpus and tokenizes it, or opens what an equal recipe left in `cache`. The folder below `cache` is named
/// by the key and is there whole or not at all; a damaged one is made again. The text is held in memory meanwhile.
///
/// ```
/// use kleiber_data::corpus::Source;
/// use kleiber_data::{Recipe, TokenizerSpec, prepare};
/// # fn main() -> Result<(), kleiber_data::DataError> {
/// # let root = tempfile::tempdir().unwrap();
/// # let (texts, cache) = (root.path().join("texts.jsonl"), root.path().join("cache"));
/// std::fs::write(&texts, "{\"text\": \"first\"}\n{\"text\": \"second\"}\n").unwrap();
/// let recipe = Recipe::new(Source::File(texts), TokenizerSpec::Bytes);
/// let prepared = prepare(&recipe, &cache, &|stage| eprintln!("{stage}"))?;
/// assert_eq!(prepared.train.tokens() + prepared.validation.tokens(), 13);
/// assert!(prepare(&recipe, &cache, &|_| ())?.cached);
/// # Ok(()) }
/// ```
///
/// # Errors
/// As [`crate::corpus::build`], [`Tokenizer::train_bpe`] and [`TokenStore::write`]; [`DataError::Option`] when nothing
/// is kept for validation.
pub fn prepare(recipe: &Recipe, cache: &Path, tell: &dyn Fn(Stage)) -> Result<Prepared, DataError> {
    let key = recipe.key()?;
    let folder = cache.join(&key.to_string()[..16]);
    if folder.join(manifest::NAME).exists() {
        match Prepared::open(&folder) {
            Ok(prepared) if prepared.key == key => {
                tell(Stage::Cached { key: key.to_string() });
                return Ok(Prepared { cached: true, ..prepared });
            }
            Ok(prepared) => tell(Stage::Damaged { why: format!("it has the key {}", prepared.key) }),
            Err(error) => tell(Stage::Damaged { why: error.to_string() }),
        }
    }
    let nothing_held =
        |share: f64| DataError::option("validation", share, "a share above 0: losses are measured on it");
    if recipe.options.validation == 0.0 && !matches!(recipe.source, Source::Saved(_)) {
        return Err(nothing_held(0.0));
    }
    let corpus = build_with(&recipe.source, &recipe.options, tell)?;
    if corpus.validation.documents.is_empty() {
        return Err(nothing_held(corpus.summary.options.validation));
    }
    let tokenizer = match &recipe.tokenizer {
        TokenizerSpec::Bytes => Tokenizer::Bytes,
        TokenizerSpec::File(path) => Tokenizer::load(path)?,
        TokenizerSpec::Bpe { vocab } => {
            tell(Stage::TrainingTokenizer { vocab: *vocab, bytes: corpus.train.bytes() });
            Tokenizer::train_bpe(corpus.train.documents.iter().map(|d| d.text.as_str()), *vocab)?
        }
        TokenizerSpec::BpeToFit => {
            let bytes = corpus.train.bytes();
            tell(Stage::TrainingTokenizer { vocab: Tokenizer::vocab_to_fit(bytes), bytes });
            Tokenizer::train_bpe_to_fit(corpus.train.documents.iter().map(|d| d.text.as_str()), bytes)?
        }
    };
    kleiber_core::atomic::folder(&folder, |scratch| {
        for (side, split) in [("train", &corpus.train), ("validation", &corpus.validation)] {
            tell(Stage::Tokenizing { side, bytes: split.bytes() });
            TokenStore::write(&scratch.join(format!("{side}.tokens")), &tokenizer, &split.documents)?;
        }
        tokenizer.save(&scratch.join("tokenizer.json"))?;
        Manifest::of(key, &tokenizer, &corpus.summary, scratch)?.write(scratch)
    })?;
    Prepared::open(&folder)
}

impl Prepared {
    /// Opens a folder that [`prepare`] made, and reads it once to verify the recorded hashes.
    ///
    /// # Errors
    /// [`DataError::Io`], [`DataError::Malformed`], [`DataError::Checksum`] or [`DataError::TokenizerMismatch`].
    pub fn open(folder: &Path) -> Result<Self, DataError> {
        let manifest = Manifest::read(folder)?;
        let tokenizer = Tokenizer::load(&folder.join("tokenizer.json"))?;
        let store = |side: &str, facts: &StoreFacts| {
            let store = TokenStore::open(&folder.join(format!("{side}.tokens")))?;
            store.expect_tokenizer(&tokenizer)?;
            store.verify()?;
            facts.expect(&store)?;
            Ok::<_, DataError>(Arc::new(store))
        };
        let (train, validation) = (store("train", &manifest.train)?, store("validation", &manifest.validation)?);
        let (key, corpus) = (manifest.key, manifest.corpus);
        Ok(Self { key, folder: folder.into(), train, validation, tokenizer, corpus, cached: false })
    }

    /// Whether a folder is one that [`prepare`] made.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(manifest::NAME).is_file()
    }
}
