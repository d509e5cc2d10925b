//! Writing a text token by token: keys and values of earlier tokens are kept, so that a token costs one read of the
//! parameters.

use crate::decoder::{activation, norm_kind};
use crate::experts::Routes;
use crate::layout::{Block, Expert, LinearAt, NormAt};
use crate::tables::Tables;
use crate::{Decoder, ModelError};
use kleiber_tensor::kernels::activation;
use kleiber_tensor::kernels::attention::{self, Bias, Cache, Mask, Pattern, Position, Shape};
use kleiber_tensor::kernels::{linear, norm};
use kleiber_tensor::parameters::Handle;

/// A text in the making: what a decoder remembers of its tokens.
///
/// ```
/// use kleiber_models::{Decoder, DecoderConfig, Session};
/// # fn main() -> Result<(), kleiber_models::ModelError> {
/// let config = DecoderConfig { vocab: 64, context: 16, layers: 1, width: 32, heads: 2, groups: 2, ..DecoderConfig::default() };
/// let decoder = Decoder::new(&config, 0)?;
/// let mut session = Session::new(&decoder, 16)?;
/// session.feed(&[3, 1, 4])?;
/// let logits = session.feed(&[1])?.to_vec();
/// let whole = decoder.logits(&[3, 1, 4, 1], 1);
/// assert!(logits.iter().zip(&whole[3 * 64..]).all(|(a, b)| (a - b).abs() < 1e-5));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Session<'a> {
    decoder: &'a Decoder,
    tables: Tables,
    caches: Vec<Cache<f32>>,
    capacity: usize,
    logits: Vec<f32>,
}

impl<'a> Session<'a> {
    /// An empty text of at most `capacity` tokens.
    ///
    /// # Errors
    /// [`ModelError::Context`] when the model's context is shorter, [`ModelError::Config`] when it has an encoder:
    /// [`Decoder::translate`] writes targets.
    pub fn new(decoder: &'a Decoder, capacity: usize) -> Result<Self, ModelError> {
        let config = decoder.config();
        if config.encoder_layers > 0 {
            let (found, expected) = (config.encoder_layers.to_string(), "a decoder alone continues a text".into());
            return Err(ModelError::Config { field: "encoder_layers", found, expected });
        }
        if capacity > config.context {
            return Err(ModelError::Context { tokens: capacity, context: config.context });
        }
        let cache = Cache::new(config.heads, config.groups, config.head_width());
        let (tables, caches) = (Tables::new(config, capacity, config.spacing()), vec![cache; config.layers]);
        Ok(Self { decoder, tables, caches, capacity, logits: Vec::new() })
    }

    /// Tokens so far.
    pub fn len(&self) -> usize {
        self.caches.first().map_or(0, Cache::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Goes back to the first `len` tokens.
    pub fn truncate(&mut self, len: usize) {
        self.caches.iter_mut().for_each(|cache| cache.truncate(len));
    }

    /// Adds tokens and gives the logits after the last, one for each of the vocabulary; those of the call before when
    /// there are no tokens. The first tokens together, then one at a time, is what is fast.
    ///
    /// # Errors
    /// [`ModelError::Context`] beyond the capacity, [`ModelError::Token`] beyond the vocabulary, both before anything
    /// is added; [`ModelError::NotFinite`].
    pub fn feed(&mut self, tokens: &[u32]) -> Result<&[f32], ModelError> {
        if tokens.is_empty() {
            return Ok(&self.logits);
        }
        let (all, vocab) = (self.len() + tokens.len(), self.decoder.config().vocab);
        if all > self.capacity {
            return Err(ModelError::Context { tokens: all, context: self.capacity });
        }
        if let Some(&token) = tokens.iter().find(|t| **t as usize >= vocab) {
            return Err(ModelError::Token { token, vocab });
        }
        // Inside the pool the many small parallel loops of a token need not be handed over one by one.
        self.logits = rayon::scope(|_| self.pass(tokens));
        if self.logits.iter().all(|l| l.is_finite()) {
            Ok(&self.logits)
        } else {
            Err(ModelError::NotFinite { tokens: all })
        }
    }

    fn pass(&mut self, tokens: &[u32]) -> Vec<f32> {
        let Self { decoder, tables, caches, .. } = self;
        let (config, layout) = (decoder.config(), decoder.layout());
        let (rows, width, start) = (tokens.len(), config.width, caches.first().map_or(0, Cache::len));
        let weights = Weights(decoder, rows);
        let table = layout.table.map(|t| weights.array(t));
        let bias = match (&tables.slopes, table, &tables.bucket_of) {
            (Some(slopes), ..) => Bias::Slopes(slopes),
            (None, Some(values), Some(bucket_of)) => {
                Bias::Table { values, buckets: values.len() / config.heads, bucket_of }
            }
            _ => Bias::None,
        };
        let rotary = tables.rotary.as_deref();
        let pattern = Pattern {
            position: Position { ids: None, rotary, bias },
            mask: Mask { spans: tables.spans.as_deref(), ..Mask::default() },
        };
        let shape =
            Shape { batch: 1, context: rows, heads: config.heads, groups: config.groups, width: config.head_width() };
        let mut x = weights.embedded(tokens, start, tables);
        for (block, cache) in layout.blocks.iter().zip(caches) {
            let packed = weights.linear(&weights.norm(&x, block.attention_norm), block.packed, None);
            cache.append(&packed, rotary);
            let mut mixed = vec![0.0; rows * width];
            if start == 0 && rows > 1 {
                let mut logs = vec![0.0; rows * config.heads];
                attention::forward(shape, &packed, &pattern, &mut mixed, &mut logs);
            } else {
                attention::attend(cache, &packed, &pattern, &mut mixed);
            }
            x = weights.linear(&mixed, block.output, Some(&x));
            x = weights.feed_forward(&x, block);
        }
        let last = Weights(decoder, 1);
        let hidden = last.norm(&x[(rows - 1) * width..], layout.norm);
        last.linear(&hidden, LinearAt(layout.head, None), None)
    }
}

/// The parameters, applied to a number of rows.
struct Weights<'a>(&'a Decoder, usize);

impl<'a> Weights<'a> {
    fn array(&self, handle: Handle) -> &'a [f32] {
        self.0.parameters().array(handle)
    }

