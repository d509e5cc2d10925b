//! A run before it starts: everything that was left open is filled in, with the reasons.

use crate::config::{Auto, GroupRule, QuantiseConfig, RunConfig, TokenBudget};
use crate::{Options, Texts, TrainError, start};
use kleiber_core::shape::Convention;
use kleiber_core::units::{format_quantity, format_significant};
use kleiber_data::tasks::PREFIX;
use kleiber_data::{ContentHash, ContentHasher};
use kleiber_laws::hyperparameters::{step_batch, step_rate};
use kleiber_models::{Decoder, DecoderConfig};
use kleiber_tensor::kernels::float_format::Block;
use kleiber_tensor::ops::Quantise;
use kleiber_tensor::optimizer::Settings;
use kleiber_tensor::parameters::Group;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// Tokens for each parameter when nothing else is said (Hoffmann et al. 2022).
const TOKENS_PER_PARAMETER: f64 = 20.0;
/// Most tokens of a run.
const MAX_TOKENS: f64 = 1e15;
/// Share of the work that evaluations along the way may add.
const EVALUATION_SHARE: f64 = 0.05;
/// Share of the tokens over which the rate rises.
const WARMUP: f64 = 0.05;

/// A run before it starts.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The configuration with every value filled in.
    pub config: RunConfig,
    /// The model.
    pub decoder: DecoderConfig,
    /// The training.
    pub options: Options,
    /// Sizes of the model.
    pub counts: Counts,
    /// Steps of the run.
    pub steps: u64,
    /// Hash of the checkpoint that it starts from.
    pub start: Option<ContentHash>,
    /// Values that were left open, and how they follow from the others.
    pub notes: Vec<Note>,
}

/// Sizes of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Parameters without embedding and head.
    pub params: u64,
    /// Parameters that cost FLOP: body plus head.
    pub params_matmul: u64,
    /// All parameters.
    pub params_total: u64,
    /// Training FLOP of a token, attention counted.
    pub flops_per_token: u64,
}

/// A value that was left open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Key of the configuration.
    pub key: String,
    /// What it became.
    pub value: String,
    /// Why.
    pub why: String,
}

