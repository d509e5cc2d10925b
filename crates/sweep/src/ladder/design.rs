//! Which runs a ladder is made of: sizes and tokens that tell the two apart, all far cheaper than the target.

use crate::SweepError;
use kleiber_core::CoreError;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_train::config::{Auto, ModelConfig, TokenBudget};
use kleiber_train::{Plan, RunConfig};
use serde::{Deserialize, Serialize};

/// Factors of the learning rate that are tried on the smallest size.
pub const FACTORS: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// Sizes of the rungs as shares of the target's parameters, smallest first.
const SIZES: [f64; 4] = [1.0 / 16.0, 1.0 / 8.0, 1.0 / 4.0, 1.0 / 2.0];
/// Rungs as (compute as a share of the target's, index of the size, seeds): the small sizes with half, all and twice the
/// target's tokens, so that tokens are known around it and only size is left to continue. What is repeated tells the noise.
const RUNGS: [(f64, usize, u64); 9] = [
    (1.0 / 4.0, 3, 1),
    (1.0 / 4.0, 2, 1),
    (1.0 / 4.0, 1, 1),
    (1.0 / 8.0, 2, 1),
    (1.0 / 8.0, 1, 1),
    (1.0 / 8.0, 0, 1),
    (1.0 / 16.0, 1, 1),
    (1.0 / 16.0, 0, 3),
    (1.0 / 32.0, 0, 1),
];
/// Rungs that are added on request, in this order.
const MORE: [(f64, usize, u64); 8] = [
    (1.0 / 4.0, 0, 1),
    (1.0 / 8.0, 3, 1),
    (1.0 / 4.0, 2, 2),
    (1.0 / 16.0, 2, 1),
    (1.0 / 8.0, 1, 2),
    (1.0 / 32.0, 1, 1),
    (1.0 / 8.0, 2, 2),
    (1.0 / 4.0, 3, 2),
];
/// The target has the depth that suits its parameters divided by this.
const SHAPE: u64 = 8;
/// Compute of the most expensive rung, as a share of the target's: whole batches must not push it above a quarter.
const BELOW: f64 = 0.99;

/// How much a ladder may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// A few minutes.
    Quick,
    /// About ten minutes.
    Default,
    /// About an hour.
    Thorough,
    /// A night.
    Overnight,
}

impl Preset {
    /// Whether the critical batch size is estimated, too.
    fn batches(self) -> bool {
        matches!(self, Self::Thorough | Self::Overnight)
    }

    /// Parameters and tokens of the target.
    fn target(self) -> (u64, u64) {
        match self {
            Self::Quick => (300_000, 1_200_000),
            Self::Default => (300_000, 3_500_000),
            Self::Thorough => (600_000, 12_000_000),
            Self::Overnight => (2_000_000, 40_000_000),
        }
    }
}

/// A run to be made.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// Parameters without embedding and head.
    pub params: u64,
    /// Numbers of a hidden state; layers and heads are the target's.
    pub width: u64,
    /// Tokens.
    pub tokens: u64,
    /// Added to the seed of the ladder.
    pub repeat: u64,
}

/// The runs of a ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Always `kleiber.ladder-design/1`.
    pub schema: String,
    /// What was asked for; all runs share it but for size and tokens.
    pub asked: RunConfig,
    /// Where the target's size comes from when nothing is asked.
    pub preset: Preset,
    /// Factor of the preset's tokens.
    pub scale: f64,
    /// Rungs beyond the usual ones.
    pub more: usize,
    /// Blocks of every model.
    pub layers: u64,
    /// Query heads of every model.
    pub heads: u64,
    /// Key and value heads of every model.
    pub groups: u64,
    /// The run that is predicted.
    pub target: Rung,
    /// The runs that are fitted.
    pub rungs: Vec<Rung>,
    /// Where the learning rate is looked for.
    pub search: Rung,
    /// What is trained with several batches to find the critical one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batches: Option<Rung>,
}

