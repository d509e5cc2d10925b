//! A ladder from its first rung to the target: everything that is finished is found on disk and not made again.

use super::batches;
use super::design::{Design, FACTORS, Rung};
use super::prediction::{Forecast, Prediction, forecast};
use super::trajectory::{self, Curve, Curves, mean_error};
use crate::{Finished, Job, SweepError, SweepOptions, Update, run};
use kleiber_core::stats::parabola;
use kleiber_core::table::Table;
use kleiber_core::units::format_quantity;
use kleiber_laws::batch::{BatchRun, CriticalBatch};
use kleiber_train::config::Auto;
use kleiber_train::events;
use kleiber_train::{Lock, Outcome, Plan, Reason, Texts};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

/// Name of the design in a ladder's folder.
pub const DESIGN: &str = "design.json";
/// Name of the predictions in a ladder's folder.
pub const PREDICTIONS: &str = "predictions.json";
/// Name of the run table in a ladder's folder: rungs and target.
pub const TABLE: &str = "runs.parquet";
/// Largest factor of the usual rate that is tried, and one over the smallest.
const FARTHEST: f64 = 16.0;
/// Rungs from which on a law is tried while others are still made.
const ENOUGH: usize = 7;

/// What happens on the way.
#[derive(Debug)]
pub enum Progress<'a> {
    /// Runs are about to be made.
    Phase {
        /// Which.
        phase: Phase,
        /// The runs.
        jobs: &'a [Job],
    },
    /// Something happened in one of them.
    Update(Update<'a>),
    /// The learning rate was chosen, as a factor of the default of each size.
    Factor(f64),
    /// The law as it stands among the rungs that are finished.
    Forecast(&'a Forecast),
    /// The prediction was written down.
    Written(&'a Prediction),
}

/// Which runs are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The learning rate on the smallest size.
    Search,
    /// What is fitted.
    Rungs,
    /// Batches of several sizes.
    Batches,
    /// What is predicted.
    Target,
}

/// A run of the ladder with its result.
#[derive(Debug)]
pub struct Made {
    /// The run.
    pub rung: Rung,
    /// Its folder.
    pub folder: PathBuf,
    /// FLOP.
    pub flops: f64,
    /// Tokens of a step.
    pub batch: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Its losses.
    pub curve: Curve,
}

/// A finished ladder.
#[derive(Debug)]
pub struct Ascent {
    /// Runs of the search: factor of the rate and loss; none when a rate was asked for.
    pub search: Vec<(f64, f64)>,
    /// The factor that was chosen.
    pub factor: f64,
    /// The runs that were fitted.
    pub rungs: Vec<Made>,
    /// The critical batch size, where the runs that were made for it tell.
    pub batches: Option<CriticalBatch>,
    /// The fit.
    pub forecast: Forecast,
    /// Every prediction that was written down, the first first.
    pub predictions: Vec<Prediction>,
    /// The run that was predicted.
    pub target: Made,
    /// Seconds since 1970 when the target began.
    pub target_begun: u64,
}

impl Ascent {
    /// The prediction that the target tests: the last one that was written down before it began; the first one that was
    /// written down at all when none was.
    pub fn tested(&self) -> &Prediction {
        self.predictions.iter().rfind(|p| self.is_before(p)).unwrap_or(&self.predictions[0])
    }

    /// Whether a prediction was written down before the target began.
    pub fn is_before(&self, prediction: &Prediction) -> bool {
        prediction.made <= self.target_begun
    }

    /// Mean relative error of the predicted losses on the way.
    pub fn trajectory_error(&self) -> Option<f64> {
        mean_error(&self.tested().claim.trajectory, &self.target.curve.points)
    }
}

/// Makes what is left of a ladder in `folder`; nothing when it was stopped on the way.
///
/// # Errors
/// [`SweepError`]; a run that fails ends the ladder.
pub fn climb(
    design: &Design,
    texts: &Texts,
    folder: &Path,
    options: &SweepOptions,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Option<Ascent>, SweepError> {
    let _lock = Lock::take(folder)?;
    let climber = Climber { design, texts, folder, options, tell };
    climber.climb()
}

struct Climber<'a> {
    design: &'a Design,
    texts: &'a Texts,
    folder: &'a Path,
    options: &'a SweepOptions,
    tell: &'a (dyn Fn(Progress<'_>) + Sync),
}

