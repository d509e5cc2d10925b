//! Training and validation by group.

use super::{BuildOptions, Split};
use crate::hash::{keyed, mix};
use crate::{DataError, Document};
use std::collections::BTreeMap;

/// Groups whose keyed hash lies below the fraction validate, whatever other groups there are; when that leaves a side
/// without any, the group nearest to the border moves. Returns both sides and the number of groups.
pub(super) fn by_group(documents: Vec<Document>, options: &BuildOptions) -> Result<(Split, Split, u64), DataError> {
    // A key of its own, so that the choice of documents and the choice of groups are unrelated.
    let key = mix(options.seed ^ 0x5B17);
    let place = |group: &str| keyed(key, group.as_bytes()) as f64 * 2f64.powi(-64);
    let mut groups: BTreeMap<&str, f64> = BTreeMap::new();
    for document in &documents {
        groups.entry(&document.group).or_insert_with(|| place(&document.group));
    }
    let count = groups.len();
    if options.validation == 0.0 {
        return Ok((Split::new(documents), Split::new(Vec::new()), count as u64));
    }
    if count < 2 {
        let what = format!("a validation fraction of {}", options.validation);
        return Err(DataError::TooFewGroups { found: count, needed: 2, what });
    }
    let mut places: Vec<f64> = groups.values().copied().collect();
    places.sort_by(f64::total_cmp);
    let below = places.partition_point(|&p| p < options.validation).clamp(1, count - 1);
    let border = places[below - 1];
    let (validation, train) = documents.into_iter().partition(|d| place(&d.group) <= border);
    Ok((Split::new(train), Split::new(validation), count as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_stay_together_and_the_fraction_holds() {
        let documents: Vec<Document> =
            (0..2000).map(|i| Document::new(format!("text {i}"), "docs", format!("group {}", i / 2))).collect();
        let (train, validation, groups) = by_group(documents.clone(), &BuildOptions::default()).unwrap();
        assert_eq!((groups, train.documents.len() + validation.documents.len()), (1000, 2000));
        assert!((160..240).contains(&validation.documents.len()), "{}", validation.documents.len());
        assert!(validation.documents.iter().all(|v| train.documents.iter().all(|t| t.group != v.group)));
        // A group stays on its side when others come or go.
        let (_, fewer, _) = by_group(documents[..1000].to_vec(), &BuildOptions::default()).unwrap();
        let groups: std::collections::HashSet<_> = validation.documents.iter().map(|d| &d.group).collect();
        assert!(fewer.documents.iter().all(|d| groups.contains(&d.group)));
    }

    #[test]
    fn both_sides_have_a_group() {
        let two = [Document::new("a", "docs", "a"), Document::new("b", "docs", "b")];
        for seed in 0..20 {
            let options = BuildOptions { seed, ..BuildOptions::default() };
            let (train, validation, _) = by_group(two.to_vec(), &options).unwrap();
            assert_eq!((train.documents.len(), validation.documents.len()), (1, 1));
        }
        let error = by_group(two[..1].to_vec(), &BuildOptions::default()).unwrap_err().to_string();
        assert_eq!(error, "1 document groups, but a validation fraction of 0.1 needs at least 2");
    }
}
