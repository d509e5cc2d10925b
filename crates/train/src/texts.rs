//! The text of a run.

use crate::config::{Auto, DataConfig};
use crate::{RunConfig, TrainError, start};
use kleiber_data::corpus::Source;
use kleiber_data::{Prepared, Recipe, Stage, TokenStore, Tokenizer, TokenizerSpec, prepare};
use kleiber_models::ModelError;
use std::path::Path;
use std::sync::Arc;

/// The text of a run.
#[derive(Debug, Clone)]
pub struct Texts {
    /// What is learned.
    pub train: Arc<TokenStore>,
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
        let (config, start) = (&config.data, config.model.start.as_str());
        // What continues a checkpoint speaks its language.
        let named = match config.tokenizer.as_str() {
            "bpe" if !start.is_empty() => start::tokenizer(start)?,
            name => name.into(),
        };
        let corpus = label(&config.source);
        if Prepared::is_at(Path::new(&config.source)) {
            let prepared = Prepared::open(Path::new(&config.source))?;
            expect(config, &named, &prepared.tokenizer)?;
            return Ok(Self::from_prepared(prepared, corpus));
        }
        let tokenizer = match (named.as_str(), config.vocab) {
            ("bpe", Auto::Value(vocab)) => TokenizerSpec::Bpe { vocab: usize::try_from(vocab).unwrap_or(usize::MAX) },
            (name, _) => TokenizerSpec::named(name)?,
        };
        let mut recipe = Recipe::new(Source::named(&config.source), tokenizer);
        recipe.options.validation = config.validation;
        if let Auto::Value(bytes) = config.max_bytes {
            recipe.options.max_bytes = bytes;
        }
        let prepared = prepare(&recipe, cache, tell)?;
        expect_vocab(config, &prepared.tokenizer)?;
        Ok(Self::from_prepared(prepared, corpus))
    }

    fn from_prepared(prepared: Prepared, corpus: String) -> Self {
        let Prepared { train, validation, tokenizer, .. } = prepared;
        Self { train, validation, tokenizer: Arc::new(tokenizer), corpus }
    }

    /// Bytes of both stores.
    pub fn bytes(&self) -> u64 {
        let width = if self.tokenizer.vocab() > 1 << 16 { 4 } else { 2 };
        width * (self.train.tokens() + self.validation.tokens())
    }
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

/// What the run table calls a source: the last part of its path.
fn label(source: &str) -> String {
    Path::new(source).file_name().map_or_else(|| source.to_string(), |name| name.to_string_lossy().into_owned())
}