impl Plan {
    /// Fills in what `config` leaves open, for a vocabulary.
    ///
    /// # Errors
    /// [`TrainError::Option`] and [`TrainError::Model`] for values that do not fit each other.
    pub fn new(config: &RunConfig, vocab: usize) -> Result<Self, TrainError> {
        let mut notes = Vec::new();
        let mut note = |key: &str, value: String, why: String| notes.push(Note { key: key.into(), value, why });
        config.check()?;
        if config.data.vocab == Auto::Auto {
            note("data.vocab", vocab.to_string(), "that of the tokenizer".into());
        }
        let mut decoder = config.model.decoder(vocab)?;
        decoder.hidden = decoder.hidden();
        let counts = Counts::of(&decoder)?;
        let params = counts.params;
        let shaped = config.model.layers != Auto::Auto && config.model.width != Auto::Auto;
        if !shaped && config.model.start.is_empty() {
            let value = format!("layers {}, width {}, heads {}", decoder.layers, decoder.width, decoder.heads);
            let wanted = config.model.params.value();
            let why = match wanted {
                Some(wanted) => format!("nearest shape to {} parameters", format_quantity(wanted as f64)),
                None => "nothing is said of the size: about 300k parameters".into(),
            };
            note("model.params", value, why);
        }
        let train = &config.train;
        let tokens = match train.tokens {
            TokenBudget::Tokens(tokens) => tokens as f64,
            TokenBudget::PerParameter(ratio) => ratio * params as f64,
            TokenBudget::Auto => TOKENS_PER_PARAMETER * params as f64,
        };
        if !(1.0..=MAX_TOKENS).contains(&tokens) {
            return Err(TrainError::option("train.tokens", tokens, "from 1 to 1e15 tokens"));
        }
        let context = decoder.context as f64;
        let batch = match train.batch_tokens.value() {
            Some(0) => return Err(TrainError::option("train.batch_tokens", 0, "at least one sequence is needed")),
            Some(batch) => batch as f64 / context,
            None => step_batch(tokens) / context,
        };
        let batch = batch.round().max(1.0);
        let batch_tokens = batch * context;
        let steps = (tokens / batch_tokens).ceil().max(1.0);
        let total = steps * batch_tokens;
        if !matches!(train.tokens, TokenBudget::Tokens(_)) {
            let ratio = tokens / params as f64;
            let why =
                format!("{} for each of {} parameters", format_significant(ratio, 3), format_quantity(params as f64));
            note("train.tokens", format_quantity(total), why);
        }
        if train.batch_tokens == Auto::Auto {
            let why = "0.58 tokens^0.571 (Li et al. 2025, step law), in whole sequences".to_string();
            note("train.batch_tokens", format!("{} ({batch} sequences)", format_quantity(batch_tokens)), why);
        }
        let lr = train.lr.value().unwrap_or_else(|| {
            let (lr, why) = default_rate(params as f64, total);
            note("train.lr", format_significant(lr, 3), why);
            lr
        });
        let warmup = train.warmup.value().unwrap_or_else(|| {
            let warmup = (WARMUP * total).ceil();
            note("train.warmup", format_quantity(warmup), format!("{}% of the tokens", 100.0 * WARMUP));
            warmup as u64
        });
        let every = config.evaluate.every.value().unwrap_or_else(|| {
            // Without the way back an evaluated token costs a third of a trained one.
            let affordable = EVALUATION_SHARE * 3.0 * total / config.evaluate.tokens.max(1) as f64;
            (steps / (affordable.floor().min(20.0) + 1.0)).ceil() as u64
        });
        let seed = config.seed;
        let options = Options {
            seed,
            batch: batch as usize,
            micro_batch: train.micro_batch as usize,
            schedule: train.schedule(lr, warmup, total as u64),
            adamw: Settings {
                beta1: train.beta1,
                beta2: train.beta2,
                epsilon: train.epsilon,
                decay: train.weight_decay,
                clip: train.clip,
            },
            dropout: train.dropout,
            dropout_start: train.dropout_start,
            average: train.ema,
            guard: train.guard,
        };
        options.check()?;
        let quantise = &train.quantise;
        let micro = if options.micro_batch == 0 { options.batch } else { options.micro_batch.min(options.batch) };
        let batches: Vec<usize> = [micro, options.batch % micro].into_iter().filter(|b| *b > 0).collect();
        quantise.check(&decoder, &batches, train.device)?;
        if let Some(Quantise { format, block, .. }) = quantise.quantise() {
            let scale = match block {
                Block::Elements(elements) => format!("a scale for {elements}"),
                Block::Channel => "a scale for each sum".into(),
                Block::Tensor => "a scale for each matrix".into(),
            };
            let why = "simulated: operands of the blocks' projections are rounded, products are single precision";
            note("train.quantise", format!("{format}, {scale}, {}", quantise.covered()), why.into());
        }
        let mut config = config.clone();
        if config.train.quantise.is_off() {
            config.train.quantise = QuantiseConfig::default();
        }
        config.data.source = plain(&config.data.source);
        let mut start = None;
        if !config.model.start.is_empty() {
            config.model.start = plain(&start::folder(&config.model.start)?.to_string_lossy());
            start = Some(start::hash(&config.model.start)?);
        }
        config.data.vocab = Auto::Value(vocab as u64);
        config.model = config.model.resolved(&decoder);
        config.train.tokens = TokenBudget::Tokens(total as u64);
        config.train.batch_tokens = Auto::Value(batch_tokens as u64);
        config.train.lr = Auto::Value(lr);
        config.train.warmup = Auto::Value(warmup);
        config.evaluate.every = Auto::Value(every);
        Ok(Self { config, decoder, options, counts, steps: steps as u64, start, notes })
    }

