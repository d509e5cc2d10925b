//! Properties of tokenizers, stores and streams over arbitrary texts and shapes.
#![allow(missing_docs)]

use kleiber_data::{
    Document, IGNORE, Layout, Part, Permutation, Stream, StreamOptions, TokenStore, Tokenizer, corpus::BuildOptions,
    corpus::Source, corpus::build,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

fn bpe() -> &'static Tokenizer {
    static BPE: OnceLock<Tokenizer> = OnceLock::new();
    let texts = ["the theory of the thing is that the thing thinks", "fn main() { let x = 1; let y = x + 1; }"];
    BPE.get_or_init(|| Tokenizer::train_bpe(texts.iter(), 265).unwrap())
}

fn store(lengths: &[usize]) -> Arc<TokenStore> {
    let document = |(i, &n): (usize, &usize)| Document::new(format!("{:x}", i % 16).repeat(n), "docs", "g");
    let documents: Vec<Document> = lengths.iter().enumerate().map(document).collect();
    Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap())
}

/// Pairs of token and following token that count, with how often they come.
fn pairs(stream: &Stream, count: u64) -> BTreeMap<(u32, u32), u32> {
    let mut pairs = BTreeMap::new();
    for n in 0..count {
        let sequence = stream.sequence(n).unwrap();
        for (&input, &target) in sequence.inputs.iter().zip(&sequence.targets).filter(|(_, t)| **t != IGNORE) {
            *pairs.entry((input, target)).or_default() += 1;
        }
    }
    pairs
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn every_text_comes_back(text in "(\\PC|[\\n\\t\\r\\x00 ]|the |<\\|endoftext\\|>){0,60}") {
        for tokenizer in [&Tokenizer::Bytes, bpe()] {
            let tokens = tokenizer.encode(&text).unwrap();
            prop_assert_eq!(&tokenizer.decode(&tokens), &text);
            prop_assert_eq!(tokenizer.bytes_of(&tokens), text.len() as u64);
            prop_assert!(!tokens.contains(&tokenizer.end_of_text()));
        }
    }

    #[test]
    fn permutations_are_bijections(n in 1u64..3000, seed: u64, step: u32) {
        let order = Permutation::new(n, seed, "property", step);
        let mut items: Vec<u64> = (0..n).map(|i| order.apply(i)).collect();
        items.sort_unstable();
        prop_assert!(items.into_iter().eq(0..n));
    }

    #[test]
    fn an_epoch_holds_every_pair_once_in_both_layouts(
        lengths in prop::collection::vec(0usize..60, 1..12),
        context in 1usize..40,
        seed: u64,
    ) {
        let store = store(&lengths);
        let mut expected = BTreeMap::new();
        let mut tokens = Vec::new();
        store.copy_tokens(0, u64::MAX, &mut tokens).unwrap();
        for (i, &token) in tokens.iter().enumerate() {
            *expected.entry((token, tokens.get(i + 1).copied().unwrap_or(256))).or_default() += 1;
        }
        let packed = StreamOptions { layout: Layout::Packed, document_mask: true, ..StreamOptions::new(context, seed) };
        let stream = Stream::new(store.clone(), packed).unwrap();
        prop_assert_eq!(&pairs(&stream, stream.epoch_len(0)), &expected);
        prop_assert!(stream.utilisation() > 0.0 && stream.utilisation() <= 1.0);
        if tokens.len() >= context {
            let stream = Stream::new(store, StreamOptions::new(context, seed)).unwrap();
            let all: u32 = pairs(&stream, stream.epoch_len(0)).values().sum();
            prop_assert_eq!(all as usize, tokens.len() / context * context);
        }
    }

    #[test]
    fn starts_never_reach_into_another_document(
        lengths in prop::collection::vec(0usize..40, 1..10),
        context in 1usize..30,
        packed: bool,
    ) {
        let layout = if packed { Layout::Packed } else { Layout::Chunks };
        let options = StreamOptions { layout, document_mask: true, ..StreamOptions::new(context, 1) };
        let Ok(stream) = Stream::new(store(&lengths), options) else { return Ok(()) };
        for n in 0..stream.epoch_len(0) {
            let sequence = stream.sequence(n).unwrap();
            for position in 0..context {
                let start = sequence.starts[position] as usize;
                prop_assert!(start <= position);
                // An end-of-text begins its own document; behind it, nothing reaches before it.
                prop_assert!(sequence.inputs[start + 1..=position].iter().all(|&t| t != 256));
                if sequence.inputs[position] == 256 {
                    prop_assert_eq!(start, position);
                }
            }
        }
    }

    #[test]
    fn mixtures_stay_within_one_sequence_and_respect_caps(
        parts in prop::collection::vec((0.01f64..10.0, prop::option::of(0.2f64..3.0)), 1..6),
        seed: u64,
    ) {
        let store = store(&[100]);
        let parts: Vec<Part> = parts
            .into_iter()
            .map(|(weight, max_epochs)| Part { max_epochs, ..Part::new(store.clone(), weight) })
            .collect();
        let stream = Stream::mixture(parts.clone(), StreamOptions::new(10, seed)).unwrap();
        let mut counts = vec![0u64; parts.len()];
        let length = stream.len().unwrap_or(300).min(300);
        for n in 0..length {
            let place = stream.place(n).unwrap();
            prop_assert_eq!(place.epoch, counts[place.part] / 10);
            counts[place.part] += 1;
        }
        for (part, &count) in parts.iter().zip(&counts) {
            prop_assert!(part.max_epochs.is_none_or(|e| count as f64 <= (e * 10.0).max(1.0)));
        }
        if let Some(end) = stream.len() {
            prop_assert!(stream.place(end).is_err());
        }
    }

    #[test]
    fn no_group_is_on_both_sides_and_nothing_is_lost(
        lines in prop::collection::vec(("[a-z]{1,12}", 0u8..12), 2..60),
        validation in 0.01f64..0.5,
        seed: u64,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.jsonl");
        let line = |(text, group): &(String, u8)| format!("{{\"text\":\"{text}\",\"group\":\"g{group}\"}}\n");
        std::fs::write(&path, lines.iter().map(line).collect::<String>()).unwrap();
        let groups: std::collections::BTreeSet<u8> = lines.iter().map(|l| l.1).collect();
        prop_assume!(groups.len() > 1);
        let options = BuildOptions { exact_dedup: false, validation, seed, ..BuildOptions::default() };
        let corpus = build(&Source::File(path), &options).unwrap();
        let of = |documents: &[Document]| documents.iter().map(|d| d.group.to_string()).collect::<Vec<_>>();
        let (train, held) = (of(&corpus.train.documents), of(&corpus.validation.documents));
        prop_assert_eq!(train.len() + held.len(), lines.len());
        prop_assert!(!train.is_empty() && !held.is_empty() && held.iter().all(|g| !train.contains(g)));
    }
}
