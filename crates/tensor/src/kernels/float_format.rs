//! Numbers rounded to floating-point formats of a few bits, with one scale for a block of them: what training in low
//! precision does to the operands of a product (Sun et al. 2025, arXiv 2501.02423).

use super::{Real, kernel, rows_of};
use rayon::prelude::*;
use std::fmt;
use std::str::FromStr;

/// A floating-point format: a sign, exponent bits and mantissa bits. Every code is a number, also those of the largest
/// exponent; numbers below the smallest normal one are subnormal. The bias is `2^(E-1) - 1`. Without exponent bits the
/// numbers are evenly spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    exponent: u8,
    mantissa: u8,
}

/// Most exponent bits.
const MAX_EXPONENT: u8 = 8;
/// Most exponent and mantissa bits together.
const MAX_BITS: u8 = 15;

impl Format {
    /// `exponent` and `mantissa` bits: at most 8 of the first and 15 together, and enough for a number that is not zero.
    pub fn new(exponent: u8, mantissa: u8) -> Option<Self> {
        let fits = exponent <= MAX_EXPONENT && mantissa <= MAX_BITS && exponent + mantissa <= MAX_BITS;
        (fits && exponent + mantissa > 0).then_some(Self { exponent, mantissa })
    }

    /// Exponent bits.
    pub fn exponent_bits(self) -> u8 {
        self.exponent
    }

    /// Mantissa bits, the hidden one not counted.
    pub fn mantissa_bits(self) -> u8 {
        self.mantissa
    }

    /// The largest number: 480 for E4M3, 6 for E2M1.
    pub fn largest(self) -> f64 {
        self.grid().largest
    }

    /// The number nearest to `x`, the even multiple of the spacing of two; the largest for what is beyond it.
    pub fn nearest(self, x: f64) -> f64 {
        let grid = self.grid();
        grid.round(x.clamp(-grid.largest, grid.largest))
    }

    fn grid(self) -> Grid {
        // Numbers without an exponent are the subnormal and normal ones of a single exponent, one bit in it.
        let (exponent, mantissa) =
            if self.exponent == 0 { (1, self.mantissa - 1) } else { (self.exponent, self.mantissa) };
        let (exponent, mantissa) = (i32::from(exponent), i32::from(mantissa));
        let bias = (1 << (exponent - 1)) - 1;
        let (lowest, highest) = (1 - bias, (1 << exponent) - 1 - bias);
        Grid {
            smallest: 2f64.powi(lowest),
            shift: 1.5 * 2f64.powi(52 - mantissa),
            largest: 2f64.powi(highest) * (2.0 - 2f64.powi(-mantissa)),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "E{}M{}", self.exponent, self.mantissa)
    }
}

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no format such as E2M1: E and up to 8 exponent bits, M and mantissa bits, from 1 to 15 bits together"
)]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let bits = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        let upper = text.to_ascii_uppercase();
        let parts = upper.strip_prefix('E').and_then(|rest| rest.split_once('M'));
        let format = parts.and_then(|(e, m)| Self::new(bits(e)?, bits(m)?));
        format.ok_or_else(|| UnknownFormat(text.into()))
    }
}

/// Numbers that share one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// So many that are summed one after another.
    Elements(u32),
    /// All that are summed.
    Channel,
    /// The whole matrix.
    Tensor,
}

/// Where the numbers are that a product sums over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Along {
    /// Beside each other, in a row of the matrix.
    Rows,
    /// Below each other, in a column.
    Columns,
}

