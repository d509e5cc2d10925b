//! The binary trains: one run, many runs, runs that are killed.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;
mod kill;
mod ladder;
mod sweep;
mod train;

use common::Folder;

/// Keys of a run of some seconds on the texts of [`texts`].
pub(crate) const TINY: [&str; 14] = [
    "--source",
    "texts",
    "--set",
    "data.tokenizer=bytes",
    "--set",
    "model.context=32",
    "--set",
    "model.layers=1",
    "--set",
    "model.width=32",
    "--set",
    "train.batch_tokens=256",
    "--set",
    "evaluate.tokens=1024",
];

/// A folder with some text to learn.
pub(crate) fn texts() -> Folder {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("texts")).unwrap();
    for file in 0..12 {
        let line = |i: usize| format!("{} times {} is {}\n", file + i, i, (file + i) * i);
        folder.write(&format!("texts/{file}.txt"), (0..200).map(line).collect::<String>().as_bytes());
    }
    folder
}
