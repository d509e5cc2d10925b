//! The text of a run.

use crate::config::{Auto, DataConfig};
use crate::folder::TOKENIZER;
use crate::{RunConfig, TrainError, start};
use kleiber_data::corpus::Source;
use kleiber_data::tasks::PREFIX;
use kleiber_data::{
    ContentHash, ContentHasher, Part, Prepared, Recipe, Stage, TokenStore, Tokenizer, TokenizerSpec, prepare,
};
use kleiber_models::ModelError;
use std::path::Path;
use std::sync::Arc;

/// The text of a run.
#[derive(Debug, Clone)]
pub struct Texts {
    /// What is learned.
    pub train: Arc<TokenStore>,
    /// What is learned besides; the weight of `train` is 1.
    pub mixed: Vec<Part>,
    /// What is held out.
    pub validation: Arc<TokenStore>,
    /// What made tokens of it.
    pub tokenizer: Arc<Tokenizer>,
    /// What the run table calls it.
    pub corpus: String,
}

impl Texts {
    /// The text that a configuration names, as tokens; what was prepared before is found in `cache`. `tell` hears what
    /// takes time.
    ///
    /// # Errors
    /// [`TrainError::Data`], and [`TrainError::Option`] when the text was prepared with another tokenizer.
    pub fn prepare(config: &RunConfig, cache: &Path, tell: &dyn Fn(Stage)) -> Result<Self, TrainError> {
        // Better now than after minutes of preparation.
        config.train.device.open().map_err(ModelError::from)?;
        let (config, model) = (&config.data, &config.model);
        let start = model.start.as_str();
        if !start.is_empty() {
            start::shape(model, 0)?;
        }
        // What continues a checkpoint speaks its language.
        let named = match config.tokenizer.as_str() {
            "bpe" if !start.is_empty() => start::tokenizer(start)?,
            name => name.into(),
        };
        let corpus = label(&config.source);
        if Prepared::is_at(Path::new(&config.source)) {
            let prepared = Prepared::open(Path::new(&config.source))?;
            expect(config, &named, &prepared.tokenizer)?;
            return Self::new(prepared, corpus, config, cache, tell);
        }
        let tokenizer = match (named.as_str(), config.vocab) {
            ("bpe", Auto::Value(vocab)) => TokenizerSpec::Bpe { vocab: usize::try_from(vocab).unwrap_or(usize::MAX) },
            (name, _) => TokenizerSpec::named(name)?,
        };
        let prepared = prepare(&recipe(config, &config.source, tokenizer), cache, tell)?;
        expect_vocab(config, &prepared.tokenizer)?;
        Self::new(prepared, corpus, config, cache, tell)
    }

    /// The texts of a configuration whose main text is there.
    fn new(
        prepared: Prepared,
        corpus: String,
        config: &DataConfig,
        cache: &Path,
        tell: &dyn Fn(Stage),
    ) -> Result<Self, TrainError> {
        let tokenizer = match &prepared.tokenizer {
            Tokenizer::Bytes => TokenizerSpec::Bytes,
            Tokenizer::Bpe(_) => TokenizerSpec::File(prepared.folder.join(TOKENIZER)),
        };
        let mut mixed = Vec::new();
        for rule in &config.mix {
            let besides = match Prepared::is_at(Path::new(&rule.source)) {
                true => Prepared::open(Path::new(&rule.source))?,
                false => prepare(&recipe(config, &rule.source, tokenizer.clone()), cache, tell)?,
            };
            mixed.push(Part { max_epochs: rule.epochs, ..Part::new(besides.train, rule.weight) });
        }
        let Prepared { train, validation, tokenizer, .. } = prepared;
        Ok(Self { train, mixed, validation, tokenizer: Arc::new(tokenizer), corpus })
    }

    /// Tokens that there are to learn.
    pub fn tokens(&self) -> u64 {
        self.train.tokens() + self.mixed.iter().map(|part| part.store.tokens()).sum::<u64>()
    }

    /// Hash of the tokens that there are to learn.
    pub fn train_hash(&self) -> ContentHash {
        if self.mixed.is_empty() {
            return self.train.content_hash();
        }
        let mut hasher = ContentHasher::new();
        hasher.piece(&self.train.content_hash().0);
        self.mixed.iter().for_each(|part| {
            hasher.piece(&part.store.content_hash().0);
        });
        hasher.finish()
    }

    /// Different tokens among `total` that are learned, at most `unique` of the main text.
    pub(crate) fn unique(&self, total: u64, unique: Option<u64>) -> u64 {
        let weights = 1.0 + self.mixed.iter().map(|part| part.weight).sum::<f64>();
        let of = |tokens: u64, weight: f64| tokens.min((weight / weights * total as f64).ceil() as u64);
        let main = self.train.tokens();
        let besides = self.mixed.iter().map(|part| of(part.store.tokens(), part.weight));
        of(unique.map_or(main, |unique| unique.min(main)), 1.0) + besides.sum::<u64>()
    }

    /// Bytes of all stores.
    pub fn bytes(&self) -> u64 {
        let width = if self.tokenizer.vocab() > 1 << 16 { 4 } else { 2 };
        width * (self.tokens() + self.validation.tokens())
    }
}

/// How a text becomes tokens.
fn recipe(config: &DataConfig, source: &str, tokenizer: TokenizerSpec) -> Recipe {
    let mut recipe = Recipe::new(Source::named(source), tokenizer);
    recipe.options.validation = config.validation;
    if let Auto::Value(bytes) = config.max_bytes {
        recipe.options.max_bytes = bytes;
    }
    recipe
}

/// Refuses a text that was prepared with another tokenizer than the configuration names.
fn expect(config: &DataConfig, named: &str, tokenizer: &Tokenizer) -> Result<(), TrainError> {
    let wanted = match TokenizerSpec::named(named)? {
        TokenizerSpec::Bytes => Some(Tokenizer::Bytes),
        TokenizerSpec::File(path) => Some(Tokenizer::load(&path)?),
        TokenizerSpec::Bpe { .. } | TokenizerSpec::BpeToFit => None,
    };
    if wanted.is_some_and(|wanted| wanted.hash() != tokenizer.hash()) {
        let expected = "this text was prepared with another tokenizer; leave the key out";
        return Err(TrainError::option("data.tokenizer", named, expected));
    }
    // A prepared text is split and cut already.
    let (unsaid, expected) = (DataConfig::default(), "this text was prepared already; leave the key out");
    if config.validation != unsaid.validation {
        return Err(TrainError::option("data.validation", config.validation, expected));
    }
    if let Auto::Value(bytes) = config.max_bytes {
        return Err(TrainError::option("data.max_bytes", bytes, expected));
    }
    expect_vocab(config, tokenizer)
}

fn expect_vocab(config: &DataConfig, tokenizer: &Tokenizer) -> Result<(), TrainError> {
    match config.vocab.value() {
        Some(vocab) if vocab != tokenizer.vocab() as u64 => {
            let expected = format!("the tokenizer has {} tokens; leave the key out", tokenizer.vocab());
            Err(TrainError::option("data.vocab", vocab, expected))
        }
        _ => Ok(()),
    }
}

/// What the run table calls a source: the last part of its path, or the whole task.
fn label(source: &str) -> String {
    if source.starts_with(PREFIX) {
        return source.into();
    }
    Path::new(source).file_name().map_or_else(|| source.to_string(), |name| name.to_string_lossy().into_owned())
}
