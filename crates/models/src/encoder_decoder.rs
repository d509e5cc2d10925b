//! An encoder that sees the whole of a source, and a decoder that sees its own past and, through a second attention, all
//! that the encoder made of the source (Vaswani et al. 2017), with norms before every layer.
//!
//! A batch holds a pair in each sequence: what does not count at its start is the source, what counts the target.

use crate::blocks::Layers;
use crate::decoder::{Leaves, Pass};
use crate::{Batch, Decoder, Noise};
use kleiber_tensor::Tensor;
use kleiber_tensor::kernels::head::IGNORED;
use kleiber_tensor::ops::{self, Pattern};
use std::sync::Arc;

/// Number of the first place where the encoder drops numbers, beyond those of the decoder's blocks.
const ENCODER: u32 = 3 << 30;
/// The same of the attention to the source.
const CROSS: u32 = 1 << 31;

/// Texts side by side, each filled up to the longest.
struct Texts {
    /// `[count * len]`.
    tokens: Arc<[u32]>,
    /// Tokens of each.
    lengths: Arc<[u32]>,
    count: usize,
    len: usize,
}

impl Texts {
    /// Texts of at least one token each, filled up with `filler`.
    fn new(texts: &[&[u32]], filler: u32) -> Self {
        let len = texts.iter().map(|t| t.len()).max().unwrap_or(0);
        let padded =
            |t: &&[u32]| t.iter().copied().chain(std::iter::repeat_n(filler, len - t.len())).collect::<Vec<_>>();
        Self {
            tokens: texts.iter().flat_map(padded).collect(),
            lengths: texts.iter().map(|t| t.len() as u32).collect(),
            count: texts.len(),
            len,
        }
    }
}

/// The pairs of a batch.
struct Pairs {
    sources: Texts,
    inputs: Texts,
    /// The token after each input; what fills up is not counted.
    targets: Arc<[u32]>,
    /// Where each target starts in the batch.
    places: Vec<usize>,
}

impl Pairs {
    /// Takes each sequence apart: tokens before the first that counts are the source, those from there to the last that
    /// counts go into the decoder, so that a target begins after the last token that is given. A sequence where nothing
    /// counts, or nothing is given, is a pair of one token each that does not count.
    fn of(batch: &Batch) -> Self {
        let context = batch.inputs.len() / batch.sequences;
        let (mut sources, mut inputs, mut wanted, mut places) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for first in (0..batch.inputs.len()).step_by(context) {
            let row = &batch.targets[first..first + context];
            let counts = |t: &u32| *t != IGNORED;
            let (from, end) = match (row.iter().position(counts), row.iter().rposition(counts)) {
                (Some(from), Some(last)) if from > 0 => (first + from, first + last + 1),
                _ => (first, first),
            };
            sources.push(&batch.inputs[first..from.max(first + 1)]);
            inputs.push(&batch.inputs[from..end.max(from + 1)]);
            wanted.push(if end > from { &batch.targets[from..end] } else { &[IGNORED] });
            places.push(from);
        }
        let targets = Texts::new(&wanted, IGNORED).tokens;
        Self { sources: Texts::new(&sources, 0), inputs: Texts::new(&inputs, 0), targets, places }
    }
}

impl Decoder {
    /// Loss and gradients of the pairs of a batch.
    pub(crate) fn pass_of_pairs(&self, batch: &Batch) -> Pass {
        let pairs = Pairs::of(batch);
        let leaves = self.leaves(true);
        let hidden = self.target_states(&leaves, &pairs, batch.noise);
        self.back(leaves, hidden, None, &pairs.targets)
    }

    /// Losses of the pairs of a batch, each where its target stands, 0 elsewhere.
    pub(crate) fn losses_of_pairs(&self, batch: &Batch) -> Vec<f32> {
        let pairs = Pairs::of(batch);
        let leaves = self.leaves(false);
        let hidden = self.target_states(&leaves, &pairs, None);
        let found = ops::token_losses(&hidden, &leaves.matrix(self.layout().head), &pairs.targets);
        let mut losses = vec![0.0; batch.inputs.len()];
        for (n, (place, len)) in pairs.places.iter().zip(pairs.inputs.lengths.iter()).enumerate() {
            let (first, len) = (n * pairs.inputs.len, *len as usize);
            losses[*place..place + len].copy_from_slice(&found[first..first + len]);
        }
        losses
    }

