//! Archives of source code: tar, as it is or packed.

use super::{BuildOptions, Raw, Read, clean, domain, wanted};
use crate::{DataError, Document, limits};
use std::io::Read as _;
use std::sync::Arc;

/// The text files of a tar archive. Only regular files are read, none is written; a member that points outside the
/// archive refuses the whole of it.
pub(super) fn read(
    source: &str,
    group: &Arc<str>,
    reader: impl std::io::Read,
    options: &BuildOptions,
) -> Result<Read, DataError> {
    let fail = |e: std::io::Error| limits::unpack_error(source, &e);
    let mut archive = tar::Archive::new(reader);
    let mut read = Read::default();
    for entry in archive.entries().map_err(fail)? {
        let mut entry = entry.map_err(fail)?;
        let name = entry.path_bytes().into_owned();
        let refuse = |why| {
            let member = String::from_utf8_lossy(&name[..name.len().min(80)]).into_owned();
            DataError::Archive { source_name: source.into(), member, why }
        };
        check(&name).map_err(refuse)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let Ok(name) = String::from_utf8(name) else {
            read.skipped += 1;
            continue;
        };
        let domain = domain::domain_of(&name);
        let (Some(domain), true) = (domain, entry.size() <= options.max_document) else {
            read.skipped += 1;
            continue;
        };
        let mut bytes = Vec::new();
        entry.by_ref().take(options.max_document).read_to_end(&mut bytes).map_err(fail)?;
        match text(bytes, domain, options) {
            Some(text) => read.documents.push(Raw { document: Document::new(text, domain, group.clone()), name }),
            None => read.skipped += 1,
        }
    }
    Ok(read)
}

/// Bytes as a document, unless they are no text or not wanted.
pub(super) fn text(bytes: Vec<u8>, domain: &str, options: &BuildOptions) -> Option<String> {
    let text = String::from_utf8(bytes).ok().filter(|t| !t.contains('\0')).map(clean)?;
    (wanted(&text, domain, options) && !domain::is_data(&text, domain)).then_some(text)
}

/// Names that stay below the folder an archive would be unpacked in.
pub(super) fn check(name: &[u8]) -> Result<(), &'static str> {
    if name.starts_with(b"/") || name.starts_with(b"\\") || name.get(1) == Some(&b':') {
        return Err("has an absolute name");
    }
    if name.split(|&b| b == b'/' || b == b'\\').any(|part| part == b"..") {
        return Err("leaves its folder");
    }
    if name.contains(&0) {
        return Err("has a zero byte in its name");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(name: &str, body: &[u8]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_old();
        // Set as bytes: the safe setters refuse such names.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(body.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append(&header, body).unwrap();
        builder.into_inner().unwrap()
    }

    fn open(name: &str, body: &[u8]) -> Result<Read, DataError> {
        read("a.tar", &"a".into(), &archive(name, body)[..], &BuildOptions::default())
    }

    #[test]
    fn text_members_are_read_and_others_counted() {
        let read = open("a-1.0/src/lib.rs", b"fn main() {}\r\n").unwrap();
        assert_eq!(read.documents[0].document, Document::new("fn main() {}\n", "rust", "a"));
        assert_eq!(open("a/logo.png", b"x").unwrap().skipped, 1);
        assert_eq!(open("a/b.md", b"\xff\xfe").unwrap().skipped, 1);
    }

    #[test]
    fn members_that_leave_the_archive_refuse_it() {
        for name in ["../x.rs", "/etc/x.rs", "a/../../x.rs", "C:\\x.rs", "a\\..\\x.rs"] {
            let error = open(name, b"x").unwrap_err();
            assert!(matches!(error, DataError::Archive { .. }), "{name}: {error}");
        }
        assert!(open("a..b/c.rs", b"x").is_ok());
    }
}
