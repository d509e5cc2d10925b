//! The decoder: parameters of a configuration, and the pass from tokens to loss.

use crate::config::T5_BUCKETS;
use crate::init::normal;
use crate::{DecoderConfig, Init, Mlp, ModelError, Noise, NormKind, Positions};
use kleiber_tensor::Tensor;
use kleiber_tensor::kernels::activation::Activation;
use kleiber_tensor::kernels::attention::{Rotary, Shape};
use kleiber_tensor::kernels::norm::Norm;
use kleiber_tensor::ops::{self, Pattern};
use kleiber_tensor::parameters::{Builder, Group, Handle, Parameters, take_gradient};
use std::sync::Arc;

/// A decoder with its parameters.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    parameters: Parameters,
    layout: Layout,
    fixed: Fixed,
}

/// Where the parameters of each part are.
#[derive(Debug)]
struct Layout {
    embedding: Handle,
    positions: Option<Handle>,
    table: Option<Handle>,
    blocks: Vec<Block>,
    norm: NormAt,
    head: Option<Handle>,
}

#[derive(Debug)]
struct Block {
    attention_norm: NormAt,
    packed: LinearAt,
    output: LinearAt,
    mlp_norm: NormAt,
    up: LinearAt,
    down: LinearAt,
}

#[derive(Debug, Clone, Copy)]
struct NormAt(Handle, Option<Handle>);

#[derive(Debug, Clone, Copy)]
struct LinearAt(Handle, Option<Handle>);

/// What follows from the configuration alone.
#[derive(Debug)]
struct Fixed {
    rotary: Option<Arc<Rotary<f32>>>,
    slopes: Option<Arc<[f32]>>,
    bucket_of: Option<Arc<[u16]>>,
    spans: Option<Arc<[u32]>>,
    /// Sines and cosines of every position, `[positions, width]`.
    waves: Option<Vec<f32>>,
}

/// Sequences of equal length, one after another.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Tokens, `[sequences * context]`.
    pub inputs: Arc<[u32]>,
    /// The token after each; [`kleiber_tensor::kernels::head::IGNORED`] is not counted.
    pub targets: Arc<[u32]>,
    /// Sequences.
    pub sequences: usize,
    /// First key that each token may see, when documents are kept apart.
    pub starts: Option<Arc<[u32]>>,
    /// What a training step draws at random; nothing in evaluation.
    pub noise: Option<Noise>,
}

/// What a training step needs: the loss and the gradient of each array of parameters in order.
#[derive(Debug)]
pub struct Pass {
    /// Mean loss in nats per token.
    pub loss: f64,
    /// Gradients in the order of [`Parameters::entries`].
    pub gradients: Vec<Option<Vec<f32>>>,
}

