//! Keeping a share of the documents by a score of each, higher for harder ones (Sorscher et al. 2022, arXiv 2206.14486).
//!
//! Scores come from files, from a trained model (`kleiber_train::scores`), or from the text alone ([`prototypes`]).

mod prototypes;

pub use prototypes::{Prototypes, bags, prototypes};

use crate::DataError;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

/// Which documents are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keep {
    /// Those of the lowest scores.
    Easy,
    /// Those of the highest.
    Hard,
    /// Those whose rank is nearest to the middle.
    Middle,
    /// Any.
    Random,
}

impl Keep {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Easy, Self::Hard, Self::Middle, Self::Random];

    /// The word that files have for it.
    pub fn name(self) -> &'static str {
        ["easy", "hard", "middle", "random"][self as usize]
    }
}

/// Indices of the documents to keep, in increasing order, until their sizes make up at least `share` of all: by size and not
/// by count, as documents of one end may be longer. Ties go to the earlier document.
///
/// # Errors
/// [`DataError::Option`] for a share outside 0 to 1, scores that are not finite, and sizes of another count.
pub fn select(scores: &[f64], sizes: &[u64], keep: Keep, share: f64, seed: u64) -> Result<Vec<usize>, DataError> {
    let wrong = |name: &str, found: String, expected: &str| Err(DataError::option(name, found, expected));
    if !(share > 0.0 && share <= 1.0) {
        return wrong("keep", share.to_string(), "a share above 0 and at most 1");
    }
    if scores.len() != sizes.len() {
        return wrong("scores", scores.len().to_string(), &format!("one for each of {} documents", sizes.len()));
    }
    if let Some(i) = scores.iter().position(|s| !s.is_finite()) {
        return wrong("scores", format!("{} for document {i}", scores[i]), "numbers");
    }
    let mut rank: Vec<usize> = (0..scores.len()).collect();
    rank.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]).then(a.cmp(b)));
    match keep {
        Keep::Easy => {}
        Keep::Hard => rank.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b))),
        Keep::Middle => {
            let twice = |place: usize| (2 * place + 1).abs_diff(rank.len());
            let mut places: Vec<usize> = (0..rank.len()).collect();
            places.sort_by_key(|place| (twice(*place), *place));
            rank = places.into_iter().map(|place| rank[place]).collect();
        }
        Keep::Random => {
            let mut rng = Rng::new(seed, "pruning", 0);
            let drawn: Vec<u64> = scores.iter().map(|_| rng.next_u64()).collect();
            rank.sort_by_key(|i| (drawn[*i], *i));
        }
    }
    let wanted = share * sizes.iter().sum::<u64>() as f64;
    let mut taken = 0.0;
    let mut kept: Vec<usize> = rank
        .into_iter()
        .take_while(|i| {
            let more = taken < wanted;
            taken += sizes[*i] as f64;
            more
        })
        .collect();
    kept.sort_unstable();
    Ok(kept)
}

