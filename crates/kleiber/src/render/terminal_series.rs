//! Layers of a figure as sets of characters for the terminal, and their legend.

use ratatui::symbols::Marker;

use super::escape;
use super::figure::{Figure, Layer};
use super::number;
use super::prepare;
use super::scale::Scale;

/// The positions of one layer, as fractions of both axes.
pub(super) struct Series {
    /// What is drawn at each position.
    pub marker: Marker,
    /// Whether neighbours are joined by a line.
    pub joined: bool,
    /// The positions.
    pub points: Vec<(f64, f64)>,
}

/// Characters for points, in palette order.
const DOTS: [char; 7] = ['•', '×', '+', 'o', '*', '#', '%'];
const ASCII_DOTS: [char; 7] = ['o', 'x', '+', '*', '#', '%', '&'];

/// More points than this are drawn as a cloud of braille dots.
const CROWD: usize = 1_000;

/// All drawable layers, the lowest first, for a plot of `columns` by `rows` characters.
#[must_use]
pub(super) fn series(figure: &Figure, (x, y): (Scale, Scale), (columns, rows): (u16, u16), ascii: bool) -> Vec<Series> {
    let place = |px: f64, py: f64| Some((x.fraction(px)?, y.fraction(py)?));
    let stroke = if ascii { Marker::Custom('.') } else { Marker::Braille };
    let mut layers: Vec<(usize, Series)> = Vec::new();
    let mut add = |rank, marker, joined, points: Vec<(f64, f64)>| {
        layers.push((rank, Series { marker, joined, points }));
    };
    for layer in &figure.layers {
        match layer {
            Layer::Band { x: xs, low, high, .. } => {
                let mut cells = Vec::new();
                for piece in prepare::band(figure, xs, low, high) {
                    let edge = |i: usize| {
                        let bottom = y.fraction(low[i]).unwrap_or(0.0);
                        Some((x.fraction(xs[i])?, bottom, y.fraction(high[i])?))
                    };
                    let edges: Vec<_> = piece.into_iter().filter_map(edge).collect();
                    cells.extend(fill(&edges, columns, rows));
                }
                add(0, Marker::Custom(if ascii { ':' } else { '░' }), false, cells);
            }
            Layer::Region { from, to, .. } => {
                let sides = [*from, *to].into_iter().filter_map(|value| x.fraction(value));
                let sides = sides.filter(|fraction| (0.0..=1.0).contains(fraction));
                let heights = || (0..rows).map(|row| f64::from(row) / f64::from(rows.max(2) - 1));
                let cells = sides.flat_map(|side| heights().map(move |height| (side, height)));
                add(1, Marker::Custom(if ascii { '|' } else { '┊' }), false, cells.collect());
            }
            Layer::Line { x: xs, y: ys, dashed, .. } => {
                for piece in prepare::line(figure, xs, ys) {
                    let path: Vec<_> = piece.iter().filter_map(|i| place(xs[*i], ys[*i])).collect();
                    if *dashed {
                        add(2, stroke, false, dashes(&path, columns, rows, ascii));
                    } else {
                        add(2, stroke, true, path);
                    }
                }
            }
            Layer::Points { x: xs, y: ys, color, .. } => {
                let drawn = prepare::points(figure, xs, ys);
                let cells = drawn.iter().filter_map(|i| place(xs[*i], ys[*i])).collect();
                // A crowd is finer as braille, and would hide the curves above it.
                if drawn.len() > CROWD && !ascii {
                    add(1, Marker::Braille, false, cells);
                } else {
                    add(3, Marker::Custom(dot(*color, ascii)), false, cells);
                }
            }
            Layer::Mark { x: at_x, x_low, x_high, y: at_y, y_low, y_high, .. } => {
                let Some((px, py)) = place(*at_x, *at_y) else { continue };
                let reach = |scale: Scale, low: Option<f64>, high: Option<f64>| {
                    let end = |v: Option<f64>, edge: f64| v.and_then(|v| scale.fraction(v)).unwrap_or(edge);
                    (low.is_some() || high.is_some()).then(|| (end(low, 0.0), end(high, 1.0)))
                };
                if let Some((low, high)) = reach(x, *x_low, *x_high) {
                    let cells = between(low, high, columns).map(|cell| (cell, py)).collect();
                    add(4, Marker::Custom(if ascii { '-' } else { '─' }), false, cells);
                }
                if let Some((low, high)) = reach(y, *y_low, *y_high) {
                    let cells = between(low, high, rows).map(|cell| (px, cell)).collect();
                    add(5, Marker::Custom(if ascii { '|' } else { '│' }), false, cells);
                }
                add(6, Marker::Custom(if ascii { '@' } else { '◆' }), false, vec![(px, py)]);
            }
        }
    }
    layers.sort_by_key(|(rank, _)| *rank);
    layers.into_iter().map(|(_, series)| series).collect()
}

