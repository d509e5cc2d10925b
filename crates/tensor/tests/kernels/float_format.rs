//! Rounding to floating-point formats of few bits.

use kleiber_tensor::kernels::float_format::{Along, Block, Format, quantise};

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
        // Without mantissa bits "even" is of the multiple of the spacing, not of the code.
        let between = between.filter(|x| m > 0 || all.windows(2).all(|w| *x != 0.5 * (w[0] + w[1])));
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
