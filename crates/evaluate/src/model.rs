//! A checkpoint with its tokenizer.

use crate::EvaluateError;
use kleiber_data::Tokenizer;
use kleiber_models::Decoder;
use kleiber_models::checkpoint;
use std::path::{Path, PathBuf};

const TOKENIZER: &str = "tokenizer.json";

/// A decoder with the tokenizer that it was trained with.
#[derive(Debug)]
pub struct Model {
    /// The decoder.
    pub decoder: Decoder,
    /// What makes tokens of text.
    pub tokenizer: Tokenizer,
    /// Tokens that end a text.
    pub ends: Vec<u32>,
    /// The family that its `config.json` names; empty for a model that was never in a folder.
    pub model_type: &'static str,
    /// The folder that it was read from; empty for a model that was never in one.
    pub folder: PathBuf,
}

impl Model {
    /// A model at hand.
    ///
    /// # Errors
    /// [`EvaluateError::Vocabulary`] when the tokenizer has more tokens than the decoder.
    pub fn new(decoder: Decoder, tokenizer: Tokenizer) -> Result<Self, EvaluateError> {
        let ends = vec![tokenizer.end_of_text()];
        Self { decoder, tokenizer, ends, model_type: "", folder: PathBuf::new() }.checked()
    }

    /// Reads the folder of a run (its newest step), of one of its steps, or of a Hugging Face model with a
    /// `tokenizer.json`; that of a step may also lie in the folder of its run.
    ///
    /// # Errors
    /// [`EvaluateError::NoModel`], [`EvaluateError::NoTokenizer`], [`EvaluateError::Vocabulary`], and those of the readers.
    pub fn load(path: &Path) -> Result<Self, EvaluateError> {
        let folder =
            kleiber_train::checkpoint::locate(path).ok_or_else(|| EvaluateError::NoModel { path: path.into() })?;
        let step = folder.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("step-"));
        let run = folder.parent().filter(|_| step);
        let beside =
            [Some(folder.as_path()), run].into_iter().flatten().map(|f| f.join(TOKENIZER)).find(|p| p.exists());
        let beside = beside.ok_or_else(|| EvaluateError::NoTokenizer { folder: folder.clone() })?;
        let tokenizer = Tokenizer::load(&beside)?;
        let read = checkpoint::read(&folder)?;
        let mut ends = read.ends;
        ends.push(tokenizer.end_of_text());
        Self { decoder: read.decoder, tokenizer, ends, model_type: read.model_type, folder }.checked()
    }

    fn checked(self) -> Result<Self, EvaluateError> {
        let (tokenizer, model) = (self.tokenizer.vocab(), self.decoder.config().vocab);
        if tokenizer > model {
            return Err(EvaluateError::Vocabulary { tokenizer, model });
        }
        Ok(self)
    }

    /// The tokens of a prompt behind the end of another text, as texts begin in training; without it when not `fresh`
    /// and the prompt is not empty.
    pub(crate) fn given(&self, prompt: &str, fresh: bool) -> Result<Vec<u32>, EvaluateError> {
        let mut tokens = self.tokenizer.encode(prompt)?;
        if fresh || tokens.is_empty() {
            tokens.insert(0, self.tokenizer.end_of_text());
        }
        Ok(tokens)
    }
}
