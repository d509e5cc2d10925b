//! Documents that resemble each other: MinHash signatures over 5-word shingles, by one-permutation hashing with
//! optimal densification (Shrivastava 2017), looked up in bands.

use super::{Raw, each};
use crate::hash::{keyed, mix};
use std::collections::HashMap;

/// Values of a signature, and the bands it is looked up by: pairs of similarity 0.8 meet in some band with
/// probability 1 - (1 - 0.8^8)^16 = 0.95, pairs of similarity 0.5 with 0.06.
const VALUES: usize = 128;
const ROWS: usize = 8;
/// Words in a shingle. Shorter documents are compared for equality only.
const SHINGLE: usize = 5;
const MIN_WORDS: usize = 20;
/// Documents of one bucket that a document is compared with.
const MAX_COMPARED: usize = 64;

type Signature = [u32; VALUES];

/// Drops documents that resemble an earlier kept one at least `threshold` much; returns how many.
pub(super) fn near(documents: &mut Vec<Raw>, threshold: f64) -> u64 {
    let signatures: Vec<Option<Box<Signature>>> = each(documents, |d| signature(&d.document.text).map(Box::new));
    let mut buckets: HashMap<(usize, u64), Vec<u32>> = HashMap::new();
    let mut kept = vec![true; documents.len()];
    for (index, signature) in signatures.iter().enumerate() {
        let Some(signature) = signature else { continue };
        let keys: Vec<(usize, u64)> = signature.chunks(ROWS).map(band).enumerate().collect();
        let resembles = |&other: &u32| {
            signatures[other as usize].as_ref().is_some_and(|other| similarity(signature, other) >= threshold)
        };
        let candidates = keys.iter().filter_map(|key| buckets.get(key));
        if candidates.flat_map(|bucket| bucket.iter().take(MAX_COMPARED)).any(resembles) {
            kept[index] = false;
        } else {
            keys.into_iter().for_each(|key| buckets.entry(key).or_default().push(index as u32));
        }
    }
    let before = documents.len();
    let mut kept = kept.iter();
    documents.retain(|_| kept.next() == Some(&true));
    (before - documents.len()) as u64
}

/// Share of equal values: an unbiased estimate of the Jaccard similarity, standard error at most 0.045.
fn similarity(a: &Signature, b: &Signature) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / VALUES as f64
}

fn band(values: &[u32]) -> u64 {
    values.iter().fold(0, |h, &v| mix(h.wrapping_mul(31) ^ u64::from(v)))
}

/// The smallest hash in each of 128 bins; `None` for texts of few words.
fn signature(text: &str) -> Option<Signature> {
    let words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty());
    let mut window = [0u64; SHINGLE];
    let mut bins = [None::<u32>; VALUES];
    let mut count = 0;
    for word in words {
        window[count % SHINGLE] = keyed(0, word.as_bytes());
        count += 1;
        if count >= SHINGLE {
            let shingle = (count..count + SHINGLE).fold(0u64, |h, i| mix(h.wrapping_mul(31) ^ window[i % SHINGLE]));
            let bin = &mut bins[(shingle >> 57) as usize];
            let value = shingle as u32;
            *bin = Some(bin.map_or(value, |old| old.min(value)));
        }
    }
    if count < MIN_WORDS {
        return None;
    }
    // An empty bin borrows from another one, chosen by its own number alone.
    Some(std::array::from_fn(|index| {
        let mut at = index;
        let mut attempt = 0u64;
        loop {
            if let Some(value) = bins[at] {
                return value;
            }
            attempt += 1;
            at = (mix((index as u64) << 32 ^ attempt) >> 57) as usize;
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;
    use kleiber_core::rng::Rng;

    fn text(seed: u64, words: usize) -> Vec<String> {
        let mut rng = Rng::new(seed, "words", 0);
        (0..words).map(|_| format!("w{}", rng.below(5000))).collect()
    }

    #[test]
    fn estimates_are_close_to_the_truth() {
        let a = text(1, 2000);
        let mut b = a.clone();
        // Each changed word changes five shingles: 20 changes leave 1900 of 2092 in common.
        for i in 0..20 {
            b[i * 100 + 50] = format!("x{i}");
        }
        let estimate = similarity(&signature(&a.join(" ")).unwrap(), &signature(&b.join(" ")).unwrap());
        assert!((estimate - 0.905).abs() < 0.1, "{estimate}");
        let other = similarity(&signature(&a.join(" ")).unwrap(), &signature(&text(2, 2000).join(" ")).unwrap());
        assert!(other < 0.05, "{other}");
        assert!(signature("too few words").is_none());
    }

    #[test]
    fn near_copies_go_and_the_first_stays() {
        let a = text(3, 500);
        let mut copy = a.clone();
        copy[250] = "changed".into();
        let texts = [a.join(" "), text(4, 500).join(" "), copy.join(" "), "short".into(), "short".into()];
        let raw = |t: &String| Raw { document: Document::new(t.clone(), "docs", "g"), name: String::new() };
        let mut documents: Vec<Raw> = texts.iter().map(raw).collect();
        assert_eq!(near(&mut documents, 0.8), 1);
        let left: Vec<&String> = documents.iter().map(|d| &d.document.text).collect();
        assert_eq!(left, [&texts[0], &texts[1], &texts[3], &texts[4]]);
    }
}
