//! BLEU of answers, each symbol a word.

use std::collections::HashMap;

/// Longest sequence of symbols that is compared.
const LONGEST: usize = 4;

/// BLEU in points of 100 (Papineni et al. 2002) of texts against one reference each: the geometric mean of the shares of
/// sequences of 1 to 4 symbols that are found in the reference, as often as there, over all texts together, times
/// exp(1 - reference length / text length) where the texts are shorter. 0 when no sequence of some length is found.
pub(crate) fn bleu(pairs: &[[String; 2]]) -> f64 {
    let (mut found, mut all) = ([0usize; LONGEST], [0usize; LONGEST]);
    let (mut length, mut wanted) = (0, 0);
    for pair in pairs {
        let [text, reference] = [0, 1].map(|side| pair[side].chars().collect::<Vec<char>>());
        length += text.len();
        wanted += reference.len();
        for n in 1..=LONGEST {
            let mut left: HashMap<&[char], usize> = HashMap::new();
            reference.windows(n).for_each(|part| *left.entry(part).or_default() += 1);
            for part in text.windows(n) {
                all[n - 1] += 1;
                if let Some(count) = left.get_mut(part).filter(|count| **count > 0) {
                    *count -= 1;
                    found[n - 1] += 1;
                }
            }
        }
    }
    if found.contains(&0) {
        return 0.0;
    }
    let precision: f64 = found.iter().zip(all).map(|(f, a)| (*f as f64 / a as f64).ln()).sum();
    let brevity = (1.0 - wanted as f64 / length as f64).min(0.0);
    100.0 * (precision / LONGEST as f64 + brevity).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_sequences_and_brevity_by_hand() {
        let of =
            |pairs: &[(&str, &str)]| bleu(&pairs.iter().map(|(a, b)| [(*a).into(), (*b).into()]).collect::<Vec<_>>());
        assert_eq!(of(&[("abcdef", "abcdef"), ("xyzab", "xyzab")]), 100.0);
        // 5/6, 3/5, 2/4 and 1/3 of the sequences: (1/12)^(1/4).
        assert!((of(&[("abcdxf", "abcdef")]) - 100.0 * (1.0f64 / 12.0).powf(0.25)).abs() < 1e-12);
        // All is right, but 5 of 8: exp(1 - 8/5).
        assert!((of(&[("abcde", "abcdefgh")]) - 100.0 * (-0.6f64).exp()).abs() < 1e-12);
        // A symbol counts as often as it is in the reference: 2 of 7, none of any pair.
        assert_eq!(of(&[("aaaaaaa", "abca")]), 0.0);
        assert_eq!(of(&[("", "abc")]), 0.0);
    }
}
