//! Running a finite automaton over a word: what depth can do that width cannot.

use super::{Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "automaton",
    description: "A word and the states that a finite automaton goes through while reading it.",
    source: "Liu et al. 2023 (shortcuts to automata); Barrington 1986 (permutations of five); Merrill and Sabharwal 2024 (states on the way)",
    defaults: defaults::<Automaton>,
    build: |parameters| Ok(Box::new(Machine::new(parse(INFO.name, parameters)?)?)),
};

/// Which automaton.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineKind {
    /// Adds its letters modulo the number of states; 2 states and 2 letters are parity.
    #[default]
    Cyclic,
    /// Every letter moves every state at random.
    Random,
    /// Every letter is a random permutation of the states.
    Permutations,
    /// The same, and the state is the whole product of the letters read: a word of as many letters as there are points,
    /// which says where each of them is. Of five points there are 120 products.
    Products,
}

/// Parameters of the task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Automaton {
    /// Which automaton.
    pub kind: MachineKind,
    /// Number of states, 2 to 26; the first is where it begins.
    pub states: usize,
    /// Number of letters, 2 to 10.
    pub symbols: usize,
    /// Letters in a word.
    pub length: usize,
    /// States on the way, or only the last.
    pub trace: bool,
    /// Letters between two states on the way; the last state is written in any case.
    pub every: usize,
    /// Draws the states on the way at random; the last stays right.
    pub scrambled: bool,
    /// Key of the transition table.
    pub table_seed: u64,
}

impl Default for Automaton {
    fn default() -> Self {
        Self {
            kind: MachineKind::Cyclic,
            states: 5,
            symbols: 3,
            length: 24,
            trace: true,
            every: 1,
            scrambled: false,
            table_seed: 0,
        }
    }
}

/// The task with its transition table.
#[derive(Debug, Clone)]
pub struct Machine {
    parameters: Automaton,
    /// Next state by letter and state.
    table: Vec<Vec<usize>>,
}

impl Machine {
    /// Draws the table.
    ///
    /// # Errors
    /// [`DataError::Option`] for parameters out of range.
    pub fn new(parameters: Automaton) -> Result<Self, DataError> {
        within("states", parameters.states, 2, 26)?;
        within("symbols", parameters.symbols, 2, 10)?;
        within("length", parameters.length, 1, 1 << 20)?;
        within("every", parameters.every, 1, 1 << 20)?;
        let mut rng = Rng::new(parameters.table_seed, "automaton table", 0);
        let n = parameters.states;
        let mut row = |symbol: usize| match parameters.kind {
            MachineKind::Cyclic => (0..n).map(|state| (state + symbol) % n).collect::<Vec<_>>(),
            MachineKind::Random => (0..n).map(|_| rng.below(n)).collect(),
            MachineKind::Permutations | MachineKind::Products => {
                let mut order: Vec<usize> = (0..n).collect();
                (1..n).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
                order
            }
        };
        let table = (0..parameters.symbols).map(&mut row).collect();
        Ok(Self { parameters, table })
    }

    /// The states after each letter (digits) of a word, from the first state.
    pub fn states(&self, word: &str) -> Option<Vec<usize>> {
        self.states_from(0, word)
    }

    fn states_from(&self, first: usize, word: &str) -> Option<Vec<usize>> {
        let mut state = first;
        let step = |letter: char| {
            state = self.table.get(letter.to_digit(10)? as usize)?[state];
            Some(state)
        };
        word.chars().map(step).collect()
    }

    /// Symbols of a written state.
    fn width(&self) -> usize {
        if self.parameters.kind == MachineKind::Products { self.parameters.states } else { 1 }
    }

    /// The written states after each letter of a word.
    fn written(&self, word: &str) -> Vec<String> {
        let points: Vec<Vec<usize>> =
            (0..self.width()).map(|point| self.states_from(point, word).unwrap_or_default()).collect();
        let at = |i: usize| points.iter().map(|states| char::from(b'a' + states[i] as u8)).collect();
        (0..word.len()).map(at).collect()
    }
}

impl Task for Machine {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let Automaton { symbols, length, trace, every, scrambled, .. } = self.parameters;
        let mut rng = rng(seed, INFO.name, fold, index);
        let mut word = || (0..length).map(|_| char::from(b'0' + rng.below(symbols) as u8)).collect::<String>();
        let (asked, other) = (word(), word());
        let states = self.written(&asked);
        let on_the_way = if scrambled { self.written(&other) } else { states.clone() };
        let mut answer = String::new();
        if trace {
            (every..length).step_by(every).for_each(|letters| answer.push_str(&on_the_way[letters - 1]));
        }
        answer.push_str(&states[length - 1]);
        Ok(Example { prompt: format!("{asked}:"), answer: answer + "\n" })
    }

    /// The last state: the states on the way are steps, not the answer.
    fn answer_of(&self, completion: &str) -> Option<String> {
        let line = completion.lines().next()?.trim();
        let from = line.len().checked_sub(self.width())?;
        line.get(from..).map(str::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_states_and_letters_are_parity() {
        let task = Machine::new(Automaton { states: 2, symbols: 2, ..Automaton::default() }).unwrap();
        assert_eq!(task.states("0110100").unwrap(), [0, 1, 0, 0, 1, 1, 1]);
        assert_eq!(task.states("02"), None);
    }

    #[test]
    fn permutations_can_be_undone_and_traces_end_in_the_last_state() {
        let of = |trace| Automaton { kind: MachineKind::Permutations, trace, ..Automaton::default() };
        let (all, last) = (Machine::new(of(true)).unwrap(), Machine::new(of(false)).unwrap());
        for row in &all.table {
            let mut sorted = row.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        let (a, b) = (all.sample(2, Fold::Test, 5).unwrap(), last.sample(2, Fold::Test, 5).unwrap());
        assert_eq!((a.prompt, a.answer.len()), (b.prompt, 25));
        assert!(a.answer.ends_with(&b.answer));
    }

    #[test]
    fn products_are_those_of_their_letters() {
        let of = |every, scrambled| {
            let kind = MachineKind::Products;
            Machine::new(Automaton { kind, symbols: 4, length: 6, every, scrambled, ..Automaton::default() }).unwrap()
        };
        let (task, scrambled) = (of(1, false), of(1, true));
        for index in 0..50 {
            let example = task.sample(1, Fold::Test, index).unwrap();
            let answer = example.answer.trim_end();
            // Each point is moved by one letter after another.
            let mut at = [0, 1, 2, 3, 4];
            let mut expected = String::new();
            for letter in example.prompt.trim_end_matches(':').bytes() {
                at.iter_mut().for_each(|point| *point = task.table[usize::from(letter - b'0')][*point]);
                expected.extend(at.map(|point| char::from(b'a' + point as u8)));
            }
            assert_eq!((answer, answer.len()), (expected.as_str(), 30));
            // Every fourth state, and the last.
            let fewer = of(4, false).sample(1, Fold::Test, index).unwrap().answer;
            assert_eq!(fewer.trim_end(), [&answer[15..20], &answer[25..]].concat());
            let wrong = scrambled.sample(1, Fold::Test, index).unwrap();
            assert_eq!((&wrong.prompt, &wrong.answer[25..]), (&example.prompt, &example.answer[25..]));
            assert_ne!(wrong.answer[..25], example.answer[..25]);
            // Only the last state is asked for.
            assert!(task.grade(&example, &wrong.answer) && task.grade(&example, &fewer));
            assert!(!task.grade(&example, &answer[..25]) || answer[20..25] == answer[25..]);
        }
    }
}
