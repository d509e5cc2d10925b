//! Short biographies of people who do not exist, with everything that can be known about them.

use super::{Checked, Example, Fold, Task, TaskInfo, build_checked, defaults, knowledge, rng, within};
use crate::DataError;
use crate::hash::mix;
use crate::stream::Permutation;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "biographies",
    description: "Paragraphs about invented people: 47.592 bits each, told differently every time.",
    source: "Allen-Zhu and Li 2024 (bioS); names, values and sentences are Kleiber's own",
    defaults: defaults::<Biographies>,
    build: build_checked::<Biographies>,
};

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Biographies {
    /// People, up to 160 million.
    pub people: u64,
    /// One fixed text per person instead of new sentences and a new order every time.
    pub simple: bool,
    /// Key of names and values; the seed of a sample only orders and words them.
    pub facts_seed: u64,
    /// Text before every paragraph, such as a mark of a useful source.
    pub mark: String,
}

impl Default for Biographies {
    fn default() -> Self {
        Self { people: 1000, simple: false, facts_seed: 0, mark: String::new() }
    }
}

/// What is known about a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Attribute {
    /// Day, month and year.
    Birth,
    /// City of birth.
    City,
    /// University.
    University,
    /// Field of study.
    Major,
    /// Employer.
    Employer,
    /// City of work: follows from the employer, no bits of its own.
    Work,
    /// Told by the first pronoun.
    Gender,
}

/// A paragraph with the places of what must be known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Biography {
    /// The text.
    pub text: String,
    /// Bytes of the name.
    pub name: Range<usize>,
    /// Attribute and bytes of its value, in the order of the text.
    pub values: Vec<(Attribute, Range<usize>)>,
}

/// Ten predicates per sentence; with five openings they make fifty forms.
const SENTENCES: [(Attribute, [&str; 10]); 6] = [
    (
        Attribute::Birth,
        [
            "was born on",
            "came into the world on",
            "first saw the light of day on",
            "has a birthday on",
            "was born in the family home on",
            "began life on",
            "entered the world on",
            "was brought into the world on",
            "arrived in this world on",
            "celebrates the day of birth on",
        ],
    ),
    (
        Attribute::City,
        [
            "was born in",
            "comes from",
            "grew up in",
            "is a native of",
            "spent the first years in",
            "has roots in",
            "hails from",
            "calls home the city of",
            "was raised in",
            "took the first steps in",
        ],
    ),
    (
        Attribute::University,
        [
            "studied at",
            "holds a degree from",
            "graduated from",
            "was educated at",
            "went to",
            "completed a degree at",
            "attended lectures at",
            "passed the final examinations at",
            "is an alumnus of",
            "was taught at",
        ],
    ),
    (
        Attribute::Major,
        [
            "chose the field of",
            "studied the subject of",
            "took a degree in",
            "specialised in",
            "was drawn to",
            "wrote a thesis in",
            "concentrated on",
            "became an expert in",
            "has a diploma in",
            "was trained in",
        ],
    ),
    (
        Attribute::Employer,
        [
            "works for",
            "is employed by",
            "has a position at",
            "found work with",
            "earns a living at",
            "joined the staff of",
            "draws a salary from",
            "is on the payroll of",
            "made a career at",
            "was hired by",
        ],
    ),
    (
        Attribute::Work,
        [
            "works in",
            "goes to the office in",
            "has a desk in",
            "spends working days in",
            "commutes to",
            "is employed in",
            "does the daily work in",
            "earns money in",
            "has a place of work in",
            "moved for work to",
        ],
    ),
];
const OPENINGS: [&str; 5] =
    ["", "As records show, ", "By all accounts, ", "It is known that ", "According to friends, "];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Twenty beginnings and twenty ends make 400 first or middle names; ten more ends of surnames make 1000 and more.
