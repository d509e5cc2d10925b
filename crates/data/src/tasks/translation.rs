//! Translation between two artificial languages: a lexicon, another order, and words whose translation depends on a word
//! further back.

use super::language::{Language, permutation};
use super::{Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "translation",
    description: "A text in one artificial language and its translation into another.",
    source: "after Ghorbani et al. 2021 and Fernandes et al. 2023, whose corpora are not public",
    defaults: defaults::<Translation>,
    build: |parameters| Ok(Box::new(Translator::new(parse(INFO.name, parameters)?)?)),
};

/// Order of the words of a translation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WordOrder {
    /// That of the source.
    #[default]
    Same,
    /// Backwards.
    Reversed,
    /// Neighbours change places.
    Swapped,
}

/// Which side was written first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// The source is natural text and the target its translation.
    Source,
    /// The target is natural text and the source its translation.
    #[default]
    Target,
}

/// Parameters of the task. Source words are the letters from `a` on, target words the letters from `A` on. The best
/// possible loss is ln `synonyms` for each target letter and 0 for the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Translation {
    /// Words of a language; times the synonyms at most 26.
    pub words: usize,
    /// Fewest words of a text.
    pub min_length: usize,
    /// Most words of a text.
    pub max_length: usize,
    /// Key of the lexicons: tasks with the same one share them.
    pub lexicon: u64,
    /// Lexicons that take turns, 1 to 26: the word `distance` before a word, by its number modulo their count, says which.
    pub lexicons: usize,
    /// How far back the word stands that chooses the lexicon.
    pub distance: usize,
    /// Order of the target's words.
    pub order: WordOrder,
    /// Letters for each target word, one of which is taken at random.
    pub synonyms: usize,
    /// Which side is natural text.
    pub origin: Origin,
    /// Key of the natural language.
    pub language: u64,
    /// How predictable it is: the word of rank r follows a word in proportion to `r^-zipf`.
    pub zipf: f64,
    /// What stands before the source, such as a sign for the target language; at most 16 bytes, without `=` and line ends.
    pub tag: String,
}

impl Default for Translation {
    fn default() -> Self {
        Self {
            words: 13,
            min_length: 8,
            max_length: 16,
            lexicon: 0,
            lexicons: 4,
            distance: 2,
            order: WordOrder::Same,
            synonyms: 1,
            origin: Origin::Target,
            language: 0,
            zipf: 1.0,
            tag: String::new(),
        }
    }
}

/// The task with its lexicons and its language.
#[derive(Debug, Clone)]
pub struct Translator {
    parameters: Translation,
    /// Target word by lexicon and source word, and the other way round.
    lexicons: Vec<[Vec<usize>; 2]>,
    language: Language,
}

impl Translator {
    /// Draws lexicons and language.
    ///
    /// # Errors
    /// [`DataError::Option`] for parameters out of range.
    pub fn new(parameters: Translation) -> Result<Self, DataError> {
        within("words", parameters.words, 2, 26)?;
        within("synonyms", parameters.synonyms, 1, 26 / parameters.words)?;
        within("max_length", parameters.max_length, 1, 1 << 16)?;
        within("min_length", parameters.min_length, 1, parameters.max_length)?;
        within("lexicons", parameters.lexicons, 1, 26)?;
        within("distance", parameters.distance, 1, 1 << 16)?;
        within("zipf", parameters.zipf, 0.0, 8.0)?;
        if parameters.tag.len() > 16 || parameters.tag.contains(['=', '\n', '\r']) {
            return Err(DataError::option("tag", &parameters.tag, "at most 16 bytes without = and line ends"));
        }
        let lexicon = |number| {
            let forth = permutation(parameters.lexicon, "lexicon", number, parameters.words);
            let mut back = vec![0; forth.len()];
            forth.iter().enumerate().for_each(|(source, target)| back[*target] = source);
            [forth, back]
        };
        let lexicons = (0..parameters.lexicons).map(lexicon).collect();
        let language = Language::new(parameters.language, parameters.words, parameters.zipf);
        Ok(Self { parameters, lexicons, language })
    }

    /// Translates word by word, `back` to the source language, in the order of the source.
    fn words(&self, text: &[usize], back: bool) -> Vec<usize> {
        let mut done: Vec<usize> = Vec::with_capacity(text.len());
        for (i, word) in text.iter().enumerate() {
            let chooses =
                i.checked_sub(self.parameters.distance).map_or(0, |at| if back { done[at] } else { text[at] });
            done.push(self.lexicons[chooses % self.lexicons.len()][usize::from(back)][*word]);
        }
        done
    }

    /// Brings words from the order of one side into that of the other; twice is not at all.
    fn reorder(&self, mut words: Vec<usize>) -> Vec<usize> {
        match self.parameters.order {
            WordOrder::Same => {}
            WordOrder::Reversed => words.reverse(),
            WordOrder::Swapped => words.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1)),
        }
        words
    }
}

