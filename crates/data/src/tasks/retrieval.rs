//! A table of keys and values, and questions about some of the keys.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng, within};
use crate::DataError;
use crate::stream::Permutation;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "retrieval",
    description: "Many keys with values, then the values of a few keys are asked for.",
    source: "Hsieh et al. 2024 (RULER, multi-key retrieval); Arora et al. 2023 (associative recall)",
    defaults: defaults::<Retrieval>,
    build: build_checked::<Retrieval>,
};

/// Letters of a key: 26^3 keys.
const KEYS: u64 = 26 * 26 * 26;

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retrieval {
    /// Keys in the table, 1 to 17576.
    pub keys: u64,
    /// Keys asked for; their values are the answer, in order.
    pub queries: u64,
    /// Digits of a value.
    pub digits: u32,
}

impl Default for Retrieval {
    fn default() -> Self {
        Self { keys: 32, queries: 1, digits: 4 }
    }
}

impl Checked for Retrieval {
    fn check(&self) -> Result<(), DataError> {
        within("keys", self.keys, 1, KEYS)?;
        within("queries", self.queries, 1, self.keys)?;
        within("digits", self.digits, 1, 18)
    }
}

fn key(number: u64) -> String {
    [number / 676, number / 26 % 26, number % 26].map(|letter| char::from(b'a' + letter as u8)).iter().collect()
}

impl Task for Retrieval {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        // Bijections keep keys and questions distinct.
        let keys = Permutation::new(KEYS, rng.next_u64(), "keys", 0);
        let asked = Permutation::new(self.keys, rng.next_u64(), "queries", 0);
        let most = 10usize.pow(self.digits);
        let values: Vec<String> =
            (0..self.keys).map(|_| format!("{:0>width$}", rng.below(most), width = self.digits as usize)).collect();
        let mut prompt = String::new();
        for (row, value) in values.iter().enumerate() {
            prompt += &format!("{}={value}\n", key(keys.apply(row as u64)));
        }
        let rows: Vec<u64> = (0..self.queries).map(|q| asked.apply(q)).collect();
        let names: Vec<String> = rows.iter().map(|&row| key(keys.apply(row))).collect();
        let answers: Vec<&str> = rows.iter().map(|&row| values[row as usize].as_str()).collect();
        prompt += &format!("{}?", names.join(","));
        Ok(Example { prompt, answer: format!("{}\n", answers.join(",")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_the_values_of_the_keys() {
        let task = Retrieval { keys: 100, queries: 3, digits: 2 };
        for index in 0..50 {
            let example = task.sample(4, Fold::Train, index).unwrap();
            let mut lines: Vec<&str> = example.prompt.lines().collect();
            let asked = lines.pop().unwrap().trim_end_matches('?');
            let table: std::collections::HashMap<&str, &str> = lines.iter().filter_map(|l| l.split_once('=')).collect();
            assert_eq!(table.len(), 100);
            let values: Vec<&str> = asked.split(',').map(|k| table[k]).collect();
            assert_eq!(values.join(","), example.answer.trim_end());
        }
    }
}
