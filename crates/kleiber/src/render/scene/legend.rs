//! The legend, under the plot so that it covers no data.

use super::super::escape;
use super::super::figure::{Figure, Layer};
use super::super::palette::{self, BAND_ALPHA, INK};
use super::frame::SIDE;
use super::{Anchor, Item, TICK, WIDTH, font, layers};

const ROW: f64 = 54.0;
const SWATCH: f64 = 64.0;
const GAP: f64 = 14.0;
const BETWEEN: f64 = 44.0;

/// Draws one entry per named layer from `top` down and returns where the legend ends. Layers of
/// one name and colour, such as a curve and its dashed continuation, share no entry. Regions
/// have none: they are named above the plot.
pub(super) fn draw(figure: &Figure, top: f64, items: &mut Vec<Item>) -> f64 {
    let (mut x, mut y) = (SIDE, top);
    let mut any = false;
    for layer in &figure.layers {
        if layer.name().trim().is_empty() || matches!(layer, Layer::Region { .. }) {
            continue;
        }
        let room = WIDTH - 2.0 * SIDE - SWATCH - GAP;
        let text = font::shorten(&escape::line(layer.name()), TICK, room);
        let width = SWATCH + GAP + font::width(&text, TICK);
        if any && x + width > WIDTH - SIDE {
            (x, y) = (SIDE, y + ROW);
        }
        swatch(layer, (x, y + ROW / 2.0), items);
        items.push(Item::Text {
            at: (x + SWATCH + GAP, y + ROW / 2.0),
            text,
            size: TICK,
            bold: false,
            anchor: Anchor::Start,
            upright: false,
            fill: INK.light,
        });
        x += width + BETWEEN;
        any = true;
    }
    if any { y + ROW } else { top }
}

fn swatch(layer: &Layer, (x, y): (f64, f64), items: &mut Vec<Item>) {
    let middle = x + SWATCH / 2.0;
    match layer {
        Layer::Points { color, .. } => {
            let fill = palette::series(*color).light;
            items.push(layers::point((middle, y), 11.0, palette::shape(*color), fill));
        }
        Layer::Line { dashed, color, .. } => {
            let stroke = palette::series(*color).light;
            layers::curve(&[(x, y), (x + SWATCH, y)], stroke, *dashed, items);
        }
        Layer::Band { color, .. } => {
            let fill = palette::series(*color).light.with_alpha(1.6 * BAND_ALPHA);
            items.push(Item::Rect { at: (x, y - 14.0), size: (SWATCH, 28.0), fill });
        }
        Layer::Mark { color, .. } => {
            let paint = palette::series(*color).light;
            let mut rule = |points| items.push(Item::Path { points, stroke: paint, width: 4.0 });
            rule(vec![(x + 2.0, y), (x + SWATCH - 2.0, y)]);
            rule(vec![(x + 2.0, y - 11.0), (x + 2.0, y + 11.0)]);
            rule(vec![(x + SWATCH - 2.0, y - 11.0), (x + SWATCH - 2.0, y + 11.0)]);
            items.push(layers::point((middle, y), 11.0, palette::Shape::Diamond, paint));
        }
        Layer::Region { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn entries_wrap_into_rows() {
        let mut figure = sample::empty();
        let name = "a rather long name of a series of runs".to_owned();
        let line = Layer::Line { name, x: vec![], y: vec![], dashed: false, color: 0 };
        figure.layers = vec![line.clone(), line.clone(), line];
        let mut items = Vec::new();
        assert_eq!(draw(&figure, 100.0, &mut items), 100.0 + 3.0 * ROW);
    }

    #[test]
    fn regions_and_nameless_layers_have_no_entry() {
        let mut figure = sample::each_layer();
        figure.layers.retain(|layer| matches!(layer, Layer::Region { .. }));
        let mut items = Vec::new();
        assert_eq!(draw(&figure, 100.0, &mut items), 100.0);
        assert!(items.is_empty());
    }
}
