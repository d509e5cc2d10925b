//! Quantities as people write them: `1.3B`, `300M`, `2e9`, `1e18FLOP`, `4GiB`; read and printed the
//! same way.

use crate::CoreError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

macro_rules! quantity {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $units:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl FromStr for $name {
            type Err = CoreError;
            fn from_str(text: &str) -> Result<Self, CoreError> {
                let value = parse_with_units(text, $units)
                    .filter(|v| v.is_finite() && *v > 0.0)
                    .ok_or(CoreError::Quantity { text: text.into(), expected: $kind })?;
                Ok(Self(value))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&format_quantity(self.0))
            }
        }
    };
}

quantity!(
    /// Trainable parameters; which of the three countings is meant is said beside the value.
    Params, "a number of parameters", &["", "params", "param"]
);
quantity!(
    /// Training tokens.
    Tokens, "a number of tokens", &["", "tokens", "token", "tok"]
);
quantity!(
    /// Floating-point operations of a training run.
    Flops, "an amount of FLOP", &["", "FLOP", "FLOPs", "FLOPS", "flop", "flops"]
);
quantity!(
    /// Bytes of memory or disk.
    Bytes, "a number of bytes", &["", "B"]
);
quantity!(
    /// Bits of a number format.
    Bits, "a number of bits", &["", "bit", "bits"]
);

const DECIMAL: [(&str, f64); 8] =
    [("k", 1e3), ("K", 1e3), ("M", 1e6), ("B", 1e9), ("G", 1e9), ("T", 1e12), ("P", 1e15), ("E", 1e18)];
const BINARY: [(&str, f64); 4] =
    [("Ki", 1024.0), ("Mi", 1_048_576.0), ("Gi", 1_073_741_824.0), ("Ti", 1_099_511_627_776.0)];

/// Reads a plain number or one with a size suffix (`k M B G T P E`, `Ki Mi Gi Ti`) and any of the
/// known unit words. Returns `None` for anything else, including an empty text.
///
/// ```
/// use kleiber_core::units::parse_quantity;
/// assert_eq!(parse_quantity("1.3B"), Some(1.3e9));
/// assert_eq!(parse_quantity("1e18FLOP"), Some(1e18));
/// assert_eq!(parse_quantity("4GiB"), Some(4.0 * 1024f64.powi(3)));
/// assert_eq!(parse_quantity("1,300"), None);
/// ```
pub fn parse_quantity(text: &str) -> Option<f64> {
    parse_with_units(text, &["", "params", "param", "tokens", "tok", "FLOP", "FLOPs", "flops", "bits", "B"])
}

fn parse_with_units(text: &str, units: &[&str]) -> Option<f64> {
    let text = text.trim();
    if let Ok(value) = text.parse::<f64>() {
        return Some(value);
    }
    let digits = numeric_prefix(text)?;
    let value: f64 = text[..digits].parse().ok()?;
    let suffix = text[digits..].trim_start();
    if units.contains(&suffix) && suffix != "B" {
        return Some(value);
    }
    // Binary prefixes first: "GiB" must not be read as "G" + "iB".
    BINARY.iter().chain(&DECIMAL).find_map(|&(prefix, factor)| {
        let rest = suffix.strip_prefix(prefix)?.trim_start();
        units.contains(&rest).then_some(value * factor)
    })
}

/// Length in bytes of the number at the start of `text` (`1`, `1.5`, `.5`, `1e18`), or `None`.
pub(crate) fn numeric_prefix(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut end = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let start = end;
    let mut dots = 0;
    while end < bytes.len() && (bytes[end].is_ascii_digit() || (bytes[end] == b'.' && dots == 0)) {
        dots += usize::from(bytes[end] == b'.');
        end += 1;
    }
    if end - start == dots {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let mut exponent = end + 1;
        exponent += usize::from(matches!(bytes.get(exponent), Some(b'+' | b'-')));
        let first = exponent;
        while bytes.get(exponent).is_some_and(u8::is_ascii_digit) {
            exponent += 1;
        }
        if exponent > first {
            end = exponent;
        }
    }
    Some(end)
}

