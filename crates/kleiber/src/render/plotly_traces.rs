//! Layers of a figure as traces for plotly.js.

use ::plotly::common::{DashType, ErrorData, ErrorType, Fill, Line, Marker, MarkerSymbol, Mode};
use ::plotly::{Scatter, Trace};
use serde_json::Value;

use super::escape;
use super::figure::{Axis, Figure, Layer};
use super::number;
use super::palette::{self, BAND_ALPHA, GROUND, POINT_ALPHA, Shape};
use super::prepare;
use super::scale::Scale;

/// Layers with more points get plain numbers for hover text, which keeps the page small.
const MOST_TEXTS: usize = 3_000;

/// Values of a trace; a missing one breaks the line.
type Gapped = Vec<Option<f64>>;
/// A trace of this module.
type Gaps = Scatter<Option<f64>, Option<f64>>;

/// The trace of a layer, or nothing if it has none or no axis to be drawn on.
#[must_use]
pub(super) fn trace(figure: &Figure, layer: &Layer, scales: (Option<Scale>, Option<Scale>)) -> Option<Value> {
    let (Some(x_scale), Some(y_scale)) = scales else { return None };
    let name = escape::plotly(layer.name());
    let trace = match layer {
        Layer::Band { x, low, high, color, .. } => {
            let (xs, ys) = outline(figure, y_scale, x, low, high);
            let fill = palette::series(*color).light.with_alpha(BAND_ALPHA).rgba();
            let trace = Scatter::new(xs, ys).mode(Mode::Lines).fill(Fill::ToSelf);
            trace.fill_color(fill).line(Line::new().width(0.0))
        }
        Layer::Line { x, y, dashed, color, .. } => {
            let dash = if *dashed { DashType::Dash } else { DashType::Solid };
            let line = Line::new().color(palette::series(*color).light.hex()).width(2.5);
            curve(figure, &name, x, y).line(line.dash(dash).simplify(false))
        }
        Layer::Points { x, y, labels, color, .. } => points(figure, &name, (x, y), labels, *color),
        Layer::Mark { .. } => mark(figure, &name, layer, (x_scale, y_scale))?,
        Layer::Region { .. } => return None,
    };
    let mut value: Value = serde_json::from_str(&trace.name(name).to_json()).ok()?;
    let texts = value["hovertext"].as_array().map_or(0, Vec::len);
    value["hoverinfo"] = match (layer, texts) {
        (Layer::Band { .. }, _) => "skip",
        (_, 0) => "x+y+name",
        _ => "text",
    }
    .into();
    Some(value)
}

fn curve(figure: &Figure, name: &str, x: &[f64], y: &[f64]) -> Box<Gaps> {
    let pieces = prepare::line(figure, x, y);
    let texted = pieces.iter().map(Vec::len).sum::<usize>() <= MOST_TEXTS;
    let (mut xs, mut ys, mut texts) = (Gapped::new(), Gapped::new(), Vec::new());
    for piece in pieces {
        for index in piece {
            xs.push(Some(x[index]));
            ys.push(Some(y[index]));
            texts.extend(texted.then(|| hover(figure, name, "", x[index], y[index])));
        }
        xs.push(None);
        ys.push(None);
        texts.extend(texted.then(String::new));
    }
    Scatter::new(xs, ys).mode(Mode::Lines).hover_text_array(texts)
}

fn points(figure: &Figure, name: &str, (x, y): (&[f64], &[f64]), labels: &[String], color: usize) -> Box<Gaps> {
    let drawn = prepare::points(figure, x, y);
    let pick = |values: &[f64]| drawn.iter().map(|i| Some(values[*i])).collect::<Gapped>();
    let text = |i: &usize| {
        let label = labels.get(*i).map_or("", String::as_str);
        hover(figure, name, &escape::plotly(label), x[*i], y[*i])
    };
    let texted = if drawn.len() > MOST_TEXTS { &[][..] } else { &drawn[..] };
    // Many points need to be smaller and lighter to show where they are dense.
    let crowd = (drawn.len() as f64 / 400.0).max(1.0);
    let marker = Marker::new()
        .symbol(symbol(color))
        .size((8.0 / crowd.powf(0.25)).max(3.0) as usize)
        .color(palette::series(color).light.hex())
        .opacity((POINT_ALPHA / crowd.powf(0.2)).max(0.25));
    let trace = Scatter::new(pick(x), pick(y)).mode(Mode::Markers).marker(marker);
    trace.hover_text_array(texted.iter().map(text).collect::<Vec<String>>())
}

fn mark(figure: &Figure, name: &str, layer: &Layer, scales: (Scale, Scale)) -> Option<Box<Gaps>> {
    let Layer::Mark { x, x_low, x_high, y, y_low, y_high, color, .. } = layer else { return None };
    if !figure.x.accepts(*x) || !figure.y.accepts(*y) {
        return None;
    }
    let paint = palette::series(*color).light.hex();
    let across = ranged(&figure.x, *x, *x_low, *x_high);
    let along = ranged(&figure.y, *y, *y_low, *y_high);
    let head = if name.is_empty() { String::new() } else { format!("<b>{name}</b><br>") };
    let halo = Line::new().color(GROUND.light.hex()).width(2.0);
    let marker = Marker::new().symbol(MarkerSymbol::Diamond).size(13).color(paint.clone()).line(halo);
    let mut trace = Scatter::new(vec![Some(*x)], vec![Some(*y)])
        .mode(Mode::Markers)
        .marker(marker)
        .hover_text_array(vec![format!("{head}{across}<br>{along}")]);
    if x_low.is_some() || x_high.is_some() {
        trace = trace.error_x(bar(*x, *x_low, *x_high, scales.0, paint.clone()));
    }
    if y_low.is_some() || y_high.is_some() {
        trace = trace.error_y(bar(*y, *y_low, *y_high, scales.1, paint));
    }
    Some(trace)
}

