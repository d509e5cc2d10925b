//! Text widths, measured with the font that the PNG is drawn in.

use std::sync::OnceLock;

use plotters::style::{FontDesc, FontFamily, FontStyle, register_font};

/// Height of a line over the height of an em in the embedded font.
pub(super) const LINE: f64 = 1.121;
/// Fonts on the reader's machine are often wider than the embedded one.
const ALLOWANCE: f64 = 1.1;
/// More characters than any line of a scene can hold.
const MOST_CHARS: usize = 200;

/// The family that scene texts are drawn in, with its outlines registered.
pub(super) fn family() -> FontFamily<'static> {
    static REGISTERED: OnceLock<()> = OnceLock::new();
    REGISTERED.get_or_init(|| {
        // A failure shows up as a drawing error later, with the figure's name.
        let font = epaint_default_fonts::UBUNTU_LIGHT;
        let _ = register_font("sans-serif", FontStyle::Normal, font);
    });
    FontFamily::SansSerif
}

/// Width of `text` with an em of `size`, with room for a wider font.
#[must_use]
pub(super) fn width(text: &str, size: f64) -> f64 {
    // Measured large because the font library rounds to whole pixels.
    let font = FontDesc::new(family(), 100.0 * LINE, FontStyle::Normal);
    let hundred = font.box_size(text).map_or(60.0 * text.chars().count() as f64, |(w, _)| f64::from(w));
    hundred / 100.0 * size * ALLOWANCE
}

/// `text`, cut with an ellipsis to fit in `room`.
#[must_use]
pub(super) fn shorten(text: &str, size: f64, room: f64) -> String {
    // Measuring is slow for long text, so text that can never fit is not measured whole.
    let chars: Vec<char> = text.chars().take(MOST_CHARS + 1).collect();
    if chars.len() <= MOST_CHARS && width(text, size) <= room {
        return text.to_owned();
    }
    let cut = |count: usize| chars[..count].iter().collect::<String>().trim_end().to_owned() + "…";
    let (mut fits, mut too_long) = (0, chars.len());
    while too_long - fits > 1 {
        let middle = usize::midpoint(fits, too_long);
        if width(&cut(middle), size) <= room {
            fits = middle;
        } else {
            too_long = middle;
        }
    }
    if fits == 0 { String::new() } else { cut(fits) }
}

/// `text` in lines that fit in `room`, at most `most`, the last one cut if need be.
#[must_use]
pub(super) fn wrap(text: &str, size: f64, room: f64, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let mut line = word.to_owned();
        while let Some(next) = words.peek() {
            let longer = format!("{line} {next}");
            if lines.len() + 1 < most && width(&longer, size) > room {
                break;
            }
            line = longer;
            words.next();
        }
        lines.push(shorten(&line, size, room));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_text_is_wider() {
        assert!(width("1e18", 36.0) > 60.0 && width("1e18", 36.0) < 100.0);
        assert_eq!(width("", 36.0), 0.0);
    }

    #[test]
    fn long_text_is_cut_with_an_ellipsis() {
        assert_eq!(shorten("short", 36.0, 500.0), "short");
        let cut = shorten(&"long ".repeat(100), 36.0, 300.0);
        assert!(cut.ends_with('…') && width(&cut, 36.0) <= 300.0);
    }

    #[test]
    fn wrapping_stops_at_the_last_line() {
        let lines = wrap("one two three four five six seven", 40.0, 200.0, 2);
        assert_eq!(lines.len(), 2);
        assert!(lines[1].ends_with('…'));
        assert_eq!(wrap("", 40.0, 200.0, 2), Vec::<String>::new());
    }
}
