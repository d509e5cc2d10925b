//! `do = "sweep"`: training runs.

use super::Step;
use crate::context::Progress;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_sweep::{Cell, Finished, Job, SweepOptions, Update, jobs, run};
use kleiber_train::{Reason, Record, RunConfig};
use serde::Deserialize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use toml::Value;

/// Runs: every arm with every combination of the grid, from every row of `from`. The table is the run table with a column
/// for each key that varies (its last part), the name of the arm, and the run's `folder`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sweep {
    /// Keys of all runs.
    #[serde(default)]
    set: IndexMap<String, Value>,
    /// Keys with the values that they take in turn.
    #[serde(default)]
    grid: IndexMap<String, Vec<Value>>,
    /// Keys that go together; those without a dot, such as `arm`, are columns and no keys of the configuration.
    #[serde(default)]
    arms: Vec<IndexMap<String, Value>>,
    /// Runs that these start from.
    from: Option<String>,
    /// Conditions on them.
    #[serde(default)]
    from_where: Vec<String>,
    /// Their columns that are taken over, `new=old`.
    #[serde(default)]
    carry: Vec<String>,
    /// Whether the evaluations on the way are rows, too.
    #[serde(default)]
    along: bool,
}

/// A run to be made.
struct Planned {
    /// Keys and values that set it apart.
    own: Vec<(String, Value)>,
    /// Row of `from`.
    from: Option<usize>,
    cell: Cell,
}

impl Step for Sweep {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let from = match &self.from {
            Some(name) => Some(context.rows(name, &[], &self.from_where)?),
            None => None,
        };
        if self.set.is_empty() && self.grid.is_empty() && self.arms.is_empty() {
            return Err(StudyError::refused("a sweep of nothing", "give it `set`, `arms` or `grid`"));
        }
        let planned = self.planned(from.as_ref(), context)?;
        let cells = planned.iter().map(|p| p.cell.clone()).collect();
        let jobs = jobs(cells, &context.options.cache, &|stage| (context.tell)(Progress::Stage(stage)))?;
        let table = context.options.runs.join(format!("{}.parquet", context.step));
        let finished = make(&jobs, &table, context)?;
        self.rows(&planned, &jobs, &finished, from.as_ref(), context.step)
    }
}

