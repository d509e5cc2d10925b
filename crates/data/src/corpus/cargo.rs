//! The default corpus: the crates that the binary is built from on every platform, from the archives that Cargo keeps or
//! from vendored sources. A plain build fetches all of them, so every machine that built Kleiber has them.

use super::vendored::{self, Vendored};
use super::{BuildOptions, Read, Survey, archive};
use crate::limits::{Packing, unpack, unpack_error};
use crate::{ContentHash, DataError};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The crates of the corpus, one per line: name, version, SHA-256 of the archive.
const LIST: &str = include_str!("../../corpus/crates.txt");

/// A crate of the corpus.
#[derive(Debug, Clone, Copy)]
pub(super) struct Package<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    pub(super) checksum: &'a str,
}

/// Where the text of a crate was found.
enum Place {
    Archive(PathBuf),
    Vendored(Vendored),
}

pub(super) fn read(registry: Option<&Path>, allow_missing: bool, options: &BuildOptions) -> Result<Read, DataError> {
    let folder = registry.map_or_else(default_registry, Path::to_path_buf);
    read_listed(LIST, &folder, allow_missing, options)
}

/// Names what [`read`] would read: the list, and with missing archives allowed which of them are there.
pub(super) fn fingerprint(registry: Option<&Path>, allow_missing: bool) -> ContentHash {
    if !allow_missing {
        return ContentHash::of(LIST.as_bytes());
    }
    let places = places(&registry.map_or_else(default_registry, Path::to_path_buf));
    let mut hasher = crate::ContentHasher::new();
    packages(LIST).filter(|p| places.find(p).is_some()).for_each(|p| {
        hasher.piece(p.checksum.as_bytes());
    });
    hasher.finish()
}

/// What is there of the crates of the list.
pub(super) fn survey(registry: Option<&Path>) -> Survey {
    let places = places(&registry.map_or_else(default_registry, Path::to_path_buf));
    let mut survey = Survey::default();
    for package in packages(LIST) {
        match places.find(&package) {
            Some(Place::Archive(path)) => survey.add(&path),
            Some(Place::Vendored(vendored)) => vendored.paths().for_each(|path| survey.add(&path)),
            None => survey.missing.push(archive_name(&package)),
        }
    }
    survey
}

fn default_registry() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    home.join("registry").join("cache")
}

fn read_listed(list: &str, folder: &Path, allow_missing: bool, options: &BuildOptions) -> Result<Read, DataError> {
    let places = places(folder);
    let (mut present, mut missing, mut total) = (Vec::new(), Vec::new(), 0);
    for package in packages(list) {
        total += 1;
        match places.find(&package) {
            Some(place) => present.push((package, place)),
            None => missing.push(archive_name(&package)),
        }
    }
    if !missing.is_empty() && (!allow_missing || present.is_empty()) {
        return Err(DataError::MissingArchives { missing, total, folder: folder.into() });
    }
    let read: Result<Vec<Read>, DataError> =
        present.par_iter().map(|(package, place)| read_package(package, place, options)).collect();
    let mut all = Read { missing, ..Read::default() };
    read?.into_iter().for_each(|part| all.append(part));
    Ok(all)
}

/// The crates of a list; lines that are not three words are comments.
fn packages(list: &str) -> impl Iterator<Item = Package<'_>> {
    list.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split(' ');
        Some(Package { name: words.next()?, version: words.next()?, checksum: words.next()? })
    })
}

fn archive_name(package: &Package) -> String {
    format!("{}-{}.crate", package.name, package.version)
}

/// What a folder holds: archives by file name, unpacked crates by the checksum of their archive.
#[derive(Default)]
struct Places {
    archives: HashMap<String, PathBuf>,
    vendored: HashMap<String, PathBuf>,
}

impl Places {
    fn find(&self, package: &Package) -> Option<Place> {
        let archive = self.archives.get(&archive_name(package)).cloned().map(Place::Archive);
        archive.or_else(|| vendored::open(self.vendored.get(package.checksum)?).map(Place::Vendored))
    }
}

/// Archives and unpacked crates in the folder and in the folders below it.
fn places(folder: &Path) -> Places {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
        paths.sort();
        paths
    };
    let mut places = Places::default();
    for path in list(folder) {
        if let Some(vendored) = vendored::open(&path) {
            places.vendored.entry(vendored.package).or_insert(path);
            continue;
        }
        let inner = if path.is_dir() { list(&path) } else { vec![path] };
        for path in inner.into_iter().filter(|p| p.extension().is_some_and(|e| e == "crate")) {
            if let Some(name) = path.file_name().and_then(|n| n.to_str()) {
                places.archives.entry(name.to_string()).or_insert(path);
            }
        }
    }
    places
}

