//! The default corpus. Whoever can build these tests has its archives.
#![allow(missing_docs)]

use kleiber_data::corpus::{BuildOptions, Source, build};
use kleiber_data::{TokenStore, Tokenizer};

#[test]
fn the_default_corpus_is_the_same_twice_and_no_crate_dominates() {
    let options = BuildOptions { max_bytes: 16 << 20, ..BuildOptions::cargo() };
    let started = std::time::Instant::now();
    let corpus = build(&Source::cargo(), &options).unwrap();
    eprintln!("{:?}: {:#?}", started.elapsed(), corpus.summary);
    let again = build(&Source::cargo(), &options).unwrap().summary;
    assert_eq!(again, corpus.summary);
    assert_eq!((again.hash.len(), again.missing.len()), (64, 0));
    assert_eq!(
        corpus.train.of_domain("rust").bytes() + corpus.validation.of_domain("rust").bytes(),
        corpus.summary.domains["rust"]
    );
    let bytes = corpus.train.bytes() + corpus.validation.bytes();
    assert!((14 << 20..=16 << 20).contains(&bytes), "{bytes}");
    let documents = corpus.train.documents.iter().chain(&corpus.validation.documents);
    let mut groups = std::collections::BTreeMap::new();
    documents.for_each(|d| *groups.entry(d.group.clone()).or_insert(0) += d.text.len());
    let (largest, size) = groups.iter().max_by_key(|(_, size)| **size).unwrap();
    assert!(*size as f64 <= 0.021 * bytes as f64, "{largest} has {size} of {bytes}");
    assert!(corpus.summary.domains.contains_key("rust") && corpus.summary.domains.contains_key("docs"));
}

#[test]
fn the_default_corpus_is_tokenized_without_loss() {
    let options = BuildOptions { max_bytes: 4 << 20, ..BuildOptions::cargo() };
    let corpus = build(&Source::cargo(), &options).unwrap();
    let started = std::time::Instant::now();
    let tokenizer = Tokenizer::train_bpe(corpus.train.documents.iter().map(|d| d.text.as_str()), 2048).unwrap();
    let trained = started.elapsed();
    let store = TokenStore::in_memory(&tokenizer, &corpus.train.documents).unwrap();
    eprintln!("tokenizer {}, trained in {trained:?}, tokenized in {:?}", tokenizer.hash(), started.elapsed() - trained);
    store.verify().unwrap();
    let bytes_per_token = store.text_bytes() as f64 / store.tokens() as f64;
    assert!((2.5..4.5).contains(&bytes_per_token), "{bytes_per_token}");
    for (index, document) in corpus.train.documents.iter().enumerate() {
        let tokens = store.document(index as u64).unwrap();
        assert_eq!(tokenizer.decode(&tokens), document.text);
        assert_eq!(tokenizer.bytes_of(&tokens), document.text.len() as u64);
    }
}
