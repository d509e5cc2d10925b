//! `do = "ladder"`: a ladder of small runs, a prediction that is written down, and the run that tests it.

use super::Step;
use crate::context::Progress;
use crate::{Context, StudyError};
use indexmap::IndexMap;
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::ContentHash;
use kleiber_sweep::SweepOptions;
use kleiber_sweep::ladder::{self, Ascent, Design, Phase, base_config, climb};
use kleiber_train::{RunConfig, Texts};
use serde::Deserialize;
use toml::Value;

/// What a ladder gave.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LadderStep {
    /// Keys of the target, over those of `kleiber ladder`.
    #[serde(default)]
    set: IndexMap<String, Value>,
    /// Size of the target where `set` does not say.
    #[serde(default = "quick")]
    preset: ladder::Preset,
    /// Factor of the preset's tokens.
    #[serde(default = "one")]
    scale: f64,
    /// Whether the critical batch size is estimated, too.
    #[serde(default)]
    batches: bool,
    /// Seeds, a ladder each.
    #[serde(default = "first")]
    seeds: Vec<u64>,
    /// Which table.
    #[serde(default)]
    show: Show,
}

/// A table of a ladder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Show {
    /// A row for each seed: the prediction beside the measurement and beside what simpler rules say.
    #[default]
    Result,
    /// A row for each point of the target's curve: `tokens`, `predicted`, `measured`.
    Trajectory,
    /// A row for each loss that the runs of several batches crossed: `loss`, `batch` in tokens, and `misfit`, how far their
    /// points are from the hyperbola, as a share.
    Batches,
    /// The runs that were fitted, and the target.
    Runs,
}

fn quick() -> ladder::Preset {
    ladder::Preset::Quick
}

fn one() -> f64 {
    1.0
}

fn first() -> Vec<u64> {
    vec![0]
}

impl Step for LadderStep {
    fn run(&self, context: &Context<'_>) -> Result<Table, StudyError> {
        let seeds = context.options.seeds.map_or_else(|| self.seeds.clone(), |n| (0..n).collect());
        let mut all: Option<Table> = None;
        for seed in seeds {
            let rows = self.one(context.options.seed + seed, context)?;
            all = Some(all.map_or(rows.clone(), |above| above.stacked(&rows)));
        }
        all.ok_or_else(|| StudyError::refused("a ladder without seeds", "give `seeds`"))
    }
}

impl LadderStep {
    fn one(&self, seed: u64, context: &Context<'_>) -> Result<Table, StudyError> {
        let overrides: Vec<String> = self.set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let config = RunConfig::load_over(&base_config(seed), None, &overrides)?;
        let texts = Texts::prepare(&config, &context.options.cache, &|stage| (context.tell)(Progress::Stage(stage)))?;
        let design = Design::new(&config, self.preset, self.scale, texts.tokenizer.vocab(), 0)?;
        let design = if self.batches { design.with_batches(texts.tokenizer.vocab())? } else { design };
        let named = serde_json::to_vec(&design).expect("a design is plain data");
        let hash = ContentHash::of(&[named, texts.train_hash().0.to_vec()].concat()).to_string();
        let folder = context.options.runs.join(format!("ladder-{}", &hash[..12]));
        std::fs::create_dir_all(&folder).map_err(|source| kleiber_core::CoreError::Io {
            path: folder.clone(),
            action: "write",
            source,
        })?;
        let options = SweepOptions {
            runs: folder.join("runs"),
            table: folder.join(ladder::TABLE),
            parallel: context.options.threads,
            threads: context.options.threads,
            memory: context.options.memory,
            stop: context.options.stop.clone(),
        };
        let tell = |progress: ladder::Progress<'_>| {
            if let ladder::Progress::Phase { phase, .. } = progress {
                (context.tell)(Progress::Note(format!("seed {seed}: {}", name(phase))));
            }
        };
        let ascent = climb(&design, &texts, &folder, &options, &tell)?;
        context.go_on()?;
        let ascent = ascent.ok_or_else(|| StudyError::Interrupted { step: context.step.into() })?;
        match self.show {
            Show::Result => result(context.step, seed, &design, &ascent),
            Show::Trajectory => trajectory(context.step, seed, &ascent),
            Show::Batches => batches(context.step, seed, &ascent),
            Show::Runs => Ok(Table::read(&options.table)?),
        }
    }
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::Search => "learning rates",
        Phase::Rungs => "rungs",
        Phase::Batches => "batches",
        Phase::Target => "target",
    }
}

