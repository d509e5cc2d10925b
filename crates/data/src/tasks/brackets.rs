//! Closing open brackets: a language that needs a stack.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "brackets",
    description: "The beginning of a bracket word, to be closed in the right order.",
    source: "Chomsky and Schutzenberger 1963 (Dyck languages)",
    defaults: defaults::<Brackets>,
    build: build_checked::<Brackets>,
};

const PAIRS: [(char, char); 4] = [('(', ')'), ('[', ']'), ('{', '}'), ('<', '>')];

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Brackets {
    /// Kinds of brackets, 1 to 4.
    pub kinds: usize,
    /// Brackets in the prompt.
    pub length: usize,
    /// Deepest nesting.
    pub depth: usize,
}

impl Default for Brackets {
    fn default() -> Self {
        Self { kinds: 3, length: 32, depth: 8 }
    }
}

impl Brackets {
    /// The brackets that close a word, or `None` when it is none.
    pub fn closing(word: &str) -> Option<String> {
        let mut open = Vec::new();
        for letter in word.chars() {
            if let Some(&(_, close)) = PAIRS.iter().find(|(o, _)| *o == letter) {
                open.push(close);
            } else if open.pop() != Some(letter) {
                return None;
            }
        }
        Some(open.into_iter().rev().collect())
    }
}

impl Checked for Brackets {
    fn check(&self) -> Result<(), DataError> {
        within("kinds", self.kinds, 1, 4)?;
        within("length", self.length, 1, 1 << 20)?;
        within("depth", self.depth, 1, 1 << 16)
    }
}

impl Task for Brackets {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let (mut word, mut open) = (String::new(), Vec::new());
        // The last bracket opens, so that something is left to close.
        for place in 1..=self.length {
            let last = place == self.length;
            let may_open = open.len() < self.depth - usize::from(place + 1 == self.length && self.depth > 1);
            if open.is_empty() || last && open.len() < self.depth || may_open && rng.below(2) == 0 {
                let (left, right) = PAIRS[rng.below(self.kinds)];
                word.push(left);
                open.push(right);
            } else if let Some(right) = open.pop() {
                word.push(right);
            }
        }
        if open.is_empty() {
            // Depth 1 and an even length: one more.
            word.push(PAIRS[0].0);
            open.push(PAIRS[0].1);
        }
        let answer: String = open.into_iter().rev().collect();
        Ok(Example { prompt: format!("{word} "), answer: answer + "\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_close_their_words() {
        for (kinds, length, depth) in [(1, 1, 1), (1, 2, 1), (2, 7, 1), (3, 32, 8), (4, 101, 3)] {
            let task = Brackets { kinds, length, depth };
            for index in 0..200 {
                let example = task.sample(1, Fold::Train, index).unwrap();
                let word = example.prompt.trim_end();
                let closing = Brackets::closing(word).unwrap();
                assert_eq!(closing, example.answer.trim_end());
                assert!(!closing.is_empty() && closing.len() <= depth, "{example:?}");
                assert_eq!(Brackets::closing(&format!("{word}{closing}")).unwrap(), "");
            }
        }
        assert_eq!(Brackets::closing("([)"), None);
    }
}
