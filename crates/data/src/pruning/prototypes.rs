//! Distance to the nearest of a few prototypes: a score without labels (Sorscher et al. 2022).

use crate::DataError;
use kleiber_core::rng::Rng;
use rayon::prelude::*;

/// Rounds of the search for prototypes.
const ROUNDS: usize = 50;

/// Prototypes of vectors, and how far each is from its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Prototypes {
    /// Means of the clusters.
    pub centres: Vec<Vec<f32>>,
    /// Cluster of each vector.
    pub cluster: Vec<usize>,
    /// Euclidean distance of each vector to its centre: high for unusual, hard ones.
    pub distance: Vec<f64>,
}

/// Clusters vectors around `count` centres by Lloyd's rounds from the starts of k-means++ (Arthur and Vassilvitskii 2007).
/// Clusters that lose all their vectors stay where they were.
///
/// # Errors
/// [`DataError::Option`] for a count that is 0 or more than the vectors, and vectors of different lengths or that are not
/// finite.
pub fn prototypes(vectors: &[Vec<f32>], count: usize, seed: u64) -> Result<Prototypes, DataError> {
    let wrong = |name: &str, found: String, expected: String| Err(DataError::option(name, found, expected));
    if count == 0 || count > vectors.len() {
        return wrong("prototypes", count.to_string(), format!("from 1 to the {} vectors", vectors.len()));
    }
    let width = vectors[0].len();
    if let Some(i) = vectors.iter().position(|v| v.len() != width || v.iter().any(|x| !x.is_finite())) {
        return wrong("vectors", format!("vector {i}"), format!("{width} finite numbers"));
    }
    let mut centres = starts(vectors, count, seed);
    let mut nearest = assign(vectors, &centres);
    for _ in 0..ROUNDS {
        let mut sums = vec![(vec![0f64; width], 0usize); centres.len()];
        for (vector, (cluster, _)) in vectors.iter().zip(&nearest) {
            let (sum, members) = &mut sums[*cluster];
            sum.iter_mut().zip(vector).for_each(|(s, v)| *s += f64::from(*v));
            *members += 1;
        }
        for (centre, (sum, members)) in centres.iter_mut().zip(sums).filter(|(_, (_, members))| *members > 0) {
            *centre = sum.iter().map(|s| (s / members as f64) as f32).collect();
        }
        let next = assign(vectors, &centres);
        let settled = next.iter().zip(&nearest).all(|(a, b)| a.0 == b.0);
        nearest = next;
        if settled {
            break;
        }
    }
    let (cluster, squares): (Vec<usize>, Vec<f64>) = nearest.into_iter().unzip();
    Ok(Prototypes { centres, cluster, distance: squares.into_iter().map(f64::sqrt).collect() })
}

/// A first centre at random, then each with a chance in proportion to its squared distance to those before.
fn starts(vectors: &[Vec<f32>], count: usize, seed: u64) -> Vec<Vec<f32>> {
    let mut rng = Rng::new(seed, "prototypes", 0);
    let mut centres = vec![vectors[rng.below(vectors.len())].clone()];
    let mut squares: Vec<f64> = vectors.par_iter().map(|v| square(v, &centres[0])).collect();
    while centres.len() < count {
        let mut left = rng.uniform() * squares.iter().sum::<f64>();
        let chosen = squares.iter().position(|s| {
            left -= s;
            left < 0.0
        });
        // All are centres already, or rounding left a little.
        let chosen = chosen.unwrap_or_else(|| rng.below(vectors.len()));
        let centre = vectors[chosen].clone();
        squares.par_iter_mut().zip(vectors).for_each(|(s, v)| *s = s.min(square(v, &centre)));
        centres.push(centre);
    }
    centres
}

/// Nearest centre of each vector and the square of its distance.
fn assign(vectors: &[Vec<f32>], centres: &[Vec<f32>]) -> Vec<(usize, f64)> {
    let nearest = |v: &Vec<f32>| {
        let all = centres.iter().map(|c| square(v, c)).enumerate();
        all.min_by(|a, b| a.1.total_cmp(&b.1)).expect("there is a centre")
    };
    vectors.par_iter().map(nearest).collect()
}

