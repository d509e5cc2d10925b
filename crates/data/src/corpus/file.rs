//! One file of any known format.

use super::{BuildOptions, Raw, Read, archive, domain, jsonl, parquet_file, wanted};
use crate::limits::{Packing, unpack, unpack_error};
use crate::{ContentHash, ContentHasher, DataError, Document};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path;

/// Text in one file is cut into about this many blocks, so that it can be split and shuffled.
const BLOCKS: usize = 64;
const BLOCK_BYTES: std::ops::RangeInclusive<usize> = 1 << 10..=64 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text(&'static str),
    JsonLines,
    Parquet,
    Tar,
}

/// Format and packing by name; for the text of unknown endings `None`.
fn format_of(name: &str) -> (Packing, Option<Format>) {
    let lower = name.to_ascii_lowercase();
    let (packing, stem) = match lower.strip_suffix(".tgz").or(lower.strip_suffix(".crate")) {
        Some(_) => return (Packing::Gzip, Some(Format::Tar)),
        None => Packing::of(&lower),
    };
    let format = match stem.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "jsonl" | "ndjson" => Some(Format::JsonLines),
        // Parquet packs its own pages.
        "parquet" if packing == Packing::Plain => Some(Format::Parquet),
        "tar" => Some(Format::Tar),
        _ => domain::domain_of(&name[..stem.len()]).map(Format::Text),
    };
    (packing, format)
}

/// Whether a file in a folder is worth opening.
pub(super) fn is_readable(name: &str) -> bool {
    format_of(name).1.is_some()
}

pub(super) fn read(path: &Path, options: &BuildOptions) -> Result<Read, DataError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    read_as(path, &name, options, true)
}

/// A hash of a file's name and bytes.
pub(super) fn fingerprint(path: &Path) -> Result<ContentHash, DataError> {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let mut file = File::open(path).map_err(DataError::read(path))?;
    if !file.metadata().map_err(DataError::read(path))?.is_file() {
        return Err(no_file(path));
    }
    let mut hasher = ContentHasher::new();
    hasher.piece(name.as_bytes()).piece(&ContentHash::of_reader(&mut file).map_err(DataError::read(path))?.0);
    Ok(hasher.finish())
}

fn no_file(path: &Path) -> DataError {
    let found = "something that is not a file".into();
    DataError::Malformed { source_name: path.display().to_string(), line: 0, found, expected: "a file".into() }
}

/// Reads `path`, called `name` in the corpus. A file that stands `alone` is cut into blocks, and must be text.
pub(super) fn read_as(path: &Path, name: &str, options: &BuildOptions, alone: bool) -> Result<Read, DataError> {
    let (packing, format) = format_of(name);
    let Some(format) = format else {
        let extension = name.rsplit_once('.').map_or("", |(_, e)| e).to_string();
        return Err(DataError::UnknownFormat { path: path.into(), extension });
    };
    let shown = path.display().to_string();
    let file = File::open(path).map_err(DataError::read(path))?;
    let metadata = file.metadata().map_err(DataError::read(path))?;
    if !metadata.is_file() {
        return Err(no_file(path));
    }
    let size = metadata.len();
    if format == Format::Parquet {
        return parquet_file::read(&shown, name, file, size, options);
    }
    let fail = |e: std::io::Error| unpack_error(&shown, &e);
    let mut reader = unpack(file, packing, size, &options.limits).map_err(fail)?;
    match format {
        Format::JsonLines => jsonl::read(&shown, name, &mut BufReader::with_capacity(1 << 16, reader), options),
        Format::Tar => archive::read(&shown, &name.into(), reader, options),
        Format::Text(_) | Format::Parquet => {
            let domain = if let Format::Text(domain) = format { domain } else { "other" };
            let most = if alone { options.limits.bytes } else { options.max_document };
            let mut bytes = Vec::new();
            reader.by_ref().take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
            if alone {
                return blocks(&shown, name, bytes, domain, options);
            }
            Ok(match archive::text(bytes, domain, options) {
                Some(text) => {
                    let document = Document::new(text, domain, name);
                    Read { documents: vec![Raw { document, name: name.into() }], ..Read::default() }
                }
                None => Read { skipped: 1, ..Read::default() },
            })
        }
    }
}

