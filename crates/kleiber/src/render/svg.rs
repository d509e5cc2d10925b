//! A figure as an SVG that follows the reader's light or dark setting.

use plotters::backend::{DrawingBackend, SVGBackend};

use super::error::RenderError;
use super::escape;
use super::figure::Figure;
use super::palette;
use super::scene::{self, TextFit};

/// Units of the view box per unit of the scene; plotters rounds to whole units.
const ZOOM: f64 = 2.0;

/// The figure as a standalone SVG document.
///
/// It scales to any width, uses the reader's own sans-serif font, names and describes itself for
/// screen readers, and recolours itself on a dark page.
///
/// # Errors
/// [`RenderError::Draw`] if the drawing backend fails.
pub(super) fn svg(figure: &Figure) -> Result<String, RenderError> {
    let scene = scene::compose(figure);
    let size = ((scene::WIDTH * ZOOM) as u32, (scene.height * ZOOM) as u32);
    let failed = |message: String| RenderError::Draw { figure: figure.id.clone(), message };
    let mut body = String::new();
    {
        let mut backend = SVGBackend::with_string(&mut body, size);
        let fit = TextFit { size: 1.24, drop: 0.0, thicken: false };
        scene::paint(&mut backend, &scene, ZOOM, fit).map_err(failed)?;
        backend.present().map_err(|e| failed(e.to_string()))?;
    }
    let start = body.find('>').ok_or_else(|| failed("the backend wrote no SVG".into()))?;
    let (width, height) = (size.0 / 4, size.1 / 4);
    let label = if figure.title.trim().is_empty() { "Figure" } else { &figure.title };
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {} {}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n{}{}",
        size.0,
        size.1,
        escape::html(label),
        escape::html(&figure.caption),
        style(),
        body[start + 1..].trim_start(),
    ))
}

fn style() -> String {
    let mut css = String::from(
        "<style>\nsvg{max-width:100%;height:auto}\npolyline{stroke-linejoin:round}\n\
         text{font-family:system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,\
         sans-serif;font-variant-numeric:tabular-nums}\n@media (prefers-color-scheme:dark){\n",
    );
    for pair in palette::pairs() {
        let (light, dark) = (pair.light.hex(), pair.dark.hex());
        css.push_str(&format!("[fill=\"{light}\"]{{fill:{dark}}}[stroke=\"{light}\"]{{stroke:{dark}}}\n"));
    }
    css.push_str("}\n</style>\n");
    css
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_document_scales_and_turns_dark() {
        let svg = svg(&sample::each_layer()).unwrap();
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"700\""));
        assert!(svg.contains("viewBox=\"0 0 2800 "));
        assert!(svg.contains("[fill=\"#FFFFFF\"]{fill:#14171C}"));
        assert!(svg.contains("<title>Loss against compute</title>"));
        assert!(svg.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn hostile_text_stays_text() {
        let svg = svg(&sample::hostile()).unwrap();
        assert!(!svg.contains("<img") && !svg.contains("<script") && !svg.contains("</script"));
        assert!(!svg.contains('\u{1b}') && svg.contains("&lt;img src=x"));
    }

    #[test]
    fn an_empty_figure_has_a_note() {
        assert!(svg(&sample::empty()).unwrap().contains("No values to draw"));
    }
}
