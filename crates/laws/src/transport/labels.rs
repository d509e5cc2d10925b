//! Costs between labelled samples: features and what the classes look like (Alvarez-Melis and Fusi 2020, OTDD).

use super::{exact, squared_distances, uniform};
use crate::LawError;
use crate::mixture::Points;
use std::collections::BTreeMap;

/// Costs between the rows of two labelled samples: the squared distance of their features plus `weight` times the exact transport
/// cost between all rows of the one's class in its sample and all rows of the other's class in its own. With a weight of 1 this is
/// the ground cost of Kang et al. 2023. Features decide alike only when they are of one scale: standardise them.
///
/// Labels are compared by what their rows look like, so a class may be in one sample alone.
///
/// # Errors
/// [`LawError::Request`] when rows and labels differ in number, or a feature is not finite.
pub fn labelled_costs(
    a: &Points,
    a_labels: &[usize],
    b: &Points,
    b_labels: &[usize],
    weight: f64,
) -> Result<Points, LawError> {
    if a.len() != a_labels.len() || b.len() != b_labels.len() || a.is_empty() || b.is_empty() || a.width() != b.width()
    {
        return Err(LawError::Request("labelled samples need one label per row and the same features".into()));
    }
    let (a_classes, b_classes) = (classes(a, a_labels), classes(b, b_labels));
    let mut between = BTreeMap::new();
    for (x, rows) in &a_classes {
        for (y, others) in &b_classes {
            let costs = squared_distances(rows, others);
            between.insert((*x, *y), exact(&costs, &uniform(rows.len()), &uniform(others.len()))?.cost);
        }
    }
    let features = squared_distances(a, b);
    let labels = a_labels.iter().flat_map(|x| b_labels.iter().map(|y| between[&(*x, *y)]).collect::<Vec<_>>());
    Ok(Points::new(b.len(), features.iter().flatten().zip(labels).map(|(c, l)| c + weight * l).collect()))
}

fn classes(points: &Points, labels: &[usize]) -> BTreeMap<usize, Points> {
    let mut rows: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    labels.iter().enumerate().for_each(|(i, label)| rows.entry(*label).or_default().push(i));
    rows.into_iter().map(|(label, rows)| (label, points.take(&rows))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_that_look_alike_are_near() {
        // Class 0 around 0, class 1 around 10; the second sample calls them 7 and 3.
        let a = Points::new(1, vec![0.0, 1.0, 10.0, 11.0]);
        let b = Points::new(1, vec![10.0, 0.0, 1.0]);
        let costs = labelled_costs(&a, &[0, 0, 1, 1], &b, &[3, 7, 7], 1.0).unwrap();
        // Features 0 plus classes: {0, 1} against {0, 1} costs nothing.
        assert_eq!(costs.row(0)[1], 0.0);
        // Features 1 plus classes: {10, 11} against {10} costs (0 + 1) / 2.
        assert_eq!(costs.row(3)[0], 1.5);
        // Features 81 plus classes: {0, 1} against {10} costs (100 + 81) / 2.
        assert_eq!(costs.row(1)[0], 81.0 + 90.5);
        assert_eq!(labelled_costs(&a, &[0, 0, 1, 1], &b, &[3, 7, 7], 0.0).unwrap(), squared_distances(&a, &b));
        assert!(labelled_costs(&a, &[0], &b, &[3, 7, 7], 1.0).is_err());
    }
}
