//! What reading a large tokenizer costs, measured in a process of its own.
#![allow(missing_docs)]

#[path = "../../core/tests/common/mutate.rs"]
mod mutate;

use kleiber_data::Tokenizer;
use mutate::peak_rss;

#[test]
fn a_tokenizer_costs_less_than_64_times_its_text() {
    // Short entries are the worst case: every one costs a string, two table entries and a list of bytes.
    let letters: Vec<char> = (0x4e00..0x4e00 + 1000).filter_map(char::from_u32).collect();
    let token = |i: usize| format!("{}{}", letters[i / 1000], letters[i % 1000]);
    let singles = letters.iter().enumerate().map(|(i, l)| format!("\"{l}\":{}", i + 1));
    let pairs = (0..300_000).map(|i| format!("\"{}\":{}", token(i), i + 1001));
    let merges = (0..300_000).map(|i| format!("\"{} {}\"", letters[i / 1000], letters[i % 1000]));
    let vocab: Vec<String> = singles.chain(pairs).collect();
    let json = format!(
        "{{\"version\":\"1.0\",\"added_tokens\":[],\"model\":{{\"type\":\"BPE\",\"vocab\":{{\"</s>\":0,{}}},\"merges\":[{}]}}}}",
        vocab.join(","),
        merges.collect::<Vec<_>>().join(",")
    );
    let Some(before) = peak_rss() else { return };
    let tokenizer = Tokenizer::from_json("large.json", json.as_bytes()).unwrap();
    assert_eq!(tokenizer.vocab(), 301_001);
    let used = peak_rss().unwrap_or(0).saturating_sub(before);
    eprintln!("{} bytes of text, {used} bytes of memory, {:.1} times", json.len(), used as f64 / json.len() as f64);
    assert!(used < 64 * json.len() as u64 + (64 << 20));
}