fn result(name: &str, seed: u64, design: &Design, ascent: &Ascent) -> Result<Table, StudyError> {
    let claim = &ascent.tested().claim;
    let measured = ascent.target.outcome.evaluation.loss;
    let error = |value: f64| (value / measured - 1.0).abs();
    let best = ascent.rungs.iter().map(|r| r.outcome.evaluation.loss).fold(f64::INFINITY, f64::min);
    let mut row = vec![
        ("seed".to_string(), seed as f64),
        ("params".into(), design.target.params as f64),
        ("flops".into(), claim.flops),
        ("times_beyond".into(), claim.times_beyond),
        ("value".into(), claim.value),
        ("low".into(), claim.low),
        ("high".into(), claim.high),
        ("measured".into(), measured),
        ("relative_error".into(), error(claim.value)),
        ("share_of_drop".into(), (claim.value - measured).abs() / (best - measured)),
        ("trajectory_error".into(), ascent.trajectory_error().unwrap_or(f64::NAN)),
        ("before".into(), f64::from(u8::from(ascent.is_before(ascent.tested())))),
    ];
    // As columns: "power law in compute" becomes `power_law_in_compute`.
    row.extend(claim.baselines.iter().map(|(name, value)| (name.replace(' ', "_"), error(*value))));
    let columns: Vec<(&str, &[f64])> =
        row.iter().map(|(name, value)| (name.as_str(), std::slice::from_ref(value))).collect();
    let table = Table::from_numbers(name, &columns)?;
    let law = Cells::Text(vec![claim.law.as_str().into()]);
    Ok(table.with_column(Column { name: "law".into(), cells: law })?)
}

fn trajectory(name: &str, seed: u64, ascent: &Ascent) -> Result<Table, StudyError> {
    let said = &ascent.tested().claim.trajectory;
    let at = |tokens: f64| ascent.target.curve.points.iter().find(|p| p.0 == tokens).map(|p| p.1);
    let points: Vec<(f64, f64, f64)> = said.iter().filter_map(|(t, loss)| Some((*t, *loss, at(*t)?))).collect();
    let column = |of: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(of).collect::<Vec<f64>>();
    let seeds = vec![seed as f64; points.len()];
    let (tokens, predicted, measured) = (column(&|p| p.0), column(&|p| p.1), column(&|p| p.2));
    let error = column(&|p| (p.1 / p.2 - 1.0).abs());
    Ok(Table::from_numbers(
        name,
        &[
            ("seed", &seeds),
            ("tokens", &tokens),
            ("predicted", &predicted),
            ("measured", &measured),
            ("relative_error", &error),
        ],
    )?)
}

fn batches(name: &str, seed: u64, ascent: &Ascent) -> Result<Table, StudyError> {
    let Some(found) = &ascent.batches else {
        let why = "the runs of several batches say no critical one";
        return Err(StudyError::refused(why, "give them more tokens, or batches further apart"));
    };
    let column =
        |of: &dyn Fn(&kleiber_laws::batch::Crossing) -> f64| found.crossings.iter().map(of).collect::<Vec<_>>();
    let seeds = vec![seed as f64; found.crossings.len()];
    let (loss, batch, misfit) = (column(&|c| c.loss), column(&|c| c.batch), column(&|c| c.misfit));
    Ok(Table::from_numbers(name, &[("seed", &seeds), ("loss", &loss), ("batch", &batch), ("misfit", &misfit)])?)
}
