//! Numbers as people read them, and as programs do.

/// Whether counts in `unit` are usually written with K, M, B and T.
fn takes_suffix(unit: &str) -> bool {
    ["param", "tok", "unique_tok", "batch_tok", "example", "word"].iter().any(|start| unit.starts_with(start))
        && !unit.contains('/')
}

/// `value` with up to `digits` significant digits, readable at any size: `300M` and `1.3B` for
/// parameters and tokens, `0.05`, `2.5` and `20000` in between, `1e18` beyond.
#[must_use]
pub(super) fn readable(value: f64, unit: &str, digits: usize) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let size = value.abs();
    if takes_suffix(unit) && (1e3..1e15).contains(&size) {
        let (mut scaled, mut suffix) = (value, "");
        for (limit, name) in [(1e3, "K"), (1e6, "M"), (1e9, "B"), (1e12, "T")] {
            // Just below a limit, rounding would print 1000M; the slack lets it become 1B.
            if size >= limit * (1.0 - 0.5 * 10f64.powi(-(digits as i32))) {
                (scaled, suffix) = (value / limit, name);
            }
        }
        return format!("{}{suffix}", plain(scaled, digits));
    }
    if size == 0.0 || (1e-3..1e5).contains(&size) {
        return plain(value, digits);
    }
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", trim(mantissa)),
        None => text,
    }
}

/// [`readable`] followed by the unit, if there is one.
#[must_use]
pub(super) fn with_unit(value: f64, unit: &str, digits: usize) -> String {
    let number = readable(value, unit, digits);
    if unit.is_empty() { number } else { format!("{number} {unit}") }
}

/// `value` so that reading it back gives the same bits, short where possible.
#[must_use]
pub(super) fn exact(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && size.is_finite() && !(1e-5..1e16).contains(&size) {
        format!("{value:e}")
    } else {
        value.to_string()
    }
}

fn plain(value: f64, digits: usize) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let exponent = value.abs().log10().floor() as i32;
    let decimals = (digits as i32 - 1 - exponent).clamp(0, 12) as usize;
    trim(&format!("{value:.decimals$}")).into()
}

fn trim(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_get_suffixes() {
        assert_eq!(readable(3e8, "params", 3), "300M");
        assert_eq!(readable(1.3e9, "params", 3), "1.3B");
        assert_eq!(readable(9.999e8, "tokens", 3), "1B");
        assert_eq!(readable(20.0, "tok/param", 3), "20");
        assert_eq!(readable(1e15, "tokens", 3), "1e15");
    }

    #[test]
    fn other_numbers_are_plain_in_the_middle_and_scientific_outside() {
        assert_eq!(readable(1e18, "FLOP", 3), "1e18");
        assert_eq!(readable(2.5e18, "FLOP", 3), "2.5e18");
        assert_eq!(readable(2.5, "nats/token", 3), "2.5");
        assert_eq!(readable(0.05, "", 3), "0.05");
        assert_eq!(readable(20_000.0, "", 3), "20000");
        assert_eq!(readable(-3e-7, "", 3), "-3e-7");
        assert_eq!(readable(0.0, "", 3), "0");
    }

    #[test]
    fn units_follow_the_number() {
        assert_eq!(with_unit(1e18, "FLOP", 3), "1e18 FLOP");
        assert_eq!(with_unit(2.0, "", 3), "2");
    }

    #[test]
    fn exact_numbers_read_back() {
        for value in [0.1 + 0.2, 1e21, -3.5e-9, 0.0, 123_456.789] {
            assert_eq!(exact(value).parse::<f64>().unwrap(), value);
        }
        assert_eq!(exact(1e21), "1e21");
        assert_eq!(exact(f64::NAN), "NaN");
    }
}
