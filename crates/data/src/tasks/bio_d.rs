//! Compact records of people: a name and values, nothing else, so that tokens are knowledge.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, knowledge, rng, within};
use crate::DataError;
use crate::stream::Permutation;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "bio-d",
    description: "Records of a name and attribute values with exactly known information.",
    source: "Allen-Zhu and Li 2024 (bioD), without sentences",
    defaults: defaults::<BioD>,
    build: build_checked::<BioD>,
};

const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// One mark per attribute; none is a symbol.
const MARKS: &[u8; 28] = b"!#$%&'()*,-.:;<=>?@[]^_`{|}~";
/// Symbols of a name.
const NAME: u32 = 4;

/// Parameters of the task; letters as in the paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BioD {
    /// People (N).
    pub people: u64,
    /// Attributes (K), up to 28.
    pub attributes: u64,
    /// Chunks per value (C).
    pub chunks: u64,
    /// Possible chunks per attribute (D).
    pub diversity: u64,
    /// Symbols per chunk (L), up to 10.
    pub length: u32,
    /// Different symbols (T), up to 64; names have four of them.
    pub symbols: u64,
    /// Key of names and values; the seed of a sample only orders them.
    pub facts_seed: u64,
    /// Text before every record, such as a mark of a useful source.
    pub mark: String,
    /// Share of the chunks in training that are drawn anew, equal ones among them: what a carelessly kept source says.
    pub noise: f64,
}

impl Default for BioD {
    fn default() -> Self {
        Self {
            people: 2000,
            attributes: 4,
            chunks: 1,
            diversity: 64,
            length: 1,
            symbols: 64,
            facts_seed: 0,
            mark: String::new(),
            noise: 0.0,
        }
    }
}

/// A record with the places of what must be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The text; one byte per symbol.
    pub text: String,
    /// Bytes of the name.
    pub name: Range<usize>,
    /// Attribute and bytes of its value, in the order of the text.
    pub values: Vec<(u64, Range<usize>)>,
}

impl BioD {
    /// The size, for [`knowledge::bio_d`].
    pub fn size(&self) -> knowledge::SizeD {
        knowledge::SizeD {
            people: self.people as f64,
            names: (self.symbols as f64).powi(NAME as i32),
            attributes: self.attributes as f64,
            chunks: self.chunks as f64,
            diversity: self.diversity as f64,
            length: f64::from(self.length),
            symbols: self.symbols as f64,
        }
    }

    /// The record of a person; `rng` orders the attributes.
    pub fn record(&self, person: u64, rng: &mut Rng) -> Record {
        self.noisy_record(person, 0.0, rng)
    }

    fn noisy_record(&self, person: u64, noise: f64, rng: &mut Rng) -> Record {
        let names = Permutation::new(self.symbols.pow(NAME), self.facts_seed, "bio-d names", 0);
        let mut text = self.mark.clone();
        let begin = text.len();
        self.push(names.apply(person), NAME, &mut text);
        let name = begin..text.len();
        let mut order: Vec<u64> = (0..self.attributes).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
        let mut values = Vec::new();
        for attribute in order {
            text.push(char::from(MARKS[attribute as usize]));
            let begin = text.len();
            for chunk in self.chunks_of(person, attribute) {
                let wrong = noise > 0.0 && rng.uniform() < noise;
                let chunk =
                    if wrong { self.chunk(attribute, rng.below(self.diversity as usize) as u64) } else { chunk };
                self.push(chunk, self.length, &mut text);
            }
            values.push((attribute, begin..text.len()));
        }
        text.push('\n');
        Record { text, name, values }
    }

    fn chunks_of(&self, person: u64, attribute: u64) -> Vec<u64> {
        let key = crate::hash::mix(self.facts_seed ^ crate::hash::mix(person));
        let mut rng = Rng::new(key, "bio-d values", attribute as u32);
        (0..self.chunks).map(|_| self.chunk(attribute, rng.below(self.diversity as usize) as u64)).collect()
    }

    /// Chunk `number` of those that an attribute has.
    fn chunk(&self, attribute: u64, number: u64) -> u64 {
        let all = self.symbols.pow(self.length);
        Permutation::new(all, self.facts_seed, "bio-d chunks", attribute as u32).apply(number)
    }

    fn push(&self, mut number: u64, length: u32, text: &mut String) {
        for _ in 0..length {
            text.push(char::from(SYMBOLS[(number % self.symbols) as usize]));
            number /= self.symbols;
        }
    }

