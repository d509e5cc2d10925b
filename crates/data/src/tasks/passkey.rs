//! A number hidden in a long text, to be said again at its end.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "passkey",
    description: "A pass key between sentences that say nothing, asked for at the end.",
    source: "Mohtashami and Jaggi 2023",
    defaults: defaults::<Passkey>,
    build: build_checked::<Passkey>,
};

const FILLER: [&str; 8] = [
    "The river runs past the mill and on to the sea. ",
    "Clouds come over the hills and go again. ",
    "A cart stands in the yard with one wheel off. ",
    "The bread is in the oven and the milk is on the table. ",
    "Somebody has left the gate open once more. ",
    "There is wind in the trees and dust on the road. ",
    "The clock in the hall is slow, as it always was. ",
    "Two dogs lie in the shade of the wall. ",
];

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Passkey {
    /// Bytes of the prompt, at most; sentences are kept whole.
    pub length: usize,
    /// Digits of the key.
    pub digits: u32,
    /// Where the key stands, 0 at the beginning to 1 at the end; anywhere when absent.
    pub depth: Option<f64>,
}

impl Default for Passkey {
    fn default() -> Self {
        Self { length: 1024, digits: 5, depth: None }
    }
}

impl Checked for Passkey {
    fn check(&self) -> Result<(), DataError> {
        within("length", self.length, 256, 1 << 26)?;
        within("digits", self.digits, 1, 18)?;
        within("depth", self.depth.unwrap_or(0.0), 0.0, 1.0)
    }
}

impl Task for Passkey {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let key = rng.below(10usize.pow(self.digits));
        let key = format!("{key:0>width$}", width = self.digits as usize);
        let begin = "A pass key is hidden in this text. Find it and keep it in mind. ";
        let needle = format!("The pass key is {key}. Keep it in mind: {key}. ");
        let end = "What is the pass key? The pass key is";
        let room = self.length.saturating_sub(begin.len() + needle.len() + end.len());
        let (mut filler, mut size) = (Vec::new(), 0);
        loop {
            let sentence = FILLER[rng.below(FILLER.len())];
            if size + sentence.len() > room {
                break;
            }
            size += sentence.len();
            filler.push(sentence);
        }
        let depth = self.depth.unwrap_or_else(|| rng.uniform());
        let place = ((filler.len() + 1) as f64 * depth) as usize;
        filler.insert(place.min(filler.len()), &needle);
        Ok(Example { prompt: format!("{begin}{}{end}", filler.concat()), answer: format!(" {key}\n") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_stands_where_it_should() {
        for (depth, low, high) in [(Some(0.0), 0.0, 0.1), (Some(1.0), 0.9, 1.0), (Some(0.5), 0.4, 0.6)] {
            let task = Passkey { length: 4000, depth, ..Passkey::default() };
            let example = task.sample(0, Fold::Test, 3).unwrap();
            let size = example.prompt.len();
            assert!((3900..=4000).contains(&size), "{size}");
            let key = example.answer.trim();
            assert_eq!((key.len(), example.prompt.matches(key).count()), (5, 2));
            let at = example.prompt.find(key).unwrap() as f64 / size as f64;
            assert!((low..=high).contains(&at), "{at}");
        }
    }
}
