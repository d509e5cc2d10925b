//! Axes, shaded ranges and labels of a chart for plotly.js.

use serde_json::{Value, json};

use super::escape;
use super::figure::{Axis, Figure, Layer};
use super::number;
use super::palette::{EDGE, GRID, GROUND, INK, MUTED, SHADE, SHADE_ALPHA};
use super::scale::Scale;

/// The layout of `figure`, whose axes have `scales`.
#[must_use]
pub(super) fn layout(figure: &Figure, scales: (Option<Scale>, Option<Scale>)) -> Value {
    let (shapes, notes, rows) = regions(figure, scales.0);
    let mut layout = json!({
        "autosize": true,
        "showlegend": false,
        "hovermode": "closest",
        "margin": { "l": 8, "r": 24, "t": 12 + 22 * rows, "b": 8 },
        "paper_bgcolor": GROUND.light.hex(),
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {
            "family": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
            "size": 14,
            "color": INK.light.hex(),
        },
        "hoverlabel": {
            "bgcolor": GROUND.light.hex(),
            "bordercolor": EDGE.light.hex(),
            "align": "left",
            "font": { "color": INK.light.hex(), "size": 13 },
        },
        "xaxis": axis(&figure.x, scales.0, 9),
        "yaxis": axis(&figure.y, scales.1, 7),
        "shapes": shapes,
        "annotations": notes,
    });
    if scales.0.is_none() || scales.1.is_none() {
        layout["annotations"] = json!([{
            "text": "No values to draw", "xref": "paper", "yref": "paper", "x": 0.5, "y": 0.5,
            "showarrow": false, "font": { "color": MUTED.light.hex(), "size": 16 },
        }]);
    }
    layout
}

fn axis(axis: &Axis, scale: Option<Scale>, most: usize) -> Value {
    let suffixed = number::readable(1e6, &axis.unit, 3) == "1M";
    let mut value = json!({
        "type": if axis.log { "log" } else { "linear" },
        "title": { "text": escape::plotly(&axis.heading()), "standoff": 10 },
        "automargin": true,
        "zeroline": false,
        "showline": true,
        "linecolor": EDGE.light.hex(),
        "gridcolor": GRID.light.hex(),
        "ticks": "outside",
        "ticklen": 6,
        "tickangle": 0,
        "tickcolor": EDGE.light.hex(),
        "tickfont": { "color": MUTED.light.hex() },
        "exponentformat": if suffixed { "B" } else { "e" },
        "minor": { "ticks": if axis.log && scale.is_some() { "outside" } else { "" }, "ticklen": 3, "tickcolor": EDGE.light.hex() },
    });
    if let (Value::Object(all), Value::Object(set)) = (&mut value, ticks(axis, scale, most)) {
        all.extend(set);
    }
    if let Some(scale) = scale {
        let (low, high) = scale.ends();
        value["range"] = json!([low, high]);
        value["minor"]["tickvals"] = json!(scale.minor());
    }
    value
}

/// Settings that put at most `most` labelled ticks on an axis.
#[must_use]
pub(super) fn ticks(axis: &Axis, scale: Option<Scale>, most: usize) -> Value {
    let Some(scale) = scale else {
        return json!({ "tickmode": "array", "tickvals": [], "ticktext": [] });
    };
    let ticks = scale.ticks(&axis.unit, most);
    let values: Vec<f64> = ticks.iter().map(|tick| tick.value).collect();
    let texts: Vec<String> = ticks.into_iter().map(|tick| tick.label).collect();
    json!({ "tickmode": "array", "tickvals": values, "ticktext": texts })
}

/// Shapes and labels of the shaded ranges, and how many rows the labels take.
fn regions(figure: &Figure, scale: Option<Scale>) -> (Vec<Value>, Vec<Value>, usize) {
    let (mut shapes, mut notes) = (Vec::new(), Vec::new());
    let mut rows: Vec<Vec<(f64, f64)>> = Vec::new();
    let Some(scale) = scale else { return (shapes, notes, 0) };
    let (left, right) = scale.limits();
    let regions = figure.layers.iter().filter_map(|layer| match layer {
        Layer::Region { name, from, to } => Some((name, from.min(*to), from.max(*to))),
        _ => None,
    });
    for (name, from, to) in regions {
        let (from, to) = (from.clamp(left, right), to.clamp(left, right));
        if from.is_nan() || to.is_nan() || to <= from {
            continue;
        }
        shapes.push(json!({
            "type": "rect", "layer": "below", "xref": "x", "yref": "paper",
            "x0": from, "x1": to, "y0": 0, "y1": 1, "line": { "width": 0 },
            "fillcolor": SHADE.light.with_alpha(SHADE_ALPHA).rgba(),
        }));
        shapes.push(json!({
            "type": "line", "xref": "x", "yref": "paper", "x0": from, "x1": to, "y0": 1, "y1": 1,
            "line": { "width": 3, "color": EDGE.light.hex() },
        }));
        let fraction = |value: f64| scale.fraction(value).unwrap_or(0.0);
        let middle = f64::midpoint(fraction(from), fraction(to));
        // Near an edge of the plot a centred label could be cut off on a narrow screen.
        let (at, anchor) = match middle {
            m if m > 0.6 => (fraction(to), "right"),
            m if m < 0.4 => (fraction(from), "left"),
            m => (m, "center"),
        };
        // A character is about a fortieth of a plot on a phone; overlapping labels get new rows.
        let width = name.chars().count() as f64 / 40.0;
        let start = match anchor {
            "right" => at - width,
            "left" => at,
            _ => at - width / 2.0,
        };
        let free = |row: &Vec<(f64, f64)>| row.iter().all(|(a, b)| start > *b || start + width < *a);
        let row = rows.iter().position(free).unwrap_or(rows.len());
        if row == rows.len() {
            rows.push(Vec::new());
        }
        rows[row].push((start, start + width));
        let (low, high) = scale.ends();
        notes.push(json!({
            "text": escape::plotly(name), "xref": "x", "yref": "paper", "showarrow": false,
            "x": low + at * (high - low), "xanchor": anchor, "y": 1, "yanchor": "bottom",
            "yshift": 22 * row, "font": { "color": MUTED.light.hex(), "size": 14 },
        }));
    }
    (shapes, notes, rows.len())
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::super::scale::Side;
    use super::*;

    fn of(figure: &Figure) -> Value {
        layout(figure, (Scale::of(figure, Side::X), Scale::of(figure, Side::Y)))
    }

    #[test]
    fn a_log_axis_has_prepared_ticks() {
        let layout = of(&sample::each_layer());
        assert_eq!(layout["xaxis"]["type"], "log");
        assert_eq!(layout["xaxis"]["ticktext"], json!(["1e18", "1e19", "1e20", "1e21"]));
        assert_eq!(layout["xaxis"]["title"]["text"], "Compute (FLOP)");
    }

    #[test]
    fn a_region_is_shaded_and_labelled_above_the_plot() {
        let layout = of(&sample::each_layer());
        assert_eq!(layout["shapes"][0]["x0"], 1e20);
        assert_eq!(layout["annotations"][0]["text"], "extrapolated");
        assert_eq!(layout["annotations"][0]["yanchor"], "bottom");
        assert_eq!(layout["margin"]["t"], 34);
    }

    #[test]
    fn an_empty_figure_says_so() {
        assert_eq!(of(&sample::empty())["annotations"][0]["text"], "No values to draw");
    }

    #[test]
    fn hostile_labels_are_no_markup() {
        let title = of(&sample::hostile())["xaxis"]["title"]["text"].to_string();
        assert!(title.contains("&lt;img") && !title.contains('<'));
    }
}
