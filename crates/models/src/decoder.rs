//! The decoder: parameters of a configuration, and the pass from tokens to loss.

use crate::layout::{Declared, Layout, LinearAt, NormAt};
use crate::tables::Tables;
use crate::{DecoderConfig, Mlp, ModelError, Noise, NormKind};
use kleiber_tensor::kernels::activation::Activation;
use kleiber_tensor::kernels::attention::Shape;
use kleiber_tensor::kernels::norm::Norm;
use kleiber_tensor::ops::{self, Pattern, Quantise};
use kleiber_tensor::parameters::{Handle, Parameters, take_gradient};
use kleiber_tensor::{Device, Tensor};
use std::sync::{Arc, OnceLock};

/// A decoder with its parameters.
#[derive(Debug)]
pub struct Decoder {
    config: DecoderConfig,
    parameters: Parameters,
    layout: Layout,
    device: Device,
    quantise: Option<Quantise>,
    /// Made when first needed: their size follows from the context, not from the parameters.
    tables: OnceLock<Tables>,
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
        let declared = Declared::new(config);
        let values = declared.values(seed);
        Ok(Self::assemble(config, declared, values))
    }

    /// A decoder of values in the order of its declared arrays.
    pub(crate) fn assemble(config: &DecoderConfig, declared: Declared, values: Vec<f32>) -> Self {
        Self {
            config: config.clone(),
            parameters: declared.builder.build(values),
            layout: declared.layout,
            device: Device::Cpu,
            quantise: None,
            tables: OnceLock::new(),
        }
    }

    /// The same decoder, its passes made on a device.
    ///
    /// # Errors
    /// [`ModelError::Device`] when the device cannot be used.
    pub fn on(self, device: Device) -> Result<Self, ModelError> {
        device.open()?;
        Ok(Self { device, ..self })
    }

    /// The same decoder, the projections of its blocks rounding what they multiply; the head and attention are left as
    /// they are, and so are the parameters.
    pub fn quantised(self, quantise: Option<Quantise>) -> Self {
        Self { quantise, ..self }
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

    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| Tables::new(&self.config, self.config.position_count(), 1))
    }

    /// Loss and gradients of a batch.
    ///
    /// # Panics
    /// When the batch does not fit the configuration.
    pub fn pass(&self, batch: &Batch) -> Pass {
        let leaves = Leaves::new(&self.parameters, self.device, true).quantised(self.quantise);
        let hidden = self.hidden(&leaves, batch);
        let head = leaves.matrix(self.layout.head);
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
        let leaves = Leaves::new(&self.parameters, self.device, false).quantised(self.quantise);
        let batch = Batch {
            inputs: inputs.into(),
            targets: targets.into(),
            sequences,
            starts: starts.map(Into::into),
            noise: None,
        };
        let hidden = self.hidden(&leaves, &batch);
        let head = leaves.matrix(self.layout.head);
        ops::token_losses(&hidden, &head, &batch.targets)
    }

    /// Logits after every token of `inputs`, `[tokens, vocab]`, for `sequences` of equal length.
    ///
    /// # Panics
    /// When the tokens do not fit the configuration.
    pub fn logits(&self, inputs: &[u32], sequences: usize) -> Vec<f32> {
        let leaves = Leaves::new(&self.parameters, self.device, false).quantised(self.quantise);
        let batch = Batch { inputs: inputs.into(), targets: Arc::from([]), sequences, starts: None, noise: None };
        let hidden = self.hidden(&leaves, &batch);
        let logits = ops::linear(&hidden, &leaves.matrix(self.layout.head), None, None);
        ops::numbers(logits)
    }

    /// Hidden states after the last norm, one row per token.
    fn hidden(&self, leaves: &Leaves, batch: &Batch) -> Tensor<2> {
        let (config, tables) = (&self.config, self.tables());
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
            rotary: tables.rotary.clone(),
            slopes: tables.slopes.clone(),
            bucket_of: tables.bucket_of.clone(),
            starts: batch.starts.clone(),
            spans: tables.spans.clone(),
            ..Pattern::default()
        });
        let kind = norm_kind(config.norm);
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
        } else if let Some(table) = &tables.waves {
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
            let (normed, act, q) = (norm(&x, block.mlp_norm), activation(config.mlp), leaves.quantise.as_ref());
            let up = ops::linear_activated_with(&normed, &w, bias.as_ref(), act, q);
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
            None => (0..context).map(|i| (i * self.config.spacing()) as u32).collect(),
        });
        Some(ids.collect())
    }
}

fn linear(leaves: &Leaves, x: &Tensor<2>, at: LinearAt, residual: Option<&Tensor<2>>) -> Tensor<2> {
    ops::linear_with(x, &leaves.matrix(at.0), leaves.optional(at.1).as_ref(), residual, leaves.quantise.as_ref())
}

pub(crate) fn norm_kind(norm: NormKind) -> Norm {
    match norm {
        NormKind::Layer => Norm::Layer,
        NormKind::Rms => Norm::Rms,
    }
}

pub(crate) fn activation(mlp: Mlp) -> Activation {
    match mlp {
        Mlp::Gelu => Activation::Gelu,
        Mlp::Swiglu => Activation::SwiGlu,
        Mlp::ReluSquared => Activation::ReluSquared,
    }
}

/// The parameters of one pass as tensors.
struct Leaves {
    tensors: Vec<Leaf>,
    quantise: Option<Quantise>,
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
    fn new(parameters: &Parameters, device: Device, tracked: bool) -> Self {
        let leaf = |(handle, entry): (Handle, &kleiber_tensor::parameters::Entry)| match entry.shape.len() {
            1 => Leaf::Vector(parameters.tensor(handle, device, tracked)),
            _ => Leaf::Matrix(parameters.tensor(handle, device, tracked)),
        };
        let tensors = parameters.handles().zip(parameters.entries()).map(leaf).collect();
        Self { tensors, quantise: None }
    }

    fn quantised(self, quantise: Option<Quantise>) -> Self {
        Self { quantise, ..self }
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
