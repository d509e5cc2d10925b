//! How the weights of an array are stored: one file per kind of code, and what is done around the codes.
//!
//! An array is read row by row and cut into blocks of `group` weights, the last one shorter, or into its rows; each block
//! becomes codes and a scale. `-dq` stores the scales as codes once more, and `int8` keeps columns of large weights as
//! they are. Storage is that of [`kleiber_laws::storage`].

mod codebook;
mod double;
pub mod float;
pub mod fp4;
mod integer;
pub mod nf4;

pub use codebook::Codebook;
pub use integer::Integer;

use crate::CompressError;
use half::bf16;
use kleiber_laws::storage::Stored;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Weights of a block when nothing is said.
pub const GROUP: u32 = 64;
/// A column is kept when one of its weights is so many root mean squares of the array from 0. LLM.int8() (Dettmers et al.
/// 2022, arXiv 2208.07339) has 6.0 for activations, whose root mean square is about 1 behind a norm.
const OUTLIER: f64 = 6.0;
/// Bits of a weight that is kept.
const KEPT_BITS: f64 = 16.0;

/// Formats by name, what they are, and what their bits may be.
pub const FORMATS: &[(&str, &str)] = &[
    ("rtn", "integers of 2 to 8 bits, equal steps on both sides of 0, scales of 16 bits"),
    ("rtn-asym", "integers of 2 to 8 bits from the smallest to the largest weight, scales of 16 bits and a zero point"),
    (
        "int8",
        "integers of 8 bits, a scale per row, columns of large weights kept in 16 bits (after Dettmers et al. 2022)",
    ),
    ("nf4", "4 bits, levels at quantiles of the normal distribution, scales of 32 bits (Dettmers et al. 2023)"),
    ("nf4-dq", "nf4 with scales in 8 bits"),
    ("fp4", "4 bits, the float levels of bitsandbytes, scales of 32 bits"),
    ("fp4-dq", "fp4 with scales in 8 bits"),
    ("eXmY", "floats of X exponent and Y mantissa bits with a sign, such as e2m1, scales of 32 bits"),
];

/// A kind of code.
pub trait Code: fmt::Debug + Send + Sync {
    /// The codes of a block and what they are relative to.
    fn encode(&self, weights: &[f32]) -> Block;

    /// What a code stands for in a block of scale 1 with this code for 0.
    fn value(&self, code: u8, zero: u8) -> f32;
}

/// A block of weights as codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// One for each weight.
    pub codes: Vec<u8>,
    /// What values of codes are multiplied with.
    pub scale: f32,
    /// The code that stands for 0, for codes that need it.
    pub zero: u8,
}

/// An array as codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// Its blocks, without the columns that are kept.
    pub blocks: Vec<Block>,
    /// Numbers in a row.
    pub columns: usize,
    /// Columns that are kept, ascending, and their weights row by row.
    pub kept: (Vec<usize>, Vec<f32>),
}

/// How the weights of an array are stored.
#[derive(Debug, Clone)]
pub struct Format {
    name: String,
    code: Arc<dyn Code>,
    stored: Stored,
    /// Magnitude in root mean squares from which a column is kept.
    outlier: Option<f64>,
}

impl Format {
    /// A format of [`FORMATS`]. `bits` are needed where the name leaves them open and 4 otherwise; `group` is the number of
    /// weights that share a scale, 0 for a row.
    ///
    /// ```
    /// use kleiber_compress::Format;
    /// let nf4 = Format::named("nf4", None, None).unwrap();
    /// assert_eq!(nf4.stored().bits_per_weight(), 4.5);
    /// let weights: Vec<f32> = (0..64).map(|i| (i as f32 * 0.37).sin()).collect();
    /// let decoded = nf4.decode(&nf4.encode(&weights, 64));
    /// assert_eq!(nf4.encode(&decoded, 64), nf4.encode(&weights, 64));
    /// ```
    ///
    /// # Errors
    /// [`CompressError::Option`] for a name, bits or a group that do not exist.
    pub fn named(name: &str, bits: Option<u32>, group: Option<u32>) -> Result<Self, CompressError> {
        let name = name.to_lowercase();
        let (code, mut stored, outlier): (Arc<dyn Code>, Stored, Option<f64>) = match name.as_str() {
            "rtn" | "rtn-asym" => {
                let code = Integer { bits: bits.unwrap_or(4), symmetric: name == "rtn" };
                if !(2..=8).contains(&code.bits) {
                    return Err(CompressError::option("bits", code.bits, "2 to 8"));
                }
                let grouped = Stored::grouped(f64::from(code.bits), GROUP);
                // The zero point is a code.
                let zero = if code.symmetric { 0.0 } else { grouped.bits };
                (Arc::new(code), Stored { scale_bits: grouped.scale_bits + zero, ..grouped }, None)
            }
            "int8" => {
                let code = Integer { bits: 8, symmetric: true };
                let stored = Stored { scale_bits: Stored::grouped(8.0, 0).scale_bits, ..Stored::named("int8")? };
                (Arc::new(code), stored, Some(OUTLIER))
            }
            "nf4" | "nf4-dq" => (Arc::new(nf4::codebook()), Stored::named(&name)?, None),
            "fp4" | "fp4-dq" => (Arc::new(fp4::codebook()), Stored::named(&name)?, None),
            _ => {
                let (exponent, mantissa) = exponent_and_mantissa(&name).ok_or_else(|| unknown(&name))?;
                let code = float::codebook(exponent, mantissa)?;
                let bits = f64::from(1 + exponent + mantissa);
                (Arc::new(code), Stored { name: "float", bits, ..Stored::named("fp4")? }, None)
            }
        };
        if let Some(bits) = bits.filter(|bits| f64::from(*bits) != stored.bits) {
            return Err(CompressError::option("bits", bits, format!("{name} has {}; leave them out", stored.bits)));
        }
        match group {
            Some(group) if outlier.is_some() && group > 0 => {
                return Err(CompressError::option("group", group, format!("{name} has a scale per row; leave it out")));
            }
            _ => stored.block = group.unwrap_or(stored.block),
        }
        Ok(Self { name, code, stored, outlier })
    }

