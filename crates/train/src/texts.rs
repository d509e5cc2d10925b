//! The text of a run.

use crate::TrainError;
use crate::config::{Auto, DataConfig};
use kleiber_data::corpus::Source;
use kleiber_data::{Prepared, Recipe, Stage, TokenStore, Tokenizer, TokenizerSpec, prepare};
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
    /// [`TrainError::Data`].
    pub fn prepare(config: &DataConfig, cache: &Path, tell: &dyn Fn(Stage)) -> Result<Self, TrainError> {
        let corpus = label(&config.source);
        if Prepared::is_at(Path::new(&config.source)) {
            return Ok(Self::from_prepared(Prepared::open(Path::new(&config.source))?, corpus));
        }
        let tokenizer = match config.tokenizer.as_str() {
            "bpe" => TokenizerSpec::Bpe { vocab: usize::try_from(config.vocab).unwrap_or(usize::MAX) },
            name => TokenizerSpec::named(name)?,
        };
        let mut recipe = Recipe::new(Source::named(&config.source), tokenizer);
        recipe.options.validation = config.validation;
        if let Auto::Value(bytes) = config.max_bytes {
            recipe.options.max_bytes = bytes;
        }
        Ok(Self::from_prepared(prepare(&recipe, cache, tell)?, corpus))
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

/// What the run table calls a source: the last part of its path.
fn label(source: &str) -> String {
    Path::new(source).file_name().map_or_else(|| source.to_string(), |name| name.to_string_lossy().into_owned())
}
