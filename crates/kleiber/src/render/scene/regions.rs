//! Shaded ranges of x with their labels above the plot.

use super::super::figure::{Figure, Layer};
use super::super::palette::{EDGE, MUTED, SHADE, SHADE_ALPHA};
use super::frame::{Frame, REGION_ROW};
use super::{Anchor, Item, TICK};

/// Draws the regions of `figure`, to be called before everything inside the plot.
pub(super) fn draw(figure: &Figure, frame: &Frame, items: &mut Vec<Item>) {
    let [_, top, _, bottom] = frame.edges;
    let regions = figure.layers.iter().filter_map(|layer| match layer {
        Layer::Region { from, to, .. } => Some(frame.span(*from, *to)),
        _ => None,
    });
    for (span, label) in regions.zip(&frame.regions) {
        let Some((start, end)) = span else { continue };
        let fill = SHADE.light.with_alpha(SHADE_ALPHA);
        items.push(Item::Rect { at: (start, top), size: (end - start, bottom - top), fill });
        let points = vec![(start, top), (end, top)];
        items.push(Item::Path { points, stroke: EDGE.light, width: 6.0 });
        if let Some(label) = label {
            items.push(Item::Text {
                at: (label.x, top - 8.0 - REGION_ROW * (label.row as f64 + 0.5)),
                text: label.text.clone(),
                size: TICK,
                bold: false,
                anchor: Anchor::Middle,
                upright: false,
                fill: MUTED.light,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn a_region_is_shaded_underlined_and_named() {
        let figure = sample::each_layer();
        let mut items = Vec::new();
        draw(&figure, &Frame::of(&figure), &mut items);
        assert_eq!(items.len(), 3);
        assert!(matches!(&items[2], Item::Text { text, .. } if text == "extrapolated"));
    }
}