/// Four significant digits with a size suffix: `1.3B`, `300M`, `12.5k`; powers of ten beyond `T`.
///
/// ```
/// use kleiber_core::units::format_quantity;
/// assert_eq!(format_quantity(1.3e9), "1.3B");
/// assert_eq!(format_quantity(5.76e23), "5.76e23");
/// assert_eq!(format_quantity(0.00123), "0.00123");
/// ```
pub fn format_quantity(value: f64) -> String {
    let size = value.abs();
    let scaled = |factor: f64, suffix: &str| format!("{}{suffix}", format_significant(value / factor, 4));
    match size {
        s if !s.is_finite() => format!("{value}"),
        s if s >= 0.999_95e15 => format_exponent(value, 4),
        s if s >= 0.999_95e12 => scaled(1e12, "T"),
        s if s >= 0.999_95e9 => scaled(1e9, "B"),
        s if s >= 0.999_95e6 => scaled(1e6, "M"),
        s if s >= 0.999_95e4 => scaled(1e3, "k"),
        _ => format_significant(value, 4),
    }
}

/// Bytes in powers of 1024, four significant digits: `121.6GiB`, `640KiB`, `12B`.
///
/// ```
/// use kleiber_core::units::{format_bytes, parse_quantity};
/// assert_eq!(format_bytes(130_571_321_344), "121.6GiB");
/// assert_eq!((format_bytes(1023), format_bytes(2048)), ("1023B".into(), "2KiB".into()));
/// assert_eq!(parse_quantity("2KiB"), Some(2048.0));
/// ```
pub fn format_bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    let (prefix, factor) = BINARY.iter().rev().find(|(_, factor)| bytes >= *factor).unwrap_or(&("", 1.0));
    format!("{}{prefix}B", format_significant(bytes / factor, 4))
}

/// `digits` significant digits without trailing zeros; powers of ten outside 1e-4 ..= 1e7.
pub fn format_significant(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    let exponent = value.abs().log10().floor() as i32;
    if !(-4..7).contains(&exponent) {
        return format_exponent(value, digits);
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

fn format_exponent(value: f64, digits: usize) -> String {
    let text = format!("{value:.precision$e}", precision = digits.saturating_sub(1));
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_read_as_people_write_them() {
        for (text, value) in [
            ("300M", 3e8),
            ("2e9", 2e9),
            ("70 M", 7e7),
            ("1.3B params", 1.3e9),
            ("20tok", 20.0),
            ("1e21FLOPs", 1e21),
            ("512", 512.0),
            (".5k", 500.0),
            ("1E", 1e18),
            ("2e3k", 2e6),
        ] {
            assert_eq!(parse_quantity(text), Some(value), "{text}");
        }
        for text in ["", "M", "1.2.3", "five", "1e18 apples", "0x10", "1_000"] {
            assert_eq!(parse_quantity(text), None, "{text}");
        }
    }

    #[test]
    fn newtypes_reject_what_cannot_be_a_size() {
        assert_eq!("1.3B".parse::<Params>().unwrap(), Params(1.3e9));
        assert_eq!("4GiB".parse::<Bytes>().unwrap(), Bytes(4_294_967_296.0));
        for text in ["-3", "0", "nan", "inf", "1e18FLOP"] {
            assert!(text.parse::<Tokens>().is_err(), "{text}");
        }
        assert_eq!(Flops(1e21).to_string(), "1e21");
    }

    proptest! {
        #[test]
        fn printed_quantities_read_back_to_four_digits(exponent in -3.0f64..29.9) {
            let value = 10f64.powf(exponent);
            let back = parse_quantity(&format_quantity(value)).unwrap();
            prop_assert!((back / value - 1.0).abs() < 5.1e-4, "{value} -> {back}");
        }
    }
}
