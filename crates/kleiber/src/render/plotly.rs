//! A figure as the JSON that plotly.js draws in an HTML report.
//!
//! Colours are the light ones; the page's script swaps each for its dark partner.

use serde_json::{Map, Value, json};

use super::figure::{Figure, Layer};
use super::palette::{self, BAND_ALPHA, SHADE_ALPHA};
use super::plotly_layout::{layout, ticks};
use super::plotly_traces::trace;
use super::scale::{Scale, Side};

/// A figure for plotly.js.
pub(super) struct Chart {
    /// JSON object with `data`, `layout` and `narrow` (axis settings for narrow screens).
    pub json: String,
    /// For each layer of the figure, its position in `data`; nothing for regions and for layers
    /// without a drawable value.
    pub traces: Vec<Option<usize>>,
}

/// The figure's traces and layout.
#[must_use]
pub(super) fn chart(figure: &Figure) -> Chart {
    let scales = (Scale::of(figure, Side::X), Scale::of(figure, Side::Y));
    let mut drawn: Vec<(usize, Value)> = Vec::new();
    // The same order as in the static pictures: bands, points, lines, marks.
    for pass in 0..4 {
        for (index, layer) in figure.layers.iter().enumerate() {
            if rank(layer) == Some(pass)
                && let Some(trace) = trace(figure, layer, scales)
            {
                drawn.push((index, trace));
            }
        }
    }
    let place = |index| drawn.iter().position(|(layer, _)| *layer == index);
    let traces = (0..figure.layers.len()).map(place).collect();
    let data: Vec<Value> = drawn.into_iter().map(|(_, trace)| trace).collect();
    let document = json!({ "data": data, "layout": layout(figure, scales), "narrow": {
        "xaxis": ticks(&figure.x, scales.0, 4),
        "yaxis": ticks(&figure.y, scales.1, 6),
    }});
    Chart { json: document.to_string(), traces }
}

/// The text of plotly.js itself, taken from the page header that the plotly crate offers.
#[must_use]
pub(super) fn library() -> String {
    let header = ::plotly::Plot::offline_js_sources();
    let start = header.find('>').map_or(0, |index| index + 1);
    let end = header.find("</script>").unwrap_or(header.len());
    header[start..end].to_owned()
}

/// Every colour a chart may hold, with its dark partner, as a JSON object.
#[must_use]
pub(super) fn dark_colors() -> String {
    let mut map = Map::new();
    for pair in palette::pairs() {
        map.insert(pair.light.hex(), pair.dark.hex().into());
        for alpha in [BAND_ALPHA, SHADE_ALPHA] {
            let (light, dark) = (pair.light.with_alpha(alpha), pair.dark.with_alpha(alpha));
            map.insert(light.rgba(), dark.rgba().into());
        }
    }
    Value::Object(map).to_string()
}

const fn rank(layer: &Layer) -> Option<usize> {
    match layer {
        Layer::Region { .. } => None,
        Layer::Band { .. } => Some(0),
        Layer::Points { .. } => Some(1),
        Layer::Line { .. } => Some(2),
        Layer::Mark { .. } => Some(3),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn layers_become_traces_in_drawing_order() {
        let chart = chart(&sample::each_layer());
        assert_eq!(chart.traces, [Some(1), Some(2), Some(3), Some(0), None, Some(4)]);
    }

    #[test]
    fn an_empty_figure_has_no_trace() {
        let document: Value = serde_json::from_str(&chart(&sample::empty()).json).unwrap();
        assert_eq!(document["data"], json!([]));
        assert_eq!(document["narrow"]["xaxis"]["tickvals"], json!([]));
    }

    #[test]
    fn every_colour_has_a_dark_partner() {
        let dark: Map<String, Value> = serde_json::from_str(&dark_colors()).unwrap();
        assert_eq!(dark["#FFFFFF"], "#14171C");
        assert_eq!(dark["rgba(0,114,178,0.22)"], "rgba(74,168,232,0.22)");
    }

    #[test]
    fn the_library_is_plotly_alone() {
        let library = library();
        assert!(library.contains("plotly.js v3") && library.len() > 3_000_000);
        assert!(!library.contains("MathJax={") && !library.contains("</script"));
    }
}
