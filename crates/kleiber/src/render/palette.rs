//! Colours that keep apart for colour-blind readers, on light and on dark ground.

/// An sRGB colour with opacity from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Paint {
    /// Red, green, blue.
    pub rgb: [u8; 3],
    /// 0 is invisible, 1 opaque.
    pub alpha: f64,
}

impl Paint {
    /// The colour without its opacity, as `#RRGGBB`.
    #[must_use]
    pub(super) fn hex(self) -> String {
        let [r, g, b] = self.rgb;
        format!("#{r:02X}{g:02X}{b:02X}")
    }

    /// The colour as a CSS `rgba()` value.
    #[must_use]
    pub(super) fn rgba(self) -> String {
        let [r, g, b] = self.rgb;
        format!("rgba({r},{g},{b},{})", self.alpha)
    }

    /// The same colour with another opacity.
    #[must_use]
    pub(super) const fn with_alpha(self, alpha: f64) -> Self {
        Self { alpha, ..self }
    }
}

/// One role in a chart with its colour on light and on dark ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// On light ground.
    pub light: Paint,
    /// On dark ground.
    pub dark: Paint,
}

const fn pair(light: u32, dark: u32) -> Pair {
    Pair { light: solid(light), dark: solid(dark) }
}

const fn solid(rgb: u32) -> Paint {
    let [_, r, g, b] = rgb.to_be_bytes();
    Paint { rgb: [r, g, b], alpha: 1.0 }
}

/// Ground of the chart.
pub(super) const GROUND: Pair = pair(0xFFFFFF, 0x14171C);
/// Titles and axis labels.
pub(super) const INK: Pair = pair(0x1B1F24, 0xE6E9ED);
/// Tick labels and notes.
pub(super) const MUTED: Pair = pair(0x565D66, 0xA9B1BB);
/// Grid lines.
pub(super) const GRID: Pair = pair(0xE4E7EB, 0x2A3038);
/// Axis lines and tick marks.
pub(super) const EDGE: Pair = pair(0x8B939D, 0x6B7480);
/// Shaded regions, always drawn translucent.
pub(super) const SHADE: Pair = pair(0x6E7681, 0xB4BCC6);
/// Opacity of a shaded region.
pub(super) const SHADE_ALPHA: f64 = 0.13;
/// Opacity of a band.
pub(super) const BAND_ALPHA: f64 = 0.22;
/// Opacity of a point.
pub(super) const POINT_ALPHA: f64 = 0.78;

/// Series colours: Okabe and Ito's set, led by its four darkest, without its black and yellow
/// (unreadable on dark and on light ground); the dark variants are the same hues, lighter.
pub(super) const SERIES: [Pair; 7] = [
    pair(0x0072B2, 0x4AA8E8),
    pair(0xD55E00, 0xF5854A),
    pair(0x009E73, 0x2CC295),
    pair(0xCC79A7, 0xE19CC2),
    pair(0xE69F00, 0xF7BB3D),
    pair(0x56B4E9, 0x93D2F7),
    pair(0x77716C, 0xBDB6B0),
];

/// The colours of series `index`, which wraps around.
#[must_use]
pub(super) const fn series(index: usize) -> Pair {
    SERIES[index % SERIES.len()]
}

/// Point shapes, so that series differ by more than colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A filled circle.
    Circle,
    /// A filled square.
    Square,
    /// A filled triangle, point up.
    Triangle,
    /// A filled square standing on a corner.
    Diamond,
}

/// The point shape of series `index`; with seven colours and four shapes, the first 28 series
/// all look different.
#[must_use]
pub(super) const fn shape(index: usize) -> Shape {
    match index % 4 {
        0 => Shape::Circle,
        1 => Shape::Square,
        2 => Shape::Triangle,
        _ => Shape::Diamond,
    }
}

/// Every role whose colour changes between light and dark.
pub(super) fn pairs() -> impl Iterator<Item = Pair> {
    [GROUND, INK, MUTED, GRID, EDGE, SHADE].into_iter().chain(SERIES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn colours_are_written_for_css() {
        assert_eq!(SERIES[0].light.hex(), "#0072B2");
        assert_eq!(SERIES[0].light.with_alpha(0.22).rgba(), "rgba(0,114,178,0.22)");
    }

    #[test]
    fn indices_wrap() {
        assert_eq!(series(7), series(0));
        assert_eq!(shape(5), Shape::Square);
    }

    #[test]
    fn light_colours_are_distinct_so_that_each_can_be_replaced_by_its_dark_one() {
        let distinct: HashSet<String> = pairs().map(|pair| pair.light.hex()).collect();
        assert_eq!(distinct.len(), 13);
    }

    #[test]
    fn text_contrast_reaches_the_accessibility_minimum_on_both_grounds() {
        for role in [INK, MUTED] {
            assert!(contrast(role.light, GROUND.light) > 4.5);
            assert!(contrast(role.dark, GROUND.dark) > 4.5);
        }
    }

    fn contrast(a: Paint, b: Paint) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(paint: Paint) -> f64 {
        let linear = paint.rgb.map(|channel| {
            let c = f64::from(channel) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }
}
