//! The range of an axis and its ticks.

use super::extent;
use super::figure::Figure;
use super::number;

/// A mapping from data to the fraction of an axis, linear or logarithmic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    log: bool,
    low: f64,
    high: f64,
}

/// A labelled position on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    /// Position, in the unit of the axis.
    pub value: f64,
    /// What is written there.
    pub label: String,
}

/// Which axis of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Horizontal.
    X,
    /// Vertical.
    Y,
}

impl Scale {
    /// A scale over `[low, high]` with a small margin; both must be usable on the axis.
    #[must_use]
    pub(super) fn new(log: bool, low: f64, high: f64) -> Self {
        let (low, high) = if log { (low.log10(), high.log10()) } else { (low, high) };
        let span = high - low;
        let smallest = if log { 0.02 } else { low.abs().max(1e-300) * 1e-9 };
        let margin = if span > smallest {
            span * 0.04
        } else if log {
            0.3
        } else {
            (low.abs() * 0.1).max(0.5)
        };
        let (low, high) = (low - margin, high + margin);
        // Beyond this the ends in the unit of the axis would be zero or infinite.
        if log { Self { log, low: low.max(-305.0), high: high.min(305.0) } } else { Self { log, low, high } }
    }

    /// The scale of one axis of `figure`, or nothing when no value can be drawn on it.
    ///
    /// Bands may widen the range by at most the span of everything else on each
    /// side, so that one exploding band does not flatten the data.
    #[must_use]
    pub(super) fn of(figure: &Figure, side: Side) -> Option<Self> {
        let axis = if side == Side::X { &figure.x } else { &figure.y };
        let (low, high) = extent::of(figure, side, axis)?;
        Some(Self::new(axis.log, low, high))
    }

    /// Where `value` lies, from 0 at the low end to 1 at the high end and beyond; nothing when
    /// it has no place on the axis.
    #[must_use]
    pub(super) fn fraction(&self, value: f64) -> Option<f64> {
        if !value.is_finite() || (self.log && value <= 0.0) {
            return None;
        }
        let value = if self.log { value.log10() } else { value };
        let fraction = (value - self.low) / (self.high - self.low);
        fraction.is_finite().then_some(fraction)
    }

    /// The ends in the coordinates plotly uses: the values, or their log10 on a log axis.
    #[must_use]
    pub(super) const fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// The ends in the unit of the axis.
    #[must_use]
    pub(super) fn limits(&self) -> (f64, f64) {
        if self.log { (10f64.powf(self.low), 10f64.powf(self.high)) } else { (self.low, self.high) }
    }

    /// At most `most` ticks (at least 2 are allowed) with labels in `unit`.
    #[must_use]
    pub(super) fn ticks(&self, unit: &str, most: usize) -> Vec<Tick> {
        let most = most.max(2);
        let (low, high) = self.limits();
        let span = self.high - self.low;
        if self.log && span >= 0.55 {
            let label = |value| Tick { value, label: number::readable(value, unit, 5) };
            self.decades(most).into_iter().map(label).collect()
        } else if self.log {
            even(&steps(low, high, most), unit)
        } else {
            let mut values = steps(self.low, self.high, most);
            // There is no rank between first and second.
            values.retain(|value| unit != "rank" || value.fract() == 0.0);
            even(&values, if unit == "rank" { "" } else { unit })
        }
    }

    /// Unlabelled positions between the decades of a log axis; none when there would be too many.
    #[must_use]
    pub(super) fn minor(&self) -> Vec<f64> {
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        if !self.log || last - first > 12 {
            return Vec::new();
        }
        let between = (first..last).flat_map(|e| (2..10).map(move |m| power(f64::from(m), e)));
        between.filter(|value| self.holds(*value)).collect()
    }

    fn holds(&self, value: f64) -> bool {
        self.fraction(value).is_some_and(|f| (-1e-9..=1.0 + 1e-9).contains(&f))
    }