/// The model of about `wanted` parameters with the depth that suits an eighth of them, so that the rungs between are of usual
/// shape and the target is a wide one.
fn wide(config: &RunConfig, wanted: u64, vocab: usize) -> Result<ModelConfig, SweepError> {
    let with = |model: &ModelConfig| Plan::new(&RunConfig { model: model.clone(), ..config.clone() }, vocab);
    let sized = |params: u64| ModelConfig { params: Auto::Value(params), ..config.model.clone() };
    let layers = with(&sized((wanted / SHAPE).max(1)))?.decoder.layers;
    let near = with(&sized(wanted))?.decoder;
    // Parameters go with layers and the square of the width.
    let width = near.width as f64 * (near.layers as f64 / layers as f64).sqrt() / 8.0;
    let shaped = |eighths: f64| {
        let width = Auto::Value(8 * (eighths as u64).max(1));
        ModelConfig { params: Auto::Auto, layers: Auto::Value(layers as u64), width, ..config.model.clone() }
    };
    let mut best = (f64::INFINITY, sized(wanted));
    for eighths in [width.floor() - 1.0, width.floor(), width.ceil(), width.ceil() + 1.0] {
        let candidate = shaped(eighths);
        let miss = (with(&candidate)?.counts.params as f64 / wanted as f64).ln().abs();
        if miss < best.0 {
            best = (miss, candidate);
        }
    }
    Ok(best.1)
}

/// What all runs of a ladder share when nothing else is said: the defaults of a run with a vocabulary and a context that do
/// not outweigh small models, and one batch, small enough for the shortest runs (docs/ladder.md, "What was tried").
pub fn base_config(seed: u64) -> RunConfig {
    let mut config = RunConfig { seed, ..RunConfig::default() };
    config.data.vocab = Auto::Value(1024);
    config.model.context = 32;
    config.train.batch_tokens = Auto::Value(1024);
    config.evaluate.tokens = 1 << 16;
    config
}

impl Design {
    /// The ladder below a target. Sizes and tokens that `config` gives are the target's; what it leaves open is the
    /// preset's, its tokens times `scale`. `vocab` is that of the text, `more` the number of rungs beyond the usual ones.
    ///
    /// # Errors
    /// [`SweepError::Train`] for a configuration that is no run; [`SweepError::Ladder`] for a target too small to have a
    /// ladder below it.
    pub fn new(config: &RunConfig, preset: Preset, scale: f64, vocab: usize, more: usize) -> Result<Self, SweepError> {
        let (params, tokens) = preset.target();
        if !config.model.start.is_empty() {
            let why = "a ladder's models are of several sizes and start at random".into();
            return Err(SweepError::Ladder { why, hint: "leave model.start out" });
        }
        let more = more.min(MORE.len());
        let mut target = config.clone();
        let wanted = config.model.params.value().unwrap_or(params);
        if [config.model.layers, config.model.width].iter().all(|v| *v == Auto::Auto) {
            target.model = wide(&target, wanted, vocab)?;
        }
        if config.train.tokens == TokenBudget::Auto {
            target.train.tokens = TokenBudget::Tokens((tokens as f64 * scale) as u64);
        }
        let plan = Plan::new(&target, vocab)?;
        let decoder = &plan.decoder;
        let target = Rung { params: plan.counts.params, width: decoder.width as u64, tokens: plan.tokens(), repeat: 0 };
        let mut design = Self {
            schema: "kleiber.ladder-design/1".into(),
            asked: config.clone(),
            preset,
            scale,
            more,
            layers: decoder.layers as u64,
            heads: decoder.heads as u64,
            groups: decoder.groups as u64,
            target,
            rungs: Vec::new(),
            search: target,
            batches: None,
        };
        let widths = SIZES.map(|size| design.width(size));
        if widths.windows(2).any(|pair| pair[0] >= pair[1]) || widths[SIZES.len() - 1] >= target.width {
            let why =
                format!("a target of width {} with {} heads has too few narrower ones", target.width, design.heads);
            return Err(SweepError::Ladder { why, hint: "give a wider target, or one of fewer heads" });
        }
        let flops = plan.flops();
        for &(share, size, seeds) in RUNGS.iter().chain(MORE.iter().take(more)) {
            for _ in 0..seeds {
                let rung = design.rung(SIZES[size], BELOW * share * flops, vocab)?;
                let repeat = design.rungs.iter().filter(|r| (r.params, r.tokens) == (rung.params, rung.tokens)).count();
                design.rungs.push(Rung { repeat: repeat as u64, ..rung });
            }
        }
        design.search = design.rung(SIZES[0], BELOW * flops / 32.0, vocab)?;
        if preset.batches() { design.with_batches(vocab) } else { Ok(design) }
    }

