//! The one error type of this crate.

use kleiber_core::CoreError;
use kleiber_laws::LawError;
use kleiber_train::TrainError;

/// Everything that can be wrong with a sweep; what goes wrong in one of its runs is that run's result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// Files.
    #[error(transparent)]
    Core(#[from] CoreError),
    /// A run that cannot be planned, or whose log cannot be read.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A law that cannot be fitted.
    #[error(transparent)]
    Law(#[from] LawError),
    /// A ladder that leads nowhere.
    #[error("{why}")]
    Ladder {
        /// What is wrong.
        why: String,
        /// What would help.
        hint: &'static str,
    },
    /// The configuration of a cell.
    #[error("cell {cell}: {source}")]
    Cell {
        /// Its assignments.
        cell: String,
        /// What is wrong with them.
        source: Box<TrainError>,
    },
    /// Two cells that are the same run.
    #[error("the cells `{first}` and `{second}` are the same run {run}")]
    Twins {
        /// The assignments of one.
        first: String,
        /// The assignments of the other.
        second: String,
        /// The run's name.
        run: String,
    },
    /// The configuration of the sweep.
    #[error("{source_name}: {why}")]
    Config {
        /// File name.
        source_name: String,
        /// What is wrong.
        why: String,
    },
}

impl SweepError {
    /// One thing to try.
    pub fn hint(&self) -> String {
        match self {
            Self::Core(e) => e.hint(),
            Self::Train(e) => e.hint(),
            Self::Law(e) => e.hint(),
            Self::Ladder { hint, .. } => (*hint).into(),
            Self::Cell { source, .. } => source.hint(),
            Self::Twins { .. } => "leave one of them out".into(),
            Self::Config { .. } => {
                "a sweep has `base` (a run's file), [set] for all cells, [grid] of lists, and [[cells]]".into()
            }
        }
    }
}