    fn decades(&self, most: usize) -> Vec<f64> {
        let (first, last) = (self.low.floor() as i32, self.high.ceil() as i32);
        let pick = |mantissas: &[f64], step: i32| -> Vec<f64> {
            let exponents = (first..=last).filter(|e| e.rem_euclid(step) == 0);
            let values = exponents.flat_map(|e| mantissas.iter().map(move |m| power(*m, e)));
            values.filter(|value| self.holds(*value)).collect()
        };
        // Four decades read best without anything in between.
        let whole = pick(&[1.0], 1);
        if whole.len() >= 4 && whole.len() <= most {
            return whole;
        }
        let choices: [&[f64]; 4] = [&[1.0, 2.0, 3.0, 5.0, 7.0], &[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        for mantissas in choices {
            let values = pick(mantissas, 1);
            if values.len() <= most && values.len() >= 2 {
                return values;
            }
        }
        let count = last - first + 1;
        (1..=count).map(|step| pick(&[1.0], step)).find(|v| v.len() <= most).unwrap_or_default()
    }
}

/// Multiples of a round step inside `[low, high]`.
fn steps(low: f64, high: f64, most: usize) -> Vec<f64> {
    let rough = (high - low) / most as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let decade = rough.log10().floor() as i32;
    let sizes = [(1.0, 0), (2.0, 0), (2.5, 0), (5.0, 0), (1.0, 1), (2.0, 1), (5.0, 1)];
    for (mantissa, up) in sizes {
        let step = power(mantissa, decade + up);
        let (first, last) = ((low / step).ceil(), (high / step).floor());
        let count = last - first + 1.0;
        if count <= most as f64 && count >= 0.0 {
            // Dividing by a power of ten keeps 0.3 from becoming 0.30000000000000004.
            let exponent = decade + up;
            let place = |i: f64| {
                let whole = i * mantissa;
                if exponent < 0 { whole / power(1.0, -exponent) } else { whole * power(1.0, exponent) }
            };
            return (0..count as usize).map(|i| place(first + i as f64)).collect();
        }
    }
    Vec::new()
}

/// Powers of ten parsed from text are correctly rounded, which `powi` does not promise.
fn power(mantissa: f64, exponent: i32) -> f64 {
    format!("{mantissa}e{exponent}").parse().unwrap_or(f64::NAN)
}

/// Ticks whose labels all show the same number of decimals.
fn even(values: &[f64], unit: &str) -> Vec<Tick> {
    let mut labels: Vec<String> = values.iter().map(|value| number::readable(*value, unit, 6)).collect();
    let decimals = |label: &str| label.split_once('.').map_or(0, |(_, after)| after.len());
    if labels.iter().all(|label| label.parse::<f64>().is_ok() && !label.contains('e')) {
        let most = labels.iter().map(|label| decimals(label)).max().unwrap_or(0);
        labels = values.iter().map(|value| format!("{value:.most$}")).collect();
    }
    values.iter().zip(labels).map(|(value, label)| Tick { value: *value, label }).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn labels(log: bool, low: f64, high: f64, unit: &str, most: usize) -> Vec<String> {
        let scale = Scale::new(log, low, high);
        scale.ticks(unit, most).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn decades_on_a_long_log_axis() {
        assert_eq!(labels(true, 1e15, 1e18, "FLOP", 8), ["1e15", "1e16", "1e17", "1e18"]);
        assert_eq!(labels(true, 1e15, 1e24, "FLOP", 4), ["1e15", "1e18", "1e21", "1e24"]);
        assert_eq!(labels(true, 1e8, 1e10, "params", 6), ["100M", "300M", "1B", "3B", "10B"]);
    }

    #[test]
    fn round_steps_on_a_short_log_axis() {
        assert_eq!(labels(true, 2.0, 3.5, "", 5), ["2.0", "2.5", "3.0", "3.5"]);
    }

    #[test]
    fn round_steps_on_a_linear_axis() {
        assert_eq!(labels(false, 0.0, 1.0, "", 6), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(false, -0.02, 0.02, "", 6), ["-0.02", "-0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(labels(false, 0.0, 6e9, "tokens", 4), ["0", "2B", "4B", "6B"]);
    }

    #[test]
    fn one_value_still_gets_a_range() {
        let scale = Scale::new(true, 1e9, 1e9);
        assert!((scale.fraction(1e9).unwrap() - 0.5).abs() < 1e-9);
        let scale = Scale::new(false, 0.0, 0.0);
        assert!((scale.fraction(0.0).unwrap() - 0.5).abs() < 1e-9);
    }

    #[test]
    fn unusable_values_have_no_place() {
        let scale = Scale::new(true, 1.0, 100.0);
        assert_eq!(scale.fraction(0.0), None);
        assert_eq!(scale.fraction(f64::NAN), None);
        assert_eq!(Scale::new(false, f64::MIN, f64::MAX).fraction(f64::INFINITY), None);
    }

    #[test]
    fn the_widest_range_has_finite_ends_and_ticks() {
        let scale = Scale::new(true, 1e-300, 1e300);
        assert!(scale.limits().0 > 0.0 && scale.limits().1.is_finite());
        assert!((2..=7).contains(&scale.ticks("", 7).len()));
        let scale = Scale::new(false, -1e300, 1e300);
        assert_eq!(scale.ticks("", 5).len(), 5);
    }

    #[test]
    fn an_empty_figure_has_no_scale() {
        assert_eq!(Scale::of(&sample::empty(), Side::X), None);
    }
}
