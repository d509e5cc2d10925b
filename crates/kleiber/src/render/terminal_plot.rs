//! A figure as plain text for the terminal.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Span;
use ratatui::widgets::{Axis, Chart, Dataset, GraphType, Widget};

use super::escape;
use super::figure::Figure;
use super::prepare;
use super::scale::{Scale, Side, Tick};
use super::terminal_series::{Series, legend, series};

/// Smallest plot that says anything, in characters.
const LEAST: (u16, u16) = (16, 5);
/// Largest size taken, so that a wrong width cannot ask for all memory.
const MOST: u16 = 1000;

/// The figure as lines of text, without colour codes, about `width` by `height` characters.
///
/// Curves are drawn in braille dots; with `ascii`, everything is ASCII (characters outside it in
/// names become `?`). A size too small for the axes and the legend is exceeded.
#[must_use]
pub(crate) fn terminal_plot(figure: &Figure, width: u16, height: u16, ascii: bool) -> String {
    let (width, height) = (width.clamp(32, MOST), height.min(MOST));
    let mut lines = Vec::new();
    let title = escape::line(&figure.title);
    if !title.is_empty() {
        lines.push(cut(&title, width));
    }
    let mut footer = flow(&legend(figure, ascii), width);
    footer.extend(prepare::note(figure).map(|note| cut(&note, width)));
    let scales = (Scale::of(figure, Side::X), Scale::of(figure, Side::Y));
    if let (Some(x), Some(y)) = scales {
        // The y heading, the x axis, its tick labels and its heading take a line each.
        let taken = lines.len() + footer.len() + 4;
        let rows = height.saturating_sub(taken as u16).max(LEAST.1);
        lines.extend(plot(figure, (x, y), (width, rows), ascii));
    } else {
        lines.push("No values to draw".into());
    }
    lines.extend(footer);
    let text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    if ascii { text.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect() } else { text }
}

fn plot(figure: &Figure, (x, y): (Scale, Scale), (width, rows): (u16, u16), ascii: bool) -> Vec<String> {
    let y_ticks = y.ticks(&figure.y.unit, usize::from(rows / 3).clamp(2, 7));
    let margin = y_ticks.iter().map(|tick| columns(&tick.label)).max().unwrap_or(0) + 1;
    let inner = width.saturating_sub(margin + 1).max(LEAST.0);
    let layers = series(figure, (x, y), (inner, rows), ascii);
    let picture = draw(&layers, inner, rows);
    let [bar, tee, base, notch, corner] =
        if ascii { ["|", "+", "-", "+", "+"] } else { ["│", "┤", "─", "┬", "└"] };
    let mut lines = vec![cut(&escape::line(&figure.y.heading()), width)];
    for (index, row) in picture.iter().enumerate() {
        let level = usize::from(rows) - 1 - index;
        let tick = y_ticks.iter().find(|tick| cell(&y, tick.value, rows) == Some(level));
        let label = tick.map_or("", |tick| tick.label.as_str());
        let pad = " ".repeat(usize::from(margin - 1 - columns(label)));
        lines.push(format!("{pad}{label} {}{row}", if tick.is_some() { tee } else { bar }));
    }
    let x_ticks = spaced(&x, &figure.x.unit, inner);
    let at = |tick: &Tick| cell(&x, tick.value, inner);
    let marked: Vec<usize> = x_ticks.iter().filter_map(at).collect();
    let axis = (0..usize::from(inner)).map(|i| if marked.contains(&i) { notch } else { base });
    let indent = " ".repeat(usize::from(margin));
    lines.push(format!("{indent}{corner}{}", axis.collect::<String>()));
    lines.push(format!("{indent} {}", labels(&x_ticks, &x, inner)));
    let heading = cut(&escape::line(&figure.x.heading()), width);
    let start = usize::from(margin) + 1 + usize::from(inner.saturating_sub(columns(&heading)) / 2);
    let start = start.min(usize::from(width.saturating_sub(columns(&heading))));
    lines.push(format!("{}{heading}", " ".repeat(start)));
    lines
}

