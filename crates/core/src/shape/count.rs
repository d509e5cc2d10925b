//! Parameters by part.

use super::exact::Exact;
use super::{Positions, Shape};
use crate::CoreError;
use serde::Serialize;

/// Trainable parameters of each part. Their sum is `params_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// The embedding, `vocab * width`.
    pub embedding: u64,
    /// Learned rows of positions, or tables of biases for distances.
    pub positions: u64,
    /// Projections of attention, cross attention included.
    pub attention: u64,
    /// Feed-forward layers, with what chooses among experts.
    pub mlp: u64,
    /// Gains and biases of norms.
    pub norms: u64,
    /// The output head; 0 when it is the embedding.
    pub head: u64,
    /// Parameters that the output head multiplies with, its own or the embedding's.
    #[serde(skip)]
    head_matrix: u64,
    /// Parameters of the experts that a token does not pass.
    #[serde(skip)]
    idle: u64,
}

impl Parts {
    /// `params`: without embeddings (of tokens and positions) and output head, as Kaplan et al. 2020 count.
    ///
    /// # Errors
    /// [`CoreError::Overflow`].
    pub fn params(&self) -> Result<u64, CoreError> {
        (Exact::from(self.attention) + self.mlp.into() + self.norms.into()).get("params")
    }

    /// `params_matmul`: body plus head, what costs FLOP; a head that is the embedding is counted here, and of experts one.
    ///
    /// # Errors
    /// [`CoreError::Overflow`].
    pub fn params_matmul(&self) -> Result<u64, CoreError> {
        (Exact::from(self.params()? - self.idle) + self.head_matrix.into()).get("params_matmul")
    }

    /// `params_total`: everything.
    ///
    /// # Errors
    /// [`CoreError::Overflow`].
    pub fn params_total(&self) -> Result<u64, CoreError> {
        let sum = self.named().into_iter().fold(Exact::from(0), |sum, (_, part)| sum + part.into());
        sum.get("params_total")
    }

    /// The parts with their names, in the order in which a token meets them.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("embedding", self.embedding),
            ("positions", self.positions),
            ("attention", self.attention),
            ("mlp", self.mlp),
            ("norms", self.norms),
            ("head", self.head),
        ]
    }
}

impl Shape {
    /// Parameters by part.
    ///
    /// # Errors
    /// [`CoreError::Shape`] for fields that do not fit each other, [`CoreError::Overflow`] beyond 64 bits.
    pub fn parts(&self) -> Result<Parts, CoreError> {
        self.check()?;
        let of = Exact::from;
        let (layers, encoder, width, hidden) =
            (of(self.layers), of(self.encoder_layers), of(self.width), of(self.hidden));
        let blocks = layers + encoder;
        let cross = if self.encoder_layers > 0 { layers } else { of(0) };
        let stacks = of(self.stacks());
        let queries = of(self.heads) * of(self.head_width);
        let keys = of(self.groups) * of(self.head_width);
        let packed = queries + keys + keys;

        let [attention, mlp] = self.block();
        let attention = attention + Exact::from(self.bias.qkv) * packed + Exact::from(self.bias.output) * width;
        let relative = Exact::from(self.positions == Positions::RelativeProjected) * width * queries;
        let into = (if self.gated { 2 } else { 1 }) * hidden;
        let expert = mlp + Exact::from(self.bias.mlp) * (into + width);
        let idle = (of(self.experts - 1) * expert * blocks).get("parameters of the feed-forward layers")?;
        let router = if self.experts > 1 { of(self.experts) * width } else { of(0) };
        let mlp = expert * of(self.experts) + router;
        let norms = of(self.norm.per_block) * blocks
            + cross
            + Exact::from(self.norm.last) * stacks
            + Exact::from(self.norm.embedding);
        let positions = match self.positions {
            Positions::Learned { rows } => of(rows) * width * stacks,
            Positions::T5 { buckets } => of(buckets) * of(self.heads) * stacks,
            _ => of(0),
        };
        let embedding = (of(self.vocab) * width).get("parameters of the embedding")?;
        Ok(Parts {
            embedding,
            positions: positions.get("parameters of positions")?,
            attention: (attention * (blocks + cross) + relative * blocks).get("parameters of attention")?,
            mlp: (mlp * blocks).get("parameters of the feed-forward layers")?,
            norms: (norms * width * (of(1) + self.norm.bias.into())).get("parameters of norms")?,
            head: if self.tied { 0 } else { embedding },
            head_matrix: embedding,
            idle,
        })
    }

    /// Weights of the blocks of encoder and decoder without norms and biases, cross attention counted to the decoder, as
    /// translation models are counted (Ghorbani et al. 2021).
    ///
    /// # Errors
    /// As [`Shape::parts`].
    pub fn sides(&self) -> Result<[u64; 2], CoreError> {
        self.check()?;
        let [attention, mlp] = self.block();
        let cross = if self.encoder_layers > 0 { attention } else { Exact::from(0) };
        let encoder = self.encoder_layers * (attention + mlp);
        let decoder = self.layers * (attention + cross + mlp);
        Ok([encoder.get("parameters of the encoder")?, decoder.get("parameters of the decoder")?])
    }

