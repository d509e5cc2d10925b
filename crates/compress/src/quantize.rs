//! A decoder whose matrices went through a format and back.

use crate::scope::{numbers, replaced};
use crate::{CompressError, Format, Scope};
use kleiber_models::Decoder;
use rayon::prelude::*;
use serde::Serialize;

/// What became of a matrix.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Array {
    /// Its name.
    pub name: String,
    /// Rows, one for each output.
    pub rows: usize,
    /// Columns, one for each input.
    pub columns: usize,
    /// Mean square error over mean square of the weights; 0 for an array of zeros.
    pub nmse: f64,
    /// Largest error of a weight over the root mean square of the weights.
    pub largest: f64,
    /// Columns that were kept.
    pub kept_columns: usize,
    /// Bytes that it takes, scales counted.
    pub bytes: f64,
    #[serde(skip)]
    squares: (f64, f64),
}

/// A decoder in few bits.
#[derive(Debug)]
pub struct Quantised {
    /// The decoder, its matrices as their codes have them.
    pub decoder: Decoder,
    /// What became of each matrix.
    pub arrays: Vec<Array>,
    /// Arrays that stay as they are, and their numbers.
    pub kept: Vec<(String, usize)>,
}

impl Quantised {
    /// Weights that became codes.
    pub fn weights(&self) -> usize {
        self.arrays.iter().map(|a| a.rows * a.columns).sum()
    }

    /// Bits that each of them takes, scales counted.
    pub fn bits_per_weight(&self) -> f64 {
        8.0 * self.bytes() / self.weights() as f64
    }

    /// Bytes of all of them.
    pub fn bytes(&self) -> f64 {
        self.arrays.iter().map(|a| a.bytes).sum()
    }

    /// Bytes of what stays as it is, in `bits` each.
    pub fn kept_bytes(&self, bits: f64) -> f64 {
        self.kept.iter().map(|(_, numbers)| *numbers as f64 * bits / 8.0).sum()
    }

    /// Mean square error over mean square of all weights that became codes.
    pub fn nmse(&self) -> f64 {
        let (error, square) = self.arrays.iter().fold((0.0, 0.0), |(e, s), a| (e + a.squares.0, s + a.squares.1));
        if square > 0.0 { error / square } else { 0.0 }
    }
}

/// Takes the matrices of a scope through a format and back. The same whatever the threads.
///
/// # Errors
/// [`CompressError::NotFinite`], [`CompressError::Nothing`].
pub fn quantize(decoder: &Decoder, format: &Format, scope: Scope) -> Result<Quantised, CompressError> {
    let chosen = scope.choose(decoder)?;
    let coded = chosen.par_iter().map(|entry| {
        let (weights, [rows, columns]) = (numbers(decoder, entry), [entry.shape[0], entry.shape[1]]);
        let encoded = format.encode(weights, columns);
        let decoded = format.decode(&encoded);
        let (mut error, mut square, mut largest) = (0.0, 0.0, 0f64);
        for (given, got) in weights.iter().zip(&decoded) {
            let moved = f64::from(*got) - f64::from(*given);
            error += moved * moved;
            square += f64::from(*given).powi(2);
            largest = largest.max(moved.abs());
        }
        let over = |value: f64, by: f64| if by > 0.0 { value / by } else { 0.0 };
        let array = Array {
            name: entry.name.clone(),
            rows,
            columns,
            nmse: over(error, square),
            largest: over(largest, (square / weights.len() as f64).sqrt()),
            kept_columns: encoded.kept.0.len(),
            bytes: format.stored_bits(&encoded) / 8.0,
            squares: (error, square),
        };
        (array, decoded)
    });
    let (arrays, values): (Vec<Array>, Vec<Vec<f32>>) = coded.unzip();
    let others = decoder.parameters().entries().iter().filter(|e| !chosen.iter().any(|c| c.offset == e.offset));
    let kept = others.map(|e| (e.name.clone(), e.len())).collect();
    let decoder = replaced(decoder, chosen.iter().copied().zip(values.iter().map(Vec::as_slice)));
    Ok(Quantised { decoder, arrays, kept })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_models::DecoderConfig;

    fn decoder() -> Decoder {
        let config = DecoderConfig {
            vocab: 40,
            context: 16,
            layers: 2,
            width: 64,
            heads: 2,
            groups: 2,
            ..DecoderConfig::default()
        };
        Decoder::new(&config, 5).unwrap()
    }

    fn losses(decoder: &Decoder) -> Vec<f32> {
        let tokens: Vec<u32> = (0..16).map(|i| i * 7 % 40).collect();
        decoder.token_losses(&tokens[..15], &tokens[1..], 1, None)
    }

    #[test]
    fn only_the_matrices_of_the_scope_change() {
        let decoder = decoder();
        let before = decoder.parameters().values().to_vec();
        let small = quantize(&decoder, &Format::named("rtn", Some(4), None).unwrap(), Scope::default()).unwrap();
        assert_eq!(decoder.parameters().values(), before);
        for entry in decoder.parameters().entries() {
            let same = numbers(&decoder, entry) == numbers(&small.decoder, entry);
            assert_eq!(same, !(entry.name.starts_with("blocks.") && entry.shape.len() == 2), "{}", entry.name);
        }
        assert_eq!(small.weights() + small.kept.iter().map(|k| k.1).sum::<usize>(), decoder.parameters().len());
        assert_eq!(small.bits_per_weight(), 4.25);
        // Two blocks of 3 + 1 + 4 + 4 squares of the width.
        assert_eq!((small.arrays.len(), small.weights()), (8, 2 * 12 * 64 * 64));
        assert!(losses(&small.decoder) != losses(&decoder));
        assert!((small.nmse() / 0.0116 - 1.0).abs() < 0.05, "{}", small.nmse());
        // The pooled error lies within those of the arrays; no weight moves by more than half of 3.5/7 deviations or so.
        assert!(
            small.arrays.iter().any(|a| a.nmse >= small.nmse()) && small.arrays.iter().any(|a| a.nmse <= small.nmse())
        );
        assert!(small.arrays.iter().all(|a| (0.1..0.5).contains(&a.largest)));
    }

    #[test]
    fn the_bits_do_not_depend_on_threads_and_coding_twice_changes_nothing() {
        let (decoder, format) = (decoder(), Format::named("nf4", None, None).unwrap());
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| quantize(&decoder, &format, Scope { embedding: true, head: true }).unwrap())
        };
        let (one, three) = (on(1), on(3));
        assert_eq!(one.decoder.parameters().values(), three.decoder.parameters().values());
        assert_eq!((one.nmse(), one.arrays), (three.nmse(), three.arrays));
        let again = quantize(&one.decoder, &format, Scope { embedding: true, head: true }).unwrap();
        assert_eq!(again.decoder.parameters().values(), one.decoder.parameters().values());
        assert!(again.nmse() < 1e-12);
    }

    #[test]
    fn eight_bits_change_the_loss_less_than_two() {
        let decoder = decoder();
        let moved = |name: &str, bits| {
            let format = Format::named(name, bits, None).unwrap();
            let small = quantize(&decoder, &format, Scope::default()).unwrap();
            let pairs = losses(&small.decoder).into_iter().zip(losses(&decoder));
            pairs.map(|(a, b)| f64::from(a - b).abs()).sum::<f64>()
        };
        let (eight, four, two) = (moved("int8", None), moved("rtn", Some(4)), moved("rtn", Some(2)));
        assert!(eight > 0.0 && 4.0 * eight < four && 2.0 * four < two, "{eight} {four} {two}");
    }
}
