//! What a step has to work with.

use crate::StudyError;
use indexmap::IndexMap;
use kleiber_core::table::{Selection, Table};
use kleiber_data::Stage;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Where and how a study is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Folder of runs, shared by all studies: a run is named by everything it is made of and is not made twice.
    pub runs: PathBuf,
    /// Folder of prepared text, shared likewise.
    pub cache: PathBuf,
    /// Seed of what steps draw, and added to the seeds of runs.
    pub seed: u64,
    /// Seeds of every run that the study repeats, instead of its own.
    pub seeds: Option<u64>,
    /// Threads.
    pub threads: usize,
    /// Bytes that runs beside each other may need.
    pub memory: u64,
    /// When the time is over.
    pub deadline: Option<Instant>,
    /// Ends the study, what was made is kept.
    pub stop: Arc<AtomicBool>,
}

#[cfg(test)]
impl Options {
    /// Those of tests, which make no runs.
    pub(crate) fn of_tests(deadline: Option<Instant>) -> Self {
        Self {
            runs: "runs".into(),
            cache: "data".into(),
            seed: 0,
            seeds: None,
            threads: 1,
            memory: u64::MAX,
            deadline,
            stop: Arc::default(),
        }
    }
}

/// What happens in a study.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A step begins.
    Step {
        /// Its name.
        name: &'a str,
        /// Its number, from 1.
        number: usize,
        /// Steps of the study.
        of: usize,
    },
    /// A run of a step is over.
    Run {
        /// What sets it apart.
        label: &'a str,
        /// Runs that are over.
        done: usize,
        /// Runs of the step.
        of: usize,
        /// Its loss.
        loss: f64,
        /// Whether it was found finished.
        already: bool,
    },
    /// Text is prepared.
    Stage(Stage),
    /// Anything else.
    Note(String),
}

/// What a step has to work with.
pub struct Context<'a> {
    /// Where and how.
    pub options: &'a Options,
    /// Name of the step.
    pub step: &'a str,
    /// The tables of the steps before.
    pub tables: &'a IndexMap<String, Table>,
    /// Hears what happens.
    pub tell: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl Context<'_> {
    /// The table of a step before.
    ///
    /// # Errors
    /// [`StudyError::Refused`] when there is none.
    pub fn table(&self, name: &str) -> Result<&Table, StudyError> {
        self.tables.get(name).ok_or_else(|| {
            let known = self.tables.keys().cloned().collect::<Vec<_>>().join(", ");
            StudyError::refused(format!("no table `{name}`"), format!("the steps before are: {known}"))
        })
    }

    /// Rows of the table of a step before, with mappings and conditions.
    ///
    /// # Errors
    /// As [`Context::table`] and [`Selection::apply`].
    pub fn rows(&self, name: &str, map: &[String], filter: &[String]) -> Result<Table, StudyError> {
        let selection = map.iter().try_fold(Selection::new(), |s, m| s.map(m))?;
        let selection = filter.iter().try_fold(selection, |s, condition| s.filter(condition))?;
        Ok(selection.apply(self.table(name)?)?)
    }

    /// Refuses to go on when the study is to end.
    ///
    /// # Errors
    /// [`StudyError::Interrupted`], [`StudyError::Time`].
    pub fn go_on(&self) -> Result<(), StudyError> {
        let step = self.step.to_string();
        // The deadline stops runs through the same flag.
        if self.options.deadline.is_some_and(|at| Instant::now() >= at) {
            return Err(StudyError::Time { step });
        }
        match self.options.stop.load(Ordering::Relaxed) {
            true => Err(StudyError::Interrupted { step }),
            false => Ok(()),
        }
    }
}
