//! Drawing a scene with any plotters backend.

use plotters::backend::DrawingBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontStyle, FontTransform, RGBAColor, ShapeStyle, TextStyle};

use super::super::palette::Paint;
use super::{Anchor, Item, Scene, font};

/// How a backend's text differs from what a scene asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TextFit {
    /// Size the backend needs for an em of one unit.
    pub size: f64,
    /// Shift towards the baseline that centres the text, in ems.
    pub drop: f64,
    /// Whether the backend has only one light weight, so that strokes are thickened by drawing
    /// the text again a little to the side.
    pub thicken: bool,
}

/// Draws `scene` magnified by `zoom`, because backends work in whole pixels.
///
/// # Errors
/// The words of whatever the backend reports.
pub(crate) fn paint<B: DrawingBackend>(backend: &mut B, scene: &Scene, zoom: f64, fit: TextFit) -> Result<(), String> {
    let at = |(x, y): (f64, f64)| -> (i32, i32) { ((x * zoom).round() as i32, (y * zoom).round() as i32) };
    for item in &scene.items {
        match item {
            Item::Rect { at: (x, y), size: (w, h), fill } => {
                backend.draw_rect(at((*x, *y)), at((x + w, y + h)), &rgba(*fill), true).map_err(words)?;
            }
            Item::Polygon { points, fill } => {
                backend.fill_polygon(points.iter().map(|p| at(*p)), &rgba(*fill)).map_err(words)?;
            }
            Item::Path { points, stroke, width } => {
                let stroke_width = (width * zoom).round().max(1.0) as u32;
                let style = ShapeStyle { color: rgba(*stroke), filled: false, stroke_width };
                let mut path: Vec<(i32, i32)> = points.iter().map(|p| at(*p)).collect();
                path.dedup();
                if path.len() > 1 {
                    backend.draw_path(path, &style).map_err(words)?;
                }
            }
            Item::Circle { at: centre, radius, fill } => {
                let radius = (radius * zoom).round().max(1.0) as u32;
                backend.draw_circle(at(*centre), radius, &rgba(*fill), true).map_err(words)?;
            }
            Item::Text { .. } => write(backend, item, zoom, fit)?,
        }
    }
    Ok(())
}

fn write<B: DrawingBackend>(backend: &mut B, item: &Item, zoom: f64, fit: TextFit) -> Result<(), String> {
    let Item::Text { at: (x, y), text, size, bold, anchor, upright, fill } = item else {
        return Ok(());
    };
    let style = if *bold { FontStyle::Bold } else { FontStyle::Normal };
    let turn = if *upright { FontTransform::Rotate270 } else { FontTransform::None };
    let font = FontDesc::new(font::family(), size * zoom * fit.size, style).transform(turn);
    let side = match anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    };
    let style: TextStyle<'_> = font.color(&rgba(*fill)).pos(Pos::new(side, VPos::Center));
    let drop = fit.drop * size;
    let (x, y) = if *upright { (x + drop, *y) } else { (*x, y + drop) };
    let strokes = match (fit.thicken, *bold) {
        (false, _) => 1,
        (true, false) => 2,
        (true, true) => 4,
    };
    for stroke in 0..strokes {
        // Along the reading direction, half a unit of the finished picture at a time.
        let shift = if *upright { (0, -stroke) } else { (stroke, 0) };
        let (x, y) = ((x * zoom).round() as i32 + shift.0, (y * zoom).round() as i32 + shift.1);
        backend.draw_text(text, &style, (x, y)).map_err(words)?;
    }
    Ok(())
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn rgba(paint: Paint) -> RGBAColor {
    let [r, g, b] = paint.rgb;
    plotters::style::RGBColor(r, g, b).mix(paint.alpha)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::super::compose;
    use super::*;
    use plotters::backend::SVGBackend;

    #[test]
    fn a_scene_is_drawn_in_whole_pixels() {
        let mut text = String::new();
        let scene = compose(&sample::each_layer());
        let mut backend = SVGBackend::with_string(&mut text, (1400, 1200));
        let fit = TextFit { size: 1.24, drop: 0.0, thicken: false };
        paint(&mut backend, &scene, 1.0, fit).unwrap();
        backend.present().unwrap();
        drop(backend);
        assert!(text.contains("font-size=\"36\"") && text.contains("extrapolated"));
    }
}