fn read_package(package: &Package, place: &Place, options: &BuildOptions) -> Result<Read, DataError> {
    // Versions of one crate share a group, so that they stay on one side of the split.
    let group: Arc<str> = package.name.into();
    let path = match place {
        Place::Archive(path) => path,
        Place::Vendored(vendored) => return vendored.read(package, &group, options),
    };
    let name = path.display().to_string();
    let size = std::fs::metadata(path).map_err(DataError::read(path))?.len();
    if size > options.limits.bytes {
        let (found, limit) = (format!("{size} bytes"), format!("{} bytes", options.limits.bytes));
        return Err(DataError::TooLarge { source_name: name, found, limit });
    }
    let bytes = std::fs::read(path).map_err(DataError::read(path))?;
    let found = ContentHash::of(&bytes).to_string();
    if found != package.checksum {
        return Err(DataError::Checksum { source_name: name, found, expected: package.checksum.into() });
    }
    let reader = unpack(&bytes[..], Packing::Gzip, size, &options.limits).map_err(|e| unpack_error(&name, &e))?;
    archive::read(&name, &group, reader, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::io::Write;

    fn crate_bytes(name: &str, files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (file, text) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_cksum();
            builder.append_data(&mut header, format!("{name}/{file}"), text.as_bytes()).unwrap();
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&builder.into_inner().unwrap()).unwrap();
        gzip.finish().unwrap()
    }

    fn texts(read: Read) -> Vec<(String, String)> {
        let mut texts: Vec<_> = read.documents.into_iter().map(|d| (d.name, d.document.text)).collect();
        texts.sort();
        texts
    }

    #[test]
    fn archives_are_found_verified_and_missing_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("index.crates.io-1");
        std::fs::create_dir(&registry).unwrap();
        let bytes = crate_bytes("aa-1.0.0", &[("src/lib.rs", &"pub fn aa() {}\n".repeat(9))]);
        std::fs::write(registry.join("aa-1.0.0.crate"), &bytes).unwrap();
        let sum = ContentHash::of(&bytes).to_string();
        let line = |name: &str, sum: &str| format!("{name} 1.0.0 {sum}\n");
        let list = format!("# a list\n{}", line("aa", &sum));
        let options = BuildOptions::cargo();
        let read = read_listed(&list, folder.path(), false, &options).unwrap();
        assert_eq!(read.documents.len(), 1);
        assert_eq!(&*read.documents[0].document.group, "aa");
        let list: String = [list].into_iter().chain(["bb", "cc", "dd", "ee"].map(|n| line(n, &sum))).collect();
        let error = read_listed(&list, folder.path(), false, &options).unwrap_err();
        let shown = error.to_string();
        assert!(shown.starts_with("4 of 5 package archives are missing below "), "{shown}");
        assert!(shown.ends_with(": bb-1.0.0.crate, cc-1.0.0.crate, dd-1.0.0.crate, ..."), "{shown}");
        assert!(error.hint().contains("cargo fetch --locked"), "{}", error.hint());
        let read = read_listed(&list, folder.path(), true, &options).unwrap();
        assert_eq!(read.missing.len(), 4);
        let error = read_listed(&line("aa", &"0".repeat(64)), folder.path(), false, &options).unwrap_err();
        assert!(matches!(error, DataError::Checksum { .. }), "{error}");
    }

    #[test]
    fn vendored_crates_give_the_same_documents_and_changed_files_are_found() {
        let files =
            [("Cargo.toml", "[package]\nname = \"aa\"\n"), ("src/lib.rs", "pub fn aa() {}\n"), ("x.png", "no text")];
        let bytes = crate_bytes("aa-1.0.0", &files);
        let (archives, vendor) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::write(archives.path().join("aa-1.0.0.crate"), &bytes).unwrap();
        let unpacked = vendor.path().join("aa");
        std::fs::create_dir_all(unpacked.join("src")).unwrap();
        let mut sums = serde_json::Map::new();
        for (name, text) in files {
            std::fs::write(unpacked.join(name), text).unwrap();
            sums.insert(name.into(), ContentHash::of(text.as_bytes()).to_string().into());
        }
        let sum = ContentHash::of(&bytes).to_string();
        let checksums = serde_json::json!({ "files": sums, "package": sum });
        std::fs::write(unpacked.join(".cargo-checksum.json"), checksums.to_string()).unwrap();
        let list = format!("aa 1.0.0 {sum}");
        let options = BuildOptions { min_document: 1, ..BuildOptions::cargo() };
        let from = |folder: &Path| read_listed(&list, folder, false, &options);
        let read = texts(from(archives.path()).unwrap());
        assert_eq!(read.len(), 2);
        assert_eq!(read, texts(from(vendor.path()).unwrap()));
        std::fs::write(unpacked.join("src/lib.rs"), "pub fn bb() {}\n").unwrap();
        let error = from(vendor.path()).unwrap_err();
        assert!(matches!(error, DataError::Checksum { .. }), "{error}");
    }

    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }

    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        checksum: Option<String>,
    }

    #[test]
    fn the_list_agrees_with_the_lock_file() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let lock: Lock = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock")).unwrap()).unwrap();
        let locked: HashMap<_, _> =
            lock.package.iter().map(|p| ((&*p.name, &*p.version), p.checksum.as_deref())).collect();
        let packages: Vec<Package> = packages(LIST).collect();
        assert!(packages.len() >= 250 && packages.len() == LIST.lines().count() - 1, "{}", packages.len());
        assert!(packages.is_sorted_by_key(|p| (p.name, p.version)));
        for p in &packages {
            let found = locked.get(&(p.name, p.version)).copied().flatten();
            assert_eq!(found, Some(p.checksum), "{} {}: run crates/data/corpus/crates.sh", p.name, p.version);
        }
    }

    #[test]
    fn the_binary_is_built_from_every_crate_of_the_list() {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "--package", "kleiber", "--edges", "normal,build"]);
        let output =
            cargo.args(["--prefix", "none", "--format", "{p}"]).current_dir(env!("CARGO_MANIFEST_DIR")).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).unwrap();
        let built: std::collections::HashSet<(&str, &str)> = tree
            .lines()
            .filter_map(|line| line.split_once(" v"))
            .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or(rest)))
            .collect();
        for p in packages(LIST) {
            assert!(built.contains(&(p.name, p.version)), "{} {}: run crates/data/corpus/crates.sh", p.name, p.version);
        }
    }
}
