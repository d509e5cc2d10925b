//! Documents with equal text.

use super::{Raw, each};
use crate::ContentHash;
use std::collections::HashSet;

/// Keeps the first of documents with equal text; returns how many were dropped.
pub(super) fn exact(documents: &mut Vec<Raw>) -> u64 {
    let hashes: Vec<ContentHash> = each(documents, |d| ContentHash::of(d.document.text.as_bytes()));
    let mut seen = HashSet::new();
    let before = documents.len();
    let mut hashes = hashes.iter();
    documents.retain(|_| hashes.next().is_some_and(|hash| seen.insert(hash)));
    (before - documents.len()) as u64
}
