//! What can go wrong when a figure or a report is written.

use std::path::PathBuf;

/// Why nothing, or not everything, was rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    /// The output path ends in something other than the four known extensions.
    #[error("cannot tell the format of {}: extension {extension:?} is not .html, .md, .svg or .png", path.display())]
    UnknownExtension {
        /// The path asked for.
        path: PathBuf,
        /// Its extension, empty if it has none.
        extension: String,
    },
    /// A picture was asked for, and the report has no figure.
    #[error("nothing to draw in {}: the report \"{report}\" has no figure", path.display())]
    NoFigure {
        /// The path asked for.
        path: PathBuf,
        /// Title of the report.
        report: String,
    },
    /// The drawing backend refused.
    #[error("cannot draw figure \"{figure}\": {message}")]
    Draw {
        /// Id of the figure.
        figure: String,
        /// The backend's own words.
        message: String,
    },
    /// The PNG encoder refused.
    #[error("cannot encode figure \"{figure}\" as PNG: {source}")]
    Encode {
        /// Id of the figure.
        figure: String,
        /// The encoder's error.
        source: png::EncodingError,
    },
    /// The file system refused.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// The file being written.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl RenderError {
    /// One thing to try.
    #[must_use]
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::UnknownExtension { path, .. } => {
                format!("name the output {}", path.with_extension("html").display())
            }
            Self::NoFigure { path, .. } => {
                format!("write the tables instead: {}", path.with_extension("md").display())
            }
            Self::Draw { .. } | Self::Encode { .. } => {
                "write .html instead, and report this with the figure's CSV".into()
            }
            Self::Io { path, source } => match source.kind() {
                std::io::ErrorKind::NotFound => match path.parent() {
                    Some(folder) => format!("create the folder {} first", folder.display()),
                    None => "give a path inside an existing folder".into(),
                },
                std::io::ErrorKind::StorageFull => "free some disk space and run again".into(),
                _ => "choose a path you may write to".into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_extension_names_the_four_and_a_way_out() {
        let error = RenderError::UnknownExtension { path: PathBuf::from("out/fit.pdf"), extension: "pdf".into() };
        let expected = "cannot tell the format of out/fit.pdf: extension \"pdf\" is not .html, \
                        .md, .svg or .png";
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.hint(), "name the output out/fit.html");
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error =
            RenderError::Io { path: PathBuf::from("no/such/fit.md"), source: std::io::ErrorKind::NotFound.into() };
        assert_eq!(error.hint(), "create the folder no/such first");
    }
}
