//! The studies of the repository, held by the binary.

use crate::{Outcome, Study, StudyError};
use kleiber_core::table::nearest;

/// The files of a study.
struct Embedded {
    slug: &'static str,
    declaration: &'static str,
    result: Option<&'static str>,
}

/// Written by the build script from the folder `studies`.
const EMBEDDED: &[Embedded] = include!(concat!(env!("OUT_DIR"), "/studies.rs"));

/// Every study, by name.
///
/// # Errors
/// [`StudyError::Declaration`].
pub fn all() -> Result<Vec<Study>, StudyError> {
    EMBEDDED.iter().map(|e| Study::parse(e.slug, e.declaration)).collect()
}

/// The study of a name, or of a file `study.toml` of your own.
///
/// # Errors
/// [`StudyError::Unknown`] with the nearest name; what [`Study::load`] says of a file.
pub fn find(slug: &str) -> Result<Study, StudyError> {
    if slug.ends_with(".toml") {
        return Study::load(slug.as_ref());
    }
    match EMBEDDED.iter().find(|e| e.slug == slug) {
        Some(embedded) => Study::parse(slug, embedded.declaration),
        None => {
            let slugs: Vec<&str> = EMBEDDED.iter().map(|e| e.slug).collect();
            Err(StudyError::Unknown { slug: slug.into(), nearest: nearest(slug, &slugs).map(str::to_string) })
        }
    }
}

/// The result that the repository carries of a study.
pub fn published(slug: &str) -> Option<Outcome> {
    let text = EMBEDDED.iter().find(|e| e.slug == slug)?.result?;
    serde_json::from_str(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_declaration_can_be_read_and_every_result_is_of_its_study() {
        let studies = all().unwrap();
        assert!(studies.len() >= 47);
        for embedded in EMBEDDED {
            if embedded.result.is_some() {
                assert_eq!(published(embedded.slug).expect("a result of this schema").slug, embedded.slug);
            }
        }
        assert!(find("over-trainin").unwrap_err().to_string().starts_with("no study `over-trainin`"));
    }
}