const BEGINNINGS: [&str; 20] = [
    "Al", "Bren", "Cor", "Dar", "El", "Fen", "Gar", "Hal", "Is", "Jor", "Kel", "Lor", "Mar", "Nor", "Or", "Per",
    "Quin", "Ros", "Ser", "Tal",
];
const ENDS: [&str; 20] = [
    "a", "an", "ana", "dan", "den", "dor", "e", "en", "essa", "ia", "in", "ine", "is", "ius", "lyn", "na", "o", "ora",
    "rick", "win",
];
const SURNAME_MIDDLES: [&str; 5] = ["ber", "der", "len", "mer", "ter"];
const SURNAME_ENDS: [&str; 10] = ["by", "field", "gate", "holm", "ley", "man", "sen", "stone", "ton", "wood"];
const CITY_ENDS: [&str; 10] = ["borough", "bridge", "bury", "dale", "ford", "haven", "mouth", "port", "stead", "ville"];
const UNIVERSITY_KINDS: [&str; 3] = ["University", "College", "Institute of Technology"];
const UNIVERSITY_ENDS: [&str; 5] = ["crest", "mont", "shire", "vale", "worth"];
const MAJOR_KINDS: [&str; 10] = [
    "Applied",
    "Classical",
    "Comparative",
    "Computational",
    "Experimental",
    "General",
    "Historical",
    "Modern",
    "Social",
    "Theoretical",
];
const MAJOR_FIELDS: [&str; 10] = [
    "Biology",
    "Chemistry",
    "Economics",
    "Geography",
    "Linguistics",
    "Mathematics",
    "Philosophy",
    "Physics",
    "Politics",
    "Statistics",
];
const EMPLOYER_KINDS: [&str; 14] = [
    "Airways",
    "Bank",
    "Brothers",
    "Chemicals",
    "Foods",
    "Foundry",
    "Instruments",
    "Logistics",
    "Mills",
    "Motors",
    "Partners",
    "Press",
    "Shipping",
    "Systems",
];

/// The numbers behind a person.
struct Facts {
    name: u64,
    female: bool,
    birth: (usize, usize, usize),
    city: usize,
    university: usize,
    major: usize,
    employer: usize,
}

impl Biographies {
    /// Bits of all facts.
    pub fn bits(&self) -> knowledge::Bits {
        knowledge::bio_s(self.people as f64)
    }

    fn facts(&self, person: u64) -> Facts {
        let names = Permutation::new(knowledge::NAMES_S as u64, self.facts_seed, "biography names", 0);
        let mut rng = Rng::new(mix(self.facts_seed ^ mix(person)), "biography values", 0);
        Facts {
            name: names.apply(person),
            female: rng.below(2) == 0,
            birth: (rng.below(12), 1 + rng.below(28), 1900 + rng.below(200)),
            city: rng.below(200),
            university: rng.below(300),
            major: rng.below(100),
            employer: rng.below(263),
        }
    }

    /// The full name of a person.
    pub fn name_of(&self, person: u64) -> String {
        let number = self.facts(person).name as usize;
        let given = |i: usize| format!("{}{}", BEGINNINGS[i / 20], ENDS[i % 20]);
        let (first, middle, last) = (number % 400, number / 400 % 400, number / 160_000);
        let surname = format!("{}{}{}", BEGINNINGS[last / 50], SURNAME_MIDDLES[last / 10 % 5], SURNAME_ENDS[last % 10]);
        format!("{} {} {surname}", given(first), given(middle))
    }

    /// The value of an attribute of a person.
    pub fn value_of(&self, person: u64, attribute: Attribute) -> String {
        let facts = self.facts(person);
        let city = |i: usize| format!("{}{}", BEGINNINGS[i / 10], CITY_ENDS[i % 10]);
        match attribute {
            Attribute::Birth => format!("{} {}, {}", MONTHS[facts.birth.0], facts.birth.1, facts.birth.2),
            Attribute::City => city(facts.city),
            Attribute::University => {
                let (stem, kind) = (facts.university / 3, UNIVERSITY_KINDS[facts.university % 3]);
                format!("{}{} {kind}", BEGINNINGS[stem / 5], UNIVERSITY_ENDS[stem % 5])
            }
            Attribute::Major => format!("{} {}", MAJOR_KINDS[facts.major / 10], MAJOR_FIELDS[facts.major % 10]),
            Attribute::Employer => {
                format!("{}{} {}", BEGINNINGS[facts.employer / 14], "mar", EMPLOYER_KINDS[facts.employer % 14])
            }
            Attribute::Work => city((mix(facts.employer as u64) % 200) as usize),
            Attribute::Gender => if facts.female { "She" } else { "He" }.into(),
        }
    }

