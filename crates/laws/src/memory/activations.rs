//! What the backward pass needs of the forward pass (Korthikanti et al. 2022, sections 4 and 5).

use crate::LawError;
use kleiber_core::shape::{Kind, Shape};
use serde::Serialize;
use std::str::FromStr;

/// What is computed a second time instead of being kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Recompute {
    /// Nothing.
    None,
    /// The core of attention: scores, softmax, its dropout. Fused attention that keeps no scores is of this kind.
    Selective,
    /// Whole layers: only their inputs are kept.
    Full,
}

impl FromStr for Recompute {
    type Err = LawError;
    fn from_str(text: &str) -> Result<Self, LawError> {
        match text {
            "none" => Ok(Self::None),
            "selective" | "flash" => Ok(Self::Selective),
            "full" => Ok(Self::Full),
            _ => Err(LawError::Request(format!("`{text}` is nothing to recompute: use none, selective or full"))),
        }
    }
}

/// Whether dropout's masks are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Dropout {
    /// One byte per number that passes it, and its output in attention.
    On,
    /// No dropout.
    Off,
}

/// A decoder in training, as far as its activations go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Activations {
    /// Layers on the device.
    pub layers: f64,
    /// Width h.
    pub width: f64,
    /// Numbers of all queries, heads times their width.
    pub queries: f64,
    /// Numbers of all keys.
    pub keys: f64,
    /// Query heads a.
    pub heads: f64,
    /// Numbers inside the feed-forward layer.
    pub hidden: f64,
    /// Whether it is gated.
    pub gated: bool,
    /// Rows of the head v.
    pub vocab: f64,
    /// Tokens of a sequence s.
    pub sequence: f64,
    /// Sequences of a micro-batch on one device b.
    pub batch: f64,
    /// Bytes of a number: 2 in mixed precision, 4 in 32 bits.
    pub bytes: f64,
    /// Dropout.
    pub dropout: Dropout,
    /// Tensor-parallel ranks t.
    pub tensor: f64,
    /// Whether norms and dropouts are split over them along the sequence.
    pub sequence_parallel: bool,
}

impl Activations {
    /// Of a shape, alone on its device, without dropout.
    ///
    /// # Errors
    /// [`LawError::Request`] for an encoder-decoder, [`LawError::Table`] for a shape whose fields do not fit.
    pub fn of(shape: &Shape, sequence: u64, batch: u64, bytes: f64) -> Result<Self, LawError> {
        shape.check()?;
        if shape.kind == Kind::EncoderDecoder {
            return Err(LawError::Request(
                "the formulas of activations are for one stack of layers: give the shape of a decoder".into(),
            ));
        }
        Ok(Self {
            layers: shape.layers as f64,
            width: shape.width as f64,
            queries: (shape.heads * shape.head_width) as f64,
            keys: (shape.groups * shape.head_width) as f64,
            heads: shape.heads as f64,
            hidden: shape.hidden as f64,
            gated: shape.gated,
            vocab: shape.vocab as f64,
            sequence: sequence as f64,
            batch: batch as f64,
            bytes,
            dropout: Dropout::Off,
            tensor: 1.0,
            sequence_parallel: false,
        })
    }

    fn tokens(&self) -> f64 {
        self.sequence * self.batch
    }

    fn mask(&self) -> f64 {
        if self.dropout == Dropout::On { 1.0 } else { 0.0 }
    }

    /// Bytes of the core of attention in one layer: softmax, and its mask and output under dropout; `5 a s` per token in
    /// 16 bits with dropout.
    fn core(&self) -> f64 {
        let numbers = self.heads * self.sequence;
        self.tokens() * numbers * (self.bytes + self.mask() * (1.0 + self.bytes)) / self.tensor
    }

    /// Bytes of one layer when everything is kept. With h = heads times head width = hidden / 4, 16 bits and dropout, per token:
    /// `34 h + 5 a s` alone, `h (10 + 24/t) + 5 a s / t` in tensor parallel, all of it over t with sequence parallelism.
    fn layer(&self, recompute: Recompute) -> f64 {
        // Two inputs of norms, the inputs of attention and feed-forward layer, two masks of dropout.
        let whole = self.bytes * 4.0 * self.width + 2.0 * self.mask() * self.width;
        // Queries, keys, values, the input of the projection; the inside of the feed-forward layer before and after its
        // activation. A gated layer keeps gate, value and their product.
        let inside = if self.gated { 3.0 } else { 2.0 } * self.hidden;
        let split = self.bytes * (2.0 * self.queries + 2.0 * self.keys + inside);
        let whole = if self.sequence_parallel { whole / self.tensor } else { whole };
        let core = if recompute == Recompute::None { self.core() } else { 0.0 };
        self.tokens() * (whole + split / self.tensor) + core
    }

    /// Bytes outside of layers: the mask after the embedding, the inputs of the last norm and of the head, and 32-bit logits.
    pub fn ends(&self) -> f64 {
        let whole = self.width * (self.mask() + 2.0 * self.bytes);
        let whole = if self.sequence_parallel { whole / self.tensor } else { whole };
        self.tokens() * (whole + 4.0 * self.vocab / self.tensor)
    }

    /// Bytes that all layers keep until the backward pass: with full recomputation the input of each.
    pub fn kept(&self, recompute: Recompute) -> f64 {
        if recompute == Recompute::Full {
            return self.layers * self.tokens() * self.bytes * self.width;
        }
        self.layers * self.layer(recompute)
    }