    /// Weights of the attention and of the feed-forward layer of a block, without biases.
    fn block(&self) -> [Exact; 2] {
        let [heads, groups] = [self.heads, self.groups].map(|n| Exact::from(n) * self.head_width.into());
        let into = (if self.gated { 2 } else { 1 }) * Exact::from(self.hidden);
        [self.width * (heads + heads + groups + groups), self.width * (into + self.hidden.into())]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::plain;
    use super::super::{Biases, Kind, NormKind, Norms};
    use super::*;

    #[test]
    fn every_part_of_a_small_decoder_by_hand() {
        let parts = plain().parts().unwrap();
        // Two blocks: 4 matrices of 8 x 8; 8 x 32 up and down; five norms of 8.
        let named = parts.named().map(|(_, n)| n);
        assert_eq!(named, [80, 0, 2 * 4 * 64, 2 * 2 * 256, 5 * 8, 80]);
        assert_eq!(parts.params().unwrap(), 512 + 1024 + 40);
        assert_eq!(parts.params_matmul().unwrap(), 1576 + 80);
        assert_eq!(parts.params_total().unwrap(), 1576 + 160);
        let tied = Shape { tied: true, ..plain() }.parts().unwrap();
        assert_eq!(tied.params_matmul().unwrap(), 1656, "a tied head still multiplies");
        assert_eq!((tied.head, tied.params_total().unwrap()), (0, 1656));
    }

    #[test]
    fn each_choice_moves_its_own_part_by_a_known_number() {
        let total = |shape: Shape| shape.parts().unwrap().params_total().unwrap() as i64;
        let from = |shape| total(shape) - total(plain());
        assert_eq!(from(Shape { groups: 1, ..plain() }), -2 * 2 * 8 * 4);
        assert_eq!(from(Shape { gated: true, ..plain() }), 2 * 8 * 32);
        assert_eq!(from(Shape { head_width: 6, ..plain() }), 2 * 4 * 8 * 4);
        assert_eq!(from(Shape { tied: true, ..plain() }), -80);
        assert_eq!(from(Shape { bias: Biases::ALL, ..plain() }), 2 * (24 + 8 + 32 + 8));
        assert_eq!(from(Shape { bias: Biases { qkv: true, ..Biases::NONE }, ..plain() }), 2 * 24);
        assert_eq!(from(Shape { bias: Biases::ALL, gated: true, ..plain() }), 2 * (24 + 8 + 64 + 8) + 512);
        assert_eq!(from(Shape { positions: Positions::Learned { rows: 18 }, ..plain() }), 18 * 8);
        assert_eq!(from(Shape { positions: Positions::T5 { buckets: 32 }, ..plain() }), 64);
        assert_eq!(from(Shape { positions: Positions::RelativeProjected, ..plain() }), 2 * 64);
        assert_eq!(from(Shape { experts: 4, ..plain() }), 2 * (3 * 512 + 4 * 8));
        let norms = Norms { kind: NormKind::Layer, bias: true, per_block: 1, embedding: true, last: false };
        assert_eq!(from(Shape { norm: norms, ..plain() }), 3 * 16 - 5 * 8);
    }

    #[test]
    fn a_token_pays_for_one_expert_and_the_choice() {
        let matmul = |experts| Shape { experts, ..plain() }.parts().unwrap().params_matmul().unwrap();
        assert_eq!((matmul(1), matmul(4)), (1656, 1656 + 2 * 4 * 8));
        assert!(Shape { experts: 0, ..plain() }.parts().unwrap_err().to_string().starts_with("experts = 0"));
        assert!(Shape { experts: u64::MAX, ..plain() }.parts().is_err());
    }

    #[test]
    fn an_encoder_brings_its_blocks_and_cross_attention() {
        let both = Shape { kind: Kind::EncoderDecoder, encoder_layers: 3, ..plain() };
        let parts = Shape { positions: Positions::T5 { buckets: 32 }, ..both }.parts().unwrap();
        assert_eq!((parts.attention, parts.mlp), (256 * (3 + 2 + 2), 512 * 5));
        assert_eq!((parts.norms, parts.positions), (8 * (2 * 5 + 2 + 2), 2 * 64));
        assert_eq!(both.sides().unwrap(), [3 * (256 + 512), 2 * (2 * 256 + 512)]);
        assert_eq!(Shape { bias: Biases::ALL, ..plain() }.sides().unwrap(), [0, 2 * (256 + 512)]);
    }

    #[test]
    fn sizes_beyond_64_bits_are_an_error() {
        let large = 1 << 40;
        let error = Shape { width: large, heads: large, groups: large, ..plain() }.parts().unwrap_err();
        assert!(error.to_string().contains("more than 64 bits"), "{error}");
        // Each part fits, the sum does not.
        let wide = Shape { width: 1 << 31, vocab: 1 << 32, ..plain() }.parts().unwrap();
        assert!(wide.params_total().is_err() && wide.params().is_ok());
    }
}