    /// Its name, without bits and group.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bits of a code.
    pub fn bits(&self) -> u32 {
        self.stored.bits as u32
    }

    /// Weights that share a scale; 0 for a row.
    pub fn group(&self) -> u32 {
        self.stored.block
    }

    /// What it costs to store an array of many whole blocks: the scales of rows and columns that are kept are not counted.
    pub fn stored(&self) -> Stored {
        self.stored
    }

    /// An array of finite weights, row by row, as codes.
    pub fn encode(&self, weights: &[f32], columns: usize) -> Encoded {
        let kept = self.outlier.map_or_else(Vec::new, |factor| outlying(weights, columns, factor));
        let mut is_kept = vec![false; columns];
        kept.iter().for_each(|column| is_kept[*column] = true);
        let part = |wanted: bool| -> Vec<f32> {
            let at = weights.iter().enumerate().filter(|(i, _)| is_kept[i % columns] == wanted);
            at.map(|(_, w)| *w).collect()
        };
        let rest = if kept.is_empty() { Cow::Borrowed(weights) } else { Cow::Owned(part(false)) };
        let size = match self.stored.block {
            0 => columns - kept.len(),
            group => group as usize,
        };
        let mut blocks: Vec<Block> = rest.chunks(size.max(1)).map(|block| self.code.encode(block)).collect();
        if self.stored.scale_block > 0 {
            let scales: Vec<f32> = blocks.iter().map(|block| block.scale).collect();
            let coded = double::coded(&scales, self.stored.scale_block as usize);
            blocks.iter_mut().zip(coded).for_each(|(block, scale)| block.scale = scale);
        }
        let values = if kept.is_empty() { Vec::new() } else { part(true) };
        Encoded { blocks, columns, kept: (kept, values.into_iter().map(sixteen_bits).collect()) }
    }

    /// The weights that codes stand for.
    pub fn decode(&self, encoded: &Encoded) -> Vec<f32> {
        let of = |block: &'_ Block, code: &u8| block.scale * self.code.value(*code, block.zero);
        let mut coded = encoded.blocks.iter().flat_map(|block| block.codes.iter().map(move |code| of(block, code)));
        let (columns, values) = &encoded.kept;
        if columns.is_empty() {
            return coded.collect();
        }
        let mut kept = values.iter().copied();
        let mut is_kept = vec![false; encoded.columns];
        columns.iter().for_each(|column| is_kept[*column] = true);
        let places = is_kept.iter().cycle();
        places.map_while(|is_kept| if *is_kept { kept.next() } else { coded.next() }).collect()
    }

    /// Bits that an array takes, everything counted.
    pub fn stored_bits(&self, encoded: &Encoded) -> f64 {
        let codes: usize = encoded.blocks.iter().map(|block| block.codes.len()).sum();
        let (blocks, (columns, values)) = (encoded.blocks.len() as f64, &encoded.kept);
        // Scales of scales, and the mean that was taken off.
        let doubled = match self.stored.scale_block {
            0 => 0.0,
            scales => 32.0 * ((blocks / f64::from(scales)).ceil() + 1.0),
        };
        let kept = KEPT_BITS * values.len() as f64 + 32.0 * columns.len() as f64;
        codes as f64 * self.stored.bits + blocks * self.stored.scale_bits + doubled + kept
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = match self.stored.block {
            0 => "a row".to_string(),
            group => group.to_string(),
        };
        write!(f, "{}, {} bits, a scale for {over}", self.name, self.stored.bits)
    }
}

fn unknown(name: &str) -> CompressError {
    let known: Vec<&str> = FORMATS.iter().map(|f| f.0).collect();
    CompressError::option("format", name.chars().take(40).collect::<String>(), format!("one of {}", known.join(", ")))
}

/// X and Y of `eXmY`.
fn exponent_and_mantissa(name: &str) -> Option<(u32, u32)> {
    let (exponent, mantissa) = name.strip_prefix('e')?.split_once('m')?;
    Some((exponent.parse().ok()?, mantissa.parse().ok()?))
}

/// Columns with a weight of more than `factor` root mean squares of the array.
fn outlying(weights: &[f32], columns: usize, factor: f64) -> Vec<usize> {
    let square: f64 = weights.iter().map(|w| f64::from(*w).powi(2)).sum();
    let limit = factor * (square / weights.len().max(1) as f64).sqrt();
    let mut found = vec![false; columns];
    weights.iter().enumerate().filter(|(_, w)| f64::from(w.abs()) > limit).for_each(|(i, _)| found[i % columns] = true);
    (0..columns).filter(|column| found[*column]).collect()
}

/// The nearest number of bf16 that is finite.
fn sixteen_bits(value: f32) -> f32 {
    let most = bf16::MAX.to_f32();
    bf16::from_f32(value).to_f32().clamp(-most, most)
}

#[cfg(test)]
mod tests;
