//! How fast a decoder can be served: the roofline of reading weights, keys and values against that of arithmetic
//! (Williams et al. 2009, applied as in Pope et al. 2022).
//!
//! A step that decodes one token for each of B sequences reads the weights once and the keys and values of every sequence:
//! `bytes = W + B n KV`, `FLOP = B (2 N + 4 L H_q d n)`; it takes at least `max(bytes / bandwidth, FLOP / speed)`. Reading a
//! prompt of T tokens takes `2 N T + 2 L H_q d T^2` FLOP. [`DecodeLine`] is the measured side: time per token along depth.

mod line;
mod machine;

pub use line::{DecodeLine, DecodePoint};
pub use machine::{MACHINES, Machine, machine};

use crate::LawError;
use kleiber_core::shape::{Dtype, Kind, Shape};
use serde::Serialize;

/// Bits of a weight or a key in formats of llama.cpp, scales included: bytes of a block over its numbers.
pub const BLOCK_FORMATS: [(&str, f64); 13] = [
    ("f32", 32.0),
    ("f16", 16.0),
    ("bf16", 16.0),
    ("f8", 8.0),
    ("int8", 8.0),
    ("int4", 4.0),
    // 34 bytes for 32 numbers, 18 for 32, 22 for 32.
    ("q8_0", 8.5),
    ("q5_0", 5.5),
    ("q4_0", 4.5),
    // 210, 176, 144 and 110 bytes for 256 numbers.
    ("q6_k", 6.5625),
    ("q5_k", 5.5),
    ("q4_k", 4.5),
    ("q3_k", 3.4375),
];

/// Bits per number of a format by its name, or of a number of bits such as `4.85`.
///
/// # Errors
/// [`LawError::Request`] with the formats that are known.
pub fn bits(text: &str) -> Result<f64, LawError> {
    let known = BLOCK_FORMATS.iter().find(|(name, _)| *name == text.to_lowercase()).map(|(_, bits)| *bits);
    let given = || text.parse::<f64>().ok().filter(|b| (1.0..=64.0).contains(b));
    known.or_else(given).ok_or_else(|| {
        let names: Vec<&str> = BLOCK_FORMATS.iter().map(|(name, _)| *name).collect();
        LawError::Request(format!("`{text}` is neither a format ({}) nor bits between 1 and 64", names.join(", ")))
    })
}

/// What serving needs to know of a decoder.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Served {
    /// Parameters that are stored.
    pub params_total: f64,
    /// Parameters without embeddings and head: read and multiplied for every token.
    pub params: f64,
    /// Parameters of the head: read and multiplied where the next token is wanted.
    pub head: f64,
    /// Numbers of keys and values that a token leaves, over all layers.
    pub kv_numbers: f64,
    /// Layers times numbers of all query heads.
    pub query_numbers: f64,
}

impl Served {
    /// Of a shape.
    ///
    /// # Errors
    /// [`LawError::Request`] for an encoder-decoder, [`LawError::Table`] for a shape whose fields do not fit.
    pub fn of(shape: &Shape) -> Result<Self, LawError> {
        if shape.kind == Kind::EncoderDecoder {
            return Err(LawError::Request(
                "the roofline is that of a decoder alone: an encoder-decoder reads its input once and has two caches"
                    .into(),
            ));
        }
        let parts = shape.parts()?;
        let params = parts.params()?;
        Ok(Self {
            params_total: parts.params_total()? as f64,
            params: params as f64,
            head: (parts.params_matmul()? - params) as f64,
            // In a format of 8 bits the bytes are the numbers.
            kv_numbers: shape.kv_bytes_per_token(Dtype::Int8)? as f64,
            query_numbers: (shape.layers * shape.heads * shape.head_width) as f64,
        })
    }

    /// Bytes of keys and values of one token.
    pub fn kv_bytes(&self, load: &Load) -> f64 {
        self.kv_numbers * load.kv_bits / 8.0
    }

    /// Bytes of weights that are stored.
    pub fn stored_bytes(&self, load: &Load) -> f64 {
        self.params_total * load.weight_bits / 8.0
    }

