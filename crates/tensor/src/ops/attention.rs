//! Attention on packed queries, keys and values, and from one text to another.

use super::record::{Fused, input, numbers, optional, record, shape, tensor};
use super::reference;
use crate::kernels::attention::{self as kernel, Bias, Blocks, Mask, Position, Rotary, Shape};
use crate::kernels::scratch;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use std::sync::Arc;

/// Positions and visible keys of a layer, shared by its forward and backward pass.
#[derive(Debug, Clone, Default)]
pub struct Pattern {
    /// Position of each token; its index in the sequence when `None`.
    pub ids: Option<Arc<[u32]>>,
    /// Rotation of queries and keys.
    pub rotary: Option<Arc<Rotary<f32>>>,
    /// ALiBi slopes, one for each head.
    pub slopes: Option<Arc<[f32]>>,
    /// T5 buckets: bucket of each distance; the table is given to [`attention`].
    pub bucket_of: Option<Arc<[u16]>>,
    /// First key that each token may see.
    pub starts: Option<Arc<[u32]>>,
    /// Keys that each head sees.
    pub spans: Option<Arc<[u32]>>,
    /// Keys at the start of a document that stay visible beyond the span.
    pub sinks: u32,
    /// Blocks that stay visible.
    pub blocks: Option<Arc<Blocks>>,
    /// First keys of each sequence that all of its queries see; without them a query sees none after itself.
    pub lengths: Option<Arc<[u32]>>,
}

impl Pattern {
    fn view<'a>(&'a self, table: Option<&'a [f32]>, heads: usize) -> kernel::Pattern<'a, f32> {
        let bias = match (&self.slopes, table, &self.bucket_of) {
            (Some(slopes), ..) => Bias::Slopes(slopes),
            (None, Some(values), Some(bucket_of)) => Bias::Table { values, buckets: values.len() / heads, bucket_of },
            _ => Bias::None,
        };
        kernel::Pattern {
            position: Position { ids: self.ids.as_deref(), rotary: self.rotary.as_deref(), bias },
            mask: Mask {
                starts: self.starts.as_deref(),
                spans: self.spans.as_deref(),
                sinks: self.sinks,
                blocks: self.blocks.as_deref(),
                lengths: self.lengths.as_deref(),
            },
        }
    }
}

#[derive(Debug, Clone)]
struct State {
    shape: Shape,
    packed: FlexTensor,
    table: Option<FlexTensor>,
    pattern: Arc<Pattern>,
    out: FlexTensor,
    logs: Arc<Vec<f32>>,
}

impl Fused for State {
    fn backward(self, gradient: FlexTensor, _: &[bool]) -> Vec<Option<FlexTensor>> {
        let pattern = self.pattern.view(self.table.as_ref().map(numbers), self.shape.heads);
        let kept = (numbers(&self.out), self.logs.as_slice());
        let gradients = kernel::backward(self.shape, numbers(&self.packed), &pattern, kept, numbers(&gradient));
        let mut all = vec![Some(tensor(gradients.packed, shape::<2>(&self.packed)))];
        if let Some(table) = &self.table {
            all.push(Some(tensor(gradients.table, shape::<2>(table))));
        }
        all
    }
}

/// Attention of `packed`, `[batch * context, (heads + 2 groups) * width]`, to `[batch * context, heads * width]`;
/// `table` is the learned bias of T5, `[heads, buckets]`.
pub fn attention(at: Shape, packed: &Tensor<2>, table: Option<&Tensor<2>>, pattern: &Arc<Pattern>) -> Tensor<2> {
    let (Some(x), Some(t)) = (input(packed), optional(table)) else {
        return reference::attention(at, packed, table, pattern);
    };
    let rows = at.batch * at.context;
    let (mut out, mut logs) = (scratch(rows * at.output()), scratch(rows * at.heads));
    let view = pattern.view(t.as_ref().map(|t| numbers(&t.tensor)), at.heads);
    kernel::forward(at, numbers(&x.tensor), &view, &mut out, &mut logs);
    let out = tensor(out, [rows, at.output()]);
    let (table, table_node) = t.map(|t| (t.tensor, t.node)).unzip();
    let state =
        State { shape: at, packed: x.tensor, table, pattern: pattern.clone(), out: out.clone(), logs: Arc::new(logs) };
    record([x.node].into_iter().chain(table_node).collect(), out, || state)
}

#[derive(Debug, Clone)]
struct Across {
    shape: Shape,
    queries: FlexTensor,
    keys: FlexTensor,
    lengths: Arc<[u32]>,
    out: FlexTensor,
    logs: Arc<Vec<f32>>,
}

impl Fused for Across {
    fn backward(self, gradient: FlexTensor, _: &[bool]) -> Vec<Option<FlexTensor>> {
        let inputs = (numbers(&self.queries), numbers(&self.keys));
        let kept = (numbers(&self.out), self.logs.as_slice());
        let (queries, keys) = kernel::backward_across(self.shape, inputs, &self.lengths, kept, numbers(&gradient));
        vec![Some(tensor(queries, shape::<2>(&self.queries))), Some(tensor(keys, shape::<2>(&self.keys)))]
    }
}

/// Attention of `queries`, `[batch * context, heads * width]`, to the first `lengths` keys of each sequence of `keys`,
/// `[batch * keys, 2 * groups * width]`, keys before values; to `[batch * context, heads * width]`.
pub fn attention_across(at: Shape, queries: &Tensor<2>, keys: &Tensor<2>, lengths: &Arc<[u32]>) -> Tensor<2> {
    let (Some(q), Some(k)) = (input(queries), input(keys)) else {
        return reference::attention_across(at, queries, keys, lengths);
    };
    let rows = at.batch * at.context;
    let (mut out, mut logs) = (scratch(rows * at.output()), scratch(rows * at.heads));
    kernel::forward_across(at, (numbers(&q.tensor), numbers(&k.tensor)), lengths, &mut out, &mut logs);
    let out = tensor(out, [rows, at.output()]);
    let state = Across {
        shape: at,
        queries: q.tensor,
        keys: k.tensor,
        lengths: lengths.clone(),
        out: out.clone(),
        logs: Arc::new(logs),
    };
    record(vec![q.node, k.node], out, || state)
}