    /// Bytes that are computed again for one layer at a time and exist beside those kept.
    pub fn again(&self, recompute: Recompute) -> f64 {
        match recompute {
            Recompute::None => 0.0,
            Recompute::Selective => self.core(),
            Recompute::Full => self.layer(Recompute::None),
        }
    }

    /// The most at one time.
    pub fn peak(&self, recompute: Recompute) -> f64 {
        self.kept(recompute) + self.again(recompute) + self.ends()
    }
}

/// The estimate of Rajbhandari et al. 2020 (section 3.2) for a decoder like GPT-2, in numbers: 12 x hidden x batch x sequence x
/// layers.
pub fn zero_estimate(width: f64, batch: f64, sequence: f64, layers: f64) -> f64 {
    12.0 * width * batch * sequence * layers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A GPT as in the paper: width h, 4h inside, 16 bits, dropout.
    fn gpt(layers: f64, width: f64, heads: f64, sequence: f64, vocab: f64) -> Activations {
        Activations {
            layers,
            width,
            queries: width,
            keys: width,
            heads,
            hidden: 4.0 * width,
            gated: false,
            vocab,
            sequence,
            batch: 1.0,
            bytes: 2.0,
            dropout: Dropout::On,
            tensor: 1.0,
            sequence_parallel: false,
        }
    }

    /// Table 2 of Korthikanti et al. 2022, in units of s b h and per layer.
    #[test]
    fn the_published_table_of_cases() {
        let one = gpt(1.0, 12288.0, 96.0, 2048.0, 51200.0);
        let unit = one.sequence * one.batch * one.width;
        let core = 5.0 * 96.0 * 2048.0 / 12288.0;
        assert_eq!(core, 80.0, "5as/h of GPT-3");
        let per = |a: &Activations, r| a.kept(r) / unit;
        assert_eq!(per(&one, Recompute::None), 34.0 + core);
        let split = Activations { tensor: 8.0, ..one };
        assert_eq!(per(&split, Recompute::None), 10.0 + 24.0 / 8.0 + core / 8.0);
        let both = Activations { sequence_parallel: true, ..split };
        assert_eq!(per(&both, Recompute::None), (34.0 + core) / 8.0);
        assert_eq!(per(&split, Recompute::Selective), 10.0 + 24.0 / 8.0);
        assert_eq!(per(&both, Recompute::Selective), 34.0 / 8.0);
        assert_eq!(per(&one, Recompute::Full), 2.0);
    }

    /// Section 5: recomputing attention saves 70% of GPT-3's and 65% of MT-NLG's activations.
    #[test]
    fn what_selective_recomputation_saves() {
        for (model, saved) in
            [(gpt(96.0, 12288.0, 96.0, 2048.0, 1.0), 0.70), (gpt(105.0, 20480.0, 128.0, 2048.0, 1.0), 0.65)]
        {
            let got = 1.0 - model.kept(Recompute::Selective) / model.kept(Recompute::None);
            assert!((got - saved).abs() < 0.005, "{got} for {saved}");
        }
        // At a short sequence there is little to save.
        let short = gpt(96.0, 12288.0, 96.0, 128.0, 1.0);
        assert!(1.0 - short.kept(Recompute::Selective) / short.kept(Recompute::None) < 0.15);
    }

    /// In 32 bits without dropout: 4 s b (16 h + a s) per layer and 4 s b (2 h + v) at the end.
    #[test]
    fn full_precision_by_hand() {
        let one = Activations { bytes: 4.0, dropout: Dropout::Off, ..gpt(1.0, 192.0, 6.0, 256.0, 4096.0) };
        assert_eq!(one.kept(Recompute::None), 4.0 * 256.0 * (16.0 * 192.0 + 6.0 * 256.0));
        assert_eq!(one.ends(), 4.0 * 256.0 * (2.0 * 192.0 + 4096.0));
        // A gated layer of hidden f: h + 3f in place of 9h.
        let gated = Activations { gated: true, hidden: 512.0, ..one };
        assert_eq!(gated.kept(Recompute::None), 4.0 * 256.0 * (7.0 * 192.0 + 192.0 + 3.0 * 512.0 + 6.0 * 256.0));
    }

    /// Twice the sequence: the core of attention grows by four, everything else by two.
    #[test]
    fn attention_grows_with_the_square() {
        let (one, two) = (gpt(1.0, 512.0, 8.0, 4096.0, 1.0), gpt(1.0, 512.0, 8.0, 8192.0, 1.0));
        let core = |a: &Activations| a.kept(Recompute::None) - a.kept(Recompute::Selective);
        assert_eq!(core(&two) / core(&one), 4.0);
        assert_eq!(two.kept(Recompute::Selective) / one.kept(Recompute::Selective), 2.0);
        let deep = Activations { layers: 12.0, ..one };
        assert!(deep.peak(Recompute::Full) < deep.peak(Recompute::Selective));
        assert!(deep.peak(Recompute::Selective) < deep.peak(Recompute::None));
        // One layer alone saves nothing by full recomputation: it is there again when it is needed.
        assert!(one.again(Recompute::Full) + one.kept(Recompute::Full) > one.kept(Recompute::None));
    }

    /// Section 3.2 of Rajbhandari et al. 2020: GPT-2 of 1.5B, sequences of 1024, batch 32: about 60 GB.
    #[test]
    fn zeros_own_estimate() {
        let bytes = 2.0 * zero_estimate(1600.0, 32.0, 1024.0, 48.0);
        assert!((bytes / 1e9 - 60.0).abs() < 0.5, "{bytes}");
    }
}