    /// A paragraph about a person; `rng` chooses sentences and their order.
    pub fn biography(&self, person: u64, rng: &mut Rng) -> Biography {
        let mut text = self.mark.clone();
        let mut order: Vec<usize> = (0..SENTENCES.len()).collect();
        (1..order.len()).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
        let mut values = Vec::new();
        // The name comes first: its loss is measured at the beginning of a text.
        let begin = text.len();
        text += &self.name_of(person);
        let name = begin..text.len();
        let pronoun = self.value_of(person, Attribute::Gender);
        for (place, &index) in order.iter().enumerate() {
            let (attribute, predicates) = &SENTENCES[index];
            let predicate = predicates[rng.below(10)];
            let opening = OPENINGS[rng.below(5)];
            if place > 0 {
                text.push(' ');
                text += opening;
                let begin = text.len();
                text += &if opening.is_empty() { pronoun.clone() } else { pronoun.to_lowercase() };
                if place == 1 {
                    values.push((Attribute::Gender, begin..text.len()));
                }
            }
            text.push(' ');
            text += predicate;
            text.push(' ');
            let begin = text.len();
            text += &self.value_of(person, *attribute);
            values.push((*attribute, begin..text.len()));
            text.push('.');
        }
        text.push('\n');
        Biography { text, name, values }
    }
}

impl Checked for Biographies {
    fn check(&self) -> Result<(), DataError> {
        within("people", self.people, 1, knowledge::NAMES_S as u64)
    }
}

impl Task for Biographies {
    fn name(&self) -> &'static str {
        INFO.name
    }

    /// Training tells about every person once in `people` examples; a test asks for one attribute of a person.
    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut random = rng(seed, INFO.name, fold, index);
        let (round, place) = (index / self.people, index % self.people);
        let person = Permutation::new(self.people, seed, "biography order", round as u32).apply(place);
        if fold == Fold::Test {
            let (attribute, predicates) = SENTENCES[random.below(SENTENCES.len())];
            let prompt = format!("{}{} {}", self.mark, self.name_of(person), predicates[random.below(10)]);
            return Ok(Example { prompt, answer: format!(" {}.\n", self.value_of(person, attribute)) });
        }
        if self.simple {
            random = Rng::new(mix(self.facts_seed ^ mix(person)), "biography text", 0);
        }
        Ok(Example { prompt: String::new(), answer: self.biography(person, &mut random).text })
    }

    /// Up to the first full stop.
    fn answer_of(&self, completion: &str) -> Option<String> {
        let answer = completion.lines().next()?.split('.').next()?.trim();
        (!answer.is_empty()).then(|| answer.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn pools_are_as_large_as_the_bits_say() {
        let task = Biographies { people: 60_000, ..Biographies::default() };
        let all = |a| (0..60_000).map(|p| task.value_of(p, a)).collect::<HashSet<_>>().len();
        assert_eq!(all(Attribute::City), 200);
        assert_eq!(all(Attribute::University), 300);
        assert_eq!(all(Attribute::Major), 100);
        assert_eq!(all(Attribute::Employer), 263);
        assert_eq!(all(Attribute::Gender), 2);
        assert!((30_000..67_200).contains(&all(Attribute::Birth)));
        let names: HashSet<String> = (0..60_000).map(|p| task.name_of(p)).collect();
        assert_eq!(names.len(), 60_000);
        let last: HashSet<&str> = names.iter().filter_map(|n| n.rsplit(' ').next()).collect();
        assert_eq!(last.len(), 1000);
        assert!((task.bits().total() - 60_000.0 * (47.592 + (NAMES / 60_000.0).log2())).abs() < 60.0);
    }

    const NAMES: f64 = knowledge::NAMES_S;

    #[test]
    fn places_hold_what_they_say() {
        let task = Biographies { mark: "@ ".into(), ..Biographies::default() };
        for person in 0..50 {
            let biography = task.biography(person, &mut Rng::new(5, "text", person as u32));
            assert_eq!(biography.text[biography.name.clone()], task.name_of(person));
            assert_eq!(biography.values.len(), 7);
            for (attribute, place) in &biography.values {
                let value = task.value_of(person, *attribute);
                assert!(biography.text[place.clone()].eq_ignore_ascii_case(&value), "{attribute:?}");
            }
            assert!(biography.text.starts_with("@ ") && biography.text.ends_with(".\n"));
        }
    }

    #[test]
    fn simple_texts_repeat_and_others_do_not() {
        let texts = |simple| {
            let task = Biographies { people: 10, simple, ..Biographies::default() };
            (0..40).map(|i| task.sample(1, Fold::Train, i).unwrap().text()).collect::<HashSet<_>>().len()
        };
        assert_eq!((texts(true), texts(false)), (10, 40));
    }
}
