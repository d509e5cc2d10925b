//! Which arrays of a decoder are made smaller.

use crate::CompressError;
use kleiber_models::Decoder;
use kleiber_tensor::parameters::Entry;

/// Matrices besides those of the blocks, which always belong to it. Norms and biases never do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// The embedding of tokens and, where they are learned, of positions.
    pub embedding: bool,
    /// The output head, which is the embedding of tokens when they are shared.
    pub head: bool,
}

impl Scope {
    /// The matrices of `decoder` in it, in the order of the buffer.
    ///
    /// # Errors
    /// [`CompressError::Nothing`] when there is none, [`CompressError::NotFinite`] for a number in them that is not finite.
    pub(crate) fn choose(self, decoder: &Decoder) -> Result<Vec<&Entry>, CompressError> {
        let (parameters, tied) = (decoder.parameters(), decoder.config().tied);
        let chosen = |entry: &&Entry| match entry.name.as_str() {
            "embedding.weight" => self.embedding || (self.head && tied),
            "positions.weight" => self.embedding,
            "head.weight" => self.head,
            name => name.starts_with("blocks."),
        };
        let matrices = parameters.entries().iter().filter(|entry| entry.shape.len() == 2);
        let chosen: Vec<&Entry> = matrices.filter(chosen).collect();
        if chosen.is_empty() {
            let names: Vec<&str> = parameters.entries().iter().map(|e| e.name.as_str()).take(8).collect();
            return Err(CompressError::Nothing { arrays: names.join(", ") });
        }
        for entry in &chosen {
            let numbers = numbers(decoder, entry);
            if let Some(at) = numbers.iter().position(|v| !v.is_finite()) {
                return Err(CompressError::NotFinite { array: entry.name.clone(), at, value: numbers[at] });
            }
        }
        Ok(chosen)
    }
}

/// The numbers of an array.
pub(crate) fn numbers<'a>(decoder: &'a Decoder, entry: &Entry) -> &'a [f32] {
    &decoder.parameters().values()[entry.offset..entry.offset + entry.len()]
}

/// A copy of the decoder with other numbers in these arrays.
pub(crate) fn replaced<'a>(decoder: &Decoder, arrays: impl Iterator<Item = (&'a Entry, &'a [f32])>) -> Decoder {
    let mut copy = decoder.clone();
    let values = copy.parameters_mut().values_mut();
    arrays.for_each(|(entry, numbers)| values[entry.offset..entry.offset + entry.len()].copy_from_slice(numbers));
    copy
}

/// A decoder of one block for tests.
#[cfg(test)]
pub(crate) fn small() -> kleiber_models::DecoderConfig {
    kleiber_models::DecoderConfig {
        vocab: 16,
        context: 8,
        layers: 1,
        width: 32,
        heads: 2,
        groups: 2,
        ..kleiber_models::DecoderConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_models::{DecoderConfig, Positions};

    #[test]
    fn arrays_are_chosen_by_their_part() {
        let config = small();
        let names = |config: &DecoderConfig, embedding, head| -> Vec<String> {
            let decoder = Decoder::new(config, 0).unwrap();
            Scope { embedding, head }.choose(&decoder).unwrap().iter().map(|e| e.name.clone()).collect()
        };
        let blocks =
            ["attention.packed", "attention.output", "mlp.up", "mlp.down"].map(|n| format!("blocks.0.{n}.weight"));
        assert_eq!(names(&config, false, false), blocks);
        let learned = DecoderConfig { positions: Positions::Learned, tied: false, ..config.clone() };
        let all = names(&learned, true, true);
        assert_eq!(
            (all.len(), all[0].as_str(), all[1].as_str(), all[6].as_str()),
            (7, "embedding.weight", "positions.weight", "head.weight")
        );
        let tied = DecoderConfig { tied: true, ..config };
        assert_eq!(names(&tied, false, true)[0], "embedding.weight");
    }

    #[test]
    fn a_number_that_is_none_is_named() {
        let config = small();
        let mut decoder = Decoder::new(&config, 0).unwrap();
        let at = decoder.parameters().entries().iter().find(|e| e.name.contains("mlp.up")).unwrap().offset + 5;
        decoder.parameters_mut().values_mut()[at] = f32::NAN;
        let error = Scope::default().choose(&decoder).unwrap_err().to_string();
        assert_eq!(error, "array `blocks.0.mlp.up.weight`: number 5 is NaN, which has no code");
    }
}
