//! Floats of a few bits: E exponent and M mantissa bits beside the sign, each block scaled to the largest of them.
//!
//! Every code is a number: neither infinity nor NaN has one, as in the element formats E2M1, E2M3 and E3M2 of the Open
//! Compute Project (Microscaling Formats 1.0). The bias moves all values alike and does not matter beside a scale.

use super::Codebook;
use crate::CompressError;

/// Most exponent bits: with more, the smallest steps are nothing beside the scale.
const MOST_EXPONENT: u32 = 5;

/// The codebook of `exponent` and `mantissa` bits. Without exponent bits the levels are the symmetric integers.
///
/// # Errors
/// [`CompressError::Option`] for more than 5 exponent bits, or not 2 to 8 bits with the sign.
pub fn codebook(exponent: u32, mantissa: u32) -> Result<Codebook, CompressError> {
    if exponent > MOST_EXPONENT || !(1..=7).contains(&exponent.saturating_add(mantissa)) {
        let expected = format!("at most {MOST_EXPONENT} exponent bits, and 2 to 8 bits with the sign");
        return Err(CompressError::option("format", format!("e{exponent}m{mantissa}"), expected));
    }
    Ok(Codebook::new(positive(exponent, mantissa).into_iter().flat_map(|v| [v, -v])))
}

/// What the codes without a sign stand for, ascending from 0. Codes with an exponent of 0 go on evenly to 0 (subnormal
/// numbers) at the step of the exponent 1.
pub(super) fn positive(exponent: u32, mantissa: u32) -> Vec<f64> {
    let fractions = 1u32 << mantissa;
    let value = |code: u32| {
        let (power, fraction) = (code / fractions, f64::from(code % fractions) / f64::from(fractions));
        if power == 0 { 2.0 * fraction } else { (1.0 + fraction) * f64::from(power).exp2() }
    };
    (0..1 << (exponent + mantissa)).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_the_published_formats() {
        // Largest and smallest normal and the smallest subnormal number of Microscaling Formats 1.0, section 5.3.
        for (e, m, count, largest, normal, subnormal) in
            [(2, 1, 15, 6.0, 1.0, 0.5), (2, 3, 63, 7.5, 1.0, 0.125), (3, 2, 63, 28.0, 0.25, 0.0625)]
        {
            let values = positive(e, m);
            let top = values[values.len() - 1];
            assert_eq!(values[1] / top, subnormal / largest, "e{e}m{m}");
            assert_eq!(values[1 << m] / top, normal / largest, "e{e}m{m}");
            assert_eq!(codebook(e, m).unwrap().levels().len(), count);
        }
        let six = [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0];
        assert_eq!(positive(2, 1), six.map(|v| 2.0 * v));
    }

    #[test]
    fn without_exponent_bits_they_are_integers() {
        let book = codebook(0, 3).unwrap();
        let want: Vec<f32> = (-7..=7).map(|i| (f64::from(i) / 7.0) as f32).collect();
        assert_eq!(book.levels(), want);
        for (e, m) in [(0, 0), (6, 1), (4, 4), (u32::MAX, 1)] {
            assert!(codebook(e, m).unwrap_err().to_string().contains("2 to 8 bits"));
        }
    }
}