    /// The likeliest target of each text in `given`, token by token up to `end`, which is left out, or to `most` tokens. The
    /// last token of what is given is the one that targets begin after, those before it are the source.
    ///
    /// # Panics
    /// When the model has no encoder, a text has fewer than two tokens, or tokens do not fit the configuration.
    pub fn translate(&self, given: &[Vec<u32>], end: u32, most: usize) -> Vec<Vec<u32>> {
        if given.is_empty() {
            return Vec::new();
        }
        let (sources, mut targets): (Vec<&[u32]>, Vec<Vec<u32>>) =
            given.iter().map(|g| (&g[..g.len() - 1], vec![g[g.len() - 1]])).unzip();
        let leaves = self.leaves(false);
        let sources = Texts::new(&sources, end);
        let memory = self.encoded(&leaves, &sources, None);
        let head = leaves.matrix(self.layout().head);
        for len in 1..=most {
            let inputs = Texts::new(&targets.iter().map(Vec::as_slice).collect::<Vec<_>>(), end);
            let states = self.decoded(&leaves, &inputs, (&memory, &sources.lengths), None);
            let last = (1..=inputs.count).map(|n| (n * len - 1) as u32).collect();
            let logits = ops::numbers(ops::linear(&ops::embedding(&states, &last), &head, None, None));
            for (target, logits) in targets.iter_mut().zip(logits.chunks(self.config().vocab)) {
                let best = (0..logits.len()).rev().max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap_or(0);
                target.push(if target.last() == Some(&end) { end } else { best as u32 });
            }
            if targets.iter().all(|t| t.last() == Some(&end)) {
                break;
            }
        }
        targets.into_iter().map(|t| t.into_iter().skip(1).take_while(|t| *t != end).collect()).collect()
    }

    fn target_states(&self, leaves: &Leaves, pairs: &Pairs, noise: Option<Noise>) -> Tensor<2> {
        let memory = self.encoded(leaves, &pairs.sources, noise);
        self.decoded(leaves, &pairs.inputs, (&memory, &pairs.sources.lengths), noise)
    }

    /// What the encoder makes of sources, `[count * len, width]`.
    fn encoded(&self, leaves: &Leaves, sources: &Texts, noise: Option<Noise>) -> Tensor<2> {
        let (layout, tables) = (self.layout(), self.tables());
        let encoder = layout.encoder.as_ref().expect("the configuration has an encoder");
        let layers = Layers::new(self.config(), leaves, noise, (sources.count, sources.len));
        let at = (layout.embedding, encoder.positions);
        let mut x = layers.embedded(at, tables.waves.as_deref(), &sources.tokens, None, ENCODER);
        let (rotary, lengths) = (tables.rotary.clone(), Some(sources.lengths.clone()));
        let pattern = Arc::new(Pattern { rotary, lengths, ..Pattern::default() });
        for (i, block) in (0u32..).zip(&encoder.blocks) {
            x = layers.attention(&x, block, None, &pattern, ENCODER + 2 * i + 1);
            x = layers.feed_forward(&x, block, ENCODER + 2 * i + 2);
        }
        layers.norm(&x, encoder.norm)
    }

    /// What the decoder makes of the beginnings of targets, `[count * len, width]`, from what the encoder made of as many
    /// tokens of each source.
    fn decoded(
        &self,
        leaves: &Leaves,
        inputs: &Texts,
        memory: (&Tensor<2>, &Arc<[u32]>),
        noise: Option<Noise>,
    ) -> Tensor<2> {
        let (layout, tables) = (self.layout(), self.tables());
        let layers = Layers::new(self.config(), leaves, noise, (inputs.count, inputs.len));
        let at = (layout.embedding, layout.positions);
        let mut x = layers.embedded(at, tables.waves.as_deref(), &inputs.tokens, None, 0);
        let pattern = Arc::new(Pattern { rotary: tables.rotary.clone(), ..Pattern::default() });
        for (i, block) in (0u32..).zip(&layout.blocks) {
            x = layers.attention(&x, block, None, &pattern, 2 * i + 1);
            if let Some(cross) = &block.cross {
                x = layers.cross_attention(&x, cross, memory, CROSS + i);
            }
            x = layers.feed_forward(&x, block, 2 * i + 2);
        }
        layers.norm(&x, layout.norm)
    }
}