/// Legend entries such as `• runs`, one per named layer. Regions say where they start.
#[must_use]
pub(super) fn legend(figure: &Figure, ascii: bool) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for layer in figure.layers.iter().filter(|layer| !layer.name().trim().is_empty()) {
        let pick = |wide: &str, plain: &str| if ascii { plain } else { wide }.to_owned();
        let (sign, more) = match layer {
            Layer::Points { x, y, .. } if !ascii && prepare::points(figure, x, y).len() > CROWD => {
                ("⣿⣿".to_owned(), String::new())
            }
            Layer::Points { color, .. } => (dot(*color, ascii).to_string(), String::new()),
            Layer::Line { dashed: false, .. } => (pick("──", "..."), String::new()),
            Layer::Line { dashed: true, .. } => (pick("╌╌", ". ."), String::new()),
            Layer::Band { .. } => (pick("░░", ":::"), String::new()),
            Layer::Mark { .. } => (pick("◆", "@"), String::new()),
            Layer::Region { from, to, .. } => (pick("┊", "|"), range(figure, *from, *to)),
        };
        let entry = format!("{sign} {}{more}", escape::line(layer.name()));
        if !entries.contains(&entry) {
            entries.push(entry);
        }
    }
    entries
}

fn range(figure: &Figure, from: f64, to: f64) -> String {
    let show = |value: f64| number::with_unit(value, &escape::line(&figure.x.unit), 3);
    match (figure.x.accepts(from), figure.x.accepts(to)) {
        (true, true) => format!(" ({} to {})", show(from), show(to)),
        (true, false) => format!(" (from {})", show(from)),
        (false, true) => format!(" (up to {})", show(to)),
        (false, false) => String::new(),
    }
}

const fn dot(color: usize, ascii: bool) -> char {
    if ascii { ASCII_DOTS[color % ASCII_DOTS.len()] } else { DOTS[color % DOTS.len()] }
}

/// Centres of the cells between two fractions of an axis of `cells` characters.
fn between(low: f64, high: f64, cells: u16) -> impl Iterator<Item = f64> {
    let last = f64::from(cells.max(2) - 1);
    let cell = move |fraction: f64| (fraction.clamp(0.0, 1.0) * last).round() as u32;
    let (low, high) = (cell(low.min(high)), cell(low.max(high)));
    (low..=high).map(move |cell| f64::from(cell) / last)
}

/// Cells between the lower and upper edge of a band, edges given by (x, low, high).
fn fill(edges: &[(f64, f64, f64)], columns: u16, rows: u16) -> Vec<(f64, f64)> {
    let mut cells = Vec::new();
    let heights: Vec<f64> = between(0.0, 1.0, rows).collect();
    for column in between(0.0, 1.0, columns) {
        for pair in edges.windows(2) {
            let ((x0, low0, high0), (x1, low1, high1)) = (pair[0], pair[1]);
            if x1 <= x0 || !(x0..=x1).contains(&column) {
                continue;
            }
            let part = (column - x0) / (x1 - x0);
            let (low, high) = (low0 + (low1 - low0) * part, high0 + (high1 - high0) * part);
            cells.extend(heights.iter().filter(|h| (low..=high).contains(*h)).map(|h| (column, *h)));
            break;
        }
    }
    cells
}

/// Positions along a path with gaps, dense enough to look drawn.
fn dashes(path: &[(f64, f64)], columns: u16, rows: u16, ascii: bool) -> Vec<(f64, f64)> {
    let (dots_x, dots_y) = if ascii { (1.0, 1.0) } else { (2.0, 4.0) };
    let (on, period) = if ascii { (2.0, 4.0) } else { (4.0, 8.0) };
    let (mut travelled, mut points) = (0.0, Vec::new());
    for pair in path.windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let across = (x1 - x0) * f64::from(columns) * dots_x;
        let length = across.hypot((y1 - y0) * f64::from(rows) * dots_y);
        let steps = (length * 2.0).ceil().clamp(1.0, 4000.0) as u32;
        for step in 0..steps {
            let part = f64::from(step) / f64::from(steps);
            if (travelled + length * part) % period < on {
                points.push((x0 + (x1 - x0) * part, y0 + (y1 - y0) * part));
            }
        }
        travelled += length;
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::super::scale::Side;
    use super::*;

    #[test]
    fn each_layer_has_a_sign_and_a_name() {
        let expected =
            ["• runs, seed 1", "── fit", "╌╌ fit", "░░ 95% CI", "┊ extrapolated (from 1e20 FLOP)", "◆ optimum"];
        assert_eq!(legend(&sample::each_layer(), false), expected);
        assert!(legend(&sample::each_layer(), true).iter().all(|entry| entry.is_ascii()));
    }

    #[test]
    fn series_lie_inside_the_plot() {
        let figure = sample::each_layer();
        let scales = (Scale::of(&figure, Side::X).unwrap(), Scale::of(&figure, Side::Y).unwrap());
        let series = series(&figure, scales, (60, 20), false);
        let inside = |v: f64| (0.0..=1.0).contains(&v);
        assert!(series.iter().flat_map(|s| &s.points).all(|(x, y)| inside(*x) && inside(*y)));
        assert!(matches!(series.last().unwrap().marker, Marker::Custom('◆')));
    }

    #[test]
    fn a_band_fills_the_cells_between_its_edges() {
        let cells = fill(&[(0.0, 0.0, 0.5), (1.0, 0.0, 0.5)], 3, 3);
        let expected = [(0.0, 0.0), (0.0, 0.5), (0.5, 0.0), (0.5, 0.5), (1.0, 0.0), (1.0, 0.5)];
        assert_eq!(cells, expected);
    }
}
