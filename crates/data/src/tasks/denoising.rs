//! Restoring text of an artificial language in which words are hidden: learning a language without translations.

use super::language::Language;
use super::{Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "denoising",
    description: "A text of an artificial language with hidden words, and the text.",
    source: "Raffel et al. 2020 (denoising); Isik et al. 2024 (before translation)",
    defaults: defaults::<Denoising>,
    build: |parameters| Ok(Box::new(Denoiser::new(parse(INFO.name, parameters)?)?)),
};

/// Letters of a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Letters {
    /// Those of the targets of `translation`.
    #[default]
    Upper,
    /// Those of its sources.
    Lower,
    /// Digits and signs, which stand nowhere there.
    Signs,
}

impl Letters {
    fn of(self, word: usize) -> char {
        let all = match self {
            Self::Upper => b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            Self::Lower => b"abcdefghijklmnopqrstuvwxyz",
            Self::Signs => b"0123456789!#$%&()*+-/:;<>?",
        };
        char::from(all[word])
    }
}

/// What stands for a hidden word.
const HIDDEN: char = '_';

/// Parameters of the task: the language is that of `translation` with the same key, words and zipf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Denoising {
    /// Words of the language, 2 to 26.
    pub words: usize,
    /// Fewest words of a text.
    pub min_length: usize,
    /// Most words of a text.
    pub max_length: usize,
    /// Key of the language.
    pub language: u64,
    /// How predictable it is.
    pub zipf: f64,
    /// Its letters.
    pub letters: Letters,
    /// Share of the words that are hidden, each by itself.
    pub hidden: f64,
}

impl Default for Denoising {
    fn default() -> Self {
        Self { words: 13, min_length: 8, max_length: 16, language: 0, zipf: 1.0, letters: Letters::Upper, hidden: 0.3 }
    }
}

/// The task with its language.
#[derive(Debug, Clone)]
pub struct Denoiser {
    parameters: Denoising,
    language: Language,
}

impl Denoiser {
    /// Draws the language.
    ///
    /// # Errors
    /// [`DataError::Option`] for parameters out of range.
    pub fn new(parameters: Denoising) -> Result<Self, DataError> {
        within("words", parameters.words, 2, 26)?;
        within("max_length", parameters.max_length, 1, 1 << 16)?;
        within("min_length", parameters.min_length, 1, parameters.max_length)?;
        within("zipf", parameters.zipf, 0.0, 8.0)?;
        within("hidden", parameters.hidden, 0.0, 1.0)?;
        let language = Language::new(parameters.language, parameters.words, parameters.zipf);
        Ok(Self { parameters, language })
    }
}

impl Task for Denoiser {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let parameters = &self.parameters;
        let mut rng = rng(seed, INFO.name, fold, index);
        let length = parameters.min_length + rng.below(parameters.max_length - parameters.min_length + 1);
        let words = self.language.text(&mut rng, length);
        let text: String = words.into_iter().map(|word| parameters.letters.of(word)).collect();
        let seen = |letter| if rng.uniform() < parameters.hidden { HIDDEN } else { letter };
        let prompt: String = text.chars().map(seen).collect();
        Ok(Example { prompt: prompt + "=", answer: text + "\n" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{Translation, Translator};

    #[test]
    fn a_share_is_hidden_and_the_rest_is_the_text() {
        let (mut hidden, mut all) = (0, 0);
        for letters in [Letters::Upper, Letters::Lower, Letters::Signs] {
            let task = Denoiser::new(Denoising { letters, ..Denoising::default() }).unwrap();
            for index in 0..300 {
                let example = task.sample(3, Fold::Train, index).unwrap();
                let (prompt, text) =
                    (example.prompt.strip_suffix('=').unwrap(), example.answer.strip_suffix('\n').unwrap());
                assert_eq!(prompt.len(), text.len());
                assert!(prompt.chars().zip(text.chars()).all(|(p, t)| p == t || p == '_'));
                assert!(!text.contains(['=', '_']));
                hidden += prompt.matches('_').count();
                all += text.len();
            }
        }
        assert!((hidden as f64 / all as f64 - 0.3).abs() < 0.02, "{hidden} of {all}");
    }

    #[test]
    fn its_language_is_that_of_translations_into_it() {
        let denoising = Denoiser::new(Denoising::default()).unwrap();
        let translation = Translator::new(Translation::default()).unwrap();
        let likeliest = |task: &dyn Task| {
            let mut counts = vec![[0u32; 13]; 13];
            for index in 0..2000 {
                let answer = task.sample(0, Fold::Train, index).unwrap().answer;
                let pairs =
                    answer.trim_end().as_bytes().windows(2).map(|p| [p[0], p[1]].map(|b| usize::from(b - b'A')));
                pairs.for_each(|[a, b]| counts[a][b] += 1);
            }
            let best = |row: &[u32; 13]| (0..13).max_by_key(|w| row[*w]).unwrap();
            counts.iter().map(best).collect::<Vec<_>>()
        };
        assert_eq!(likeliest(&denoising), likeliest(&translation));
    }
}
