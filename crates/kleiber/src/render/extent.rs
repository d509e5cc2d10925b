//! The range of the values that an axis has to show.

use super::figure::{Axis, Figure, Layer};
use super::scale::Side;

/// Lowest and highest value of `figure` on `axis`, in its unit, or nothing when no value can be
/// drawn there. What bands may add is limited to one span of the rest.
#[must_use]
pub(super) fn of(figure: &Figure, side: Side, axis: &Axis) -> Option<(f64, f64)> {
    let (mut core, mut wide) = (Extent::default(), Extent::default());
    for layer in &figure.layers {
        extend(layer, side, axis, &mut core, &mut wide);
    }
    match (core.range(), wide.range()) {
        (Some(core), Some(wide)) => Some(allow(axis.log, core, wide)),
        (only, None) | (None, only) => only,
    }
}

/// Lowest and highest usable value so far.
#[derive(Default)]
struct Extent(Option<(f64, f64)>);

impl Extent {
    fn add(&mut self, axis: &Axis, value: f64) {
        if axis.accepts(value) {
            let (low, high) = self.0.unwrap_or((value, value));
            self.0 = Some((low.min(value), high.max(value)));
        }
    }

    const fn range(&self) -> Option<(f64, f64)> {
        self.0
    }
}

fn extend(layer: &Layer, side: Side, axis: &Axis, core: &mut Extent, wide: &mut Extent) {
    let across = side == Side::X;
    match layer {
        Layer::Points { x, y, .. } | Layer::Line { x, y, .. } => {
            (if across { x } else { y }).iter().for_each(|v| core.add(axis, *v));
        }
        Layer::Band { x, .. } if across => x.iter().for_each(|v| core.add(axis, *v)),
        Layer::Band { low, high, .. } => low.iter().chain(high).for_each(|v| wide.add(axis, *v)),
        Layer::Region { .. } => {}
        Layer::Mark { x, x_low, x_high, y, y_low, y_high, .. } => {
            // An interval drawn with ends must not be cut: its ends would be read as values.
            let (middle, ends) = if across { (x, [x_low, x_high]) } else { (y, [y_low, y_high]) };
            core.add(axis, *middle);
            ends.into_iter().flatten().for_each(|v| core.add(axis, *v));
        }
    }
}

/// `wide`, cut to one span of `core` beyond `core` on each side.
fn allow(log: bool, core: (f64, f64), wide: (f64, f64)) -> (f64, f64) {
    let forward = |v: f64| if log { v.log10() } else { v };
    let (low, high) = (forward(core.0), forward(core.1));
    let span = high - low;
    if span <= 0.0 {
        return (core.0.min(wide.0), core.1.max(wide.1));
    }
    let (low, high) = (forward(wide.0).clamp(low - span, low), forward(wide.1).clamp(high, high + span));
    if log { (10f64.powf(low), 10f64.powf(high)) } else { (low, high) }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn an_exploding_band_does_not_flatten_the_data() {
        let mut figure = sample::empty();
        figure.y.log = false;
        figure.layers = vec![
            Layer::Points { name: "a".into(), x: vec![1.0, 2.0], y: vec![0.0, 1.0], labels: vec![], color: 0 },
            Layer::Band { name: "b".into(), x: vec![1.0, 2.0], low: vec![-1e9, 0.0], high: vec![1.0, 1.5], color: 0 },
        ];
        let range = of(&figure, Side::Y, &figure.y);
        assert_eq!(range, Some((-1.0, 1.5)));
    }

    #[test]
    fn values_off_the_axis_do_not_count() {
        let figure = sample::each_layer();
        assert_eq!(of(&figure, Side::X, &figure.x), Some((1e18, 1e21)));
        assert_eq!(of(&sample::empty(), Side::X, &figure.x), None);
    }
}