    /// The same with runs of several batches, so that the critical one is estimated, too.
    ///
    /// # Errors
    /// As [`Design::new`].
    pub fn with_batches(mut self, vocab: usize) -> Result<Self, SweepError> {
        let flops = Plan::new(&self.run(self.target, None), vocab)?.flops();
        self.batches = Some(self.rung(SIZES[1], BELOW * flops / 32.0, vocab)?);
        Ok(self)
    }

    /// The run of a size with so much compute.
    fn rung(&self, size: f64, flops: f64, vocab: usize) -> Result<Rung, SweepError> {
        let rung = Rung { params: 0, width: self.width(size), tokens: 1, repeat: 0 };
        let plan = Plan::new(&self.run(rung, None), vocab)?;
        let tokens = (flops / plan.counts.flops_per_token as f64) as u64;
        // Steps are whole: one less rather than one more.
        let batch = Plan::new(&self.run(Rung { tokens, ..rung }, None), vocab)?.options.batch * plan.decoder.context;
        let tokens = tokens / batch as u64 * batch as u64;
        if tokens < 20 * batch as u64 {
            let why = format!(
                "a rung of {} parameters would see {} tokens, fewer than 20 steps",
                format_quantity(plan.counts.params as f64),
                format_quantity(tokens as f64)
            );
            return Err(SweepError::Ladder { why, hint: "give the target more tokens" });
        }
        Ok(Rung { params: plan.counts.params, tokens, ..rung })
    }

    /// The width that has a share of the target's parameters with its layers and heads: parameters go with its square.
    fn width(&self, size: f64) -> u64 {
        let unit = 2 * self.heads;
        let wanted = self.target.width as f64 * size.sqrt() / unit as f64;
        (wanted.round() as u64).max(1) * unit
    }

    /// The configuration of a run; `rate` is its learning rate, the default of its size otherwise.
    pub fn run(&self, rung: Rung, rate: Option<f64>) -> RunConfig {
        let mut config = self.asked.clone();
        config.seed += rung.repeat;
        config.model.params = Auto::Auto;
        config.model.layers = Auto::Value(self.layers);
        config.model.width = Auto::Value(rung.width);
        (config.model.heads, config.model.groups) = (Auto::Value(self.heads), Auto::Value(self.groups));
        if let Auto::Value(hidden) = config.model.hidden {
            // In proportion to the width, as without a word.
            config.model.hidden = Auto::Value((hidden * rung.width / self.target.width).max(1));
        }
        config.train.tokens = TokenBudget::Tokens(rung.tokens);
        config.train.lr = rate.map_or(Auto::Auto, Auto::Value);
        config
    }

    /// Reads a design that was saved.
    ///
    /// # Errors
    /// [`SweepError::Core`], [`SweepError::Ladder`].
    pub fn read(path: &std::path::Path) -> Result<Self, SweepError> {
        let bytes = kleiber_core::guard::load_small(path, 1 << 20)?;
        serde_json::from_slice(&bytes).map_err(|e| SweepError::Ladder {
            why: format!("{}: {e}", path.display()),
            hint: "give another --out; this folder holds no ladder of this version",
        })
    }

    /// Saves the design.
    ///
    /// # Errors
    /// [`CoreError::Io`].
    pub fn write(&self, path: &std::path::Path) -> Result<(), CoreError> {
        let json = serde_json::to_vec_pretty(self).expect("a design is plain data");
        kleiber_core::atomic::write(path, &json)
    }
}

