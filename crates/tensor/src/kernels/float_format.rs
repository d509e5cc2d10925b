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

    /// The number nearest to `x`, the one with the even mantissa of two; the largest for what is beyond it.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// All numbers of a format with a sign bit of zero, code by code, as the standard reads them but for infinities.
    fn numbers(e: u32, m: u32) -> Vec<f64> {
        let bias = (1i32 << (e - 1)) - 1;
        let number = |code: u32| {
            let (exponent, mantissa) = ((code >> m) as i32, f64::from(code & ((1 << m) - 1)) / f64::from(1u32 << m));
            match exponent {
                0 => mantissa * 2f64.powi(1 - bias),
                _ => (1.0 + mantissa) * 2f64.powi(exponent - bias),
            }
        };
        (0..1u32 << (e + m)).map(number).collect()
    }

    fn formats() -> impl Iterator<Item = (u32, u32, Format)> {
        (1..=5u32).flat_map(|e| (0..=3u32).map(move |m| (e, m, Format::new(e as u8, m as u8).unwrap())))
    }

    /// The nearest number by trying all, the even code of two.
    fn brute(all: &[f64], x: f64) -> f64 {
        let better = |a: &usize, b: &usize| {
            let distance = |code: &usize| (all[*code] - x.abs()).abs();
            distance(a).total_cmp(&distance(b)).then((a % 2).cmp(&(b % 2)))
        };
        all[(0..all.len()).min_by(better).unwrap()].copysign(x)
    }

    #[test]
    fn every_code_is_a_number_and_stays_itself() {
        for (e, m, format) in formats() {
            let all = numbers(e, m);
            assert!(all.is_sorted_by(|a, b| a < b), "{format}");
            assert_eq!(format.largest(), *all.last().unwrap(), "{format}");
            all.iter().for_each(|v| assert_eq!([format.nearest(*v), format.nearest(-v)], [*v, -v], "{format}"));
        }
        let largest = |name: &str| name.parse::<Format>().unwrap().largest();
        // E2M1 as in the OCP microscaling formats; E4M3 without the code that they keep for NaN; E8M7 by hand.
        assert_eq!([largest("E2M1"), largest("E3M2"), largest("E4M3"), largest("e1m1")], [6.0, 28.0, 480.0, 3.0]);
        assert_eq!(largest("E8M7"), 2f64.powi(128) * (2.0 - 1.0 / 128.0));
    }

    #[test]
    fn numbers_go_to_the_nearest_and_ties_to_the_even_one() {
        for (e, m, format) in formats() {
            let all = numbers(e, m);
            let between = all.windows(2).flat_map(|w| [0.25, 0.5, 0.500_001, 0.9].map(|t| w[0] + t * (w[1] - w[0])));
            for x in between.chain([1.5 * format.largest()]) {
                assert_eq!(format.nearest(x), brute(&all, x), "{format} {x}");
                assert_eq!(format.nearest(-x), brute(&all, -x), "{format} -{x}");
            }
        }
        // 2.5 lies between 2 and 3, 3.5 between 3 and 4: mantissas 10 and 11, 11 and 100.
        let format = Format::new(3, 1).unwrap();
        assert_eq!([format.nearest(2.5), format.nearest(3.5), format.nearest(0.3)], [2.0, 4.0, 0.25]);
    }

    #[test]
    fn without_exponent_bits_numbers_are_evenly_spaced() {
        let format = Format::new(0, 3).unwrap();
        let step = format.largest() / 7.0;
        for i in -70..=70 {
            let x = f64::from(i) * 0.1 * step;
            let wanted = (f64::from(i) * 0.1).round_ties_even() * step;
            assert!((format.nearest(x) - wanted).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn names_are_read_and_nonsense_is_not() {
        let read = |text: &str| text.parse::<Format>().map(|f| f.to_string()).map_err(|e| e.to_string());
        assert_eq!([read("E4M3"), read("e2m1"), read("E8M7")].map(Result::unwrap), ["E4M3", "E2M1", "E8M7"]);
        for bad in ["", "E0M0", "M1", "E9M1", "E8M8", "E1", "E+1M1", "E1M-1", "E300M1", "bf16"] {
            assert!(read(bad).unwrap_err().contains("no format such as E2M1"), "{bad}");
        }
    }

    fn values(len: usize) -> Vec<f32> {
        (0..len).map(|i| (((i * 7919) % 1009) as f32 * 0.002 - 1.0).powi(3) * 1.7 * (1.0 + (i % 13) as f32)).collect()
    }

    /// Block by block with numbers of the format tried one by one.
    fn plain(format: Format, all: &[f64], x: &[f32], blocks: &[Vec<usize>]) -> Vec<f32> {
        let mut y = vec![f32::NAN; x.len()];
        for block in blocks {
            let largest = block.iter().map(|i| f64::from(x[*i]).abs()).fold(0.0, f64::max);
            let scale = if largest == 0.0 { 1.0 } else { format.largest() / largest };
            block.iter().for_each(|i| y[*i] = (brute(all, f64::from(x[*i]) * scale) / scale) as f32);
        }
        y
    }

    #[test]
    fn blocks_are_scaled_by_their_largest_which_stays() {
        let (rows, width) = (24, 48);
        let mut x = values(rows * width);
        x[..16].fill(0.0);
        for (e, m) in [(1, 1), (2, 1), (1, 2), (4, 3), (5, 2)] {
            let (format, all) = (Format::new(e, m).unwrap(), numbers(u32::from(e), u32::from(m)));
            let row = |b: usize| (0..rows * width / b).map(|n| (n * b..(n + 1) * b).collect::<Vec<_>>()).collect();
            let column = |b: usize| -> Vec<Vec<usize>> {
                let one = |n: usize, c: usize| (n * b..(n + 1) * b).map(|r| r * width + c).collect();
                (0..rows / b).flat_map(|n| (0..width).map(move |c| one(n, c))).collect()
            };
            let cases: [(Block, Along, Vec<Vec<usize>>); 6] = [
                (Block::Elements(16), Along::Rows, row(16)),
                (Block::Channel, Along::Rows, row(width)),
                (Block::Tensor, Along::Rows, row(rows * width)),
                (Block::Elements(8), Along::Columns, column(8)),
                (Block::Channel, Along::Columns, column(rows)),
                (Block::Tensor, Along::Columns, row(rows * width)),
            ];
            for (block, along, blocks) in cases {
                let mut y = vec![f32::NAN; x.len()];
                quantise(format, block, along, width, &x, &mut y);
                let wanted = plain(format, &all, &x, &blocks);
                for (i, (got, want)) in y.iter().zip(&wanted).enumerate() {
                    assert!((got - want).abs() <= 1e-6 * want.abs(), "{format} {block:?} {along:?} {i}: {got}, {want}");
                }
                for block in &blocks {
                    let top = *block.iter().max_by(|a, b| x[**a].abs().total_cmp(&x[**b].abs())).unwrap();
                    assert_eq!(y[top].to_bits(), x[top].to_bits());
                }
            }
        }
    }

    #[test]
    fn one_element_is_kept_and_what_is_not_finite_shows() {
        let x = values(60);
        let mut y = vec![0.0; 60];
        let format = Format::new(1, 1).unwrap();
        quantise(format, Block::Elements(1), Along::Rows, 10, &x, &mut y);
        assert_eq!(x, y);
        let x = [1.0, f32::NAN, 2.0, 0.9, 1.0, f32::INFINITY, 3.0, 0.0];
        let mut y = [0.0; 8];
        quantise(format, Block::Elements(4), Along::Rows, 4, &x, &mut y);
        assert!(y[1].is_nan() && y[0] == 1.333_333_4 && y[5].is_nan(), "{y:?}");
        // Subnormal numbers of single precision are scaled like others.
        let x = [1e-40f32, -3e-40, 2e-40, 0.0];
        let mut y = [0.0; 4];
        quantise(format, Block::Channel, Along::Rows, 4, &x, &mut y);
        assert_eq!(y[1], x[1]);
    }

    #[test]
    fn blocks_that_do_not_divide_are_refused() {
        let x = vec![0f32; 256];
        let run = |block, along| {
            std::panic::catch_unwind(|| quantise(Format::new(2, 1).unwrap(), block, along, 64, &x, &mut vec![0.0; 256]))
        };
        assert!(run(Block::Elements(96), Along::Rows).is_err() && run(Block::Elements(0), Along::Rows).is_err());
        assert!(run(Block::Elements(8), Along::Columns).is_err() && run(Block::Elements(4), Along::Columns).is_ok());
    }
}
