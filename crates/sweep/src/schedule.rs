//! Runs beside each other within memory.

use crate::SweepError;
use kleiber_core::CoreError;
use kleiber_core::units::format_bytes;
use kleiber_train::estimate::Memory;
use kleiber_train::{Event, Outcome, Plan, RunOptions, Texts, TrainError};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

/// A run to be made.
#[derive(Debug, Clone)]
pub struct Job {
    /// What sets it apart from the others.
    pub label: String,
    /// The run.
    pub plan: Plan,
    /// Its text.
    pub texts: Texts,
}

impl Job {
    /// The name of its folder: a function of everything that the run is made of.
    pub fn name(&self) -> String {
        self.plan.name(&self.texts)
    }
}

/// Where and how a sweep is made.
#[derive(Debug, Clone)]
pub struct SweepOptions {
    /// Folder of the runs.
    pub runs: PathBuf,
    /// Run table that they are entered in.
    pub table: PathBuf,
    /// Runs beside each other.
    pub parallel: usize,
    /// Threads of all of them together.
    pub threads: usize,
    /// Bytes that runs beside each other may be estimated to need.
    pub memory: u64,
    /// Ends the sweep: runs under way end with a checkpoint, others do not begin.
    pub stop: Arc<AtomicBool>,
}

/// What happens in a sweep.
#[derive(Debug)]
pub enum Update<'a> {
    /// A run begins.
    Begin {
        /// Index of the job.
        job: usize,
    },
    /// Something happened in a run.
    Event {
        /// Index of the job.
        job: usize,
        /// What.
        event: &'a Event,
    },
    /// A run is over.
    End {
        /// Index of the job.
        job: usize,
        /// How it went.
        result: &'a Result<Outcome, TrainError>,
    },
}

/// How a run of a sweep went.
#[derive(Debug)]
pub struct Finished {
    /// Folder of the run.
    pub folder: PathBuf,
    /// Nothing when the sweep ended before the run began.
    pub result: Option<Result<Outcome, TrainError>>,
}

/// What is under way.
struct State {
    /// Jobs that have not begun, the costliest last.
    waiting: Vec<usize>,
    /// Bytes that runs under way are estimated to need.
    memory: u64,
    results: Vec<Option<Result<Outcome, TrainError>>>,
}

/// Makes the runs, the costliest first; the results come in the order of the jobs. A run that fails does not stop the
/// others.
///
/// # Errors
/// [`SweepError::Twins`] for two jobs that are one run; [`SweepError::Core`] when the threads cannot be started or the folder cannot be made.
pub fn run(
    jobs: &[Job],
    options: &SweepOptions,
    tell: &(dyn Fn(Update<'_>) + Sync),
) -> Result<Vec<Finished>, SweepError> {
    std::fs::create_dir_all(&options.runs).map_err(|source| CoreError::Io {
        path: options.runs.clone(),
        action: "write",
        source,
    })?;
    let mut names: HashMap<String, &str> = HashMap::new();
    for job in jobs {
        if let Some(first) = names.insert(job.name(), &job.label) {
            let (first, second, run) = (first.into(), job.label.clone(), job.name());
            return Err(SweepError::Twins { first, second, run });
        }
    }
    let cost = |job: &Job| job.plan.flops();
    let mut waiting: Vec<usize> = (0..jobs.len()).collect();
    waiting.sort_by(|&a, &b| cost(&jobs[a]).total_cmp(&cost(&jobs[b])).then(b.cmp(&a)));
    let workers = options.parallel.clamp(1, jobs.len().max(1));
    let pools: Result<Vec<_>, _> = (0..workers)
        .map(|worker| {
            let threads = (options.threads + worker) / workers;
            rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build()
        })
        .collect();
    let pools = pools.map_err(|e| CoreError::Io {
        path: options.runs.clone(),
        action: "start threads for",
        source: std::io::Error::other(e.to_string()),
    })?;
    let results = jobs.iter().map(|_| None).collect();
    let state = (Mutex::new(State { waiting, memory: 0, results }), Condvar::new());
    std::thread::scope(|scope| {
        for pool in &pools {
            let state = &state;
            scope.spawn(move || work(jobs, options, tell, state, pool));
        }
    });
    let results = state.0.into_inner().unwrap_or_else(|e| e.into_inner()).results;
    let folder = |job: &Job| options.runs.join(job.name());
    Ok(jobs.iter().zip(results).map(|(job, result)| Finished { folder: folder(job), result }).collect())
}

fn work(
    jobs: &[Job],
    options: &SweepOptions,
    tell: &(dyn Fn(Update<'_>) + Sync),
    (state, changed): &(Mutex<State>, Condvar),
    pool: &rayon::ThreadPool,
) {
    loop {
        let mut now = state.lock().unwrap_or_else(|e| e.into_inner());
        let (job, memory) = loop {
            if options.stop.load(Ordering::Relaxed) || now.waiting.is_empty() {
                return;
            }
            if let Some(next) = next(jobs, &now, options.memory) {
                break next;
            }
            now = changed.wait(now).unwrap_or_else(|e| e.into_inner());
        };
        now.waiting.retain(|waiting| *waiting != job);
        now.memory += memory;
        drop(now);
        tell(Update::Begin { job });
        let result = if memory > options.memory {
            Err(TrainError::Limit {
                what: format!(
                    "it needs about {}, more than the {} allowed",
                    format_bytes(memory),
                    format_bytes(options.memory)
                ),
            })
        } else {
            pool.install(|| one(&jobs[job], job, options, tell))
        };
        tell(Update::End { job, result: &result });
        let mut now = state.lock().unwrap_or_else(|e| e.into_inner());
        now.memory -= memory;
        now.results[job] = Some(result);
        changed.notify_all();
    }
}

/// The costliest job that fits beside what is under way; one that never fits is given out when nothing is.
fn next(jobs: &[Job], now: &State, limit: u64) -> Option<(usize, u64)> {
    let sized = now.waiting.iter().rev().map(|&job| (job, need(&jobs[job])));
    sized.into_iter().find(|(_, memory)| now.memory + memory <= limit || now.memory == 0)
}

fn need(job: &Job) -> u64 {
    Memory::estimate(&job.plan, job.texts.bytes()).total()
}

fn one(
    job: &Job,
    index: usize,
    options: &SweepOptions,
    tell: &(dyn Fn(Update<'_>) + Sync),
) -> Result<Outcome, TrainError> {
    let folder: &Path = &options.runs.join(job.name());
    let run = RunOptions {
        folder: folder.into(),
        table: Some(options.table.clone()),
        stop: options.stop.clone(),
        ..RunOptions::default()
    };
    kleiber_train::run(&job.plan, &job.texts, &run, &mut |event| tell(Update::Event { job: index, event }))
}
