//! What kind of text a file holds, by its name.

/// Endings by domain.
const ENDINGS: [(&str, &[&str]); 6] = [
    ("rust", &["rs"]),
    ("docs", &["md", "txt", "rst", "adoc", "markdown", "text", "tex", "org"]),
    ("config", &["toml", "json", "yaml", "yml", "ini", "cfg", "cmake", "mk", "nix", "conf"]),
    ("c", &["c", "h", "cc", "cpp", "cxx", "hpp", "hh", "inl"]),
    ("asm", &["s", "S", "asm"]),
    (
        "other",
        &[
            "js", "ts", "py", "sh", "html", "css", "go", "java", "rb", "pl", "lua", "wit", "tera", "proto", "sql",
            "wgsl", "glsl", "cu", "metal", "swift", "kt", "hs", "ml", "jl", "r", "cs", "php", "tsx", "jsx", "scss",
            "bat", "ps1", "zig", "el", "vim", "pest", "lalrpop", "xml",
        ],
    ),
];

/// Names without an ending, in capitals: licences, notes for readers.
const DOCS: [&str; 9] =
    ["README", "LICENSE", "LICENCE", "COPYING", "CHANGELOG", "CHANGES", "AUTHORS", "NOTICE", "CONTRIBUTING"];

/// The domain of a file (`rust`, `docs`, `config`, `c`, `asm` or `other`), or `None` for files that are not writing:
/// unknown endings, lock files, files that Cargo generates.
///
/// ```
/// use kleiber_data::corpus::domain_of;
/// assert_eq!(domain_of("src/lib.rs"), Some("rust"));
/// assert_eq!(domain_of("LICENSE-MIT"), Some("docs"));
/// assert_eq!(domain_of("logo.png"), None);
/// ```
pub fn domain_of(path: &str) -> Option<&'static str> {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if name.starts_with('.') || matches!(name, "Cargo.lock" | "package-lock.json" | "yarn.lock" | "Cargo.toml.orig") {
        return None;
    }
    if name == "Makefile" || name == "CMakeLists.txt" || name == "Dockerfile" {
        return Some("config");
    }
    if DOCS.iter().any(|d| name.starts_with(d) && !name[d.len()..].contains('.')) {
        return Some("docs");
    }
    let ending = name.rsplit_once('.')?.1;
    ENDINGS.iter().find(|(_, endings)| endings.contains(&ending)).map(|(domain, _)| *domain)
}

/// Whether source or configuration is data in disguise: lines far longer than anybody writes.
pub(super) fn is_data(text: &str, domain: &str) -> bool {
    domain != "docs" && text.len() / (text.bytes().filter(|&b| b == b'\n').count() + 1) > 300
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_have_the_domains_their_names_say() {
        for (path, domain) in [
            ("a/b/c.rs", Some("rust")),
            ("CHANGES", Some("docs")),
            ("LICENSE-APACHE", Some("docs")),
            ("NOTICE.bin", None),
            ("x.S", Some("asm")),
            ("zstd/lib/zstd.h", Some("c")),
            ("Cargo.toml", Some("config")),
            ("Cargo.lock", None),
            (".gitignore", None),
            ("noending", None),
            ("page.html", Some("other")),
        ] {
            assert_eq!(domain_of(path), domain, "{path}");
        }
        assert!(is_data(&"9,".repeat(1000), "config") && !is_data("a = 1\n", "config"));
    }
}