impl Sweep {
    fn planned(&self, from: Option<&Table>, context: &Context<'_>) -> Result<Vec<Planned>, StudyError> {
        let mut all: Vec<Vec<(String, Value)>> = match self.arms.is_empty() {
            true => vec![Vec::new()],
            false => self.arms.iter().map(|arm| arm.iter().map(|(k, v)| (k.clone(), v.clone())).collect()).collect(),
        };
        for (key, values) in &self.grid {
            let repeated = (key == "seed").then_some(context.options.seeds).flatten();
            let values = match repeated {
                Some(seeds) => (0..seeds as i64).map(Value::Integer).collect(),
                None => values.clone(),
            };
            let with = |cell: &Vec<(String, Value)>| {
                let cell = cell.clone();
                values.iter().map(move |v| [cell.clone(), vec![(key.clone(), v.clone())]].concat()).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(with).collect();
        }
        let folders = from.map(|table| table.labels("folder")).transpose()?;
        let sources: Vec<Option<usize>> = match &folders {
            Some(folders) => (0..folders.len()).map(Some).collect(),
            None => vec![None],
        };
        let base = RunConfig { seed: context.options.seed, ..RunConfig::default() };
        let mut planned = Vec::new();
        for own in all {
            for &from in &sources {
                let start =
                    from.zip(folders.as_ref()).map(|(row, folders)| format!("model.start=\"{}\"", folders[row]));
                let keys = self.set.iter().chain(own.iter().map(|(k, v)| (k, v)));
                let assigned =
                    keys.filter(|(key, _)| is_configuration(key)).map(|(key, value)| format!("{key}={value}"));
                let mut config =
                    RunConfig::load_over(&base, None, &start.into_iter().chain(assigned).collect::<Vec<_>>())?;
                if own.iter().any(|(key, _)| key == "seed") {
                    config.seed += context.options.seed;
                }
                let words = own.iter().map(|(key, value)| format!("{}={value}", last(key)).replace('"', ""));
                let row = from.map(|row| format!("from={row}"));
                let label = words.chain(row).collect::<Vec<_>>().join(" ");
                planned.push(Planned { own: own.clone(), from, cell: Cell { label, config } });
            }
        }
        Ok(planned)
    }

    /// The rows of the finished runs.
    fn rows(
        &self,
        planned: &[Planned],
        jobs: &[Job],
        finished: &[Finished],
        from: Option<&Table>,
        step: &str,
    ) -> Result<Table, StudyError> {
        let mut all: Option<Table> = None;
        for ((planned, job), finished) in planned.iter().zip(jobs).zip(finished) {
            let mut rows =
                kleiber_train::rows(&job.plan, &Record::new(&job.plan, &job.texts), &finished.folder, self.along)?;
            let count = rows.rows();
            let mut put = |name: &str, cells: Cells| -> Result<(), StudyError> {
                rows = rows.with_column(Column { name: name.into(), cells })?;
                Ok(())
            };
            for (key, value) in &planned.own {
                let number = value.as_float().or_else(|| value.as_integer().map(|i| i as f64));
                let cells = match (number, value.as_str()) {
                    (Some(number), _) => Cells::Number(vec![number; count]),
                    (_, text) => {
                        Cells::Text(vec![text.map_or_else(|| value.to_string(), str::to_string).into(); count])
                    }
                };
                // What the run table calls so is what the run had, in its units.
                if !is_configuration(key) || !IN_RUN_TABLE.contains(&last(key)) {
                    put(last(key), cells)?;
                }
            }
            if let (Some(from), Some(row)) = (from, planned.from) {
                for carry in &self.carry {
                    let (new, old) = carry.split_once('=').unwrap_or((carry, carry));
                    let cells = &from.column(old.trim()).ok_or_else(|| from.missing(old.trim()))?.cells;
                    put(
                        new.trim(),
                        match cells {
                            Cells::Number(v) => Cells::Number(vec![v[row]; count]),
                            Cells::Text(v) => Cells::Text(vec![v[row].clone(); count]),
                        },
                    )?;
                }
            }
            put("folder", Cells::Text(vec![finished.folder.display().to_string().into(); count]))?;
            all = Some(all.map_or(rows.clone(), |above| above.stacked(&rows)));
        }
        all.ok_or_else(|| StudyError::refused(format!("step `{step}` has no runs"), "give it a grid or arms"))
    }
}

/// Keys whose name is a column of the run table with another unit or spelling.
const IN_RUN_TABLE: [&str; 7] = ["params", "tokens", "unique_tokens", "vocab", "batch_tokens", "schedule", "positions"];

/// Keys of a configuration have a dot, but for the seed.
fn is_configuration(key: &str) -> bool {
    key.contains('.') || key == "seed"
}

fn last(key: &str) -> &str {
    key.rsplit('.').next().unwrap_or(key)
}

/// Makes the runs, those that are finished are found.
fn make(jobs: &[Job], table: &std::path::Path, context: &Context<'_>) -> Result<Vec<Finished>, StudyError> {
    let options = context.options;
    let done = AtomicUsize::new(0);
    let order = Mutex::new(());
    let tell = |update: Update<'_>| {
        if let Update::End { job, result: Ok(outcome) } = update
            && outcome.reason == Reason::Finished
        {
            let _one_at_a_time = order.lock().unwrap_or_else(|e| e.into_inner());
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            let (label, loss) = (jobs[job].label.as_str(), outcome.evaluation.loss);
            (context.tell)(Progress::Run { label, done, of: jobs.len(), loss, already: outcome.already });
        }
    };
    let sweep = SweepOptions {
        runs: options.runs.clone(),
        table: table.to_path_buf(),
        parallel: options.threads,
        threads: options.threads,
        memory: options.memory,
        stop: options.stop.clone(),
    };
    let finished = run(jobs, &sweep, &tell)?;
    context.go_on()?;
    for (job, finished) in jobs.iter().zip(&finished) {
        if let Some(Err(error)) = &finished.result {
            let source = error.to_string();
            return Err(StudyError::refused(format!("{}: {source}", job.label), error.hint()));
        }
    }
    Ok(finished)
}