impl Climber<'_> {
    fn climb(&self) -> Result<Option<Ascent>, SweepError> {
        let (search, factor) = match self.design.asked.train.lr {
            Auto::Value(rate) => (Vec::new(), rate / self.usual_rate(self.design.target)?),
            Auto::Auto => {
                let Some(search) = self.search()? else { return Ok(None) };
                let factor = best_factor(&search);
                (search, factor)
            }
        };
        (self.tell)(Progress::Factor(factor));
        let jobs = self.design.rungs.iter().map(|rung| self.job(*rung, factor)).collect::<Result<Vec<_>, _>>()?;
        let target = self.job(self.design.target, factor)?;
        let finished = Mutex::new(0);
        let as_it_stands = |outcome: &Outcome| {
            let mut finished = finished.lock().unwrap_or_else(|e| e.into_inner());
            *finished += 1;
            if *finished < ENOUGH || *finished == jobs.len() || outcome.already {
                return;
            }
            // While rungs are missing, a refusal only means that more are needed.
            if let Ok(forecast) = self.forecast(&jobs, &target) {
                (self.tell)(Progress::Forecast(&forecast));
            }
        };
        let rungs = SweepOptions { table: self.folder.join(TABLE), ..self.options.clone() };
        let Some(outcomes) = self.make(Phase::Rungs, &jobs, &rungs, &as_it_stands)? else { return Ok(None) };
        let forecast = self.forecast(&jobs, &target)?;
        (self.tell)(Progress::Forecast(&forecast));
        let predictions = self.write_down(&forecast)?;
        let Some(batches) = self.batches(factor)? else { return Ok(None) };
        let alone = SweepOptions { parallel: 1, ..rungs };
        let jobs_of_target = std::slice::from_ref(&target);
        let Some(outcome) = self.make(Phase::Target, jobs_of_target, &alone, &|_| ())? else { return Ok(None) };
        let made = |rung: &Rung, job: &Job, outcome: &Outcome| {
            let folder = self.options.runs.join(job.name());
            let curve = trajectory::measured(&folder, &job.plan)?;
            let batch = (job.plan.options.batch * job.plan.decoder.context) as u64;
            let (flops, outcome) = (job.plan.flops(), outcome.clone());
            Ok::<_, SweepError>(Made { rung: *rung, folder, flops, batch, outcome, curve })
        };
        let rungs = self.design.rungs.iter().zip(&jobs).zip(&outcomes).map(|((r, j), o)| made(r, j, o));
        let rungs = rungs.collect::<Result<Vec<_>, _>>()?;
        let target = made(&self.design.target, &target, &outcome[0])?;
        let target_begun = begun(&target.folder)?;
        Ok(Some(Ascent { search, factor, rungs, batches, forecast, predictions, target, target_begun }))
    }

    /// Losses of the smallest size at factors of its rate, at more of them while the best is at an end; nothing when
    /// stopped.
    fn search(&self) -> Result<Option<Vec<(f64, f64)>>, SweepError> {
        let of_search = |factor| {
            let job = self.job(self.design.search, factor)?;
            Ok(Job { label: format!("{} at {factor}x", job.label), ..job })
        };
        let options = SweepOptions { table: self.folder.join("search.parquet"), ..self.options.clone() };
        let mut factors = FACTORS.to_vec();
        loop {
            let jobs = factors.iter().map(|f| of_search(*f)).collect::<Result<Vec<_>, SweepError>>()?;
            let Some(made) = self.make(Phase::Search, &jobs, &options, &|_| ())? else { return Ok(None) };
            let losses = made.iter().map(|m| m.evaluation.loss);
            let mut search: Vec<(f64, f64)> = factors.iter().copied().zip(losses).collect();
            search.sort_by(|a, b| a.0.total_cmp(&b.0));
            match beyond(&search) {
                Some(next) => factors.push(next),
                None => return Ok(Some(search)),
            }
        }
    }

    /// The critical batch size, if it is asked for and the runs tell it; nothing when stopped.
    fn batches(&self, factor: f64) -> Result<Option<Option<CriticalBatch>>, SweepError> {
        let Some(rung) = self.design.batches else { return Ok(Some(None)) };
        let vocab = self.texts.tokenizer.vocab();
        let mut jobs = Vec::new();
        let mut sizes = Vec::new();
        for (batch, config) in batches::runs(self.design, rung, factor * self.usual_rate(rung)?, vocab)? {
            let label = format!("{} in {}", rung.label(), format_quantity(batch as f64));
            jobs.push(Job { label, plan: Plan::new(&config, vocab)?, texts: self.texts.clone() });
            sizes.push(batch);
        }
        let options = SweepOptions { table: self.folder.join("batches.parquet"), ..self.options.clone() };
        if self.make(Phase::Batches, &jobs, &options, &|_| ())?.is_none() {
            return Ok(None);
        }
        let curve = |(job, batch): (&Job, &u64)| {
            let curve = trajectory::measured(&self.options.runs.join(job.name()), &job.plan)?;
            Ok(BatchRun { batch: *batch as f64, points: curve.points })
        };
        let runs = jobs.iter().zip(&sizes).map(curve).collect::<Result<Vec<_>, SweepError>>()?;
        Ok(Some(CriticalBatch::of(&runs)))
    }

    /// The rate that a run of this size and tokens gets when nothing is asked.
    fn usual_rate(&self, rung: Rung) -> Result<f64, SweepError> {
        Ok(Plan::new(&self.design.run(rung, None), self.texts.tokenizer.vocab())?.options.schedule.peak)
    }

    /// A run at a factor of its usual rate.
    fn job(&self, rung: Rung, factor: f64) -> Result<Job, SweepError> {
        let rate = factor * self.usual_rate(rung)?;
        let plan = Plan::new(&self.design.run(rung, Some(rate)), self.texts.tokenizer.vocab())?;
        Ok(Job { label: rung.label(), plan, texts: self.texts.clone() })
    }

    /// Makes runs; nothing when they were stopped.
    fn make(
        &self,
        phase: Phase,
        jobs: &[Job],
        options: &SweepOptions,
        ended: &(dyn Fn(&Outcome) + Sync),
    ) -> Result<Option<Vec<Outcome>>, SweepError> {
        (self.tell)(Progress::Phase { phase, jobs });
        let finished = run(jobs, options, &|update| {
            let over = match &update {
                Update::End { result: Ok(outcome), .. } if outcome.reason == Reason::Finished => {
                    Some((*outcome).clone())
                }
                _ => None,
            };
            (self.tell)(Progress::Update(update));
            if let Some(outcome) = over {
                ended(&outcome);
            }
        })?;
        let mut outcomes = Vec::new();
        for (job, Finished { result, .. }) in jobs.iter().zip(finished) {
            match result {
                Some(Ok(outcome)) if outcome.reason == Reason::Finished => outcomes.push(outcome),
                Some(Err(error)) => {
                    return Err(SweepError::Cell { cell: job.label.clone(), source: Box::new(error) });
                }
                _ => return Ok(None),
            }
        }
        Ok(if self.options.stop.load(Ordering::Relaxed) && phase != Phase::Target { None } else { Some(outcomes) })
    }

    /// What the rungs that are finished say of the target.
    fn forecast(&self, jobs: &[Job], target: &Job) -> Result<Forecast, SweepError> {
        let table = Table::read(&self.folder.join(TABLE))?;
        let names: Vec<String> = jobs.iter().map(Job::name).collect();
        let labels = table.labels("run")?;
        // In the order of the design, so that it does not matter which was finished first.
        let rows: Vec<usize> = names.iter().filter_map(|name| labels.iter().position(|l| **l == **name)).collect();
        let curves = jobs.iter().zip(&names).filter(|(_, name)| labels.iter().any(|l| **l == ***name));
        let curves = curves.map(|(job, name)| trajectory::measured(&self.options.runs.join(name), &job.plan));
        let curves = Curves::new(curves.collect::<Result<_, _>>()?, &target.plan);
        forecast(&table.take(&rows), &curves, (self.design.target, target.plan.flops()), self.design.asked.seed)
    }

    /// Writes a prediction down unless it is the last one already.
    fn write_down(&self, forecast: &Forecast) -> Result<Vec<Prediction>, SweepError> {
        let path = self.folder.join(PREDICTIONS);
        let mut all = Prediction::read_all(&path)?;
        if all.last().is_none_or(|last| last.claim.rows != forecast.claim.rows) {
            all.push(Prediction::now(forecast.claim.clone()));
            Prediction::write_all(&path, &all)?;
        }
        all.last().into_iter().for_each(|last| (self.tell)(Progress::Written(last)));
        Ok(all)
    }
}