    /// Embeddings of tokens, with positions from `start` on where they are added to them.
    fn embedded(&self, tokens: &[u32], start: usize, tables: &Tables) -> Vec<f32> {
        let (layout, width) = (self.0.layout(), self.0.config().width);
        let embedding = self.array(layout.embedding);
        let mut x: Vec<f32> = tokens.iter().flat_map(|t| &embedding[*t as usize * width..][..width]).copied().collect();
        // Waves are made for places, learned rows for all positions that are drawn from.
        let (added, spacing) = match layout.positions {
            Some(rows) => (Some(self.array(rows)), self.0.config().spacing()),
            None => (tables.waves.as_deref(), 1),
        };
        if let Some(added) = added {
            for (place, x) in (start..).zip(x.chunks_mut(width)) {
                x.iter_mut().zip(&added[place * spacing * width..]).for_each(|(x, p)| *x += p);
            }
        }
        x
    }

    fn norm(&self, x: &[f32], at: NormAt) -> Vec<f32> {
        let config = self.0.config();
        let (mut y, mut stats) = (vec![0.0; x.len()], vec![[0.0; 2]; self.1]);
        let bias = at.1.map(|b| self.array(b));
        norm::forward(norm_kind(config.norm), x, self.array(at.0), bias, config.epsilon as f32, &mut y, &mut stats);
        y
    }

    fn feed_forward(&self, x: &[f32], block: &Block) -> Vec<f32> {
        let (rows, width) = (self.norm(x, block.mlp_norm), self.0.config().width);
        let Some(router) = block.router else {
            return self.linear(&self.up(&rows, &block.experts[0]), block.experts[0].down, Some(x));
        };
        let (mut y, experts) = (x.to_vec(), block.experts.len());
        let scores = self.linear(&rows, router, None);
        let routes = Routes::new(&scores, experts);
        for (i, range) in routes.busy() {
            let chosen = &routes.rows()[range];
            let own: Vec<f32> = chosen.iter().flat_map(|r| &rows[*r as usize * width..][..width]).copied().collect();
            let weights = Weights(self.0, chosen.len());
            let made = weights.linear(&weights.up(&own, &block.experts[i]), block.experts[i].down, None);
            for (row, made) in chosen.iter().zip(made.chunks_exact(width)) {
                let scores = &scores[*row as usize * experts..][..experts];
                let gate = 1.0 / scores.iter().map(|s| (s - scores[i]).exp()).sum::<f32>();
                y[*row as usize * width..][..width].iter_mut().zip(made).for_each(|(y, m)| *y += gate * m);
            }
        }
        y
    }

    /// The first half of a feed-forward layer.
    fn up(&self, rows: &[f32], expert: &Expert) -> Vec<f32> {
        let config = self.0.config();
        let mut up = vec![0.0; self.1 * config.hidden()];
        activation::forward(activation(config.mlp), &self.linear(rows, expert.up, None), config.hidden(), &mut up);
        up
    }

    fn linear(&self, x: &[f32], at: LinearAt, residual: Option<&[f32]>) -> Vec<f32> {
        let (w, bias, rows) = (self.array(at.0), at.1.map(|b| self.array(b)), self.1);
        let inputs = x.len() / rows;
        let outputs = w.len() / inputs;
        let mut y = vec![0.0; rows * outputs];
        if rows == 1 {
            linear::forward_row(x, w, bias, residual, &mut y);
        } else {
            linear::forward(linear::Shape { rows, inputs, outputs }, x, w, bias, residual, &mut y);
        }
        y
    }
}