impl Task for Translator {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let parameters = &self.parameters;
        let mut rng = rng(seed, INFO.name, fold, index);
        let length = parameters.min_length + rng.below(parameters.max_length - parameters.min_length + 1);
        let natural = self.language.text(&mut rng, length);
        let (source, target) = match parameters.origin {
            Origin::Source => (natural.clone(), self.reorder(self.words(&natural, false))),
            Origin::Target => (self.words(&self.reorder(natural.clone()), true), natural),
        };
        let letter = |first: u8, word: usize| char::from(first + word as u8);
        let source: String = source.into_iter().map(|word| letter(b'a', word)).collect();
        let spelled = |word| letter(b'A', word * parameters.synonyms + rng.below(parameters.synonyms));
        let target: String = target.into_iter().map(spelled).collect();
        Ok(Example { prompt: format!("{}{source}=", parameters.tag), answer: target + "\n" })
    }

    /// The first line, its letters replaced by the first synonym of each.
    fn answer_of(&self, completion: &str) -> Option<String> {
        let first = |letter: char| match letter {
            'A'..='Z' => {
                let number = letter as u8 - b'A';
                char::from(b'A' + number - number % self.parameters.synonyms as u8)
            }
            other => other,
        };
        let line = completion.lines().next()?.trim();
        (!line.is_empty()).then(|| line.chars().map(first).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(change: impl Fn(&mut Translation)) -> Translator {
        let mut parameters = Translation::default();
        change(&mut parameters);
        Translator::new(parameters).unwrap()
    }

    /// Words of source and target of an example.
    fn numbers(example: &Example, synonyms: usize) -> [Vec<usize>; 2] {
        let of = |text: &str, first: u8| text.trim_end().bytes().map(|b| usize::from(b - first)).collect::<Vec<_>>();
        let target = of(&example.answer, b'A').into_iter().map(|letter| letter / synonyms).collect();
        [of(example.prompt.trim_end_matches('='), b'a'), target]
    }

    #[test]
    fn a_target_is_the_translation_whichever_side_came_first() {
        for origin in [Origin::Source, Origin::Target] {
            for order in [WordOrder::Same, WordOrder::Reversed, WordOrder::Swapped] {
                let task = task(|t| (t.origin, t.order, t.synonyms, t.min_length) = (origin, order, 2, 3));
                for index in 0..50 {
                    let example = task.sample(2, Fold::Train, index).unwrap();
                    let [source, target] = numbers(&example, 2);
                    assert_eq!(source.len(), target.len());
                    for (i, word) in source.iter().enumerate() {
                        let lexicon = if i < 2 { 0 } else { source[i - 2] % 4 };
                        let place = match order {
                            WordOrder::Same => i,
                            WordOrder::Reversed => source.len() - 1 - i,
                            WordOrder::Swapped if i % 2 == 1 => i - 1,
                            WordOrder::Swapped => {
                                if i + 1 < source.len() {
                                    i + 1
                                } else {
                                    i
                                }
                            }
                        };
                        assert_eq!(target[place], task.lexicons[lexicon][0][*word], "{example:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_natural_side_is_predictable_and_synonyms_are_equal() {
        let pairs = |task: &Translator, side: usize| {
            let mut counts = vec![[0u32; 13]; 13];
            for index in 0..2000 {
                let words = &numbers(&task.sample(0, Fold::Train, index).unwrap(), 1)[side];
                words.windows(2).for_each(|pair| counts[pair[0]][pair[1]] += 1);
            }
            // Share of the likeliest successor, on average.
            let shares =
                counts.iter().map(|row| f64::from(*row.iter().max().unwrap()) / f64::from(row.iter().sum::<u32>()));
            shares.sum::<f64>() / 13.0
        };
        // The first rank of 13 has 1 / H(13) = 0.314; a translation mixes what four lexicons make of it.
        let [from_target, from_source] = [Origin::Target, Origin::Source].map(|o| task(|t| t.origin = o));
        assert!((pairs(&from_target, 1) - 0.314).abs() < 0.02 && pairs(&from_target, 0) < 0.22);
        assert!((pairs(&from_source, 0) - 0.314).abs() < 0.02 && pairs(&from_source, 1) < 0.22);
        let spelled = task(|t| t.synonyms = 2);
        let letters: Vec<u8> = (0..2000)
            .flat_map(|i| spelled.sample(0, Fold::Test, i).unwrap().answer.trim_end().as_bytes().to_vec())
            .collect();
        let odd = letters.iter().filter(|b| (**b - b'A') % 2 == 1).count() as f64 / letters.len() as f64;
        assert!((odd - 0.5).abs() < 0.02, "{odd}");
    }

    #[test]
    fn synonyms_and_tags_are_part_of_the_language() {
        let task = task(|t| (t.synonyms, t.tag) = (2, ">x ".into()));
        let example = task.sample(1, Fold::Test, 4).unwrap();
        assert!(example.prompt.starts_with(">x ") && example.prompt.ends_with('='));
        let other: String = example.answer.trim_end().bytes().map(|b| char::from(b'A' + ((b - b'A') ^ 1))).collect();
        assert!(task.grade(&example, &other) && !task.grade(&example, &other[1..]));
        let refused = |change: &dyn Fn(&mut Translation)| {
            let mut parameters = Translation::default();
            change(&mut parameters);
            Translator::new(parameters).unwrap_err().to_string()
        };
        assert_eq!(refused(&|t| t.synonyms = 3), "synonyms is 3, expected 1 to 2");
        assert!(refused(&|t| t.tag = "a=".into()).starts_with("tag is a=, expected at most 16 bytes"));
        assert!(refused(&|t| t.zipf = f64::NAN).starts_with("zipf is NaN"));
    }
}
