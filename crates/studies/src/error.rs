//! The one error type of this crate.

use kleiber_compress::CompressError;
use kleiber_core::CoreError;
use kleiber_data::DataError;
use kleiber_evaluate::EvaluateError;
use kleiber_laws::LawError;
use kleiber_sweep::SweepError;
use kleiber_train::TrainError;

/// Everything that can keep a study from a verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// Tables, files and assertions.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// Models made smaller.
    #[error(transparent)]
    Compress(#[from] CompressError),
    /// Texts and tasks.
    #[error(transparent)]
    Data(#[from] DataError),
    /// What checkpoints answer.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// Laws.
    #[error(transparent)]
    Law(#[from] LawError),
    /// Runs.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// A run's files.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// No study of this name.
    #[error("no study `{slug}`{}", nearest.as_ref().map_or_else(String::new, |n| format!("; did you mean `{n}`?")))]
    Unknown {
        /// The name as given.
        slug: String,
        /// The closest name.
        nearest: Option<String>,
    },
    /// A study whose mechanisms are missing.
    #[error("{slug} cannot run yet; it needs {}", needs.join(", "))]
    Needs {
        /// The study.
        slug: String,
        /// What is missing.
        needs: Vec<String>,
    },
    /// A declaration that says something impossible.
    #[error("{slug}: {why}")]
    Declaration {
        /// The study.
        slug: String,
        /// What is wrong.
        why: String,
    },
    /// A step that cannot be made.
    #[error("step `{step}`: {source}")]
    Step {
        /// Its name.
        step: String,
        /// Why not.
        source: Box<StudyError>,
    },
    /// Something in a step is not as it must be.
    #[error("{why}")]
    Refused {
        /// What is wrong.
        why: String,
        /// What would help.
        hint: String,
    },
    /// A run that failed.
    #[error("{label}: {source}")]
    Run {
        /// The cell.
        label: String,
        /// Why.
        source: Box<TrainError>,
    },
    /// The time that was given is over; what was made is kept.
    #[error("the time is over in step `{step}`")]
    Time {
        /// The step.
        step: String,
    },
    /// An interruption; what was made is kept.
    #[error("interrupted in step `{step}`")]
    Interrupted {
        /// The step.
        step: String,
    },
}

impl StudyError {
    /// A mistake in a step with what would help.
    pub fn refused(why: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Refused { why: why.into(), hint: hint.into() }
    }

    /// The same, with the step it happened in.
    pub(crate) fn in_step(self, step: &str) -> Self {
        match self {
            Self::Time { .. } | Self::Interrupted { .. } | Self::Step { .. } => self,
            source => Self::Step { step: step.into(), source: Box::new(source) },
        }
    }

    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Compress(e) => e.hint(),
            Self::Data(e) => e.hint(),
            Self::Evaluate(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Sweep(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::Run { source, .. } => source.hint(),
            Self::Step { source, .. } => source.hint(),
            Self::Unknown { .. } => "`kleiber study list` shows them".into(),
            Self::Needs { slug, .. } => format!("`kleiber study show {slug}` says what it would do"),
            Self::Declaration { slug, .. } => {
                format!("correct the study.toml of {slug}; docs/studies.md says what it holds")
            }
            Self::Refused { hint, .. } => hint.clone(),
            Self::Time { .. } | Self::Interrupted { .. } => "the same command continues it".into(),
        }
    }
}
