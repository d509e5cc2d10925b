//! The whole path from a task to batches, checked against the known entropy of the text: a model that counts pairs
//! must come down to it and not below.
#![allow(missing_docs)]

use kleiber_data::tasks::{Bigram, BigramText, Fold, Task};
use kleiber_data::{Document, Stream, StreamOptions, TokenStore, Tokenizer};
use std::collections::HashMap;

#[test]
fn counting_pairs_of_a_stream_reaches_the_entropy_rate() {
    let task = BigramText::new(Bigram { length: 400_000, ..Bigram::default() }).unwrap();
    let truth = task.entropy().unwrap();
    let stream = |fold| {
        let text = task.sample(1, fold, 0).unwrap().answer;
        let store = TokenStore::in_memory(&Tokenizer::Bytes, &[Document::new(text, "bigram", "one")]).unwrap();
        Stream::new(store.into(), StreamOptions::new(64, 7)).unwrap()
    };
    let (train, test) = (stream(Fold::Train), stream(Fold::Test));
    let mut counts: HashMap<(u32, u32), f64> = HashMap::new();
    let batch = train.batch(0, train.epoch_len(0) as usize).unwrap();
    batch.inputs.iter().zip(&batch.targets).for_each(|(&a, &b)| *counts.entry((a, b)).or_default() += 1.0);
    let mut rows: HashMap<u32, f64> = HashMap::new();
    counts.iter().for_each(|((a, _), n)| *rows.entry(*a).or_default() += n);
    let batch = test.batch(0, test.epoch_len(0) as usize).unwrap();
    // One is added to each count of 17, for pairs that were never seen.
    let loss = |(a, b): (&u32, &u32)| {
        let pair = counts.get(&(*a, *b)).copied().unwrap_or(0.0);
        -((pair + 1.0) / (rows.get(a).copied().unwrap_or(0.0) + 17.0)).ln()
    };
    let mean = batch.inputs.iter().zip(&batch.targets).map(loss).sum::<f64>() / batch.inputs.len() as f64;
    // Standard error of the mean over 400,000 letters is about 0.002.
    assert!((mean - truth.rate).abs() < 0.01, "{mean} against {truth:?}");
}
