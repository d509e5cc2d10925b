//! How much each group may contribute: an equal ceiling, as high as the cap per group and the limit in all allow.

use super::{BuildOptions, Raw};
use crate::hash::keyed;
use crate::{DataError, Document};

/// Pieces shorter than this are not worth cutting a document for.
const MIN_CUT: u64 = 1024;

/// Keeps documents of each group, in an order drawn by the seed, until its ceiling; the document that crosses it is
/// cut at a line end. Documents are sorted by group, and stay so.
pub(super) fn keep(documents: Vec<Raw>, options: &BuildOptions) -> Result<Vec<Document>, DataError> {
    let sizes: Vec<u64> =
        documents.chunk_by(|a, b| a.document.group == b.document.group).map(|g| g.iter().map(size).sum()).collect();
    let ceiling = ceiling(&sizes, options)?;
    let mut kept = Vec::with_capacity(documents.len());
    let mut documents = documents.into_iter();
    for (size_of_group, count) in sizes.iter().zip(counts(&documents.as_slice())) {
        let group: Vec<Raw> = documents.by_ref().take(count).collect();
        if *size_of_group <= ceiling {
            kept.extend(group.into_iter().map(|raw| raw.document));
            continue;
        }
        let mut order: Vec<usize> = (0..group.len()).collect();
        order.sort_by_key(|&i| (keyed(options.seed, group[i].name.as_bytes()), i));
        let mut room = ceiling;
        let mut take = vec![0u64; group.len()];
        for index in order {
            take[index] = size(&group[index]).min(room);
            room -= take[index];
        }
        for (mut raw, length) in group.into_iter().zip(take) {
            if length < size(&raw) {
                if length < MIN_CUT.min(ceiling) {
                    continue;
                }
                cut(&mut raw.document.text, length as usize);
            }
            if !raw.document.text.is_empty() {
                kept.push(raw.document);
            }
        }
    }
    Ok(kept)
}

fn size(raw: &Raw) -> u64 {
    raw.document.text.len() as u64
}

fn counts(documents: &&[Raw]) -> Vec<usize> {
    documents.chunk_by(|a, b| a.document.group == b.document.group).map(<[Raw]>::len).collect()
}

/// Cuts behind the last line that ends within `length` bytes, or within a line if it is the first.
fn cut(text: &mut String, length: usize) {
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let end = text[..end].rfind('\n').map_or(end, |line| line + 1);
    text.truncate(end);
}

/// The largest c with c <= cap * sum(min(size, c)) and sum(min(size, c)) <= max_bytes.
fn ceiling(sizes: &[u64], options: &BuildOptions) -> Result<u64, DataError> {
    let total: u64 = sizes.iter().sum();
    let largest = sizes.iter().copied().max().unwrap_or(0);
    let fits = |c: u64| {
        let sum: u64 = sizes.iter().map(|&s| s.min(c)).sum();
        sum <= options.max_bytes && (options.group_cap >= 1.0 || c as f64 <= options.group_cap * sum as f64)
    };
    if largest == 0 || (total <= options.max_bytes && fits(largest)) {
        return Ok(largest);
    }
    let needed = (1.0 / options.group_cap).ceil() as usize;
    if options.group_cap < 1.0 && sizes.len() < needed {
        let what = format!("a cap of {}% per group", options.group_cap * 100.0);
        return Err(DataError::TooFewGroups { found: sizes.len(), needed, what });
    }
    // Both conditions hold for small c and, once broken, stay so.
    let (mut low, mut high) = (0, largest);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if fits(middle) { low = middle } else { high = middle }
    }
    Ok(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raws(groups: &[&[usize]]) -> Vec<Raw> {
        let line = |n: usize| "x".repeat(99) + "\n" + &"y".repeat(n.saturating_sub(100));
        let mut all = Vec::new();
        for (g, sizes) in groups.iter().enumerate() {
            for (d, &n) in sizes.iter().enumerate() {
                let mut text = line(n);
                text.truncate(n);
                let document = Document::new(text, "docs", format!("{g:03}"));
                all.push(Raw { document, name: format!("{g}/{d}") });
            }
        }
        all
    }

    #[test]
    fn no_group_exceeds_its_share() {
        let mut groups: Vec<&[usize]> = vec![&[3000; 20]; 10];
        groups.extend([&[500][..]; 60]);
        let options = BuildOptions { group_cap: 0.02, ..BuildOptions::default() };
        let kept = keep(raws(&groups), &options).unwrap();
        let total: usize = kept.iter().map(|d| d.text.len()).sum();
        for group in kept.chunk_by(|a, b| a.group == b.group) {
            let size: usize = group.iter().map(|d| d.text.len()).sum();
            assert!(size as f64 <= 0.021 * total as f64, "{size} of {total}");
        }
        assert_eq!(kept.iter().filter(|d| d.text.len() == 500).count(), 60);
    }

    #[test]
    fn limits_cut_at_lines_and_few_groups_are_refused() {
        let options = BuildOptions { max_bytes: 2050, ..BuildOptions::default() };
        let kept = keep(raws(&[&[5000], &[50]]), &options).unwrap();
        assert_eq!(kept.iter().map(|d| d.text.len()).collect::<Vec<_>>(), [100, 50]);
        let options = BuildOptions { group_cap: 0.1, ..BuildOptions::default() };
        let error = keep(raws(&[&[5000], &[50]]), &options).unwrap_err().to_string();
        assert_eq!(error, "2 document groups, but a cap of 10% per group needs at least 10");
        assert!(keep(Vec::new(), &options).unwrap().is_empty());
    }
}
