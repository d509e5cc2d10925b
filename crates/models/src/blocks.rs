//! The layers that blocks are made of, on the rows of one pass.

use crate::decoder::{Leaves, activation, norm_kind};
use crate::experts::{self, Routed};
use crate::layout::{Block, Cross, Expert, LinearAt, NormAt};
use crate::{DecoderConfig, Noise};
use kleiber_tensor::Tensor;
use kleiber_tensor::kernels::attention::Shape;
use kleiber_tensor::ops::{self, Pattern};
use kleiber_tensor::parameters::Handle;
use std::cell::RefCell;
use std::sync::Arc;

/// Sequences of equal length on their way through blocks.
pub(crate) struct Layers<'a> {
    pub(crate) config: &'a DecoderConfig,
    pub(crate) leaves: &'a Leaves,
    /// What is dropped.
    pub(crate) noise: Option<Noise>,
    /// Sequences and tokens of each.
    pub(crate) shape: Shape,
    /// Losses of balance of the blocks so far, where tokens choose experts.
    balance: RefCell<Vec<Tensor<1>>>,
}

impl<'a> Layers<'a> {
    pub(crate) fn new(
        config: &'a DecoderConfig,
        leaves: &'a Leaves,
        noise: Option<Noise>,
        (batch, context): (usize, usize),
    ) -> Self {
        let shape = Shape { batch, context, heads: config.heads, groups: config.groups, width: config.head_width() };
        Self { config, leaves, noise, shape, balance: RefCell::default() }
    }

    /// Mean loss of balance of the blocks, where tokens choose experts.
    pub(crate) fn balance(self) -> Option<Tensor<1>> {
        let all = self.balance.into_inner();
        let blocks = all.len() as f32;
        all.into_iter().reduce(|sum, one| sum + one).map(|sum| sum / blocks)
    }

    /// Embeddings of tokens at their places or, where given, positions: with learned rows, or waves, added.
    pub(crate) fn embedded(
        &self,
        (embedding, positions): (Handle, Option<Handle>),
        waves: Option<&[f32]>,
        tokens: &Arc<[u32]>,
        ids: Option<&Arc<[u32]>>,
        place: u32,
    ) -> Tensor<2> {
        let (context, width) = (self.shape.context, self.config.width);
        let mut x = ops::embedding(&self.leaves.matrix(embedding), tokens);
        if let Some(positions) = positions {
            let ids: Arc<[u32]> = match ids {
                Some(ids) => ids.clone(),
                None => (0..tokens.len()).map(|i| (i % context) as u32).collect(),
            };
            x = x + ops::embedding(&self.leaves.matrix(positions), &ids);
        } else if let Some(table) = waves {
            let rows = (0..tokens.len()).map(|i| ids.map_or(i % context, |ids| ids[i] as usize));
            let waves = rows.flat_map(|p| table[p * width..(p + 1) * width].to_vec()).collect();
            let waves = ops::constant(waves, [tokens.len(), width], &x);
            x = x + waves;
        }
        self.drop(x, place)
    }

    /// A norm of every row.
    pub(crate) fn norm(&self, x: &Tensor<2>, at: NormAt) -> Tensor<2> {
        let (kind, leaves) = (norm_kind(self.config.norm), self.leaves);
        ops::norm(kind, x, &leaves.vector(at.0), leaves.optional(at.1).as_ref(), self.config.epsilon as f32)
    }

    /// Attention of the sequences to themselves.
    pub(crate) fn attention(
        &self,
        x: &Tensor<2>,
        block: &Block,
        table: Option<&Tensor<2>>,
        pattern: &Arc<Pattern>,
        place: u32,
    ) -> Tensor<2> {
        let packed = self.linear(&self.norm(x, block.attention_norm), block.packed, None);
        let mixed = ops::attention(self.shape, &packed, table, pattern);
        self.add(x, &mixed, block.output, place)
    }

    /// Attention to the first `lengths` states of each sequence of `memory`.
    pub(crate) fn cross_attention(
        &self,
        x: &Tensor<2>,
        cross: &Cross,
        (memory, lengths): (&Tensor<2>, &Arc<[u32]>),
        place: u32,
    ) -> Tensor<2> {
        let queries = self.linear(&self.norm(x, cross.norm), cross.queries, None);
        let keys = self.linear(memory, cross.keys, None);
        let mixed = ops::attention_across(self.shape, &queries, &keys, lengths);
        self.add(x, &mixed, cross.output, place)
    }

    /// The feed-forward layer of a block.
    pub(crate) fn feed_forward(&self, x: &Tensor<2>, block: &Block, place: u32) -> Tensor<2> {
        let rows = self.norm(x, block.mlp_norm);
        let Some(router) = block.router else {
            let expert = &block.experts[0];
            return self.add(x, &self.up(&rows, expert), expert.down, place);
        };
        let logits = ops::linear(&rows, &self.leaves.matrix(router.0), None, None);
        let Routed { output, balance } = experts::route(&rows, logits, |i, rows| {
            let expert = &block.experts[i];
            self.linear(&self.up(rows, expert), expert.down, None)
        });
        self.balance.borrow_mut().push(balance);
        x.clone() + self.drop(output, place)
    }

    /// The first half of a feed-forward layer.
    fn up(&self, rows: &Tensor<2>, expert: &Expert) -> Tensor<2> {
        let (w, bias) = (self.leaves.matrix(expert.up.0), self.leaves.optional(expert.up.1));
        let (act, q) = (activation(self.config.mlp), self.leaves.quantise.as_ref());
        ops::linear_activated_with(rows, &w, bias.as_ref(), act, q)
    }

    fn linear(&self, x: &Tensor<2>, at: LinearAt, residual: Option<&Tensor<2>>) -> Tensor<2> {
        let (w, bias, q) = (self.leaves.matrix(at.0), self.leaves.optional(at.1), self.leaves.quantise.as_ref());
        ops::linear_with(x, &w, bias.as_ref(), residual, q)
    }

    fn drop(&self, x: Tensor<2>, place: u32) -> Tensor<2> {
        self.noise.map_or(x.clone(), |n| n.drop(place, self.shape.context, x))
    }

    /// The residual stream and a projection. What is dropped cannot be added to it inside the projection.
    fn add(&self, x: &Tensor<2>, from: &Tensor<2>, at: LinearAt, place: u32) -> Tensor<2> {
        match self.noise {
            Some(noise) if noise.dropout > 0.0 => x.clone() + self.drop(self.linear(from, at, None), place),
            _ => self.linear(from, at, Some(x)),
        }
    }
}
