//! The decoder: parameters of a configuration, and the pass from tokens to loss.

use crate::blocks::Layers;
use crate::experts::BALANCE;
use crate::layout::{Declared, Layout};
use crate::tables::Tables;
use crate::{DecoderConfig, Mlp, ModelError, Noise, NormKind};
use kleiber_tensor::kernels::activation::Activation;
use kleiber_tensor::kernels::norm::Norm;
use kleiber_tensor::ops::{self, Pattern, Quantise};
use kleiber_tensor::parameters::{Handle, Parameters, take_gradient};
use kleiber_tensor::{Device, Tensor};
use std::sync::{Arc, OnceLock};

/// A decoder with its parameters, which a copy shares until either is changed.
#[derive(Debug, Clone)]
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

    pub(crate) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| Tables::new(&self.config, self.config.position_count(), 1))
    }

    /// The parameters as tensors, with gradients when `tracked`.
    pub(crate) fn leaves(&self, tracked: bool) -> Leaves {
        Leaves::new(&self.parameters, self.device, tracked).quantised(self.quantise)
    }

    /// Loss and gradients of a batch. With an encoder every sequence is a pair: tokens before the first
    /// target that counts are its source.
    ///
    /// # Panics
    /// When the batch does not fit the configuration.
    pub fn pass(&self, batch: &Batch) -> Pass {
        if self.layout.encoder.is_some() {
            return self.pass_of_pairs(batch);
        }
        let leaves = self.leaves(true);
        let (hidden, balance) = self.hidden(&leaves, batch);
        self.back(leaves, hidden, balance, &batch.targets)
    }

    /// Loss of the tokens after hidden states, and its gradients, to which the loss of balance among experts adds.
    pub(crate) fn back(
        &self,
        leaves: Leaves,
        hidden: Tensor<2>,
        balance: Option<Tensor<1>>,
        targets: &Arc<[u32]>,
    ) -> Pass {
        let head = leaves.matrix(self.layout.head);
        let loss = ops::cross_entropy(&hidden, &head, targets);
        drop(hidden);
        let value = loss.clone().into_scalar::<f32>();
        let loss = balance.map_or(loss.clone(), |balance| loss + balance * BALANCE);
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
        let batch = Batch {
            inputs: inputs.into(),
            targets: targets.into(),
            sequences,
            starts: starts.map(Into::into),
            noise: None,
        };
        if self.layout.encoder.is_some() {
            return self.losses_of_pairs(&batch);
        }
        let leaves = self.leaves(false);
        let (hidden, _) = self.hidden(&leaves, &batch);
        let head = leaves.matrix(self.layout.head);
        ops::token_losses(&hidden, &head, &batch.targets)
    }

    /// Logits after every token of `inputs`, `[tokens, vocab]`, for `sequences` of equal length.
    ///
    /// # Panics
    /// When the tokens do not fit the configuration, or there is an encoder.
    pub fn logits(&self, inputs: &[u32], sequences: usize) -> Vec<f32> {
        assert!(self.layout.encoder.is_none(), "an encoder needs sources");
        let leaves = self.leaves(false);
        let batch = Batch { inputs: inputs.into(), targets: Arc::from([]), sequences, starts: None, noise: None };
        let (hidden, _) = self.hidden(&leaves, &batch);
        let logits = ops::linear(&hidden, &leaves.matrix(self.layout.head), None, None);
        ops::numbers(logits)
    }

    /// Hidden states after the last norm, one row per token, and the loss of balance among experts.
    fn hidden(&self, leaves: &Leaves, batch: &Batch) -> (Tensor<2>, Option<Tensor<1>>) {
        let (layout, tables) = (&self.layout, self.tables());
        let context = batch.inputs.len() / batch.sequences;
        let layers = Layers::new(&self.config, leaves, batch.noise, (batch.sequences, context));
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
        let table = layout.table.map(|t| leaves.matrix(t));
        let at = (layout.embedding, layout.positions);
        let mut x = layers.embedded(at, tables.waves.as_deref(), &batch.inputs, ids.as_ref(), 0);
        for (i, block) in (0u32..).zip(&layout.blocks) {
            x = layers.attention(&x, block, table.as_ref(), &pattern, 2 * i + 1);
            x = layers.feed_forward(&x, block, 2 * i + 2);
        }
        (layers.norm(&x, layout.norm), layers.balance())
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
pub(crate) struct Leaves {
    tensors: Vec<Leaf>,
    /// What projections of blocks round.
    pub(crate) quantise: Option<Quantise>,
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

    pub(crate) fn matrix(&self, handle: Handle) -> Tensor<2> {
        match &self.tensors[handle.index()] {
            Leaf::Matrix(t) => t.clone(),
            Leaf::Vector(_) => unreachable!("a matrix was declared"),
        }
    }

    pub(crate) fn vector(&self, handle: Handle) -> Tensor<1> {
        match &self.tensors[handle.index()] {
            Leaf::Vector(t) => t.clone(),
            Leaf::Matrix(_) => unreachable!("a vector was declared"),
        }
    }

    pub(crate) fn optional(&self, handle: Option<Handle>) -> Option<Tensor<1>> {
        handle.map(|h| self.vector(h))
    }
}
