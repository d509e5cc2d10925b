//! The data model of a chart, independent of how it is drawn.

/// One chart: two axes and the layers drawn over them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// File stem of the figure's own files; anything outside `[A-Za-z0-9._-]` is replaced when
    /// a file name is made from it.
    pub id: String,
    /// Heading, plain text.
    pub title: String,
    /// What the reader should see, plain text; shown under the figure.
    pub caption: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// What is drawn. Regions lie under bands, bands under points, points under lines, lines
    /// under marks, whatever their order here.
    pub layers: Vec<Layer>,
}

/// One axis of a [`Figure`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Axis {
    /// Name of the quantity, plain text.
    pub label: String,
    /// Unit, empty when there is none. `params` and `tokens` get K/M/B/T suffixes on the ticks.
    pub unit: String,
    /// Whether the axis is logarithmic; values at or below zero are then left out.
    pub log: bool,
}

impl Axis {
    /// `label (unit)`, or whichever of the two is not empty.
    #[must_use]
    pub(crate) fn heading(&self) -> String {
        match (self.label.is_empty(), self.unit.is_empty()) {
            (false, false) => format!("{} ({})", self.label, self.unit),
            (true, false) => self.unit.clone(),
            (_, true) => self.label.clone(),
        }
    }

    /// Whether `value` has a place on this axis: finite, and above zero when logarithmic.
    ///
    /// Sizes beyond 1e300 (and below 1e-300 on a log axis) count as infinite (and zero), so that
    /// margins around them stay within the number range.
    #[must_use]
    pub(crate) fn accepts(&self, value: f64) -> bool {
        value.abs() <= 1e300 && (!self.log || value >= 1e-300)
    }
}

/// One layer of a [`Figure`]. `color` counts through the palette and wraps around. Where two
/// vectors differ in length, the extra values of the longer one are not drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layer {
    /// Separate observations.
    Points {
        /// Legend text; empty for no legend entry.
        name: String,
        /// Horizontal positions, in the unit of the x axis.
        x: Vec<f64>,
        /// Vertical positions, in the unit of the y axis.
        y: Vec<f64>,
        /// Hover text per point; may be empty or shorter than `x`.
        labels: Vec<String>,
        /// Palette index.
        color: usize,
    },
    /// A curve through its points in the order given; an unusable value breaks it.
    Line {
        /// Legend text; empty for no legend entry.
        name: String,
        /// Horizontal positions, in the unit of the x axis.
        x: Vec<f64>,
        /// Vertical positions, in the unit of the y axis.
        y: Vec<f64>,
        /// Dashed, which by convention means extrapolated.
        dashed: bool,
        /// Palette index.
        color: usize,
    },
    /// The translucent area between two curves, such as a confidence interval.
    Band {
        /// Legend text; empty for no legend entry.
        name: String,
        /// Horizontal positions, in the unit of the x axis.
        x: Vec<f64>,
        /// Lower edge, in the unit of the y axis.
        low: Vec<f64>,
        /// Upper edge, in the unit of the y axis.
        high: Vec<f64>,
        /// Palette index.
        color: usize,
    },
    /// A shaded range of x, such as "extrapolated". Infinite ends reach the edge of the plot.
    Region {
        /// Label written above the plot.
        name: String,
        /// Start, in the unit of the x axis.
        from: f64,
        /// End, in the unit of the x axis.
        to: f64,
    },
    /// One value with its intervals, such as an optimum or a prediction.
    Mark {
        /// Legend text; empty for no legend entry.
        name: String,
        /// Horizontal position, in the unit of the x axis.
        x: f64,
        /// Lower end of the horizontal interval.
        x_low: Option<f64>,
        /// Upper end of the horizontal interval.
        x_high: Option<f64>,
        /// Vertical position, in the unit of the y axis.
        y: f64,
        /// Lower end of the vertical interval.
        y_low: Option<f64>,
        /// Upper end of the vertical interval.
        y_high: Option<f64>,
        /// Palette index.
        color: usize,
    },
}

impl Layer {
    /// The layer's name as given.
    #[must_use]
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Points { name, .. }
            | Self::Line { name, .. }
            | Self::Band { name, .. }
            | Self::Region { name, .. }
            | Self::Mark { name, .. } => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(label: &str, unit: &str, log: bool) -> Axis {
        Axis { label: label.into(), unit: unit.into(), log }
    }

    #[test]
    fn heading_joins_label_and_unit() {
        assert_eq!(axis("Compute", "FLOP", true).heading(), "Compute (FLOP)");
        assert_eq!(axis("Ratio", "", true).heading(), "Ratio");
        assert_eq!(axis("", "FLOP", true).heading(), "FLOP");
    }

    #[test]
    fn a_log_axis_refuses_zero_and_a_linear_axis_takes_it() {
        assert!(!axis("a", "", true).accepts(0.0));
        assert!(!axis("a", "", true).accepts(-1.0));
        assert!(!axis("a", "", true).accepts(f64::NAN));
        assert!(axis("a", "", false).accepts(-1.0));
        assert!(!axis("a", "", false).accepts(f64::INFINITY));
        assert!(!axis("a", "", false).accepts(f64::MIN));
    }

    #[test]
    fn every_layer_has_a_name() {
        let layer = Layer::Region { name: "extrapolated".into(), from: 1.0, to: 2.0 };
        assert_eq!(layer.name(), "extrapolated");
    }
}
