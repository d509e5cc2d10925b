//! Where the plot lies in the scene, and how data maps into it.

use super::super::escape;
use super::super::figure::{Figure, Layer};
use super::super::scale::{Scale, Side, Tick};
use super::{LABEL, TICK, TITLE, WIDTH, font};

/// Space left and right of everything.
pub(super) const SIDE: f64 = 32.0;
/// Height of one title line.
pub(super) const TITLE_ROW: f64 = 56.0;
/// Height of one row of region labels.
pub(super) const REGION_ROW: f64 = 46.0;
const HEIGHT: f64 = 760.0;

/// A region's label, placed in one of the rows above the plot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RegionLabel {
    /// The text, cut to the scene.
    pub text: String,
    /// Horizontal middle of the text.
    pub x: f64,
    /// Row, 0 is next to the plot.
    pub row: usize,
}

/// The plot's rectangle and scales.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    /// Left, top, right and bottom edge of the plot.
    pub edges: [f64; 4],
    /// Horizontal scale; nothing when no value can be drawn.
    pub x: Option<Scale>,
    /// Vertical scale; nothing when no value can be drawn.
    pub y: Option<Scale>,
    /// Labelled ticks of the horizontal axis.
    pub x_ticks: Vec<Tick>,
    /// Labelled ticks of the vertical axis.
    pub y_ticks: Vec<Tick>,
    /// The title in lines.
    pub title: Vec<String>,
    /// Labels of the regions, in the order of the layers; nothing for those out of sight.
    pub regions: Vec<Option<RegionLabel>>,
}

impl Frame {
    /// The frame for `figure`.
    #[must_use]
    pub(super) fn of(figure: &Figure) -> Self {
        let x = Scale::of(figure, Side::X);
        let y = Scale::of(figure, Side::Y).filter(|_| x.is_some());
        let x = x.filter(|_| y.is_some());
        let y_ticks = y.map(|scale| scale.ticks(&figure.y.unit, 7)).unwrap_or_default();
        let widest = y_ticks.iter().map(|tick| font::width(&tick.label, TICK)).fold(0.0, f64::max);
        let left = SIDE + 1.5 * LABEL + widest + 26.0;
        let right = WIDTH - 56.0;
        let title = font::wrap(&escape::line(&figure.title), TITLE * 1.3, WIDTH - 2.0 * SIDE, 3);
        let mut frame = Self {
            edges: [left, 0.0, right, 0.0],
            x,
            y,
            x_ticks: x.map(|scale| spaced(&scale, &figure.x.unit, right - left)).unwrap_or_default(),
            y_ticks,
            title,
            regions: Vec::new(),
        };
        frame.regions = frame.place_regions(figure);
        let rows = frame.regions.iter().flatten().map(|label| label.row + 1).max().unwrap_or(0);
        let top = 36.0 + TITLE_ROW * frame.title.len() as f64 + 18.0 + REGION_ROW * rows as f64;
        frame.edges = [left, top, right, top + HEIGHT];
        frame
    }

    /// Horizontal position of `value`, unless it cannot be drawn; may lie outside the plot.
    #[must_use]
    pub(super) fn px(&self, value: f64) -> Option<f64> {
        let [left, _, right, _] = self.edges;
        Some(left + (right - left) * self.x?.fraction(value)?.clamp(-9.0, 9.0))
    }

    /// Vertical position of `value`, unless it cannot be drawn; may lie outside the plot.
    #[must_use]
    pub(super) fn py(&self, value: f64) -> Option<f64> {
        let [_, top, _, bottom] = self.edges;
        Some(bottom - (bottom - top) * self.y?.fraction(value)?.clamp(-9.0, 9.0))
    }

    /// Middle of the plot.
    #[must_use]
    pub(super) fn middle(&self) -> (f64, f64) {
        let [left, top, right, bottom] = self.edges;
        ((left + right) / 2.0, (top + bottom) / 2.0)
    }