/// When a run began.
fn begun(folder: &Path) -> Result<u64, SweepError> {
    Ok(events::begun(&folder.join(events::FILE))?.map_or(0, |time| time as u64))
}

/// The factor to try next: the doubling or the half beyond the end that is best; nothing when the best is between the
/// ends or far enough out.
fn beyond(search: &[(f64, f64)]) -> Option<f64> {
    let best = best_factor(search);
    let (low, high) = search.iter().fold((f64::INFINITY, 0f64), |e, s| (e.0.min(s.0), e.1.max(s.0)));
    match best {
        _ if best == high && high < FARTHEST => Some(2.0 * high),
        _ if best == low && low > 1.0 / FARTHEST => Some(0.5 * low),
        _ => None,
    }
}

/// The factor at the bottom of the parabola in ln factor that is nearest to all losses, in quarters of a doubling, so that a
/// rate that is as good as another is the same run; within the factors that were tried. All of them count: the noise of a
/// single run is as large as what neighbours differ by. Without a bottom it is the factor of the lowest loss.
fn best_factor(search: &[(f64, f64)]) -> f64 {
    let lowest = search.iter().min_by(|a, b| a.1.total_cmp(&b.1)).map_or(1.0, |s| s.0);
    let (x, y): (Vec<f64>, Vec<f64>) = search.iter().map(|(factor, loss)| (factor.log2(), *loss)).unzip();
    let Some([_, slope, bend]) = parabola(&x, &y) else { return lowest };
    if bend <= 0.0 {
        return lowest;
    }
    let ends = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |e, x| (e.0.min(*x), e.1.max(*x)));
    let bottom: f64 = (-slope / (2.0 * bend)).clamp(ends.0, ends.1);
    2f64.powf((4.0 * bottom).round() / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_at_the_bottom_of_the_valley() {
        let at = |losses: [f64; 4]| best_factor(&[0, 1, 2, 3].map(|i| (FACTORS[i], losses[i])));
        let valley = |bottom: f64| [-2.0, -1.0, 0.0, 1.0f64].map(|x| 3.0 + 0.1 * (x - bottom).powi(2));
        assert_eq!(at(valley(0.0)), 1.0);
        assert_eq!(at(valley(-0.6)), 2f64.powf(-0.5));
        // Beyond what was tried there is no telling.
        assert_eq!((at(valley(4.0)), at(valley(-5.0))), (2.0, 0.25));
        // So the search goes on there, until the bottom is passed or the end is far away.
        let seen = |bottom: f64, factors: &[f64]| -> Vec<(f64, f64)> {
            factors.iter().map(|f| (*f, 3.0 + 0.1 * (f.log2() - bottom).powi(2))).collect()
        };
        assert_eq!((beyond(&seen(0.5, &FACTORS)), beyond(&seen(4.0, &FACTORS))), (None, Some(4.0)));
        assert_eq!(beyond(&seen(-5.0, &FACTORS)), Some(0.125));
        assert_eq!((beyond(&seen(2.4, &[0.5, 1.0, 2.0, 4.0, 8.0])), beyond(&seen(9.0, &[8.0, 16.0]))), (None, None));
        // No valley: the lowest.
        assert_eq!(at([3.0, 3.2, 3.2, 3.1]), 0.25);
        // One run that came out a little worse does not halve the rate.
        assert_eq!(at([4.6636, 4.3776, 4.4246, 4.4085]), 1.0);
    }
}
