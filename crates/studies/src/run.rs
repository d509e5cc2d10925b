//! From a declaration to a verdict.

use crate::StudyError;
use crate::context::{Context, Options, Progress};
use crate::judge::{Judged, judge, truth};
use crate::result::{Declared, Outcome, SCHEMA};
use crate::study::{Preset, Study};
use indexmap::IndexMap;
use kleiber_core::assertion::Assertion;
use kleiber_core::atomic;
use kleiber_core::guard::load_small;
use kleiber_core::table::Table;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// File that lists the declarations under which a study was run in a folder.
const DECLARED: &str = "declared.json";
/// How often the time is looked at while runs are made.
const TICK: Duration = Duration::from_millis(200);

/// A finished study with its tables.
#[derive(Debug)]
pub struct Finished {
    /// What was found.
    pub outcome: Outcome,
    /// The table of each step.
    pub tables: IndexMap<String, Table>,
}

/// Runs a study; `folder` keeps what it was declared to be before its first step.
///
/// # Errors
/// [`StudyError`]; after [`StudyError::Interrupted`] and [`StudyError::Time`] the same call goes on.
pub fn run(
    study: &Study,
    preset: Preset,
    options: &Options,
    machine: &str,
    folder: &Path,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<Finished, StudyError> {
    if !study.is_runnable() {
        return Err(StudyError::Needs { slug: study.slug.clone(), needs: study.header.needs.clone() });
    }
    let started = Instant::now();
    let declared = declare(study, folder)?;
    let tables = steps(study, preset, options, tell)?;
    let expectations = judged(&study.expect, &tables)?;
    let further = judged(&study.further, &tables)?;
    let mut controls = Vec::new();
    for control in &study.controls {
        controls.extend(control.outcomes(&study.expect, &tables)?);
    }
    let (verdict, reason) = judge(&expectations, &controls);
    let outcome = Outcome {
        schema: SCHEMA.into(),
        slug: study.slug.clone(),
        header: study.header.clone(),
        verdict,
        reason,
        expectations,
        further,
        controls,
        preset,
        seed: options.seed,
        seeds: options.seeds,
        declaration: study.hash.to_string(),
        declared,
        seconds: started.elapsed().as_secs_f64(),
        date: date(now()),
        version: env!("CARGO_PKG_VERSION").into(),
        machine: machine.into(),
        threads: options.threads,
    };
    Ok(Finished { outcome, tables })
}

/// Makes the tables, in order; the time is kept beside them.
fn steps(
    study: &Study,
    preset: Preset,
    options: &Options,
    tell: &(dyn Fn(Progress<'_>) + Sync),
) -> Result<IndexMap<String, Table>, StudyError> {
    let steps = study.steps(preset)?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if let Some(deadline) = options.deadline {
            let over = &over;
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    if Instant::now() >= deadline {
                        options.stop.store(true, Ordering::Relaxed);
                        return;
                    }
                    std::thread::sleep(TICK);
                }
            });
        }
        let make = || {
            let mut tables = IndexMap::new();
            for (number, (name, step)) in steps.iter().enumerate() {
                tell(Progress::Step { name, number: number + 1, of: steps.len() });
                let context = Context { options, step: name, tables: &tables, tell };
                context.go_on()?;
                let table = step.run(&context).map_err(|e| e.in_step(name))?;
                tables.insert(name.clone(), table);
            }
            Ok(tables)
        };
        let made = make();
        over.store(true, Ordering::Relaxed);
        made
    })
}

/// Each claim with what was found.
fn judged(claims: &[Assertion], tables: &IndexMap<String, Table>) -> Result<Vec<Judged>, StudyError> {
    let beside = claims.iter().filter(|e| !e.gate).count();
    let of = |claim: &Assertion| {
        let finding = truth(claim, &tables[&claim.table], beside).map_err(|e| e.in_step(&claim.name))?;
        Ok(Judged::new(claim, finding))
    };
    claims.iter().map(of).collect()
}

/// Writes down what the study is declared to be, before anything is known.
fn declare(study: &Study, folder: &Path) -> Result<Vec<Declared>, StudyError> {
    let path = folder.join(DECLARED);
    let mut all: Vec<Declared> = match path.exists() {
        true => serde_json::from_slice(&load_small(&path, 1 << 20)?).map_err(|e| {
            StudyError::refused(format!("{}: {e}", path.display()), "give another --out; this file was changed")
        })?,
        false => Vec::new(),
    };
    let hash = study.hash.to_string();
    if all.last().is_none_or(|last| last.hash != hash) {
        all.push(Declared { time: now(), hash });
        std::fs::create_dir_all(folder).map_err(|source| kleiber_core::CoreError::Io {
            path: folder.into(),
            action: "write",
            source,
        })?;
        atomic::write(&path, &serde_json::to_vec_pretty(&all).expect("plain data"))?;
    }
    Ok(all)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The day of a time in seconds since 1970, in UTC.
fn date(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| chrono::DateTime::from_timestamp(seconds, 0));
    time.map_or_else(String::new, |time| time.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Verdict;

    fn study(more: &str) -> Study {
        let text = format!(
            r#"
title = "t"
question = "q"
claim = "c"
axis = ["params"]
source = "s"
expectation = "e"
failure = "f"
baseline = "b"
negative_control = "n"
minutes = 1
rooms = ["laws"]
needs = []
[[step]]
name = "rows"
do = "table"
columns = {{ x = [1, 2, 3, 4, 5, 6, 7, 8], y = [9, 8, 7, 6, 5, 4, 3, 2] }}
[[step]]
name = "twice"
do = "derive"
table = "rows"
map = ["y = 2 * y"]
{more}
[[control]]
because = "in another order it does not fall"
table = "twice"
shuffle = "y"
expect = ["falls"]
"#
        );
        Study::parse("s", &text).unwrap()
    }

    fn falls(at_most: f64) -> String {
        format!(
            "[[expect]]\nname = \"falls\"\ntable = \"twice\"\nproperty = \"rank_correlation\"\nx = \"x\"\ny = \"y\"\nat_most = {at_most}\nbecause = \"b\""
        )
    }

    #[test]
    fn a_declaration_becomes_a_verdict_and_its_changes_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let run = |study: &Study| {
            super::run(study, Preset::Default, &Options::of_tests(None), "m", folder.path(), &|_| ()).unwrap()
        };
        let finished = run(&study(&falls(-0.5)));
        assert_eq!(finished.outcome.verdict, Verdict::Reproduced, "{}", finished.outcome.reason);
        assert_eq!(finished.tables["twice"].numbers("y").unwrap()[0], 18.0);
        assert_eq!(run(&study(&falls(-0.5))).outcome.declared.len(), 1);
        let changed = run(&study(&falls(-0.6))).outcome;
        assert_eq!(changed.declared.len(), 2);
        assert_eq!(changed.declared[1].hash, changed.declaration);
        let json = serde_json::to_string(&changed).unwrap();
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), changed);
    }

    #[test]
    fn time_and_interruptions_end_it_with_the_step_they_came_in() {
        let folder = tempfile::tempdir().unwrap();
        let late = Options::of_tests(Some(Instant::now() - Duration::from_secs(1)));
        let error = run(&study(&falls(-0.5)), Preset::Default, &late, "m", folder.path(), &|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the time is over in step `rows`");
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!((date(0), date(951_782_400), date(1_795_801_126)).1, "2000-02-29");
        assert_eq!(date(86_399), "1970-01-01");
    }
}