fn square(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum()
}

/// Which tokens each document holds and how often, as vectors of length one: the root of each count, so that the most
/// frequent tokens do not decide alone. `sizes` are the tokens of each document in the row of all.
///
/// # Errors
/// [`DataError::Option`] for sizes that are not those of the tokens, a vocabulary of 0, and a token outside it.
pub fn bags(tokens: &[u32], sizes: &[usize], vocab: usize) -> Result<Vec<Vec<f32>>, DataError> {
    let wrong = |found: String, expected: String| Err(DataError::option("tokens", found, expected));
    if sizes.iter().sum::<usize>() != tokens.len() {
        return wrong(tokens.len().to_string(), "the tokens of the documents, one after another".into());
    }
    if let Some(token) = tokens.iter().find(|t| **t as usize >= vocab) {
        return wrong(token.to_string(), format!("below the vocabulary {vocab}"));
    }
    let mut start = 0;
    let bags = sizes.iter().map(|size| {
        let mut bag = vec![0f32; vocab];
        tokens[start..start + size].iter().for_each(|t| bag[*t as usize] += 1.0);
        start += size;
        // The squares of the roots sum to the size.
        bag.iter_mut().for_each(|count| *count = (*count / (*size).max(1) as f32).sqrt());
        bag
    });
    Ok(bags.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_and_the_odd_one_is_far() {
        let mut vectors: Vec<Vec<f32>> = Vec::new();
        for (x, y) in [(0.0, 0.0), (10.0, 0.0), (0.0, 10.0)] {
            vectors.extend([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]].map(|[a, b]| vec![x + a, y + b]));
        }
        vectors.push(vec![0.5, 14.5]);
        let found = prototypes(&vectors, 3, 1).unwrap();
        for group in [0..4, 4..8, 8..13] {
            let cluster = found.cluster[group.start];
            assert!(group.clone().all(|i| found.cluster[i] == cluster), "{:?}", found.cluster);
        }
        // Of the first group every corner is sqrt(1/2) from the middle; the last five have their mean at (0.5, 11.3).
        assert!(found.distance[..8].iter().all(|d| (d - 0.5f64.sqrt()).abs() < 1e-6));
        assert!((found.distance[12] - 3.2).abs() < 1e-5, "{}", found.distance[12]);
        assert_eq!(found, prototypes(&vectors, 3, 1).unwrap());
    }

    #[test]
    fn one_prototype_is_the_mean_and_equal_vectors_do_no_harm() {
        let found = prototypes(&[vec![1.0, 2.0], vec![3.0, 6.0]], 1, 0).unwrap();
        assert_eq!(found.centres, [[2.0, 4.0]]);
        assert!((found.distance[0] - 5f64.sqrt()).abs() < 1e-12);
        let same = prototypes(&vec![vec![1.0, 1.0]; 5], 3, 0).unwrap();
        assert_eq!(same.distance, [0.0; 5]);
        let bad = |vectors: &[Vec<f32>], count| prototypes(vectors, count, 0).is_err();
        assert!(bad(&[], 1) && bad(&[vec![1.0]], 2) && bad(&[vec![1.0]], 0));
        assert!(bad(&[vec![1.0], vec![1.0, 2.0]], 1) && bad(&[vec![f32::NAN]], 1));
    }

    #[test]
    fn bags_have_length_one() {
        let got = bags(&[0, 0, 0, 1, 2, 2], &[4, 2, 0], 3).unwrap();
        assert_eq!(got, [[0.75f32.sqrt(), 0.5, 0.0], [0.0, 0.0, 1.0], [0.0; 3]]);
        assert!(bags(&[0, 3], &[2], 3).is_err() && bags(&[0], &[2], 3).is_err());
    }
}