impl Rung {
    /// For people, such as `75K x 1.2M`.
    pub fn label(&self) -> String {
        let number = |v: u64| match format_quantity(v as f64) {
            long if long.len() > 6 => format_significant(v as f64, 3),
            short => short,
        };
        let again = if self.repeat > 0 { format!(" #{}", self.repeat + 1) } else { String::new() };
        format!("{} x {}{again}", number(self.params), number(self.tokens))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn design(preset: Preset) -> (Design, Vec<(u64, f64)>, f64) {
        let design = Design::new(&base_config(3), preset, 1.0, 1024, 0).unwrap();
        let of = |rung: &Rung| {
            let plan = Plan::new(&design.run(*rung, None), 1024).unwrap();
            (plan.counts.params, plan.flops())
        };
        let rungs = design.rungs.iter().map(of).collect();
        let target = of(&design.target).1;
        (design, rungs, target)
    }

    #[test]
    fn no_rung_costs_more_than_a_quarter_of_the_target() {
        for preset in [Preset::Quick, Preset::Default, Preset::Thorough, Preset::Overnight] {
            let (design, rungs, target) = design(preset);
            assert!(design.target.params as f64 > 0.75 * 300_000.0, "{preset:?}");
            assert!(rungs.iter().all(|(_, flops)| 4.0 * flops <= target), "{preset:?}");
            let cost = rungs.iter().map(|r| r.1).sum::<f64>() / target;
            assert!((1.0..1.5).contains(&cost), "{preset:?}: the rungs cost {cost} of the target");
        }
    }

    #[test]
    fn rungs_are_the_target_in_narrow() {
        let (design, rungs, _) = design(Preset::Default);
        let widths: BTreeSet<u64> = design.rungs.iter().map(|r| r.width).collect();
        assert_eq!((design.layers, design.target.width, widths), (2, 112, BTreeSet::from([28, 40, 56, 80])));
        let plan = Plan::new(&design.run(design.rungs[0], None), 1024).unwrap();
        let target = Plan::new(&design.run(design.target, None), 1024).unwrap();
        assert_eq!((plan.decoder.layers, plan.decoder.heads), (target.decoder.layers, target.decoder.heads));
        // 12 layers width^2 + (2 layers + 1) width.
        assert_eq!(rungs[0].0, 12 * 2 * 80 * 80 + 5 * 80);
    }

    #[test]
    fn sizes_and_tokens_move_apart_and_one_cell_is_repeated() {
        let (design, rungs, _) = design(Preset::Default);
        let sizes: BTreeSet<u64> = rungs.iter().map(|r| r.0).collect();
        assert_eq!((sizes.len(), rungs.len()), (4, 11));
        let tokens = |size| design.rungs.iter().filter(|r| r.params == size).map(|r| r.tokens).collect::<BTreeSet<_>>();
        assert_eq!(sizes.iter().map(|s| tokens(*s).len()).collect::<Vec<_>>(), [3, 3, 2, 1]);
        let repeats: Vec<u64> = design.rungs.iter().map(|r| r.repeat).filter(|r| *r > 0).collect();
        assert_eq!(repeats, [1, 2]);
        let more = Design::new(&base_config(3), Preset::Default, 1.0, 1024, 99).unwrap();
        assert_eq!(more.rungs[..11], design.rungs[..]);
        let names: BTreeSet<String> = more.rungs.iter().map(|r| format!("{r:?}")).collect();
        assert_eq!(names.len(), more.rungs.len(), "no run is there twice");
    }

    #[test]
    fn what_cannot_be_climbed_is_refused() {
        let refused = |overrides: &[&str]| {
            let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_string()).collect();
            let config = RunConfig::load_over(&base_config(0), None, &overrides).unwrap();
            Design::new(&config, Preset::Quick, 1.0, 1024, 0).unwrap_err().to_string()
        };
        assert!(refused(&["model.start=runs/one"]).contains("start at random"));
        assert!(refused(&["model.width=8", "model.layers=2"]).contains("too few narrower ones"));
        assert!(refused(&["train.tokens=20k"]).contains("fewer than 20 steps"));
    }
}