/// `y = Q(S x) / S` for a matrix whose rows are `width` numbers: every block is scaled by `S = largest / max |x|`, so that
/// its largest number is kept as it is, and rounded to the format. Scales are double precision. A block of zeros is left
/// alone; one with a number that is not finite becomes NaN there or throughout.
///
/// # Panics
/// When the lengths do not fit, or when the block does not divide what is summed.
pub fn quantise<T: Real>(format: Format, block: Block, along: Along, width: usize, x: &[T], y: &mut [T]) {
    assert!(x.len() == y.len() && x.len().is_multiple_of(width.max(1)), "{} numbers in rows of {width}", x.len());
    if x.is_empty() {
        return;
    }
    let (grid, summed) = (format.grid(), if along == Along::Rows { width } else { x.len() / width });
    let elements = match block {
        Block::Elements(elements) => elements as usize,
        Block::Channel | Block::Tensor => summed,
    };
    assert!(elements > 0 && summed.is_multiple_of(elements), "blocks of {elements} do not divide {summed}");
    let some = rows_of(width) * width;
    match (block, along) {
        (Block::Tensor, _) => {
            let largest = x.par_chunks(some).map(|x| largest(x)).reduce(|| T::ZERO, T::larger);
            let scale = grid.scale(largest.to_f64());
            x.par_chunks(some).zip(y.par_chunks_mut(some)).for_each(|(x, y)| scaled(grid, scale, x, y));
        }
        (_, Along::Rows) => {
            x.par_chunks(some).zip(y.par_chunks_mut(some)).for_each(|(x, y)| row_blocks(grid, elements, x, y));
        }
        (_, Along::Columns) => {
            let size = elements * width;
            x.par_chunks(size).zip(y.par_chunks_mut(size)).for_each(|(x, y)| column_block(grid, width, x, y));
        }
    }
}

/// What rounding to a format needs.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// Smallest normal number.
    smallest: f64,
    /// Added to and taken from a number of [1, 2), it leaves the mantissa's bits.
    shift: f64,
    /// Largest number.
    largest: f64,
}

/// Factors into the format and back.
#[derive(Debug, Clone, Copy)]
struct Scale {
    into: f64,
    back: f64,
}

impl Grid {
    /// The scale of a block whose largest number is given.
    #[inline(always)]
    fn scale(self, largest: f64) -> Scale {
        if largest == 0.0 {
            return Scale { into: 1.0, back: 1.0 };
        }
        Scale { into: self.largest / largest, back: largest / self.largest }
    }

    /// The nearest number for one that is no larger than the largest.
    #[inline(always)]
    fn round(self, x: f64) -> f64 {
        // The power of two below x has its exponent alone.
        let power = f64::from_bits(x.to_bits() & 0x7ff0_0000_0000_0000);
        let power = if power > self.smallest { power } else { self.smallest };
        let shift = power * self.shift;
        (x + shift) - shift
    }

    #[inline(always)]
    fn through<T: Real>(self, scale: Scale, x: T) -> T {
        T::from_f64(self.round(x.to_f64() * scale.into) * scale.back)
    }
}

/// Largest absolute value.
#[inline(always)]
fn peak<T: Real>(x: &[T]) -> T {
    // Several at once, to fill vector registers.
    const LANES: usize = 8;
    let size = |v: T| v.larger(-v);
    let (chunks, rest) = x.as_chunks::<LANES>();
    let mut peaks = [T::ZERO; LANES];
    for chunk in chunks {
        for i in 0..LANES {
            peaks[i] = size(chunk[i]).larger(peaks[i]);
        }
    }
    peaks.iter().copied().chain(rest.iter().map(|v| size(*v))).fold(T::ZERO, |a, b| b.larger(a))
}

kernel! {
    fn largest<'a, T>(x: &'a [T]) -> T {
        peak(x)
    }
}

kernel! {
    fn scaled<'a, T>(grid: Grid, scale: Scale, x: &'a [T], y: &'a mut [T]) {
        for (y, x) in y.iter_mut().zip(x) {
            *y = grid.through(scale, *x);
        }
    }
}

kernel! {
    fn row_blocks<'a, T>(grid: Grid, block: usize, x: &'a [T], y: &'a mut [T]) {
        for (x, y) in x.chunks_exact(block).zip(y.chunks_exact_mut(block)) {
            let scale = grid.scale(peak(x).to_f64());
            for (y, x) in y.iter_mut().zip(x) {
                *y = grid.through(scale, *x);
            }
        }
    }
}

kernel! {
    fn column_block<'a, T>(grid: Grid, width: usize, x: &'a [T], y: &'a mut [T]) {
        let mut peaks = vec![T::ZERO; width];
        for row in x.chunks_exact(width) {
            for (peak, v) in peaks.iter_mut().zip(row) {
                *peak = v.larger(-*v).larger(*peak);
            }
        }
        let scales: Vec<Scale> = peaks.iter().map(|peak| grid.scale(peak.to_f64())).collect();
        for (x, y) in x.chunks_exact(width).zip(y.chunks_exact_mut(width)) {
            for ((y, x), scale) in y.iter_mut().zip(x).zip(&scales) {
                *y = grid.through(*scale, *x);
            }
        }
    }
}
