//! Bands, lines, points and marks inside the plot.

use super::super::figure::{Figure, Layer};
use super::super::palette::{self, BAND_ALPHA, GROUND, POINT_ALPHA, Paint, Shape};
use super::super::prepare;
use super::Item;
use super::frame::Frame;

/// Width of a curve.
pub(super) const LINE_WIDTH: f64 = 5.0;
/// Length of a dash and of the gap after it.
pub(super) const DASH: (f64, f64) = (20.0, 13.0);
const RADIUS: f64 = 8.0;

/// Draws all layers but the regions, bands first and marks last.
pub(super) fn draw(figure: &Figure, frame: &Frame, items: &mut Vec<Item>) {
    for pass in 0..4 {
        for layer in &figure.layers {
            match (pass, layer) {
                (0, Layer::Band { x, low, high, color, .. }) => {
                    for piece in prepare::band(figure, x, low, high) {
                        band(frame, &piece, [x, low, high], *color, items);
                    }
                }
                (2, Layer::Line { x, y, dashed, color, .. }) => {
                    for piece in prepare::line(figure, x, y) {
                        let points = places(frame, &piece, x, y);
                        curve(&points, palette::series(*color).light, *dashed, items);
                    }
                }
                (1, Layer::Points { x, y, color, .. }) => {
                    let drawn = prepare::points(figure, x, y);
                    // Many points need to be smaller and lighter to show where they are dense.
                    let crowd = (drawn.len() as f64 / 400.0).max(1.0);
                    let radius = (RADIUS / crowd.powf(0.25)).max(3.0);
                    let alpha = (POINT_ALPHA / crowd.powf(0.2)).max(0.25);
                    let fill = palette::series(*color).light.with_alpha(alpha);
                    for at in places(frame, &drawn, x, y) {
                        items.push(point(at, radius, palette::shape(*color), fill));
                    }
                }
                (3, Layer::Mark { x, x_low, x_high, y, y_low, y_high, color, .. }) => {
                    let (Some(at_x), Some(at_y)) = (frame.px(*x), frame.py(*y)) else { continue };
                    let across = interval(*x_low, *x_high).map(|ends| bar(frame, ends, true));
                    let along = interval(*y_low, *y_high).map(|ends| bar(frame, ends, false));
                    mark((at_x, at_y), across, along, palette::series(*color).light, items);
                }
                _ => {}
            }
        }
    }
}