    fn person(&self, seed: u64, index: u64) -> (u64, u64) {
        let (round, place) = (index / self.people, index % self.people);
        (Permutation::new(self.people, seed, "bio-d order", round as u32).apply(place), round)
    }
}

impl Checked for BioD {
    fn check(&self) -> Result<(), DataError> {
        within("symbols", self.symbols, 2, 64)?;
        within("length", self.length, 1, 10)?;
        within("attributes", self.attributes, 1, MARKS.len() as u64)?;
        within("chunks", self.chunks, 1, 1000)?;
        // Names and chunks are drawn without repetition.
        within("people", self.people, 1, self.symbols.pow(NAME))?;
        within("diversity", self.diversity, 1, self.symbols.pow(self.length).min(1 << 32))?;
        within("noise", self.noise, 0.0, 1.0)
    }
}

impl Task for BioD {
    fn name(&self) -> &'static str {
        INFO.name
    }

    /// Training shows every person once in `people` examples, each time in another order; a test asks for the last
    /// value of a record.
    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let (person, _) = self.person(seed, index);
        let noise = if fold == Fold::Train { self.noise } else { 0.0 };
        let record = self.noisy_record(person, noise, &mut rng);
        let at = match (fold, record.values.last()) {
            (Fold::Test, Some((_, place))) => place.start,
            _ => 0,
        };
        Ok(Example { prompt: record.text[..at].into(), answer: record.text[at..].into() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_tell_the_same_facts_in_another_order() {
        let task =
            BioD { people: 50, attributes: 5, chunks: 2, diversity: 10, length: 3, symbols: 20, ..BioD::default() };
        task.check().unwrap();
        let mut names = std::collections::HashSet::new();
        let mut chunks = vec![std::collections::HashSet::new(); 5];
        for person in 0..50 {
            let facts = |step| {
                let record = task.record(person, &mut Rng::new(1, "order", step));
                let mut values: Vec<_> =
                    record.values.iter().map(|(a, r)| (*a, record.text[r.clone()].to_string())).collect();
                values.sort();
                (record.text[record.name].to_string(), values)
            };
            assert_eq!(facts(0), facts(1));
            let (name, values) = facts(0);
            assert!(names.insert(name));
            for (attribute, value) in values {
                assert_eq!(value.len(), 6);
                chunks[attribute as usize].extend([value[..3].to_string(), value[3..].to_string()]);
            }
        }
        assert!(chunks.iter().all(|c| c.len() == 10), "every attribute has its ten chunks");
    }

    #[test]
    fn noise_is_in_training_alone_and_as_frequent_as_said() {
        let clean = BioD { people: 400, attributes: 1, chunks: 2, ..BioD::default() };
        let noisy = BioD { noise: 0.3, ..clean.clone() };
        let text = |task: &BioD, fold, i| task.sample(3, fold, i).unwrap().text();
        assert!((0..400).all(|i| text(&clean, Fold::Test, i) == text(&noisy, Fold::Test, i)));
        let wrong: usize = (0..4000)
            .map(|i| {
                let (a, b) = (text(&clean, Fold::Train, i), text(&noisy, Fold::Train, i));
                assert_eq!((a.len(), &a[..5]), (b.len(), &b[..5]));
                a.bytes().zip(b.bytes()).filter(|(a, b)| a != b).count()
            })
            .sum();
        // Of 8000 chunks 0.3 are drawn anew, 63 of 64 of which differ; within four standard errors.
        assert!((wrong as f64 / 8000.0 - 0.3 * 63.0 / 64.0).abs() < 4.0 * (0.3f64 * 0.7 / 8000.0).sqrt(), "{wrong}");
        let error = build_checked::<BioD>(&serde_json::json!({ "noise": 1.5 })).unwrap_err().to_string();
        assert_eq!(error, "noise is 1.5, expected 0 to 1");
    }

    #[test]
    fn every_person_comes_once_per_round() {
        let task = BioD { people: 30, ..BioD::default() };
        let name = |i| task.sample(1, Fold::Train, i).unwrap().text()[..4].to_string();
        let mut rounds: Vec<Vec<String>> = (0..2).map(|r| (r * 30..(r + 1) * 30).map(name).collect()).collect();
        assert_ne!(rounds[0], rounds[1]);
        rounds.iter_mut().for_each(|r| r.sort());
        assert_eq!(rounds[0], rounds[1]);
        let distinct: std::collections::HashSet<_> = rounds[0].iter().collect();
        assert_eq!(distinct.len(), 30);
        let error = build_checked::<BioD>(&serde_json::json!({ "diversity": 65 })).unwrap_err().to_string();
        assert_eq!(error, "diversity is 65, expected 1 to 64");
    }
}
