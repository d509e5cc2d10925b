//! Small binary pictures whose entropy is known exactly: neighbours like to be equal.

use super::outcomes::{draw, entropy};
use super::{Entropy, Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "field",
    description: "Binary pictures from a Markov random field, row by row; the best possible loss is known.",
    source: "Ising 1925; transfer matrices of Kramers and Wannier 1941",
    defaults: defaults::<Field>,
    build: |parameters| Ok(Box::new(FieldPictures::new(parse(INFO.name, parameters)?)?)),
};

/// Letters of the two values.
const LETTERS: [char; 2] = ['.', '#'];

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Field {
    /// Pixels of a row, 1 to 10: all rows are listed.
    pub width: u32,
    /// Rows, 2 to 64.
    pub height: usize,
    /// What equal neighbours, beside and above, add to the logarithm of a picture's weight, and unequal ones take; 0 makes pixels
    /// independent.
    pub coupling: f64,
}

impl Default for Field {
    fn default() -> Self {
        Self { width: 8, height: 8, coupling: 0.35 }
    }
}

/// The task with the distribution of each row given the row above.
#[derive(Debug, Clone)]
pub struct FieldPictures {
    parameters: Field,
    /// Distribution of the first row.
    first: Vec<f64>,
    /// For each later row, by the row above: distribution, one after the other.
    next: Vec<Vec<f64>>,
    /// Nats of a picture.
    nats: f64,
}

impl FieldPictures {
    /// Sums over all rows that may follow, from the last one up.
    ///
    /// # Errors
    /// [`DataError::Option`] for parameters out of range.
    pub fn new(parameters: Field) -> Result<Self, DataError> {
        within("width", parameters.width, 1, 10)?;
        within("height", parameters.height, 2, 64)?;
        within("coupling", parameters.coupling, -2.0, 2.0)?;
        let (width, k) = (parameters.width, parameters.coupling);
        let rows = 1usize << width;
        // Neighbours that agree less those that do not.
        let beside = |row: usize| {
            let pairs = width - 1;
            let unequal = ((row ^ (row >> 1)) & ((1 << pairs) - 1)).count_ones();
            f64::from(pairs) - 2.0 * f64::from(unequal)
        };
        let above = |a: usize, b: usize| f64::from(width) - 2.0 * f64::from((a ^ b).count_ones());
        let inside: Vec<f64> = (0..rows).map(|row| (k * beside(row)).exp()).collect();
        let mut below = vec![1.0; rows];
        let mut next = Vec::new();
        for _ in 1..parameters.height {
            let mut table = Vec::with_capacity(rows * rows);
            let mut sums = Vec::with_capacity(rows);
            for a in 0..rows {
                let weights: Vec<f64> = (0..rows).map(|b| (k * above(a, b)).exp() * inside[b] * below[b]).collect();
                let sum: f64 = weights.iter().sum();
                table.extend(weights.iter().map(|w| w / sum));
                sums.push(sum);
            }
            next.push(table);
            // Only ratios count; products over many rows would leave the range of numbers.
            let largest = sums.iter().copied().fold(0.0, f64::max);
            below = sums.iter().map(|s| s / largest).collect();
        }
        next.reverse();
        let weights: Vec<f64> = inside.iter().zip(&below).map(|(w, b)| w * b).collect();
        let sum: f64 = weights.iter().sum();
        let first: Vec<f64> = weights.iter().map(|w| w / sum).collect();
        let (mut row, mut nats) = (first.clone(), entropy(&first));
        for table in &next {
            nats += row.iter().zip(table.chunks_exact(rows)).map(|(p, given)| p * entropy(given)).sum::<f64>();
            let mut after = vec![0.0; rows];
            for (p, given) in row.iter().zip(table.chunks_exact(rows)) {
                after.iter_mut().zip(given).for_each(|(sum, q)| *sum += p * q);
            }
            row = after;
        }
        Ok(Self { parameters, first, next, nats })
    }

    /// Entropy of a picture in nats.
    pub fn nats(&self) -> f64 {
        self.nats
    }
}

impl Task for FieldPictures {
    fn name(&self) -> &'static str {
        INFO.name
    }

    /// A picture, its rows without a break between them: every text has `width` times `height` letters.
    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let width = self.parameters.width;
        let rows = 1usize << width;
        let mut answer = String::with_capacity(width as usize * self.parameters.height);
        let mut row = draw(&self.first, &mut rng);
        let mut push = |row: usize| (0..width).for_each(|x| answer.push(LETTERS[row >> x & 1]));
        push(row);
        for table in &self.next {
            row = draw(&table[row * rows..(row + 1) * rows], &mut rng);
            push(row);
        }
        Ok(Example { prompt: String::new(), answer })
    }

    /// The first pixel is either with equal chance; the rate is the mean over the others when all before are known.
    fn entropy(&self) -> Option<Entropy> {
        let others = f64::from(self.parameters.width) * self.parameters.height as f64 - 1.0;
        Some(Entropy { rate: (self.nats - 2f64.ln()) / others, first: 2f64.ln() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entropy_is_that_of_all_pictures() {
        // 3 x 3: the 512 pictures are counted.
        let k = 0.4;
        let task = FieldPictures::new(Field { width: 3, height: 3, coupling: k }).unwrap();
        let spin = |picture: usize, x: usize, y: usize| if picture >> (3 * y + x) & 1 == 1 { 1.0 } else { -1.0 };
        let weight = |picture: usize| {
            let pairs = (0..3).flat_map(|y| (0..2).map(move |x| (x, y)));
            let sum: f64 = pairs
                .map(|(x, y)| {
                    spin(picture, x, y) * spin(picture, x + 1, y) + spin(picture, y, x) * spin(picture, y, x + 1)
                })
                .sum();
            (k * sum).exp()
        };
        let weights: Vec<f64> = (0..512).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        let truth = entropy(&weights.iter().map(|w| w / sum).collect::<Vec<_>>());
        assert!((task.nats() - truth).abs() < 1e-12, "{} {truth}", task.nats());
        // And the samples are drawn from them: the all-equal picture comes as often as it should.
        let equal = (weights[0] + weights[511]) / sum;
        let count = (0..20_000)
            .filter(|i| {
                let text = task.sample(1, Fold::Train, *i).unwrap().answer;
                text == "........." || text == "#########"
            })
            .count() as f64;
        assert!((count / 20_000.0 - equal).abs() < 4.0 * (equal / 20_000.0).sqrt(), "{count} {equal}");
    }

    #[test]
    fn without_coupling_a_pixel_is_a_bit() {
        let free = FieldPictures::new(Field { coupling: 0.0, ..Field::default() }).unwrap();
        assert!((free.nats() - 64.0 * 2f64.ln()).abs() < 1e-9, "{}", free.nats());
        // One column is a chain: each pixel after the first equals its neighbour with probability e^2k / (e^2k + 1).
        let chain = FieldPictures::new(Field { width: 1, height: 40, coupling: 0.7 }).unwrap();
        let p = 1.0 / (1.0 + (-1.4f64).exp());
        assert!((chain.nats() - 2f64.ln() - 39.0 * entropy(&[p, 1.0 - p])).abs() < 1e-9);
        assert!(FieldPictures::new(Field { width: 11, ..Field::default() }).is_err());
    }
}
