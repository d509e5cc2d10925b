//! Ten thousand seeded mutations of valid files: every reader answers or fails with an error, soon and in bounded
//! memory. Nothing panics, nothing aborts.
#![allow(missing_docs)]

#[path = "../../core/tests/common/mutate.rs"]
mod mutate;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use kleiber_core::rng::Rng;
use kleiber_data::corpus::{self, BuildOptions, Source};
use kleiber_data::{Document, Stream, StreamOptions, TokenStore, Tokenizer};
use mutate::peak_rss;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MUTATIONS: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(250);
/// For files of at most 12 KiB: a Zstandard window and a Parquet batch are the largest things reserved.
const MOST_MEMORY: u64 = 1 << 30;

type Pack = fn(&[u8]) -> Vec<u8>;

struct Seed {
    name: &'static str,
    bytes: Vec<u8>,
    /// What is packed, and how.
    inner: Option<(Vec<u8>, Pack)>,
}

impl Seed {
    fn new(name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name, bytes: bytes.into(), inner: None }
    }

    fn packed(name: &'static str, inner: impl Into<Vec<u8>>, pack: Pack) -> Self {
        let inner = inner.into();
        Self { name, bytes: pack(&inner), inner: Some((inner, pack)) }
    }
}

/// A few edits of `bytes` with the signs of JSON.
fn mutate(bytes: &[u8], other: &[u8], rng: &mut Rng) -> Vec<u8> {
    mutate::mutate(bytes, other, b"\0\x01\x7f\x80\xff\"\n\r\t,;|{}[]:.-+eE09'()\\/u", 2, rng)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

fn parquet(compression: Compression) -> Vec<u8> {
    let texts = (0..40).map(|i| (i % 7 != 0).then(|| format!("text {} é", i % 11))).collect::<StringArray>();
    let domains = (0..40).map(|i| Some(["docs", "rust"][i % 2])).collect::<StringArray>();
    let columns = [("text", Arc::new(texts) as ArrayRef), ("domain", Arc::new(domains))];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).set_data_page_row_count_limit(8).build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn tar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, text) in [("a-1.0/src/lib.rs", "pub fn a() {}\n"), ("a-1.0/README.md", "# A\n"), ("a-1.0/x.bin", "\0")] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn seeds() -> Vec<Seed> {
    let jsonl = "{\"text\":\"one\",\"group\":\"a\"}\n{\"text\":\"tw\\u00e9\",\"domain\":\"docs\",\"x\":[1,{\"y\":null}]}\n\
        {\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":[{\"text\":\"yes\"}]}]}\n";
    let texts = ["the cat sat on the mat, the cat sat", "fn main() { main() }"];
    let bpe = Tokenizer::train_bpe(texts.iter(), 268).unwrap().to_json().unwrap();
    let llama = r#"{"version":"1.0","added_tokens":[{"id":0,"content":"</s>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],"normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"_"},{"type":"Replace","pattern":{"String":" "},"content":"_"}]},"pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\s+(?!\\S)|\\p{L}+|."},"behavior":"Isolated","invert":false},"post_processor":null,"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"_"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"}]},"model":{"type":"BPE","unk_token":"a","fuse_unk":true,"byte_fallback":true,"vocab":{"</s>":0,"a":1,"t":2,"_":3,"at":4,"<0x0A>":5},"merges":["a t"]}}"#;
    let documents = ["one", "", "three"].map(|text| Document::new(text, "docs", "g"));
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("a.tokens");
    TokenStore::write(&store, &Tokenizer::Bytes, &documents).unwrap();
    let tar = tar();
    vec![
        Seed::packed("a.jsonl.gz", jsonl, gzip),
        Seed::packed("a.jsonl.zst", jsonl, zstandard),
        Seed::new("a.jsonl", jsonl),
        Seed::new("b.parquet", parquet(Compression::SNAPPY)),
        Seed::new("c.parquet", parquet(Compression::ZSTD(ZstdLevel::default()))),
        Seed::packed("d.crate", tar.clone(), gzip),
        Seed::new("d.tar", tar),
        Seed::new("e.json", bpe),
        Seed::new("f.json", llama),
        Seed::new("g.tokens", std::fs::read(&store).unwrap()),
    ]
}

/// Reads a file as what its name says; whether it could be read.
fn read(path: &Path) -> bool {
    match path.extension().and_then(|e| e.to_str()) {
        Some("json") => Tokenizer::load(path).is_ok_and(|tokenizer| {
            let tokens = tokenizer.encode("the cat at\n\n é 12").unwrap_or_default();
            let _ = (tokenizer.decode(&tokens), tokenizer.bytes_of(&tokens));
            true
        }),
        Some("tokens") => TokenStore::read(path).is_ok_and(|store| {
            let tokens = store.tokens();
            let _ = (store.verify(), store.document(1), store.document_of(tokens / 2));
            let stream = Stream::new(store.into(), StreamOptions::new(3, 0));
            stream.and_then(|s| s.batch(0, 5)).is_ok()
        }),
        _ => {
            let options = BuildOptions { validation: 0.0, ..BuildOptions::default() };
            corpus::build(&Source::File(path.into()), &options).is_ok()
        }
    }
}

#[test]
fn no_mutated_file_breaks_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    // Not captured: where to look if a reader takes the whole process down.
    let _ = writeln!(std::io::stderr(), "mutated files are written to {}", folder.path().display());
    let seeds = seeds();
    let mut failures = Vec::new();
    let mut readable = std::collections::BTreeMap::new();
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(1, "mutations", index);
        let seed = &seeds[index as usize % seeds.len()];
        let other = &seeds[rng.below(seeds.len())];
        let path = folder.path().join(seed.name);
        // Every other packed file is damaged inside, where no checksum looks.
        let bytes = match &seed.inner {
            Some((inner, pack)) if rng.below(2) == 0 => pack(&mutate(inner, &other.bytes, &mut rng)),
            _ => mutate(&seed.bytes, &other.bytes, &mut rng),
        };
        std::fs::write(&path, bytes).unwrap();
        let timed = || {
            let started = Instant::now();
            catch_unwind(AssertUnwindSafe(|| read(&path))).map(|ok| (ok, started.elapsed()))
        };
        match timed() {
            Err(_) => failures.push(format!("mutation {index} of {}: panic", seed.name)),
            // The machine may be busy: the best of three.
            Ok((_, time)) if time > SLOWEST && (0..2).all(|_| timed().is_ok_and(|(_, t)| t > SLOWEST)) => {
                failures.push(format!("mutation {index} of {}: {time:?}", seed.name));
            }
            Ok((ok, _)) => *readable.entry(seed.name).or_insert(0) += u32::from(ok),
        }
        if peak_rss().is_some_and(|bytes| bytes > MOST_MEMORY) {
            failures.push(format!("mutation {index} of {}: {} MiB", seed.name, peak_rss().unwrap_or(0) >> 20));
            break;
        }
    }
    eprintln!("readable of 1000 each: {readable:?}, peak {} MiB", peak_rss().unwrap_or(0) >> 20);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    // Mutations that are all rejected at the first byte would test nothing.
    assert!(readable.values().all(|&n| n > 0), "{readable:?}");
}

