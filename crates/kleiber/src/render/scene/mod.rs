//! A figure laid out as simple shapes, which SVG and PNG then draw alike.

mod axes;
mod font;
mod frame;
mod layers;
mod legend;
mod paint;
mod regions;

pub(super) use paint::{TextFit, paint};

use super::figure::Figure;
use super::palette::{self, Paint};
use super::prepare;
use frame::Frame;

/// Width of every scene. Text of 36 units is 10 pixels high when the picture is 390 pixels wide.
pub(super) const WIDTH: f64 = 1400.0;
/// Text sizes, as the height of an em in scene units.
const TITLE: f64 = 44.0;
const LABEL: f64 = 38.0;
const TICK: f64 = 36.0;
const NOTE: f64 = 32.0;

/// Shapes in drawing order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scene {
    /// Height, in the same units as [`WIDTH`].
    pub height: f64,
    /// The shapes, the lowest first.
    pub items: Vec<Item>,
}

/// Where a text lies relative to its position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// Position at the start of the text.
    Start,
    /// Position in the middle.
    Middle,
    /// Position at the end.
    End,
}

/// One shape; positions in scene units from the upper left corner.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// A filled, axis-parallel rectangle.
    Rect {
        /// Upper left corner.
        at: (f64, f64),
        /// Width and height.
        size: (f64, f64),
        /// Fill.
        fill: Paint,
    },
    /// A filled polygon.
    Polygon {
        /// Corners.
        points: Vec<(f64, f64)>,
        /// Fill.
        fill: Paint,
    },
    /// An open path.
    Path {
        /// Corners.
        points: Vec<(f64, f64)>,
        /// Stroke colour.
        stroke: Paint,
        /// Stroke width.
        width: f64,
    },
    /// A filled circle.
    Circle {
        /// Centre.
        at: (f64, f64),
        /// Radius.
        radius: f64,
        /// Fill.
        fill: Paint,
    },
    /// A line of text, vertically centred on its position.
    Text {
        /// Position.
        at: (f64, f64),
        /// The text.
        text: String,
        /// Height of an em.
        size: f64,
        /// Whether it is a heading.
        bold: bool,
        /// Horizontal alignment.
        anchor: Anchor,
        /// Whether it reads from bottom to top.
        upright: bool,
        /// Colour.
        fill: Paint,
    },
}

/// Lays out `figure` for a light ground.
#[must_use]
pub(super) fn compose(figure: &Figure) -> Scene {
    let frame = Frame::of(figure);
    let mut items = Vec::new();
    let mut y = 36.0;
    for line in &frame.title {
        y += frame::TITLE_ROW / 2.0;
        items.push(Item::Text {
            at: (frame::SIDE, y),
            text: line.clone(),
            size: TITLE,
            bold: true,
            anchor: Anchor::Start,
            upright: false,
            fill: palette::INK.light,
        });
        y += frame::TITLE_ROW / 2.0;
    }
    regions::draw(figure, &frame, &mut items);
    axes::grid(&frame, &mut items);
    layers::draw(figure, &frame, &mut items);
    axes::labels(figure, &frame, &mut items);
    if frame.x.is_none() || frame.y.is_none() {
        items.push(text(frame.middle(), "No values to draw", LABEL, Anchor::Middle));
    }
    let mut bottom = legend::draw(figure, frame.below(), &mut items);
    if let Some(note) = prepare::note(figure) {
        let note = font::shorten(&note, NOTE, WIDTH - 2.0 * frame::SIDE);
        items.push(text((frame::SIDE, bottom + NOTE), &note, NOTE, Anchor::Start));
        bottom += 1.6 * NOTE;
    }
    let height = (bottom + 28.0).ceil();
    let ground = Item::Rect { at: (0.0, 0.0), size: (WIDTH, height), fill: palette::GROUND.light };
    items.insert(0, ground);
    Scene { height, items }
}

fn text(at: (f64, f64), text: &str, size: f64, anchor: Anchor) -> Item {
    let fill = palette::MUTED.light;
    Item::Text { at, text: text.into(), size, bold: false, anchor, upright: false, fill }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn texts(scene: &Scene) -> Vec<&str> {
        let items = scene.items.iter().filter_map(|item| match item {
            Item::Text { text, .. } => Some(text.as_str()),
            _ => None,
        });
        items.collect()
    }

    #[test]
    fn an_empty_figure_says_so() {
        let scene = compose(&sample::empty());
        let expected = ["Loss against compute", "Compute (FLOP)", "Loss (nats/token)", "No values to draw"];
        assert_eq!(texts(&scene), expected);
    }

    #[test]
    fn every_coordinate_is_finite_and_inside() {
        let scene = compose(&sample::each_layer());
        for item in &scene.items {
            let points = match item {
                Item::Rect { at, .. } | Item::Circle { at, .. } | Item::Text { at, .. } => vec![*at],
                Item::Polygon { points, .. } | Item::Path { points, .. } => points.clone(),
            };
            for (x, y) in points {
                assert!((0.0..=WIDTH).contains(&x) && (0.0..=scene.height).contains(&y), "{item:?}");
            }
        }
    }

    #[test]
    fn legend_region_and_note_are_written() {
        let scene = compose(&sample::each_layer());
        let texts = texts(&scene);
        for expected in ["runs, seed 1", "95% CI", "optimum", "extrapolated"] {
            assert_eq!(texts.iter().filter(|t| **t == expected).count(), 1, "{expected}");
        }
        assert!(texts.iter().any(|t| t.starts_with("1 value is not shown")));
    }
}
