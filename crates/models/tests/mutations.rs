//! Ten thousand seeded mutations of valid folders: every one is read or refused, soon and in bounded memory, and nothing
//! is accepted that the reference implementation of the format refuses.

#![allow(missing_docs)]

#[path = "checkpoints/common.rs"]
mod common;
#[path = "../../core/tests/common/mutate.rs"]
mod mutate;

use common::{copy, decoder, fixture, gpt2, llama};
use kleiber_core::rng::Rng;
use kleiber_models::{DecoderConfig, Positions, checkpoint};
use mutate::peak_rss;
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const MUTATIONS: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(250);
/// For folders of at most 120 KB, beside what the test itself holds.
const MOST_MEMORY: u64 = 8 << 20;

/// A valid folder and the files of it that are damaged in turn.
struct Seed {
    name: &'static str,
    folder: tempfile::TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Seed {
    fn new(name: &'static str, folder: tempfile::TempDir) -> Self {
        let names = ["config.json", "model.safetensors", "model.safetensors.index.json"];
        let paths = names.map(|name| folder.path().join(name)).into_iter().filter(|p| p.exists());
        let files = paths.map(|p| (p.clone(), std::fs::read(&p).unwrap())).collect();
        Self { name, folder, files }
    }

    fn written(name: &'static str, config: DecoderConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        checkpoint::write(&decoder(config), Some(3), folder.path()).unwrap();
        Self::new(name, folder)
    }
}

/// An edit somewhere; half of those of arrays are in the header, which is most of what a reader looks at.
fn mutated(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    const SIGNS: &[u8] = b"\0\x01\x7f\x80\xff\"\n,{}[]:.-+eE019FI\\u";
    let header = bytes.get(..8).map_or(0, |b| u64::from_le_bytes(b.try_into().unwrap()) as usize);
    if header == 0 || header >= bytes.len() || rng.below(2) == 0 {
        return mutate::mutate(bytes, other, SIGNS, 2, rng);
    }
    let (front, data) = bytes[8..].split_at(header);
    let front = mutate::mutate(front, other, SIGNS, 2, rng);
    [&(front.len() as u64).to_le_bytes()[..], &front, data].concat()
}

/// Writes a file anew: writing over one waits for the disk on some systems.
fn replace(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn no_mutated_folder_breaks_the_reader() {
    let fixtures = ["gpt2", "gpt_neox", "llama", "llama_bf16"].map(|name| Seed::new(name, copy(name)));
    let t5 = DecoderConfig { positions: Positions::T5, spans: vec![3, 3, 3, 3], ..DecoderConfig::default() };
    let written = [
        Seed::written("our gpt2", gpt2(true)),
        Seed::written("our llama", llama(false, 2)),
        Seed::written("kleiber", t5),
    ];
    let seeds: Vec<Seed> = fixtures.into_iter().chain(written).collect();
    let _ = writeln!(std::io::stderr(), "mutated folders are in {}", seeds[0].folder.path().display());
    let other = std::fs::read(fixture("gpt_neox").join("config.json")).unwrap();
    let before = peak_rss().unwrap_or(0);
    let (mut failures, mut readable) = (Vec::new(), BTreeMap::new());
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(1, "mutations", index);
        let seed = &seeds[index as usize % seeds.len()];
        let (path, bytes) = &seed.files[rng.below(seed.files.len())];
        let bad = mutated(bytes, &other, &mut rng);
        replace(path, &bad);
        let timed = || {
            let started = Instant::now();
            catch_unwind(AssertUnwindSafe(|| checkpoint::read(seed.folder.path()).is_ok()))
                .map(|ok| (ok, started.elapsed()))
        };
        let what = format!("mutation {index} of {}", seed.name);
        match timed() {
            Err(_) => failures.push(format!("{what}: panic")),
            // The machine may be busy: the best of three.
            Ok((_, time)) if time > SLOWEST && (0..2).all(|_| timed().is_ok_and(|(_, t)| t > SLOWEST)) => {
                failures.push(format!("{what}: {time:?}"));
            }
            Ok((ok, _)) => {
                *readable.entry(seed.name).or_insert(0) += u32::from(ok);
                if ok && path.extension().is_some_and(|e| e == "safetensors") && SafeTensors::deserialize(&bad).is_err()
                {
                    failures.push(format!("{what}: accepted, and refused by the reference"));
                }
            }
        }
        replace(path, bytes);
        if peak_rss().is_some_and(|peak| peak > before + MOST_MEMORY) {
            failures.push(format!("{what}: {} MiB", peak_rss().unwrap_or(0) >> 20));
            break;
        }
    }
    eprintln!("readable of 1428 each: {readable:?}, {} MiB more", (peak_rss().unwrap_or(0) - before) >> 20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Mutations that are all rejected at the first byte would test nothing.
    assert!(readable.values().all(|&n| n > 20), "{readable:?}");
}