    /// The model at its start, its arrays grouped as the configuration says.
    ///
    /// # Errors
    /// [`TrainError::Option`] for a group that no array belongs to, [`TrainError::Model`] when the device cannot be used.
    pub fn model(&self) -> Result<Decoder, TrainError> {
        let decoder = match self.config.model.start.as_str() {
            "" => Decoder::new(&self.decoder, self.config.seed)?,
            start => start::model(start)?,
        };
        let mut decoder = decoder.on(self.config.train.device)?.quantised(self.config.train.quantise.quantise());
        let rules = &self.config.train.groups;
        for rule in rules {
            let bad = |value: f64| !(value >= 0.0 && value.is_finite());
            if bad(rule.rate) || rule.decay.is_some_and(bad) {
                let found = format!("{rule:?}");
                return Err(TrainError::option("train.groups", found, "factors from 0 on are needed"));
            }
            if !decoder.parameters().entries().iter().any(|e| e.name.contains(&rule.name)) {
                let names: Vec<&str> = decoder.parameters().entries().iter().map(|e| e.name.as_str()).take(8).collect();
                let expected = format!("part of the name of an array, such as {}", names.join(", "));
                return Err(TrainError::option("train.groups.name", &rule.name, expected));
            }
        }
        decoder
            .parameters_mut()
            .regroup(|entry| rules.iter().fold(entry.group, |group, rule| apply(rule, &entry.name, group)));
        Ok(decoder)
    }

    /// A name that is a function of everything the run is made of, such as `4x144-20M-1f2e3d4c`: layers, width, tokens,
    /// and the beginning of a hash of configuration and text. When it is evaluated and saved plays no part.
    pub fn name(&self, texts: &Texts) -> String {
        let (evaluate, checkpoint) = Default::default();
        let config = RunConfig { evaluate, checkpoint, ..self.config.clone() };
        let mut hasher = ContentHasher::new();
        hasher.piece(config.to_toml().as_bytes()).piece(&texts.tokenizer.hash().0);
        self.start.iter().for_each(|start| {
            hasher.piece(&start.0);
        });
        hasher.piece(&texts.train_hash().0).piece(&texts.validation.content_hash().0);
        let hash = hasher.finish().to_string();
        let tokens = format_quantity(self.tokens() as f64);
        let layers = match self.decoder.encoder_layers {
            0 => self.decoder.layers.to_string(),
            encoder => format!("{encoder}+{}", self.decoder.layers),
        };
        format!("{layers}x{}-{tokens}-{}", self.decoder.width, &hash[..8])
    }

    /// Tokens of the whole run.
    pub fn tokens(&self) -> u64 {
        self.options.schedule.total
    }

    /// Training FLOP of the whole run, attention counted.
    pub fn flops(&self) -> f64 {
        self.tokens() as f64 * self.counts.flops_per_token as f64
    }
}

impl Counts {
    /// The sizes of a decoder.
    fn of(decoder: &DecoderConfig) -> Result<Self, TrainError> {
        let (shape, parts) = (decoder.shape(), decoder.shape().parts()?);
        // Behind an encoder FLOP are those of a token of each side, which have half of a sequence each.
        let sides = if decoder.encoder_layers > 0 { 2 } else { 1 };
        Ok(Self {
            params: parts.params()?,
            params_matmul: parts.params_matmul()?,
            params_total: parts.params_total()?,
            flops_per_token: shape.flops(Convention::WithAttention, shape.context / sides)?.training / sides,
        })
    }
}

/// A path as it is written without detours, so that `./texts/` and `texts` are one run.
fn plain(source: &str) -> String {
    if source.starts_with(PREFIX) {
        return source.into();
    }
    let path: PathBuf = Path::new(source).components().filter(|c| *c != Component::CurDir).collect();
    // A path that was text is text.
    path.to_str().filter(|path| !path.is_empty()).unwrap_or(source).into()
}

