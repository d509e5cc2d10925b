//! Functions of one number with four decimals, as "Teaching Arithmetic to Small Transformers" writes them.

use super::digits::fold_of;
use super::{Example, Fold};
use crate::DataError;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

/// One in units of the last decimal.
pub(super) const ONE: i64 = 10_000;

/// How a function is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FunctionFormat {
    /// `sqrt(2)=1.4142`
    #[default]
    Plain,
    /// Four steps of a series or iteration, then the value.
    Detailed,
}

/// A number of units as a decimal without trailing zeros.
pub(super) fn write(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let size = units.unsigned_abs();
    let text = format!("{sign}{}.{:04}", size / ONE as u64, size % ONE as u64);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// The number that [`write`] wrote, in units; `None` for anything but a decimal of at most four places.
pub(super) fn read(text: &str) -> Option<i64> {
    let (sign, size) = text.strip_prefix('-').map_or((1, text), |size| (-1, size));
    let (whole, part) = size.split_once('.').unwrap_or((size, "0"));
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 9) || !digits(part, 4) {
        return None;
    }
    let part = format!("{part:0<4}").parse::<i64>().ok()?;
    Some(sign * (whole.parse::<i64>().ok()? * ONE + part))
}

/// `name(x)` with its value: steps written by `steps` come before it in the detailed format.
pub(super) fn example(name: &str, x: i64, value: i64, format: FunctionFormat, steps: &[String]) -> Example {
    let (x, value) = (write(x), write(value));
    match format {
        FunctionFormat::Plain => Example { prompt: format!("{name}({x})="), answer: format!("{value}\n") },
        FunctionFormat::Detailed => Example {
            prompt: format!("Input:\n{name}({x})\nTarget:\n"),
            answer: format!("<scratch>\n{} , END\n</scratch>\n{value}\n", steps.join("\n")),
        },
    }
}

/// The value that a completion states, in units.
pub(super) fn stated(completion: &str, format: FunctionFormat) -> Option<i64> {
    let answer = match format {
        FunctionFormat::Plain => completion,
        FunctionFormat::Detailed => completion.split_once("</scratch>\n")?.1,
    };
    read(answer.lines().next()?.trim())
}

/// Whether two answers, in the text of [`write`], differ by at most `tolerance`.
pub(super) fn close(expected: Option<String>, found: Option<String>, tolerance: f64) -> bool {
    let (Some(expected), Some(found)) = (expected, found) else { return false };
    match (read(&expected), read(&found)) {
        (Some(e), Some(f)) => (e - f).abs() as f64 <= tolerance * ONE as f64 + 1e-9,
        _ => false,
    }
}

/// An argument of `fold` from `low..=high`, in units.
pub(super) fn argument(
    task: &str,
    (low, high): (i64, i64),
    fold: Fold,
    test_share: f64,
    rng: &mut Rng,
) -> Result<i64, DataError> {
    for _ in 0..10_000 {
        let x = low + rng.below((high - low + 1) as usize) as i64;
        // Moved away from the single digits that are always for training.
        let label = (x + (1 << 40)) as u128;
        if fold_of(task, label, label, test_share) == fold {
            return Ok(x);
        }
    }
    Err(DataError::option("test_share", test_share, "a share that leaves examples for this fold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_read_back() {
        for (units, text) in [(0, "0"), (1, "0.0001"), (-2, "-0.0002"), (15_000, "1.5"), (-123_456, "-12.3456")] {
            assert_eq!((write(units).as_str(), read(text)), (text, Some(units)));
        }
        assert!((-20_000..20_000).all(|units| read(&write(units)) == Some(units)));
        for bad in ["", "-", "1.", ".5", "1.00001", "1e3", "--1", "1.-5", "9999999999", "٣"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn closeness_counts_the_border() {
        let close = |a: &str, b: &str, t| close(Some(a.into()), Some(b.into()), t);
        assert!(close("0.5", "0.5", 0.0) && !close("0.5", "0.5001", 0.0));
        assert!(close("0.5", "0.5005", 0.0005) && !close("0.5", "0.5006", 0.0005) && !close("0.5", "x", 1.0));
    }
}