/// The closed outline of a band, piece by piece.
fn outline(figure: &Figure, scale: Scale, x: &[f64], low: &[f64], high: &[f64]) -> (Gapped, Gapped) {
    let floor = scale.limits().0;
    let bottom = |i: usize| if figure.y.accepts(low[i]) { low[i] } else { floor };
    let (mut xs, mut ys) = (Gapped::new(), Gapped::new());
    for piece in prepare::band(figure, x, low, high) {
        let upper = piece.iter().map(|i| (x[*i], high[*i]));
        let lower = piece.iter().rev().map(|i| (x[*i], bottom(*i)));
        for (x, y) in upper.chain(lower) {
            xs.push(Some(x));
            ys.push(Some(y));
        }
        xs.push(None);
        ys.push(None);
    }
    (xs, ys)
}

/// An interval bar; a missing or undrawable end reaches the edge of the plot.
fn bar(value: f64, low: Option<f64>, high: Option<f64>, scale: Scale, color: String) -> ErrorData {
    let (least, most) = scale.limits();
    let usable = |end: Option<f64>| end.filter(|v| scale.fraction(*v).is_some());
    let up = (usable(high).unwrap_or(most) - value).max(0.0);
    let down = (value - usable(low).unwrap_or(least)).max(0.0);
    let bar = ErrorData::new(ErrorType::Data).array(vec![up]).array_minus(vec![down]);
    bar.symmetric(false).thickness(2.0).width(6).color(color)
}

fn symbol(color: usize) -> MarkerSymbol {
    match palette::shape(color) {
        Shape::Circle => MarkerSymbol::Circle,
        Shape::Square => MarkerSymbol::Square,
        Shape::Triangle => MarkerSymbol::TriangleUp,
        Shape::Diamond => MarkerSymbol::Diamond,
    }
}

fn hover(figure: &Figure, name: &str, label: &str, x: f64, y: f64) -> String {
    let heads = [name, label].into_iter().filter(|text| !text.is_empty());
    let head: String = heads.map(|text| format!("<b>{text}</b><br>")).collect();
    format!("{head}{}<br>{}", ranged(&figure.x, x, None, None), ranged(&figure.y, y, None, None))
}

fn ranged(axis: &Axis, value: f64, low: Option<f64>, high: Option<f64>) -> String {
    let show = |value: f64| number::readable(value, &axis.unit, 4);
    let interval = match (low, high) {
        (None, None) => String::new(),
        (low, high) => {
            let end = |end: Option<f64>| end.map_or("?".into(), show);
            format!(" [{}, {}]", end(low), end(high))
        }
    };
    let unit = if axis.unit.is_empty() { "" } else { " " };
    let (label, name) = (escape::plotly(&axis.label), escape::plotly(&axis.unit));
    let colon = if label.is_empty() { "" } else { ": " };
    format!("{label}{colon}{}{interval}{unit}{name}", show(value))
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::super::scale::Side;
    use super::*;
    use serde_json::json;

    fn of(figure: &Figure, layer: usize) -> Option<Value> {
        let scales = (Scale::of(figure, Side::X), Scale::of(figure, Side::Y));
        trace(figure, &figure.layers[layer], scales)
    }

    #[test]
    fn undrawable_points_are_left_out() {
        let trace = of(&sample::each_layer(), 0).unwrap();
        assert_eq!(trace["x"], json!([1e18]));
        assert_eq!(trace["y"], json!([3.1]));
        let expected = "<b>runs, seed 1</b><br><b>a \"b\"</b><br>Compute: 1e18 FLOP<br>Loss: 3.1 nats/token";
        assert_eq!(trace["hovertext"][0], expected);
    }

    #[test]
    fn a_dashed_line_and_a_band() {
        assert_eq!(of(&sample::each_layer(), 2).unwrap()["line"]["dash"], "dash");
        let band = of(&sample::each_layer(), 3).unwrap();
        assert_eq!(band["fillcolor"], "rgba(0,114,178,0.22)");
        assert_eq!(band["y"], json!([3.1, 2.9, null]));
        assert_eq!(band["hoverinfo"], "skip");
    }

    #[test]
    fn a_mark_has_its_intervals() {
        let trace = of(&sample::each_layer(), 5).unwrap();
        assert_eq!(trace["error_x"]["array"], json!([1e19]));
        assert_eq!(trace["error_x"]["arrayminus"], json!([5e18]));
        let expected = "<b>optimum</b><br>Compute: 1e19 [5e18, 2e19] FLOP<br>Loss: 2.5 [2.4, 2.6] nats/token";
        assert_eq!(trace["hovertext"][0], expected);
    }

    #[test]
    fn regions_have_no_trace() {
        assert_eq!(of(&sample::each_layer(), 4), None);
    }
}
