//! The smallest set of assertions that notices as many mutants as all.

use crate::assertion::Assertion;

/// Indices of the kept ones, in the order in which they were taken: each time the one that notices most of what is not
/// noticed yet, of equals the one that cannot be wrong by chance, then the earlier one; at last those are dropped
/// that the others made superfluous.
pub(super) fn smallest(assertions: &[Assertion], broken: &[Vec<bool>]) -> Vec<usize> {
    let mutants = broken.first().map_or(0, Vec::len);
    let mut open: Vec<usize> = (0..mutants).filter(|&m| broken.iter().any(|b| b[m])).collect();
    let mut kept: Vec<usize> = Vec::new();
    while !open.is_empty() {
        let certain = |i: usize| !assertions[i].by_value && assertions[i].property.exact();
        let news = |i: usize| open.iter().filter(|&&m| broken[i][m]).count();
        let best = (0..assertions.len()).max_by_key(|&i| (news(i), certain(i), std::cmp::Reverse(i)));
        let Some(best) = best else { break };
        open.retain(|&m| !broken[best][m]);
        kept.push(best);
    }
    let needed = |i: usize, kept: &[usize]| {
        (0..mutants).any(|m| broken[i][m] && !kept.iter().any(|&other| other != i && broken[other][m]))
    };
    for i in kept.clone() {
        if !needed(i, &kept) {
            kept.retain(|&other| other != i);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assertions(n: usize) -> Vec<Assertion> {
        (0..n)
            .map(|i| Assertion::parse(&format!("name = 'a{i}'\nproperty = 'bound'\ny = 'y'\nat_least = 0")).unwrap())
            .collect()
    }

    #[test]
    fn the_most_telling_comes_first_and_the_superfluous_goes() {
        let rows =
            |rows: &[&str]| rows.iter().map(|r| r.bytes().map(|b| b == b'x').collect()).collect::<Vec<Vec<bool>>>();
        assert_eq!(smallest(&assertions(3), &rows(&["x...", "xx..", "..x."])), [1, 2]);
        // The first takes most, the other two cover it all.
        assert_eq!(smallest(&assertions(3), &rows(&[".xxxx.", "xxx...", "...xxx"])), [1, 2]);
        assert!(smallest(&assertions(1), &rows(&["...."])).is_empty() && smallest(&[], &[]).is_empty());
    }
}
