//! `kleiber data`, end to end: from texts to token stores and back, what a kill leaves behind, tasks, mixtures, packing.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod kill;
mod stores;
mod tasks;

use common::Folder;

/// Documents of four files of one folder and one file of JSON Lines: every line of its own kind.
pub(crate) fn with_texts() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("texts")).unwrap();
    for file in 0..40usize {
        let line = |l: usize| format!("line {l} of text {file}: {} scales as {}\n", (file * 37 + l) % 101, l * file);
        let (text, ending) = ((0..30).map(line).collect::<String>(), if file % 4 == 0 { "rs" } else { "md" });
        folder.write(&format!("texts/{file}.{ending}"), text.as_bytes());
    }
    let json = |i: usize| format!("{{\"text\":\"entry {i} {}\",\"group\":\"g{}\"}}\n", i * i, i % 9);
    folder.write("texts.jsonl", (0..200).map(json).collect::<String>().as_bytes());
    folder
}