impl Decoder {
    /// A new decoder whose parameters are functions of `seed` and their names.
    ///
    /// # Errors
    /// [`ModelError::Config`].
    pub fn new(config: &DecoderConfig, seed: u64) -> Result<Self, ModelError> {
        config.check()?;
        let mut add = Adder { config, seed, builder: Builder::default() };
        let (width, hidden) = (config.width, config.hidden());
        let packed = (config.heads + 2 * config.groups) * config.head_width();
        let gates = if config.mlp == Mlp::Swiglu { 2 } else { 1 };
        let embedding = add.table("embedding", [config.vocab, width], config.init.embedding());
        let positions = (config.positions == Positions::Learned)
            .then(|| add.table("positions", [config.position_count(), width], config.init.embedding()));
        let table =
            (config.positions == Positions::T5).then(|| add.table("position_bias", [config.heads, T5_BUCKETS], 0.02));
        let inner = config.init.projection(width);
        let blocks = (0..config.layers)
            .map(|i| {
                let name = |part: &str| format!("blocks.{i}.{part}");
                Block {
                    attention_norm: add.norm(&name("attention_norm")),
                    packed: add.linear(&name("attention.packed"), [packed, width], inner),
                    output: add.linear(
                        &name("attention.output"),
                        [width, width],
                        config.init.output(width, config.layers),
                    ),
                    mlp_norm: add.norm(&name("mlp_norm")),
                    up: add.linear(&name("mlp.up"), [gates * hidden, width], inner),
                    down: add.linear(&name("mlp.down"), [width, hidden], config.init.output(hidden, config.layers)),
                }
            })
            .collect();
        let norm = add.norm("norm");
        let head = (!config.tied).then(|| add.matrix("head", [config.vocab, width], config.init.head()));
        Ok(Self {
            layout: Layout { embedding, positions, table, blocks, norm, head },
            parameters: add.builder.build(),
            fixed: Fixed::new(config),
            config: config.clone(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The parameters, to be changed.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// Loss and gradients of a batch.
    ///
    /// # Panics
    /// When the batch does not fit the configuration.
    pub fn pass(&self, batch: &Batch) -> Pass {
        let leaves = Leaves::new(&self.parameters, true);
        let hidden = self.hidden(&leaves, batch);
        let head = leaves.matrix(self.layout.head.unwrap_or(self.layout.embedding));
        let loss = ops::cross_entropy(&hidden, &head, &batch.targets);
        drop(hidden);
        let value = loss.clone().into_scalar::<f32>();
        let mut gradients = loss.backward();
        drop(loss);
        let gradients = leaves.tensors.iter().map(|leaf| leaf.take(&mut gradients)).collect();
        Pass { loss: f64::from(value), gradients }
    }

    /// Loss in nats of every token of `targets` after `inputs`, `sequences` of equal length.
    ///
    /// # Panics
    /// When the tokens do not fit the configuration.
    pub fn token_losses(&self, inputs: &[u32], targets: &[u32], sequences: usize, starts: Option<&[u32]>) -> Vec<f32> {
        let leaves = Leaves::new(&self.parameters, false);
        let batch = Batch {
            inputs: inputs.into(),
            targets: targets.into(),
            sequences,
            starts: starts.map(Into::into),
            noise: None,
        };
        let hidden = self.hidden(&leaves, &batch);
        let head = leaves.matrix(self.layout.head.unwrap_or(self.layout.embedding));
        ops::token_losses(&hidden, &head, &batch.targets)
    }

    /// Hidden states after the last norm, one row per token.
    fn hidden(&self, leaves: &Leaves, batch: &Batch) -> Tensor<2> {
        let config = &self.config;
        let context = batch.inputs.len() / batch.sequences;
        let shape = Shape {
            batch: batch.sequences,
            context,
            heads: config.heads,
            groups: config.groups,
            width: config.head_width(),
        };
        let ids = self.position_ids(batch);
        let pattern = Arc::new(Pattern {
            ids: ids.clone(),
            rotary: self.fixed.rotary.clone(),
            slopes: self.fixed.slopes.clone(),
            bucket_of: self.fixed.bucket_of.clone(),
            starts: batch.starts.clone(),
            spans: self.fixed.spans.clone(),
            ..Pattern::default()
        });
        let kind = if config.norm == NormKind::Layer { Norm::Layer } else { Norm::Rms };
        let norm = |x: &Tensor<2>, at: NormAt| {
            ops::norm(kind, x, &leaves.vector(at.0), leaves.optional(at.1).as_ref(), config.epsilon as f32)
        };
        let table = self.layout.table.map(|t| leaves.matrix(t));
        let mut x = ops::embedding(&leaves.matrix(self.layout.embedding), &batch.inputs);
        if let Some(positions) = self.layout.positions {
            let ids: Arc<[u32]> = match &ids {
                Some(ids) => ids.clone(),
                None => (0..batch.inputs.len()).map(|i| (i % context) as u32).collect(),
            };
            x = x + ops::embedding(&leaves.matrix(positions), &ids);
        } else if let Some(table) = &self.fixed.waves {
            let rows = (0..batch.inputs.len()).map(|i| ids.as_ref().map_or(i % context, |ids| ids[i] as usize));
            let waves = rows.flat_map(|p| table[p * config.width..(p + 1) * config.width].to_vec()).collect();
            let waves = ops::constant(waves, [batch.inputs.len(), config.width], &x);
            x = x + waves;
        }
        let drop = |x: Tensor<2>, place| batch.noise.map_or(x.clone(), |n| n.drop(place, context, x));
        x = drop(x, 0);
        // What is dropped cannot be added to the residual stream inside the projection.
        let add = |x: &Tensor<2>, from: &Tensor<2>, at: LinearAt, place| match batch.noise {
            Some(noise) if noise.dropout > 0.0 => x.clone() + drop(linear(leaves, from, at, None), place),
            _ => linear(leaves, from, at, Some(x)),
        };
        for (i, block) in (0u32..).zip(&self.layout.blocks) {
            let packed = linear(leaves, &norm(&x, block.attention_norm), block.packed, None);
            let mixed = ops::attention(shape, &packed, table.as_ref(), &pattern);
            x = add(&x, &mixed, block.output, 2 * i + 1);
            let (w, bias) = (leaves.matrix(block.up.0), leaves.optional(block.up.1));
            let up = ops::linear_activated(&norm(&x, block.mlp_norm), &w, bias.as_ref(), activation(config.mlp));
            x = add(&x, &up, block.down, 2 * i + 2);
        }
        norm(&x, self.layout.norm)
    }

    /// Positions of a batch's tokens when they are not their places.
    fn position_ids(&self, batch: &Batch) -> Option<Arc<[u32]>> {
        let (context, range) = (batch.inputs.len() / batch.sequences, self.config.position_range);
        if range == 0 {
            return None;
        }
        let ids = (0..batch.sequences as u64).flat_map(|sequence| match batch.noise {
            Some(noise) => noise.positions(sequence, context, range),
            None => (0..context).map(|i| (i * range / context) as u32).collect(),
        });
        Some(ids.collect())
    }
}

fn linear(leaves: &Leaves, x: &Tensor<2>, at: LinearAt, residual: Option<&Tensor<2>>) -> Tensor<2> {
    ops::linear(x, &leaves.matrix(at.0), leaves.optional(at.1).as_ref(), residual)
}

fn activation(mlp: Mlp) -> Activation {
    match mlp {
        Mlp::Gelu => Activation::Gelu,
        Mlp::Swiglu => Activation::SwiGlu,
        Mlp::ReluSquared => Activation::ReluSquared,
    }
}

/// The parameters of one pass as tensors.
struct Leaves {
    tensors: Vec<Leaf>,
}

enum Leaf {
    Vector(Tensor<1>),
    Matrix(Tensor<2>),
}

impl Leaf {
    fn take(&self, gradients: &mut kleiber_tensor::Gradients) -> Option<Vec<f32>> {
        match self {
            Self::Vector(t) => take_gradient(t, gradients),
            Self::Matrix(t) => take_gradient(t, gradients),
        }
    }
}

impl Leaves {
    fn new(parameters: &Parameters, tracked: bool) -> Self {
        let leaf = |(handle, entry): (Handle, &kleiber_tensor::parameters::Entry)| match entry.shape.len() {
            1 => Leaf::Vector(parameters.tensor(handle, tracked)),
            _ => Leaf::Matrix(parameters.tensor(handle, tracked)),
        };
        Self { tensors: parameters.handles().zip(parameters.entries()).map(leaf).collect() }
    }

    fn matrix(&self, handle: Handle) -> Tensor<2> {
        match &self.tensors[handle.index()] {
            Leaf::Matrix(t) => t.clone(),
            Leaf::Vector(_) => unreachable!("a matrix was declared"),
        }
    }

    fn vector(&self, handle: Handle) -> Tensor<1> {
        match &self.tensors[handle.index()] {
            Leaf::Vector(t) => t.clone(),
            Leaf::Matrix(_) => unreachable!("a vector was declared"),
        }
    }

    fn optional(&self, handle: Option<Handle>) -> Option<Tensor<1>> {
        handle.map(|h| self.vector(h))
    }
}

struct Adder<'a> {
    config: &'a DecoderConfig,
    seed: u64,
    builder: Builder,
}

impl Adder<'_> {
    /// A table of rows, looked up rather than multiplied.
    fn table(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> Handle {
        let values = normal(self.seed, name, shape[0] * shape[1], deviation);
        self.builder.add(format!("{name}.weight"), &shape, values, Group::DECAYED)
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> Handle {
        let values = normal(self.seed, name, shape[0] * shape[1], deviation);
        let rate = match self.config.init {
            Init::Standard => 1.0,
            Init::Mup => self.config.base_width as f64 / self.config.width as f64,
        };
        self.builder.add(format!("{name}.weight"), &shape, values, Group { rate, ..Group::DECAYED })
    }

    fn linear(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> LinearAt {
        let weight = self.matrix(name, shape, deviation);
        let zeros = || vec![0.0; shape[0]];
        let bias = self.config.bias.then(|| self.builder.add(format!("{name}.bias"), &[shape[0]], zeros(), Group::FREE));
        LinearAt(weight, bias)
    }

    fn norm(&mut self, name: &str) -> NormAt {
        let width = self.config.width;
        let gain = self.builder.add(format!("{name}.weight"), &[width], vec![1.0; width], Group::FREE);
        let shifts = self.config.bias && self.config.norm == NormKind::Layer;
        let bias = shifts.then(|| self.builder.add(format!("{name}.bias"), &[width], vec![0.0; width], Group::FREE));
        NormAt(gain, bias)
    }
}

impl Fixed {
    fn new(config: &DecoderConfig) -> Self {
        let is = |positions| config.positions == positions;
        Self {
            rotary: is(Positions::Rotary)
                .then(|| Arc::new(Rotary::new(config.rotary_dims(), config.rotary_base, config.position_count()))),
            slopes: is(Positions::Alibi).then(|| slopes(config.heads)),
            bucket_of: is(Positions::T5).then(|| buckets(config.position_count())),
            waves: is(Positions::Sinusoidal).then(|| waves(config.position_count(), config.width)),
            spans: (!config.spans.is_empty()).then(|| config.spans.as_slice().into()),
        }
    }
}

/// Slopes of ALiBi: a geometric sequence from 2^(-8/heads) for powers of two, every second one of the next power for
/// the heads beyond.
fn slopes(heads: usize) -> Arc<[f32]> {
    let of = |count: usize| (1..=count).map(move |i| 2f64.powf(-8.0 * i as f64 / count as f64) as f32);
    let power = if heads.is_power_of_two() { heads } else { heads.next_power_of_two() / 2 };
    of(power).chain(of(2 * power).step_by(2)).take(heads).collect()
}

/// Sines in the first half of a row and cosines in the second, of wavelengths from 2 pi to 20,000 pi, with the root mean
/// square of an embedding.
fn waves(context: usize, width: usize) -> Vec<f32> {
    let half = width / 2;
    let wave = |n: usize| {
        let (position, i) = ((n / width) as f64, n % width);
        let angle = position * 10_000f64.powf(-((i % half) as f64) / half as f64);
        (0.02 * 2f64.sqrt() * if i < half { angle.sin() } else { angle.cos() }) as f32
    };
    (0..context * width).map(wave).collect()
}

/// Bucket of each distance, as in T5 for one direction: 16 exact, 16 in powers up to 128 or the context.
fn buckets(context: usize) -> Arc<[u16]> {
    let exact = T5_BUCKETS / 2;
    let largest = context.max(128) as f64;
    let bucket = |distance: usize| {
        if distance < exact {
            return distance as u16;
        }
        let share = (distance as f64 / exact as f64).ln() / (largest / exact as f64).ln();
        (exact + (share * (T5_BUCKETS - exact) as f64) as usize).min(T5_BUCKETS - 1) as u16
    };
    (0..context.max(1)).map(bucket).collect()
}