fn apply(rule: &GroupRule, name: &str, group: Group) -> Group {
    if !name.contains(&rule.name) {
        return group;
    }
    Group { rate: group.rate * rule.rate, decay: rule.decay.unwrap_or(group.decay) }
}

/// Peak rate for a run: the step law (Li et al. 2025, eq. 1), fitted to 60M parameters and more, but no more than small
/// models bear, measured with `kleiber sweep` (docs/training.md, "Defaults for rate and batch").
fn default_rate(params: f64, tokens: f64) -> (f64, String) {
    let law = step_rate(params, tokens);
    let bearable = (4.3e-3 * (params / 1e5).powf(-0.28)).max(3e-3);
    if law <= bearable {
        return (law, "1.79 params^-0.713 tokens^0.307 (Li et al. 2025, step law)".into());
    }
    let why = format!(
        "4.3e-3 (params/100k)^-0.28, from 3e-3 up, measured on small models; the step law (Li et al. 2025) asks for {}",
        format_significant(law, 3)
    );
    (bearable, why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RunConfig;

    fn plan(overrides: &[&str]) -> Plan {
        let overrides: Vec<String> = overrides.iter().map(|o| (*o).to_string()).collect();
        Plan::new(&RunConfig::parse("test", "", &overrides).unwrap(), 4096).unwrap()
    }

    #[test]
    fn what_is_left_open_follows_and_says_why() {
        let plan = plan(&["model.params=100k"]);
        assert_eq!((plan.decoder.layers, plan.decoder.width, plan.counts.params), (2, 64, 98_624));
        // 20 tokens for each parameter, in whole steps of 0.58 * 1972480^0.571 = 2287 tokens, 9 sequences.
        assert_eq!((plan.options.batch, plan.steps, plan.tokens()), (9, 857, 1_974_528));
        assert!((plan.options.schedule.peak / 4.316e-3 - 1.0).abs() < 1e-3, "{}", plan.options.schedule.peak);
        let keys: Vec<&str> = plan.notes.iter().map(|n| n.key.as_str()).collect();
        assert_eq!(
            keys,
            ["data.vocab", "model.params", "train.tokens", "train.batch_tokens", "train.lr", "train.warmup"]
        );
        // A resolved plan is the plan again, with nothing to note.
        let again = Plan::new(&plan.config, 4096).unwrap();
        assert_eq!((again.config, again.notes.len()), (plan.config, 0));
    }

    #[test]
    fn one_path_is_one_run() {
        assert_eq!([plain("./texts/"), plain("texts"), plain("."), plain("a/./b")], ["texts", "texts", ".", "a/b"]);
        assert_eq!(plain("task:copy?symbols=2&x=./a//b"), "task:copy?symbols=2&x=./a//b");
    }

    #[test]
    fn the_step_law_holds_where_it_was_fitted() {
        // 1.79 * 1e9^-0.713 * 1e11^0.307 by hand: exp(0.58222 - 14.77565 + 7.77583).
        let (rate, _) = default_rate(1e9, 1e11);
        assert!((rate / 1.634e-3 - 1.0).abs() < 0.01, "{rate}");
        assert_eq!(default_rate(3e6, 6e7).0, 3e-3);
        assert!((step_batch(1e11) / 0.58 / 1e11f64.powf(0.571) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn groups_change_the_arrays_they_name() {
        let plan =
            plan(&["model.params=30k", "train.groups=[{name=\"embedding\", decay=0}, {name=\"mlp\", rate=0.5}]"]);
        let model = plan.model().unwrap();
        let group = |name: &str| model.parameters().entries().iter().find(|e| e.name.contains(name)).unwrap().group;
        assert_eq!((group("embedding").decay, group("mlp.up").rate, group("attention.packed").rate), (0.0, 0.5, 1.0));
        let wrong = self::plan(&["model.params=30k", "train.groups=[{name=\"absent\"}]"]).model().unwrap_err();
        assert!(wrong.to_string().contains("part of the name of an array"), "{wrong}");
    }
}
