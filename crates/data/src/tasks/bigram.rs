//! Letters that depend on the letter before: text whose entropy is known, to check a loss against the truth.

use super::outcomes::{draw, entropy};
use super::{Entropy, Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "bigram",
    description: "Letters drawn from a Markov chain; the best possible loss is known.",
    source: "Shannon 1948",
    defaults: defaults::<Bigram>,
    build: |parameters| Ok(Box::new(BigramText::new(parse(INFO.name, parameters)?)?)),
};

const ALPHABET: &[u8; 62] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bigram {
    /// Number of letters, 2 to 62.
    pub symbols: usize,
    /// Standard deviation of the logarithm of transition weights: 0 makes letters independent and uniform.
    pub spread: f64,
    /// Key of the transition table.
    pub table_seed: u64,
    /// Letters per text.
    pub length: usize,
}

impl Default for Bigram {
    fn default() -> Self {
        Self { symbols: 16, spread: 1.5, table_seed: 0, length: 512 }
    }
}

/// The task with its transition table.
#[derive(Debug, Clone)]
pub struct BigramText {
    parameters: Bigram,
    /// Probability of each letter after each letter.
    table: Vec<Vec<f64>>,
    stationary: Vec<f64>,
}

impl BigramText {
    /// Draws the table.
    ///
    /// # Errors
    /// [`DataError::Option`] for parameters out of range.
    pub fn new(parameters: Bigram) -> Result<Self, DataError> {
        within("symbols", parameters.symbols, 2, ALPHABET.len())?;
        within("spread", parameters.spread, 0.0, 5.0)?;
        within("length", parameters.length, 1, 1 << 26)?;
        let n = parameters.symbols;
        let mut rng = Rng::new(parameters.table_seed, "bigram table", 0);
        let mut row = || {
            let weights: Vec<f64> = (0..n).map(|_| (parameters.spread * rng.normal()).exp()).collect();
            let sum: f64 = weights.iter().sum();
            weights.iter().map(|w| w / sum).collect::<Vec<f64>>()
        };
        let table: Vec<Vec<f64>> = (0..n).map(|_| row()).collect();
        let mut stationary = vec![1.0 / n as f64; n];
        for _ in 0..10_000 {
            let next: Vec<f64> = (0..n).map(|j| (0..n).map(|i| stationary[i] * table[i][j]).sum()).collect();
            let change: f64 = next.iter().zip(&stationary).map(|(a, b)| (a - b).abs()).sum();
            stationary = next;
            if change < 1e-15 {
                break;
            }
        }
        Ok(Self { parameters, table, stationary })
    }

    /// Logarithm (nats) of the probability of a text; `None` for other letters.
    pub fn log_probability(&self, text: &str) -> Option<f64> {
        let mut before: Option<usize> = None;
        let mut sum = 0.0;
        for byte in text.bytes() {
            let letter = ALPHABET[..self.parameters.symbols].iter().position(|&b| b == byte)?;
            sum += before.map_or(self.stationary[letter], |b| self.table[b][letter]).ln();
            before = Some(letter);
        }
        Some(sum)
    }
}

impl Task for BigramText {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let mut letter = draw(&self.stationary, &mut rng);
        let mut answer = String::with_capacity(self.parameters.length);
        for _ in 0..self.parameters.length {
            answer.push(char::from(ALPHABET[letter]));
            letter = draw(&self.table[letter], &mut rng);
        }
        Ok(Example { prompt: String::new(), answer })
    }

    fn entropy(&self) -> Option<Entropy> {
        let rate = self.stationary.iter().zip(&self.table).map(|(share, row)| share * entropy(row)).sum();
        Some(Entropy { rate, first: entropy(&self.stationary) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_is_what_long_texts_show() {
        let task = BigramText::new(Bigram { length: 400_000, ..Bigram::default() }).unwrap();
        let truth = task.entropy().unwrap();
        let text = task.sample(3, Fold::Train, 0).unwrap().answer;
        let measured = -task.log_probability(&text).unwrap() / text.len() as f64;
        assert!((measured - truth.rate).abs() < 0.01, "{measured} {truth:?}");
        assert!(truth.rate < truth.first && truth.first < 16f64.ln());
        // Counts of letters show the stationary distribution.
        let count = text.bytes().filter(|&b| b == b'a').count() as f64 / text.len() as f64;
        assert!((count - task.stationary[0]).abs() < 0.005);
    }

    #[test]
    fn independent_letters_have_the_entropy_of_their_number() {
        let task = BigramText::new(Bigram { spread: 0.0, symbols: 8, ..Bigram::default() }).unwrap();
        let truth = task.entropy().unwrap();
        assert!((truth.rate - 8f64.ln()).abs() < 1e-12 && (truth.first - 8f64.ln()).abs() < 1e-12);
        assert!(BigramText::new(Bigram { symbols: 63, ..Bigram::default() }).is_err());
    }
}