    /// Bytes of weights that a step reads; of an embedding it reads single rows.
    pub fn read_bytes(&self, load: &Load) -> f64 {
        (self.params + self.head) * load.weight_bits / 8.0
    }

    /// Bytes of keys and values of the whole batch.
    pub fn cache_bytes(&self, load: &Load) -> f64 {
        load.batch * load.context * load.density * self.kv_bytes(load)
    }

    /// FLOP of reading a prompt: body for every token, head for the last, causal attention over half the square.
    pub fn prefill_flops(&self, tokens: f64, density: f64) -> (f64, f64) {
        let linear = 2.0 * self.params * tokens + 2.0 * self.head;
        (linear, 2.0 * self.query_numbers * density * tokens * tokens)
    }

    /// FLOP of a step that decodes one token of each sequence: products, attention.
    pub fn decode_flops(&self, load: &Load) -> (f64, f64) {
        let attention = 4.0 * self.query_numbers * load.context * load.density * load.batch;
        (2.0 * (self.params + self.head) * load.batch, attention)
    }

    /// Time and traffic of one decoding step.
    pub fn decode(&self, load: &Load, machine: &Machine) -> Decode {
        let (weights, cache) = (self.read_bytes(load), self.cache_bytes(load));
        let (products, attention) = self.decode_flops(load);
        let memory = weights / machine.weight_bandwidth + cache / machine.cache_bandwidth;
        let compute = products / machine.linear_speed + attention / machine.attention_speed;
        let seconds = memory.max(compute);
        Decode {
            weight_bytes: weights,
            cache_bytes: cache,
            flops: products + attention,
            seconds_memory: memory,
            seconds_compute: compute,
            seconds,
            tokens_per_second: load.batch / seconds,
        }
    }

    /// Seconds until a prompt of so many tokens is read, for the whole batch; at least one reading of the weights.
    pub fn prefill(&self, tokens: f64, load: &Load, machine: &Machine) -> f64 {
        let (linear, attention) = self.prefill_flops(tokens, load.density);
        let compute = load.batch * (linear / machine.linear_speed + attention / machine.attention_speed);
        compute.max(self.read_bytes(load) / machine.weight_bandwidth)
    }

    /// Tokens of context at which one sequence decodes half as fast as without any: where reading keys and values takes as
    /// long as reading weights.
    pub fn halving_context(&self, load: &Load, machine: &Machine) -> f64 {
        let weights = self.read_bytes(load) / machine.weight_bandwidth;
        weights / (load.density * self.kv_bytes(load) / machine.cache_bandwidth)
    }

    /// Sequences whose keys and values fit beside the weights; 0 when the weights alone do not.
    pub fn largest_batch(&self, load: &Load, memory: f64) -> u64 {
        let one = self.cache_bytes(&Load { batch: 1.0, ..*load });
        // A float beyond what an integer holds becomes the largest integer, a negative one 0.
        ((memory - self.stored_bytes(load)) / one).floor().max(0.0) as u64
    }

    /// Tokens of context of each sequence of the batch that fit beside the weights.
    pub fn largest_context(&self, load: &Load, memory: f64) -> u64 {
        let one = load.batch * load.density * self.kv_bytes(load);
        ((memory - self.stored_bytes(load)) / one).floor().max(0.0) as u64
    }
}

/// What is asked of a served model.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Load {
    /// Sequences at the same time.
    pub batch: f64,
    /// Tokens of each that keys and values are kept of.
    pub context: f64,
    /// Bits of a weight, scales included.
    pub weight_bits: f64,
    /// Bits of a key or value, scales included.
    pub kv_bits: f64,
    /// Share of keys and values that attention keeps, 1 when all.
    pub density: f64,
}

