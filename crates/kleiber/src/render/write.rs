//! Reports written to files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::csv::csv;
use super::error::RenderError;
use super::html::html;
use super::markdown::markdown;
use super::png::png;
use super::report::Report;
use super::svg::svg;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Html,
    Markdown,
    Svg,
    Png,
}

/// Writes `report` to `path` in the format of its extension and returns the files written, the
/// one at `path` first.
///
/// `.html` and `.md` hold the whole report; Markdown comes with an SVG per figure. `.svg` and
/// `.png` hold the figures alone, the first at `path`, others at `STEM-ID.EXT`. The values of
/// every figure are written to `STEM-ID.csv` beside it. Each file appears whole or not at all;
/// an existing one is replaced.
///
/// # Errors
/// [`RenderError::UnknownExtension`] for another extension, [`RenderError::NoFigure`] for a
/// picture of a report without figures, [`RenderError::Io`] if a file cannot be written, and the
/// errors of `svg` and `png`.
pub(crate) fn write_report(report: &Report, path: &Path) -> Result<Vec<PathBuf>, RenderError> {
    let format = format(path)?;
    let figures = report.figures();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |name: &str, extension: &str| path.with_file_name(format!("{stem}-{name}.{extension}"));
    let mut files: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    match format {
        Format::Html => files.push((path.to_owned(), html(report).into_bytes())),
        Format::Markdown => {
            files.push((path.to_owned(), markdown(report, &stem).into_bytes()));
            for (name, figure) in &figures {
                files.push((beside(name, "svg"), svg(figure)?.into_bytes()));
            }
        }
        Format::Svg | Format::Png => {
            if figures.is_empty() {
                let report = report.title.clone();
                return Err(RenderError::NoFigure { path: path.to_owned(), report });
            }
            for (index, (name, figure)) in figures.iter().enumerate() {
                let (extension, bytes) = match format {
                    Format::Png => ("png", png(figure)?),
                    _ => ("svg", svg(figure)?.into_bytes()),
                };
                let first = index == 0;
                files.push((if first { path.to_owned() } else { beside(name, extension) }, bytes));
            }
        }
    }
    for (name, figure) in &figures {
        files.push((beside(name, "csv"), csv(figure).into_bytes()));
    }
    for (path, bytes) in &files {
        replace(path, bytes).map_err(|source| RenderError::Io { path: path.clone(), source })?;
    }
    Ok(files.into_iter().map(|(path, _)| path).collect())
}

/// Checks before long work that a report can be written to `path`: its extension and its folder.
///
/// # Errors
/// [`RenderError::UnknownExtension`], or [`RenderError::Io`] without the folder.
pub(crate) fn check_target(path: &Path) -> Result<(), RenderError> {
    format(path)?;
    folder_exists(path).map_err(|source| RenderError::Io { path: path.to_owned(), source })
}

fn folder_exists(path: &Path) -> io::Result<()> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::metadata(folder).map(drop),
        None => Ok(()),
    }
}

fn format(path: &Path) -> Result<Format, RenderError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
    match extension.to_ascii_lowercase().as_str() {
        "html" => Ok(Format::Html),
        "md" => Ok(Format::Markdown),
        "svg" => Ok(Format::Svg),
        "png" => Ok(Format::Png),
        _ => Err(RenderError::UnknownExtension { path: path.to_owned(), extension }),
    }
}

/// Writes a sibling first, so that `path` never holds half a file.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let partial = path.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let result = (|| {
        let mut file = File::create(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, path)
    })();
    if result.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&partial);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::super::report::Block;
    use super::super::sample;
    use super::*;

    /// A folder of its own for each test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("kleiber-render-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let mut names: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn two_figures() -> Report {
        let mut report = sample::report(sample::each_layer());
        report.sections[0].blocks.push(Block::Figure(sample::empty()));
        report
    }

    #[test]
    fn markdown_comes_with_pictures_and_values() {
        let folder = Folder::new("md");
        let written = write_report(&two_figures(), &folder.0.join("fit.md")).unwrap();
        assert_eq!(written[0], folder.0.join("fit.md"));
        let expected = ["fit-each.csv", "fit-each.svg", "fit-empty.csv", "fit-empty.svg", "fit.md"];
        assert_eq!(folder.names(), expected);
    }

    #[test]
    fn the_first_picture_takes_the_path() {
        let folder = Folder::new("svg");
        write_report(&two_figures(), &folder.0.join("fit.svg")).unwrap();
        assert_eq!(folder.names(), ["fit-each.csv", "fit-empty.csv", "fit-empty.svg", "fit.svg"]);
    }

    #[test]
    fn an_existing_file_is_replaced_and_nothing_else_left() {
        let folder = Folder::new("html");
        let path = folder.0.join("fit.html");
        fs::write(&path, "old").unwrap();
        write_report(&two_figures(), &path).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("<!DOCTYPE html>"));
        assert_eq!(folder.names(), ["fit-each.csv", "fit-empty.csv", "fit.html"]);
    }

    #[test]
    fn other_extensions_and_missing_figures_are_errors() {
        let mut report = two_figures();
        let error = write_report(&report, Path::new("fit.pdf")).unwrap_err();
        assert!(matches!(error, RenderError::UnknownExtension { .. }));
        report.sections.clear();
        let error = write_report(&report, Path::new("fit.png")).unwrap_err();
        assert!(matches!(error, RenderError::NoFigure { .. }));
        let error = write_report(&report, Path::new("/no/such/folder/fit.md")).unwrap_err();
        assert!(matches!(error, RenderError::Io { .. }));
    }
}
