//! Grid, axis lines, ticks and axis labels.

use super::super::escape;
use super::super::figure::Figure;
use super::super::palette::{EDGE, GRID, INK, MUTED};
use super::frame::Frame;
use super::{Anchor, Item, LABEL, TICK, font};

/// Lines across the plot at the labelled ticks.
pub(super) fn grid(frame: &Frame, items: &mut Vec<Item>) {
    let [left, top, right, bottom] = frame.edges;
    let mut rule = |points| items.push(Item::Path { points, stroke: GRID.light, width: 2.0 });
    for x in frame.x_ticks.iter().filter_map(|tick| frame.px(tick.value)) {
        rule(vec![(x, top), (x, bottom)]);
    }
    for y in frame.y_ticks.iter().filter_map(|tick| frame.py(tick.value)) {
        rule(vec![(left, y), (right, y)]);
    }
}

/// Axis lines, tick marks and all axis text.
pub(super) fn labels(figure: &Figure, frame: &Frame, items: &mut Vec<Item>) {
    let [left, top, right, bottom] = frame.edges;
    let mut rule = |points| items.push(Item::Path { points, stroke: EDGE.light, width: 3.0 });
    rule(vec![(left, top), (left, bottom), (right, bottom)]);
    for (values, length) in [(tick_values(&frame.x_ticks), 12.0), (minor(frame.x.as_ref()), 6.0)] {
        for x in values.into_iter().filter_map(|value| frame.px(value)) {
            rule(vec![(x, bottom), (x, bottom + length)]);
        }
    }
    for (values, length) in [(tick_values(&frame.y_ticks), 12.0), (minor(frame.y.as_ref()), 6.0)] {
        for y in values.into_iter().filter_map(|value| frame.py(value)) {
            rule(vec![(left - length, y), (left, y)]);
        }
    }
    let mut write = |at, text: String, size, anchor, upright, fill| {
        items.push(Item::Text { at, text, size, bold: false, anchor, upright, fill });
    };
    for tick in &frame.x_ticks {
        if let Some(x) = frame.px(tick.value) {
            let at = (x, bottom + 42.0);
            write(at, tick.label.clone(), TICK, Anchor::Middle, false, MUTED.light);
        }
    }
    for tick in &frame.y_ticks {
        if let Some(y) = frame.py(tick.value) {
            let at = (left - 20.0, y);
            write(at, tick.label.clone(), TICK, Anchor::End, false, MUTED.light);
        }
    }
    let (x, y) = frame.middle();
    let heading = font::shorten(&escape::line(&figure.x.heading()), LABEL, right - left + 80.0);
    write((x, bottom + 98.0), heading, LABEL, Anchor::Middle, false, INK.light);
    let heading = font::shorten(&escape::line(&figure.y.heading()), LABEL, bottom - top + 60.0);
    write((46.0, y), heading, LABEL, Anchor::Middle, true, INK.light);
}

fn tick_values(ticks: &[super::super::scale::Tick]) -> Vec<f64> {
    ticks.iter().map(|tick| tick.value).collect()
}

fn minor(scale: Option<&super::super::scale::Scale>) -> Vec<f64> {
    scale.map(super::super::scale::Scale::minor).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn both_axes_are_named_with_their_units() {
        let figure = sample::each_layer();
        let mut items = Vec::new();
        labels(&figure, &Frame::of(&figure), &mut items);
        let texts: Vec<&str> = items
            .iter()
            .filter_map(|item| if let Item::Text { text, .. } = item { Some(&**text) } else { None })
            .collect();
        assert!(texts.contains(&"Compute (FLOP)") && texts.contains(&"Loss (nats/token)"));
        assert!(texts.contains(&"1e19"), "{texts:?}");
    }
}