#[test]
fn hand_made_hostile_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        assert!(!read(&path), "{name}");
    };
    refuse("bomb.jsonl.gz", &gzip(&vec![b' '; 300 << 20]));
    refuse("bomb.txt.zst", &zstd::encode_all(&vec![b'a'; 300 << 20][..], 3).unwrap());
    refuse("deep.jsonl", format!("{{\"messages\":{}", "[".repeat(1 << 20)).as_bytes());
    refuse("latin1.txt", b"caf\xe9");
    refuse("empty.jsonl", b"");
    refuse("short.parquet", b"PAR1PAR1");
    refuse("length.parquet", b"PAR1\x15\x04\xff\xff\xff\x7fPAR1");
    let mut offsets = vec![0u8; 512];
    offsets[..8].copy_from_slice(b"KLBRTOK\n");
    offsets[8..12].copy_from_slice(&1u32.to_le_bytes());
    offsets[12..16].copy_from_slice(&2u32.to_le_bytes());
    offsets[16..20].copy_from_slice(&257u32.to_le_bytes());
    offsets[24..40].fill(0xff);
    refuse("overflow.tokens", &offsets);
    let model = "\"model\":{\"type\":\"BPE\",\"vocab\":{\"</s>\":0,\"a\":1},\"merges\":[]}";
    let split = |regex: &str| {
        let split = format!(
            "{{\"type\":\"Split\",\"pattern\":{{\"Regex\":\"{regex}\"}},\"behavior\":\"Isolated\",\"invert\":false}}"
        );
        format!("{{\"version\":\"1.0\",\"added_tokens\":[],\"pre_tokenizer\":{split},{model}}}")
    };
    refuse("regex.json", split("(((a{1000}){1000}){1000})").as_bytes());
    refuse("parentheses.json", split(&"(".repeat(1 << 20)).as_bytes());
    refuse("nested.json", split(&format!("{}a{}", "(".repeat(1 << 18), ")".repeat(1 << 18))).as_bytes());
    let mut long_name = tar::Header::new_gnu();
    long_name.set_entry_type(tar::EntryType::GNULongName);
    long_name.set_size(u64::from(u32::MAX));
    long_name.set_cksum();
    refuse("name.tar", long_name.as_bytes());
    assert!(peak_rss().is_none_or(|bytes| bytes < MOST_MEMORY), "{:?}", peak_rss());
}