/// A point of the given shape; shapes of one radius have about the same area.
#[must_use]
pub(super) fn point((x, y): (f64, f64), radius: f64, shape: Shape, fill: Paint) -> Item {
    let corners = |offsets: &[(f64, f64)]| Item::Polygon {
        points: offsets.iter().map(|(dx, dy)| (x + dx * radius, y + dy * radius)).collect(),
        fill,
    };
    match shape {
        Shape::Circle => Item::Circle { at: (x, y), radius, fill },
        Shape::Square => corners(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
        Shape::Triangle => corners(&[(0.0, -1.25), (1.2, 0.9), (-1.2, 0.9)]),
        Shape::Diamond => corners(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
    }
}

/// A curve through scene positions, solid or dashed.
pub(super) fn curve(points: &[(f64, f64)], stroke: Paint, dashed: bool, items: &mut Vec<Item>) {
    if let [at] = points {
        items.push(Item::Circle { at: *at, radius: LINE_WIDTH, fill: stroke });
    } else if dashed {
        let dashes = dashes(points);
        items.extend(dashes.into_iter().map(|points| Item::Path { points, stroke, width: LINE_WIDTH }));
    } else if points.len() > 1 {
        items.push(Item::Path { points: points.to_vec(), stroke, width: LINE_WIDTH });
    }
}

/// A mark at a scene position with its interval bars, each given as two ends on its axis.
pub(super) fn mark(
    at: (f64, f64),
    across: Option<(f64, f64)>,
    along: Option<(f64, f64)>,
    paint: Paint,
    items: &mut Vec<Item>,
) {
    let (x, y) = at;
    let cap = 13.0;
    let mut lines = Vec::new();
    if let Some((low, high)) = across {
        lines.push(vec![(low, y), (high, y)]);
        lines.extend([low, high].map(|end| vec![(end, y - cap), (end, y + cap)]));
    }
    if let Some((low, high)) = along {
        lines.push(vec![(x, low), (x, high)]);
        lines.extend([low, high].map(|end| vec![(x - cap, end), (x + cap, end)]));
    }
    for (stroke, width) in [(GROUND.light, 8.0), (paint, 4.0)] {
        let paths = lines.iter().map(|points| Item::Path { points: points.clone(), stroke, width });
        items.extend(paths);
    }
    items.push(point(at, 16.0, Shape::Diamond, GROUND.light));
    items.push(point(at, 12.5, Shape::Diamond, paint));
}

fn places(frame: &Frame, indices: &[usize], x: &[f64], y: &[f64]) -> Vec<(f64, f64)> {
    indices.iter().filter_map(|i| Some((frame.px(x[*i])?, frame.py(y[*i])?))).collect()
}

fn band(frame: &Frame, piece: &[usize], values: [&Vec<f64>; 3], color: usize, items: &mut Vec<Item>) {
    let [x, low, high] = values;
    let [_, top, _, bottom] = frame.edges;
    let edge = |values: &[f64], i: usize| {
        let y = frame.py(values[i]).unwrap_or(bottom).clamp(top, bottom);
        Some((frame.px(x[i])?, y))
    };
    let mut points: Vec<_> = piece.iter().filter_map(|i| edge(low, *i)).collect();
    points.extend(piece.iter().rev().filter_map(|i| edge(high, *i)));
    let paint = palette::series(color).light;
    if piece.len() > 1 {
        items.push(Item::Polygon { points, fill: paint.with_alpha(BAND_ALPHA) });
    } else {
        items.push(Item::Path { points, stroke: paint.with_alpha(2.0 * BAND_ALPHA), width: 8.0 });
    }
}

fn interval(low: Option<f64>, high: Option<f64>) -> Option<[Option<f64>; 2]> {
    (low.is_some() || high.is_some()).then_some([low, high])
}

/// An interval bar's ends, cut at the plot; a missing or undrawable end is at the plot's edge.
fn bar(frame: &Frame, [low, high]: [Option<f64>; 2], across: bool) -> (f64, f64) {
    let [left, top, right, bottom] = frame.edges;
    let (start, end) = if across { (left, right) } else { (bottom, top) };
    let place = |v: f64| if across { frame.px(v) } else { frame.py(v) };
    let (least, most) = (start.min(end), start.max(end));
    let low = low.and_then(place).unwrap_or(start).clamp(least, most);
    let high = high.and_then(place).unwrap_or(end).clamp(least, most);
    (low, high)
}

/// Cuts a path into dashes by its length.
fn dashes(points: &[(f64, f64)]) -> Vec<Vec<(f64, f64)>> {
    let (mut dashes, mut current) = (Vec::new(), Vec::new());
    let (mut drawing, mut left) = (true, DASH.0);
    if let Some(first) = points.first() {
        current.push(*first);
    }
    for pair in points.windows(2) {
        let ((mut x, mut y), (to_x, to_y)) = (pair[0], pair[1]);
        let mut length = (to_x - x).hypot(to_y - y);
        while length > left {
            let part = left / length;
            (x, y) = (x + (to_x - x) * part, y + (to_y - y) * part);
            length -= left;
            if drawing {
                current.push((x, y));
                dashes.push(std::mem::take(&mut current));
            } else {
                current = vec![(x, y)];
            }
            drawing = !drawing;
            left = if drawing { DASH.0 } else { DASH.1 };
        }
        left -= length;
        if drawing {
            current.push((to_x, to_y));
        }
    }
    if current.len() > 1 {
        dashes.push(current);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn a_straight_line_is_cut_into_even_dashes() {
        let cut = dashes(&[(0.0, 0.0), (60.0, 0.0)]);
        assert_eq!(cut, [vec![(0.0, 0.0), (20.0, 0.0)], vec![(33.0, 0.0), (53.0, 0.0)]]);
        assert!(dashes(&[]).is_empty());
    }

    #[test]
    fn undrawable_points_leave_nothing() {
        let mut figure = sample::each_layer();
        figure.layers.truncate(1);
        let mut items = Vec::new();
        draw(&figure, &Frame::of(&figure), &mut items);
        assert_eq!(items.len(), 1);
    }

    #[test]
    fn a_one_sided_interval_reaches_the_edge() {
        let frame = Frame::of(&sample::each_layer());
        let (low, high) = bar(&frame, [Some(1e19), None], true);
        assert_eq!((low, high), (frame.px(1e19).unwrap(), frame.edges[2]));
    }
}