/// One decoding step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Decode {
    /// Bytes of weights read.
    pub weight_bytes: f64,
    /// Bytes of keys and values read.
    pub cache_bytes: f64,
    /// FLOP.
    pub flops: f64,
    /// Seconds of reading.
    pub seconds_memory: f64,
    /// Seconds of arithmetic.
    pub seconds_compute: f64,
    /// The longer of both.
    pub seconds: f64,
    /// Tokens of all sequences per second.
    pub tokens_per_second: f64,
}

impl Decode {
    /// Whether reading takes longer than arithmetic.
    pub fn memory_bound(&self) -> bool {
        self.seconds_memory >= self.seconds_compute
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::catalogue::Catalogue;

    fn load() -> Load {
        Load { batch: 1.0, context: 4096.0, weight_bits: 16.0, kv_bits: 16.0, density: 1.0 }
    }

    fn plain() -> Machine {
        Machine::plain(1e12, 1e14)
    }

    fn named(name: &str) -> Served {
        Served::of(&Catalogue::builtin().entry(name).unwrap().shape().unwrap()).unwrap()
    }

    /// Bytes of keys and values per token in 16 bits: 524,288 of Llama 2 7B, 131,072 of Llama 3 8B.
    #[test]
    fn bytes_per_token() {
        assert_eq!(named("llama2-7b").kv_bytes(&load()), 524_288.0);
        assert_eq!(named("llama3-8b").kv_bytes(&load()), 131_072.0);
        let half = Load { kv_bits: bits("q8_0").unwrap(), ..load() };
        assert!((named("llama3-8b").kv_bytes(&half) / 131_072.0 - 0.53).abs() < 0.002);
        let quarter = Load { kv_bits: bits("q4_0").unwrap(), ..load() };
        assert!((named("llama3-8b").kv_bytes(&quarter) / 131_072.0 - 0.28).abs() < 0.002);
    }

    #[test]
    fn a_step_by_hand() {
        let model = Served { params_total: 1.2e9, params: 1e9, head: 1e8, kv_numbers: 1e5, query_numbers: 1e5 };
        let step = model.decode(&load(), &plain());
        assert_eq!((step.weight_bytes, step.cache_bytes), (2.2e9, 4096.0 * 2e5));
        assert_eq!(step.flops, 2.0 * 1.1e9 + 4.0 * 1e5 * 4096.0);
        assert!((step.seconds - (2.2e9 + 4096.0 * 2e5) / 1e12).abs() < 1e-12 && step.memory_bound());
        // A large batch is bound by arithmetic, and its keys and values grow with it.
        let many = model.decode(&Load { batch: 1000.0, context: 16.0, ..load() }, &plain());
        assert!(!many.memory_bound() && (many.tokens_per_second - 1000.0 / many.seconds_compute).abs() < 1e-6);
        assert_eq!(model.largest_batch(&load(), 10e9), ((10e9 - 2.4e9) / (4096.0 * 2e5)) as u64);
        assert_eq!((model.largest_batch(&load(), 1e9), model.largest_context(&load(), 1e9)), (0, 0));
        // Attention in prefill is half the square: half of what decoding each token at full depth takes.
        let (linear, attention) = model.prefill_flops(1000.0, 1.0);
        assert_eq!((linear, attention), (2e12 + 2e8, 2e11));
    }

    #[test]
    fn at_the_halving_context_a_token_takes_twice_as_long() {
        let model = named("llama3-8b");
        let at = model.halving_context(&load(), &plain());
        let seconds = |context| model.decode(&Load { context, ..load() }, &plain()).seconds;
        assert!((seconds(at) / seconds(0.0) - 2.0).abs() < 1e-9);
        let half = Load { density: 0.5, ..load() };
        assert!((model.halving_context(&half, &plain()) / at - 2.0).abs() < 1e-12);
    }

    #[test]
    fn formats() {
        assert_eq!((bits("Q4_K").unwrap(), bits("4.85").unwrap()), (4.5, 4.85));
        assert!(bits("q9").unwrap_err().to_string().contains("q8_0") && bits("0").is_err() && bits("nan").is_err());
        let t5 = Catalogue::builtin().entry("t5-small").unwrap().shape().unwrap();
        assert!(Served::of(&t5).is_err());
    }
}
