//! A figure as a PNG, with an embedded font, so that no font of the machine is needed.

use plotters::backend::{BitMapBackend, DrawingBackend};

use super::error::RenderError;
use super::figure::Figure;
use super::scene::{self, TextFit};

/// The picture is drawn this much larger and averaged down, which smooths its edges.
const ZOOM: usize = 2;

/// The figure as a PNG file on white ground, 1400 pixels wide.
///
/// # Errors
/// [`RenderError::Draw`] if the drawing backend fails, [`RenderError::Encode`] if the encoder
/// does.
pub(super) fn png(figure: &Figure) -> Result<Vec<u8>, RenderError> {
    let scene = scene::compose(figure);
    let (width, height) = (scene::WIDTH as usize, scene.height as usize);
    let failed = |message: String| RenderError::Draw { figure: figure.id.clone(), message };
    let mut large = vec![255; width * height * ZOOM * ZOOM * 3];
    {
        let size = ((width * ZOOM) as u32, (height * ZOOM) as u32);
        let mut backend = BitMapBackend::with_buffer(&mut large, size);
        let fit = TextFit { size: 1.121, drop: 0.17, thicken: true };
        scene::paint(&mut backend, &scene, ZOOM as f64, fit).map_err(failed)?;
        backend.present().map_err(|e| failed(e.to_string()))?;
    }
    let encode = |source| RenderError::Encode { figure: figure.id.clone(), source };
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, width as u32, height as u32);
    encoder.set_color(::png::ColorType::Rgb);
    encoder.set_depth(::png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(encode)?;
    writer.write_image_data(&shrink(&large, width, height)).map_err(encode)?;
    writer.finish().map_err(encode)?;
    Ok(out)
}

/// Averages blocks of `ZOOM` by `ZOOM` pixels of three bytes.
fn shrink(large: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut small = Vec::with_capacity(width * height * 3);
    let row = width * ZOOM * 3;
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let mut sum = 0;
                for dy in 0..ZOOM {
                    for dx in 0..ZOOM {
                        let index = (y * ZOOM + dy) * row + (x * ZOOM + dx) * 3 + channel;
                        sum += usize::from(large[index]);
                    }
                }
                small.push((sum / (ZOOM * ZOOM)) as u8);
            }
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn the_picture_decodes_and_is_not_blank() {
        let bytes = png(&sample::each_layer()).unwrap();
        let decoder = ::png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(info.width, 1400);
        assert!(pixels.iter().filter(|byte| **byte < 128).count() > 5000);
    }

    #[test]
    fn an_empty_figure_is_still_a_picture() {
        assert!(png(&sample::empty()).unwrap().starts_with(b"\x89PNG"));
    }

    #[test]
    fn shrinking_averages() {
        let large = [0, 0, 0, 100, 100, 100, 100, 100, 100, 200, 200, 200];
        assert_eq!(shrink(&large, 1, 1), [100, 100, 100]);
    }
}