    /// Where the legend may start, under the labels of the horizontal axis.
    #[must_use]
    pub(super) const fn below(&self) -> f64 {
        self.edges[3] + 148.0
    }

    /// The visible part of a region as left and right position.
    #[must_use]
    pub(super) fn span(&self, from: f64, to: f64) -> Option<(f64, f64)> {
        let [left, _, right, _] = self.edges;
        if from.is_nan() || to.is_nan() {
            return None;
        }
        let (from, to) = (from.min(to), from.max(to));
        // An end without a place on the axis (infinite, or not above zero) is beyond the edge.
        let start = self.px(from).unwrap_or(if from > 0.0 { right } else { left });
        let end = self.px(to).unwrap_or(if to > 0.0 { right } else { left });
        let (start, end) = (start.clamp(left, right), end.clamp(left, right));
        (self.x.is_some() && end - start > 1.0).then_some((start, end))
    }

    fn place_regions(&self, figure: &Figure) -> Vec<Option<RegionLabel>> {
        let mut rows: Vec<Vec<(f64, f64)>> = Vec::new();
        let regions = figure.layers.iter().filter_map(|layer| match layer {
            Layer::Region { name, from, to } => Some((name, *from, *to)),
            _ => None,
        });
        let mut place = |name: &str, from: f64, to: f64| {
            let (start, end) = self.span(from, to)?;
            let text = font::shorten(&escape::line(name), TICK, WIDTH - 2.0 * SIDE);
            if text.is_empty() {
                return None;
            }
            let half = font::width(&text, TICK) / 2.0;
            let x = f64::midpoint(start, end).min(WIDTH - SIDE - half).max(SIDE + half);
            let free = |row: &Vec<(f64, f64)>| row.iter().all(|(a, b)| x + half < *a || x - half > *b);
            let row = rows.iter().position(free).unwrap_or(rows.len());
            if row == rows.len() {
                rows.push(Vec::new());
            }
            rows[row].push((x - half - 24.0, x + half + 24.0));
            Some(RegionLabel { text, x, row })
        };
        regions.map(|(name, from, to)| place(name, from, to)).collect()
    }
}

/// As many ticks as fit side by side.
fn spaced(scale: &Scale, unit: &str, room: f64) -> Vec<Tick> {
    for most in (2..=9).rev() {
        let ticks = scale.ticks(unit, most);
        let place = |tick: &Tick| scale.fraction(tick.value).unwrap_or(0.0) * room;
        let fits = ticks.windows(2).all(|pair| {
            let half = |tick: &Tick| font::width(&tick.label, TICK) / 2.0;
            place(&pair[1]) - place(&pair[0]) > half(&pair[0]) + half(&pair[1]) + 24.0
        });
        if fits {
            return ticks;
        }
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    #[test]
    fn the_plot_keeps_its_height_whatever_is_above() {
        let [_, top, _, bottom] = Frame::of(&sample::each_layer()).edges;
        assert_eq!(bottom - top, 760.0);
    }

    #[test]
    fn an_open_region_reaches_the_edge() {
        let frame = Frame::of(&sample::each_layer());
        let (start, end) = frame.span(1e20, f64::INFINITY).unwrap();
        assert_eq!(end, frame.edges[2]);
        assert!((start - frame.px(1e20).unwrap()).abs() < 1e-9);
        assert_eq!(frame.span(f64::NAN, 1.0), None);
        assert_eq!(frame.span(f64::NEG_INFINITY, 0.0), None);
    }

    #[test]
    fn overlapping_region_labels_get_their_own_rows() {
        let mut figure = sample::each_layer();
        figure.layers.push(Layer::Region { name: "also here".into(), from: 1e20, to: 1e22 });
        let rows: Vec<usize> = Frame::of(&figure).regions.iter().flatten().map(|r| r.row).collect();
        assert_eq!(rows, [0, 1]);
    }
}
