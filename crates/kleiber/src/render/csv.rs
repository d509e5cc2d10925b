//! Every value of a figure as a CSV in long format.

use super::escape;
use super::figure::{Figure, Layer};
use super::number::exact;

/// The figure's values, one row each, under the header `layer,kind,x,y,low,high,label`.
///
/// `kind` is `point`, `line`, `line_dashed`, `band`, `region`, `mark` or `mark_x`. `low` and
/// `high` bound y, except for `region` and `mark_x` (the horizontal interval of a mark), where
/// they bound x. Values that cannot be drawn are kept; numbers read back to the same bits.
#[must_use]
pub(super) fn csv(figure: &Figure) -> String {
    let mut out = String::from("layer,kind,x,y,low,high,label\n");
    for layer in &figure.layers {
        rows(layer, &mut out);
    }
    out
}

fn rows(layer: &Layer, out: &mut String) {
    let name = escape::csv(layer.name());
    let mut row = |kind: &str, numbers: [Option<f64>; 4], label: &str| {
        let cells = numbers.map(|number| number.map(exact).unwrap_or_default()).join(",");
        out.push_str(&format!("{name},{kind},{cells},{}\n", escape::csv(label)));
    };
    match layer {
        Layer::Points { x, y, labels, .. } => {
            for index in 0..x.len().max(y.len()) {
                let label = labels.get(index).map_or("", String::as_str);
                row("point", [at(x, index), at(y, index), None, None], label);
            }
        }
        Layer::Line { x, y, dashed, .. } => {
            let kind = if *dashed { "line_dashed" } else { "line" };
            for index in 0..x.len().max(y.len()) {
                row(kind, [at(x, index), at(y, index), None, None], "");
            }
        }
        Layer::Band { x, low, high, .. } => {
            for index in 0..x.len().max(low.len()).max(high.len()) {
                row("band", [at(x, index), None, at(low, index), at(high, index)], "");
            }
        }
        Layer::Region { from, to, .. } => {
            row("region", [None, None, Some(*from), Some(*to)], "");
        }
        Layer::Mark { x, x_low, x_high, y, y_low, y_high, .. } => {
            row("mark", [Some(*x), Some(*y), *y_low, *y_high], "");
            if x_low.is_some() || x_high.is_some() {
                row("mark_x", [Some(*x), Some(*y), *x_low, *x_high], "");
            }
        }
    }
}

fn at(values: &[f64], index: usize) -> Option<f64> {
    values.get(index).copied()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_layer_kind_has_its_rows() {
        let expected = "\
layer,kind,x,y,low,high,label
\"runs, seed 1\",point,1e18,3.1,,,\"a \"\"b\"\"\"
\"runs, seed 1\",point,0,NaN,,,
fit,line,1e18,3,,,
fit,line_dashed,1e21,2,,,
95% CI,band,1e18,,2.9,3.1,
extrapolated,region,,,1e20,inf,
optimum,mark,1e19,2.5,2.4,2.6,
optimum,mark_x,1e19,2.5,5e18,2e19,
";
        assert_eq!(csv(&sample::each_layer()), expected);
    }

    #[test]
    fn an_empty_figure_is_a_header() {
        assert_eq!(csv(&sample::empty()), "layer,kind,x,y,low,high,label\n");
    }

    #[test]
    fn nothing_is_thinned() {
        let mut figure = sample::empty();
        let x: Vec<f64> = (0..30_000).map(f64::from).collect();
        figure.layers = vec![Layer::Line { name: "l".into(), x: x.clone(), y: x, dashed: false, color: 0 }];
        assert_eq!(csv(&figure).lines().count(), 30_001);
    }
}
