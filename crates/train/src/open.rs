//! A run that was made, opened to be looked at.

use crate::{HeldOut, Plan, Record, RunConfig, Texts, TrainError, checkpoint, folder};
use kleiber_data::Stage;
use kleiber_models::{Decoder, checkpoint as layout};
use std::path::{Path, PathBuf};

/// A run's folder with what it was made of.
#[derive(Debug)]
pub struct OpenRun {
    /// The folder.
    pub folder: PathBuf,
    /// What is written down of it.
    pub record: Record,
    /// How it was made.
    pub plan: Plan,
    /// Its text.
    pub texts: Texts,
}

/// A checkpoint of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// Steps made.
    pub step: u64,
    /// Tokens seen.
    pub tokens: u64,
    /// Its folder.
    pub path: PathBuf,
}

impl OpenRun {
    /// Opens the folder of a run. Its text is prepared as [`Texts::prepare`] does, or found in `cache`; `tell` hears what
    /// takes time.
    ///
    /// # Errors
    /// Those of [`Texts::prepare`] and [`Plan::new`]; [`TrainError::Config`] when the folder is not that of a run, or the text
    /// it held out is no longer the same.
    pub fn open(folder: &Path, cache: &Path, tell: &dyn Fn(Stage)) -> Result<Self, TrainError> {
        let record = Record::read(folder)?;
        let config = RunConfig::load(Some(&folder.join(folder::CONFIG)), &[])?;
        let texts = Texts::prepare(&config, cache, tell)?;
        let found = texts.validation.content_hash().to_string();
        if found != record.validation {
            let short = |hash: &str| hash.chars().take(12).collect::<String>();
            let (found, then) = (short(&found), short(&record.validation));
            let why = format!("the run held out the text {then}, `{}` now gives {found}", config.data.source);
            return Err(TrainError::Config { source_name: folder.display().to_string(), why });
        }
        let plan = Plan::new(&config, texts.tokenizer.vocab())?;
        Ok(Self { folder: folder.into(), record, plan, texts })
    }

    /// Its name: that of its folder.
    pub fn name(&self) -> String {
        folder::name(&self.folder)
    }

    /// The checkpoints that are there, the newest last.
    pub fn checkpoints(&self) -> Vec<Saved> {
        let of = |path: PathBuf| {
            let step = checkpoint::step_of(&path)?;
            let batch = (self.plan.options.batch * self.plan.decoder.context) as u64;
            Some(Saved { step, tokens: step.saturating_mul(batch), path })
        };
        checkpoint::complete(&self.folder).into_iter().filter_map(of).collect()
    }

    /// The sequences that it is evaluated on.
    ///
    /// # Errors
    /// As [`HeldOut::new`].
    pub fn held_out(&self) -> Result<HeldOut, TrainError> {
        HeldOut::new(&self.plan, &self.texts)
    }
}

impl Saved {
    /// The model as it is evaluated.
    ///
    /// # Errors
    /// [`TrainError::Model`] for files that are missing or damaged.
    pub fn decoder(&self) -> Result<Decoder, TrainError> {
        Ok(layout::read(&self.path)?.decoder)
    }
}