/// Rows of the plot, from top to bottom. ratatui's own axis labels are evenly spread rather than
/// at their values, so only the canvas is its work.
fn draw(layers: &[Series], columns: u16, rows: u16) -> Vec<String> {
    let datasets = layers.iter().map(|layer| {
        let kind = if layer.joined { GraphType::Line } else { GraphType::Scatter };
        Dataset::default().marker(layer.marker).graph_type(kind).data(&layer.points)
    });
    let area = Rect::new(0, 0, columns, rows);
    let mut buffer = Buffer::empty(area);
    Chart::new(datasets.collect())
        .legend_position(None)
        .x_axis(Axis::default().bounds([0.0, 1.0]))
        .y_axis(Axis::default().bounds([0.0, 1.0]))
        .render(area, &mut buffer);
    // Blank braille cells would be copied as odd characters.
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol().replace('\u{2800}', " ")).collect();
    (0..rows).map(row).collect()
}

/// The character position of `value` on an axis of `cells` characters.
fn cell(scale: &Scale, value: f64, cells: u16) -> Option<usize> {
    let fraction = scale.fraction(value).filter(|f| (0.0..=1.0).contains(f))?;
    Some((fraction * f64::from(cells - 1)).round() as usize)
}

/// As many ticks as have room for their labels.
fn spaced(scale: &Scale, unit: &str, cells: u16) -> Vec<Tick> {
    for most in (2..=10).rev() {
        let ticks = scale.ticks(unit, most);
        let fits = ticks.windows(2).all(|pair| {
            let room = cell(scale, pair[1].value, cells).zip(cell(scale, pair[0].value, cells));
            let needed = (columns(&pair[0].label) + columns(&pair[1].label)).div_ceil(2) + 2;
            room.is_some_and(|(right, left)| right.saturating_sub(left) >= usize::from(needed))
        });
        if fits {
            return ticks;
        }
    }
    Vec::new()
}

fn labels(ticks: &[Tick], scale: &Scale, cells: u16) -> String {
    let mut line = String::new();
    for tick in ticks {
        let Some(at) = cell(scale, tick.value, cells) else { continue };
        let length = usize::from(columns(&tick.label));
        let start = at.saturating_sub(length / 2).min(usize::from(cells).saturating_sub(length));
        let gap = start.saturating_sub(usize::from(columns(&line)));
        line.push_str(&" ".repeat(gap));
        line.push_str(&tick.label);
    }
    line
}

/// Entries side by side, three spaces apart, in as many lines as they need.
fn flow(entries: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for entry in entries {
        let entry = cut(entry, width);
        match lines.last_mut() {
            Some(line) if columns(line) + 3 + columns(&entry) <= width => {
                line.push_str("   ");
                line.push_str(&entry);
            }
            _ => lines.push(entry),
        }
    }
    lines
}

fn cut(text: &str, width: u16) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short: Vec<char> = text.chars().take(usize::from(width)).collect();
    while columns(&short.iter().collect::<String>()) + 3 > width && short.pop().is_some() {}
    short.into_iter().collect::<String>().trim_end().to_owned() + "..."
}

fn columns(text: &str) -> u16 {
    u16::try_from(Span::raw(text).width()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::figure::Layer;
    use super::super::sample;
    use super::*;

    #[test]
    fn labels_stand_under_their_values() {
        let mut figure = sample::empty();
        figure.title = "Two runs".into();
        figure.layers = vec![Layer::Points {
            name: "runs".into(),
            x: vec![1e18, 1e20],
            y: vec![1.0, 10.0],
            labels: vec![],
            color: 0,
        }];
        let expected = "\
Two runs
Loss (nats/token)
10 +                            o
   |
   |
   |
   |
   |
   |
 1 + o
   +-+-----+-------+-----+------+-
    1e18 3e18    1e19  3e19   1e20
            Compute (FLOP)
o runs
";
        let text = terminal_plot(&figure, 34, 14, true);
        assert_eq!(text, expected, "{text}");
    }

    #[test]
    fn no_escape_codes_and_no_line_too_long() {
        for ascii in [false, true] {
            let text = terminal_plot(&sample::hostile(), 60, 20, ascii);
            assert!(!text.contains('\u{1b}'));
            assert!(text.lines().all(|line| columns(line) <= 60), "{text}");
            assert!(!ascii || text.is_ascii());
        }
    }

    #[test]
    fn an_empty_figure_says_so() {
        assert!(terminal_plot(&sample::empty(), 60, 20, true).contains("No values to draw"));
    }

    #[test]
    fn tiny_sizes_do_not_panic() {
        for (width, height) in [(0, 0), (1, 50), (50, 1), (u16::MAX, u16::MAX)] {
            assert!(!terminal_plot(&sample::each_layer(), width, height, false).is_empty());
        }
    }
}
