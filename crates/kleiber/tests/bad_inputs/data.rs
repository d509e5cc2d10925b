//! Hostile and mistaken inputs of `kleiber data`.

use crate::case::{Case, case};

/// A document per line, enough for both sides.
fn texts() -> String {
    (0..30).map(|i| format!("{{\"text\":\"text {i}\"}}\n")).collect()
}

pub(crate) fn cases() -> Vec<Case> {
    let build =
        |name: &str, file: &str, bytes: Vec<u8>| case(name, &["data", "build", "--source", file]).file(file, bytes);
    let with = |name: &str, options: &[&str]| {
        case(name, &["data", "build", "--source", "t.jsonl"]).file("t.jsonl", texts()).with(options)
    };
    let tokenize = |name: &str, options: &[&str]| {
        case(name, &["data", "tokenize", "--source", "t.jsonl"]).file("t.jsonl", texts()).with(options)
    };
    let synth = |name: &str, options: &[&str]| case(name, &["data", "synth"]).with(options);
    let mut tar = tar_header("../../outside.rs", 3);
    tar.extend_from_slice(b"x\n\n");
    tar.resize(3 * 512, 0);
    vec![
        build("a source that works", "t.jsonl", texts().into_bytes()).works(),
        case("no such source", &["data", "build", "--source", "nowhere"])
            .fails("there is no such file or folder", "give cargo"),
        build("an unknown ending", "t.xyz", b"text".to_vec()).fails("unknown corpus format `xyz`", "use a folder"),
        build("an empty file", "t.jsonl", Vec::new()).fails("no documents", "column `text`"),
        build("cut off in a line", "t.jsonl", b"{\"text\": \"a\"}\n{\"text\": \"b".to_vec())
            .fails("line 2", "each line is one JSON object"),
        build("no text field", "t.jsonl", b"{\"body\": \"a\"}\n".to_vec())
            .fails("line 1", "each line is one JSON object"),
        build("no Parquet", "t.parquet", b"PAR1 not really".to_vec()).fails("t.parquet", "damaged"),
        build("no gzip", "t.jsonl.gz", b"{\"text\": 1}".to_vec()).fails("t.jsonl.gz", "damaged"),
        build("a member that leaves its archive", "t.tar", tar).fails("leaves its folder", "do not use this archive"),
        build("one group only", "t.jsonl", b"{\"text\": \"a\"}\n".to_vec())
            .fails("1 document groups, but a validation fraction", "give more files"),
        with("too much validation", &["--validation", "0.9"]).fails("validation is 0.9", "0 to 0.5"),
        with("no bytes", &["--max-bytes", "0"]).fails("--max-bytes", "positive quantity"),
        with("a domain that is not there", &["--domains", "poems"]).fails("no documents", "column `text`"),
        with("a cap of nothing", &["--group-cap", "0"]).fails("group_cap is 0", "above 0"),
        with("a registry for a file", &["--registry", "."]).fails("belong to the source cargo", "leave them out"),
        case("no archives", &["data", "build", "--registry", "."])
            .fails("package archives are missing", "cargo fetch --locked"),
        case("a damaged archive", &["data", "build", "--registry", ".", "--allow-missing"])
            .file("serde-1.0.0.crate", b"x".to_vec())
            .fails("package archives are missing", "cargo fetch --locked"),
        tokenize("no validation", &["--validation", "0"]).fails("validation is 0", "losses are measured on it"),
        tokenize("a vocabulary without text", &["--vocab", "50000"]).fails("hold pairs for only", "smaller vocabulary"),
        tokenize("a vocabulary below the bytes", &["--vocab", "17"]).fails("vocab is 17", "257 to"),
        tokenize("a tokenizer that is not there", &["--tokenizer", "no.json"]).fails("no.json", "check that the path"),
        tokenize("a vocabulary that is no number", &["--tokenizer", "bpe:many"]).fails("bpe:many", "bpe:VOCAB"),
        tokenize("a tokenizer of another kind", &["--tokenizer", "u.json"])
            .file("u.json", r#"{"model":{"type":"Unigram","vocab":[["a",0.0]]}}"#)
            .fails("only BPE is read", "use a BPE tokenizer.json"),
        case("inspect nothing", &["data", "inspect", "nowhere"]).fails("nowhere", "check that the path"),
        case("inspect a folder of something", &["data", "inspect", "."])
            .fails("neither a corpus", "kleiber data build"),
        case("inspect a table", &["data", "inspect", "runs.csv"]).fails("another magic number", "damaged"),
        case("mix without a weight", &["data", "mix", "a.tokens", "--tokens", "1M"]).fails("STORE=WEIGHT", "a.tokens"),
        case("mix a table", &["data", "mix", "runs.csv=1", "--tokens", "1M"]).fails("another magic number", "damaged"),
        case("pack a folder", &["data", "pack", "."]).fails("no prepared corpus", "kleiber data tokenize"),
        synth("an unknown task", &["poems"]).fails("no task `poems`", "choose one"),
        synth("an unknown parameter", &["addition", "--set", "digit=3"])
            .fails("unknown field `digit`", "expected one of"),
        synth("a parameter out of range", &["addition", "--set", "digits=99"]).fails("digits is 99", "1 to 37"),
        synth("a parameter without a value", &["addition", "--set", "digits"])
            .fails("is not KEY=VALUE", "--set digits=3"),
        synth("a parameter twice", &["addition", "--set", "pad=3", "--set", "pad=4"]).fails("is set twice", "--set"),
        synth("no documents", &["addition", "--count", "0"]).fails("--count", "0"),
        synth("no task", &[]).fails("required", "<NAME>"),
        synth("an ending that is not read back", &["addition", "--out", "sums.txt"]).fails("JSON Lines", "sums.jsonl"),
    ]
}

/// The header of a tar member, as an archive of one file begins.
fn tar_header(name: &str, size: usize) -> Vec<u8> {
    let mut header = vec![0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(124, &format!("{size:011o}\0"));
    put(148, "        ");
    put(156, "0");
    let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
