//! Repeating a string, forwards or backwards: what attention must be able to do.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "copy",
    description: "A string and the same string again, forwards or backwards.",
    source: "Graves et al. 2014; Shen et al. 2023 (reversed, without carries); Kazemnejad et al. 2023 (repeated letters)",
    defaults: defaults::<CopyString>,
    build: build_checked::<CopyString>,
};

/// What the strings are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// Every letter drawn for itself.
    #[default]
    Random,
    /// One letter over and over, so that only the length has to be copied.
    Repeated,
    /// Two different letters in turn.
    Alternating,
}

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyString {
    /// Least letters of a string.
    pub min_length: usize,
    /// Most letters of a string.
    pub max_length: usize,
    /// Number of different letters, 2 to 26.
    pub symbols: usize,
    /// What the strings are.
    pub pattern: Pattern,
    /// Whether the string comes back backwards.
    pub reversed: bool,
}

impl Default for CopyString {
    fn default() -> Self {
        Self { min_length: 8, max_length: 32, symbols: 26, pattern: Pattern::Random, reversed: false }
    }
}

impl Checked for CopyString {
    fn check(&self) -> Result<(), DataError> {
        within("symbols", self.symbols, 2, 26)?;
        within("max_length", self.max_length, 1, 1 << 20)?;
        within("min_length", self.min_length, 1, self.max_length)
    }
}

impl Task for CopyString {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let length = self.min_length + rng.below(self.max_length - self.min_length + 1);
        let first = rng.below(self.symbols);
        let second = (first + 1 + rng.below(self.symbols - 1)) % self.symbols;
        let letter = |at: usize| match self.pattern {
            Pattern::Random if at == 0 => first,
            Pattern::Random => rng.below(self.symbols),
            Pattern::Repeated => first,
            Pattern::Alternating => [first, second][at % 2],
        };
        let text: String = (0..length).map(letter).map(|letter| char::from(b'a' + letter as u8)).collect();
        let answer: String = if self.reversed { text.chars().rev().collect() } else { text.clone() };
        Ok(Example { prompt: format!("{text}="), answer: answer + "\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_the_string() {
        for reversed in [false, true] {
            let task = CopyString { reversed, min_length: 3, max_length: 5, symbols: 3, ..CopyString::default() };
            for index in 0..100 {
                let example = task.sample(0, Fold::Train, index).unwrap();
                let text = example.prompt.strip_suffix('=').unwrap();
                let back: String = if reversed { text.chars().rev().collect() } else { text.into() };
                assert_eq!(example.answer.trim_end(), back);
                assert!((3..=5).contains(&text.len()) && text.bytes().all(|b| (b'a'..=b'c').contains(&b)));
            }
        }
    }

    #[test]
    fn patterns_repeat_and_alternate() {
        for (pattern, period) in [(Pattern::Repeated, 1), (Pattern::Alternating, 2)] {
            let task = CopyString { pattern, min_length: 4, max_length: 9, symbols: 4, reversed: false };
            for index in 0..100 {
                let prompt = task.sample(0, Fold::Test, index).unwrap().prompt;
                let text = prompt.trim_end_matches('=').as_bytes();
                assert!((period..text.len()).all(|i| text[i] == text[i - period]), "{prompt}");
                assert_eq!(text[0] == text[1], period == 1, "{prompt}");
            }
        }
    }
}