/// A text cut at line ends; each block is its own group.
fn blocks(shown: &str, name: &str, bytes: Vec<u8>, domain: &str, options: &BuildOptions) -> Result<Read, DataError> {
    let text = String::from_utf8(bytes).map_err(|e| DataError::Malformed {
        source_name: shown.into(),
        line: 1 + e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|&&b| b == b'\n').count() as u64,
        found: "bytes that are not UTF-8".into(),
        expected: "text in UTF-8".into(),
    })?;
    let text = super::clean(text);
    let target = (text.len() / BLOCKS).clamp(*BLOCK_BYTES.start(), *BLOCK_BYTES.end());
    let mut read = Read::default();
    let mut block = String::new();
    let mut flush = |block: &mut String| {
        let text = std::mem::take(block);
        if wanted(&text, domain, options) {
            // Numbered with leading zeros, so that the order of names is the order of blocks.
            let name = format!("{name}#{:08}", read.documents.len());
            let document = Document::new(text, domain, name.as_str());
            read.documents.push(Raw { document, name });
        } else {
            read.skipped += u64::from(!text.is_empty());
        }
    };
    for line in text.split_inclusive('\n') {
        block.push_str(line);
        if block.len() >= target {
            flush(&mut block);
        }
    }
    flush(&mut block);
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Source, build};

    #[test]
    fn formats_follow_names() {
        assert_eq!(format_of("a.jsonl.zst"), (Packing::Zstd, Some(Format::JsonLines)));
        assert_eq!(format_of("a.tar.gz"), (Packing::Gzip, Some(Format::Tar)));
        assert_eq!(format_of("serde-1.0.0.crate"), (Packing::Gzip, Some(Format::Tar)));
        assert_eq!(format_of("a.TXT"), (Packing::Plain, None));
        assert_eq!(format_of("book.txt.gz"), (Packing::Gzip, Some(Format::Text("docs"))));
        assert_eq!(format_of("a.parquet.gz").1, None);
    }

    #[test]
    fn a_text_is_cut_into_blocks_that_join_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book.txt");
        let text: String = (0..9000).map(|i| format!("line {i} of a book, {}\n", i * i)).collect();
        std::fs::write(&path, &text).unwrap();
        let corpus = build(&Source::File(path), &BuildOptions::default()).unwrap();
        let mut all = [corpus.train.documents, corpus.validation.documents].concat();
        all.sort_by(|a, b| a.group.cmp(&b.group));
        assert_eq!(all.iter().map(|d| d.text.as_str()).collect::<String>(), text);
        assert!((50..=64).contains(&all.len()), "{}", all.len());
    }

    #[test]
    fn a_folder_is_read_in_the_order_of_names_and_hashes_the_same() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        std::fs::create_dir(folder.path().join(".git")).unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("src/deep/b.rs", "fn b() {}\n");
        write("src/a.rs", "fn a() {}\n");
        write("README.md", "# Title\n");
        write(".git/x.md", "hidden");
        write("data.jsonl", "{\"text\":\"from json\",\"domain\":\"chat\",\"group\":\"g\"}\n");
        write("picture.png", "no");
        let build = || build(&Source::Folder(folder.path().into()), &BuildOptions::default()).unwrap();
        let (once, twice) = (build(), build());
        assert_eq!(once, twice);
        assert_eq!((once.summary.found, once.summary.skipped, once.summary.groups), (4, 1, 4));
        let domains: Vec<&str> = once.summary.domains.keys().map(String::as_str).collect();
        assert_eq!(domains, ["chat", "docs", "rust"]);
        assert_eq!(Source::named(folder.path().to_str().unwrap()), Source::Folder(folder.path().into()));
        assert_eq!((Source::named("cargo"), Source::named("x.txt")), (Source::cargo(), Source::File("x.txt".into())));
        let error = super::read(&folder.path().join("picture.png"), &BuildOptions::default()).unwrap_err();
        assert!(matches!(error, DataError::UnknownFormat { .. }), "{error}");
    }
}
