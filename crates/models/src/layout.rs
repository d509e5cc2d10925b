//! Which arrays a configuration has, where they are in the flat buffer, and how they start.

use crate::init::normal;
use crate::{DecoderConfig, Init, NormKind, Positions};
use kleiber_tensor::parameters::{Builder, Group, Handle};

/// Distances that T5 positions tell apart: half of the buckets exactly, the rest in powers up to the context.
pub(crate) const T5_BUCKETS: usize = 32;

/// Where the parameters of each part are.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) embedding: Handle,
    pub(crate) positions: Option<Handle>,
    pub(crate) table: Option<Handle>,
    pub(crate) encoder: Option<Encoder>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: NormAt,
    /// The output head, which is the embedding when they are shared.
    pub(crate) head: Handle,
}

/// The blocks that see all of a source; they share the embedding.
#[derive(Debug, Clone)]
pub(crate) struct Encoder {
    pub(crate) positions: Option<Handle>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) norm: NormAt,
}

#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) attention_norm: NormAt,
    pub(crate) packed: LinearAt,
    pub(crate) output: LinearAt,
    /// Attention to what an encoder made.
    pub(crate) cross: Option<Cross>,
    pub(crate) mlp_norm: NormAt,
    /// What chooses among experts, where there are several.
    pub(crate) router: Option<LinearAt>,
    /// Feed-forward layers, of which a token passes one.
    pub(crate) experts: Vec<Expert>,
}

/// A feed-forward layer.
#[derive(Debug, Clone)]
pub(crate) struct Expert {
    pub(crate) up: LinearAt,
    pub(crate) down: LinearAt,
}

#[derive(Debug, Clone)]
pub(crate) struct Cross {
    pub(crate) norm: NormAt,
    pub(crate) queries: LinearAt,
    /// Keys, then values.
    pub(crate) keys: LinearAt,
    pub(crate) output: LinearAt,
}

/// Gain and bias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NormAt(pub(crate) Handle, pub(crate) Option<Handle>);

/// Weights and bias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinearAt(pub(crate) Handle, pub(crate) Option<Handle>);

/// How an array starts.
#[derive(Debug, Clone, Copy)]
enum Start {
    Normal(f64),
    Constant(f32),
}

/// The arrays of a configuration before they have values.
pub(crate) struct Declared {
    pub(crate) layout: Layout,
    pub(crate) builder: Builder,
    starts: Vec<Start>,
}

impl Declared {
    /// The arrays of a configuration that was checked.
    pub(crate) fn new(config: &DecoderConfig) -> Self {
        let mut add = Adder { config, builder: Builder::default(), starts: Vec::new() };
        let width = config.width;
        let embedding = add.table("embedding", [config.vocab, width], config.init.embedding());
        let positions = add.positions("positions");
        let table =
            (config.positions == Positions::T5).then(|| add.table("position_bias", [config.heads, T5_BUCKETS], 0.02));
        let encoder = (config.encoder_layers > 0).then(|| Encoder {
            positions: add.positions("encoder.positions"),
            blocks: (0..config.encoder_layers)
                .map(|i| add.block(&format!("encoder.blocks.{i}"), config.encoder_layers, false))
                .collect(),
            norm: add.norm("encoder.norm"),
        });
        let blocks =
            (0..config.layers).map(|i| add.block(&format!("blocks.{i}"), config.layers, encoder.is_some())).collect();
        let norm = add.norm("norm");
        let head = if config.tied { embedding } else { add.matrix("head", [config.vocab, width], config.init.head()) };
        let layout = Layout { embedding, positions, table, encoder, blocks, norm, head };
        Self { layout, builder: add.builder, starts: add.starts }
    }

    /// Starting values, functions of the seed and the names of the arrays.
    pub(crate) fn values(&self, seed: u64) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.builder.len());
        for (entry, start) in self.builder.entries().iter().zip(&self.starts) {
            match *start {
                Start::Constant(value) => values.resize(values.len() + entry.len(), value),
                Start::Normal(deviation) => {
                    let name = entry.name.strip_suffix(".weight").unwrap_or(&entry.name);
                    values.extend(normal(seed, name, entry.len(), deviation));
                }
            }
        }
        values
    }
}

struct Adder<'a> {
    config: &'a DecoderConfig,
    builder: Builder,
    starts: Vec<Start>,
}

impl Adder<'_> {
    /// The arrays of one of `layers` blocks.
    fn block(&mut self, name: &str, layers: usize, cross: bool) -> Block {
        let config = self.config;
        let (width, hidden) = (config.width, config.hidden());
        let (packed, gates) = (config.packed_width(), config.gates());
        let (inner, back) = (config.init.projection(width), config.init.output(width, layers));
        let name = |part: &str| format!("{name}.{part}");
        Block {
            attention_norm: self.norm(&name("attention_norm")),
            packed: self.linear(&name("attention.packed"), [packed, width], inner),
            output: self.linear(&name("attention.output"), [width, width], back),
            cross: cross.then(|| Cross {
                norm: self.norm(&name("cross_norm")),
                queries: self.linear(&name("cross.queries"), [width, width], inner),
                keys: self.linear(&name("cross.keys"), [packed - width, width], inner),
                output: self.linear(&name("cross.output"), [width, width], back),
            }),
            mlp_norm: self.norm(&name("mlp_norm")),
            router: (config.experts > 1)
                .then(|| LinearAt(self.matrix(&name("mlp.router"), [config.experts, width], inner), None)),
            experts: (0..config.experts)
                .map(|i| {
                    let part =
                        |part| if config.experts == 1 { format!("mlp.{part}") } else { format!("mlp.{i}.{part}") };
                    Expert {
                        up: self.linear(&name(&part("up")), [gates * hidden, width], inner),
                        down: self.linear(&name(&part("down")), [width, hidden], config.init.output(hidden, layers)),
                    }
                })
                .collect(),
        }
    }

    /// A learned row for each position, when positions are learned.
    fn positions(&mut self, name: &str) -> Option<Handle> {
        let (config, learned) = (self.config, self.config.positions == Positions::Learned);
        learned.then(|| self.table(name, [config.position_count(), config.width], config.init.embedding()))
    }

    /// A table of rows, looked up rather than multiplied.
    fn table(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> Handle {
        self.starts.push(Start::Normal(deviation));
        self.builder.declare(format!("{name}.weight"), &shape, Group::DECAYED)
    }

    fn matrix(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> Handle {
        let rate = match self.config.init {
            Init::Standard => 1.0,
            Init::Mup => self.config.base_width as f64 / self.config.width as f64,
        };
        self.starts.push(Start::Normal(deviation));
        self.builder.declare(format!("{name}.weight"), &shape, Group { rate, ..Group::DECAYED })
    }

    fn vector(&mut self, name: String, len: usize, value: f32) -> Handle {
        self.starts.push(Start::Constant(value));
        self.builder.declare(name, &[len], Group::FREE)
    }

    fn linear(&mut self, name: &str, shape: [usize; 2], deviation: f64) -> LinearAt {
        let weight = self.matrix(name, shape, deviation);
        LinearAt(weight, self.config.bias.then(|| self.vector(format!("{name}.bias"), shape[0], 0.0)))
    }

    fn norm(&mut self, name: &str) -> NormAt {
        let width = self.config.width;
        let gain = self.vector(format!("{name}.weight"), width, 1.0);
        let shifts = self.config.bias && self.config.norm == NormKind::Layer;
        NormAt(gain, shifts.then(|| self.vector(format!("{name}.bias"), width, 0.0)))
    }
}