/// How often what was predicted rightly at one checkpoint is wrong at the next (Toneva et al. 2019), for each document the
/// mean over its tokens. `right` holds, for each checkpoint in order, whether each token of all documents in a row is
/// predicted; `sizes` the tokens of each document. The score of a document without tokens is 0.
///
/// # Errors
/// [`DataError::Option`] for fewer than two checkpoints, and for ones of other tokens.
pub fn forgetting(right: &[Vec<bool>], sizes: &[usize]) -> Result<Vec<f64>, DataError> {
    let tokens: usize = sizes.iter().sum();
    if right.len() < 2 || right.iter().any(|r| r.len() != tokens) {
        let found = format!("{:?} tokens", right.iter().map(Vec::len).collect::<Vec<_>>());
        let expected = format!("two checkpoints or more, each of {tokens} tokens");
        return Err(DataError::option("checkpoints", found, expected));
    }
    let mut start = 0;
    let scores = sizes.iter().map(|size| {
        let of = start..start + size;
        start += size;
        let lost = right.windows(2).map(|w| of.clone().filter(|i| w[0][*i] && !w[1][*i]).count()).sum::<usize>();
        lost as f64 / (*size).max(1) as f64
    });
    Ok(scores.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{BuildOptions, Corpus, Source, build};

    const SCORES: [f64; 6] = [3.0, 1.0, 2.0, 6.0, 5.0, 4.0];

    fn kept(keep: Keep, share: f64) -> Vec<usize> {
        select(&SCORES, &[1; 6], keep, share, 0).unwrap()
    }

    #[test]
    fn the_end_that_is_asked_for_is_kept() {
        assert_eq!(kept(Keep::Easy, 0.5), [0, 1, 2]);
        assert_eq!(kept(Keep::Hard, 0.5), [3, 4, 5]);
        // Ranked 1 to 6 the two in the middle are 3 and 4, with 2 before 5.
        assert_eq!((kept(Keep::Middle, 0.33), kept(Keep::Middle, 0.5)), (vec![0, 5], vec![0, 2, 5]));
        for keep in Keep::ALL {
            assert_eq!(kept(keep, 1.0), [0, 1, 2, 3, 4, 5]);
            assert_eq!(serde_json::to_value(keep).unwrap(), keep.name());
        }
        let draws: Vec<_> = (0..40).map(|seed| select(&SCORES, &[1; 6], Keep::Random, 0.5, seed).unwrap()).collect();
        assert!(draws.iter().all(|d| d.len() == 3));
        let often = |i: usize| draws.iter().filter(|d| d.contains(&i)).count();
        // Each is expected 20 times with standard deviation 3.2.
        assert!((0..6).all(|i| (9..=31).contains(&often(i))));
    }

    #[test]
    fn sizes_count_and_not_documents() {
        // The hardest document is half of the text.
        assert_eq!(select(&SCORES, &[1, 1, 1, 5, 1, 1], Keep::Hard, 0.5, 0).unwrap(), [3]);
        assert_eq!(select(&SCORES, &[1, 1, 1, 5, 1, 1], Keep::Easy, 0.5, 0).unwrap(), [0, 1, 2, 4, 5]);
        assert_eq!(select(&[1.0; 4], &[1; 4], Keep::Hard, 0.5, 0).unwrap(), [0, 1]);
    }

    #[test]
    fn a_corpus_keeps_what_is_held_out() {
        let (folder, documents) = (tempfile::tempdir().unwrap(), 0..60);
        let lines: String =
            documents.map(|i| format!("{{\"text\":\"text {i}\",\"group\":\"g{}\"}}\n", i / 3)).collect();
        let source = folder.path().join("a.jsonl");
        std::fs::write(&source, lines).unwrap();
        let options = BuildOptions { near_dedup: 1.0, ..BuildOptions::default() };
        let whole = build(&Source::File(source), &options).unwrap();
        let pruned = whole.pruned(&[0, 4]).unwrap();
        assert_eq!(pruned.validation, whole.validation);
        assert_eq!(pruned.train.documents, [whole.train.documents[0].clone(), whole.train.documents[4].clone()]);
        assert_eq!(pruned.summary.pruned, whole.train.documents.len() as u64 - 2);
        pruned.save(&folder.path().join("saved")).unwrap();
        assert_eq!(Corpus::load(&folder.path().join("saved")).unwrap(), pruned);
        assert!(whole.pruned(&[]).is_err() && whole.pruned(&[60]).is_err());
    }

    #[test]
    fn nonsense_is_refused() {
        let refused = |scores: &[f64], sizes: &[u64], share| select(scores, sizes, Keep::Hard, share, 0).is_err();
        assert!(refused(&[1.0], &[1], 0.0) && refused(&[1.0], &[1], 1.5) && refused(&[1.0], &[1], f64::NAN));
        assert!(refused(&[f64::NAN], &[1], 0.5) && refused(&[1.0], &[1, 2], 0.5));
        assert!(select(&[], &[], Keep::Hard, 0.5, 0).unwrap().is_empty());
    }

    #[test]
    fn forgetting_counts_what_turns_wrong() {
        let right = [vec![true, true, false, true], vec![false, true, true, true], vec![true, false, false, true]];
        // Of the first document two tokens turn wrong once each, of the second one of two; the last is empty.
        assert_eq!(forgetting(&right, &[2, 2, 0]).unwrap(), [1.0, 0.5, 0.0]);
        assert!(forgetting(&right[..1], &[2, 2]).is_err() && forgetting(&right, &[2, 3]).is_err());
    }
}
