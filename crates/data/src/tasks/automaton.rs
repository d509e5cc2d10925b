//! Running a finite automaton over a word: what depth can do that width cannot.

use super::{Example, Fold, Task, TaskInfo, defaults, parse, rng, within};
use crate::DataError;
use kleiber_core::rng::Rng;
use serde::{Deserialize, Serialize};

pub(super) const INFO: TaskInfo = TaskInfo {
    name: "automaton",
    description: "A word and the states that a finite automaton goes through while reading it.",
    source: "Liu et al. 2023 (shortcuts to automata); Barrington 1986 (permutations of five)",
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
    /// All states in a row, or only the last.
    pub trace: bool,
    /// Key of the transition table.
    pub table_seed: u64,
}

impl Default for Automaton {
    fn default() -> Self {
        Self { kind: MachineKind::Cyclic, states: 5, symbols: 3, length: 24, trace: true, table_seed: 0 }
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
        let mut rng = Rng::new(parameters.table_seed, "automaton table", 0);
        let n = parameters.states;
        let mut row = |symbol: usize| match parameters.kind {
            MachineKind::Cyclic => (0..n).map(|state| (state + symbol) % n).collect::<Vec<_>>(),
            MachineKind::Random => (0..n).map(|_| rng.below(n)).collect(),
            MachineKind::Permutations => {
                let mut order: Vec<usize> = (0..n).collect();
                (1..n).rev().for_each(|i| order.swap(i, rng.below(i + 1)));
                order
            }
        };
        let table = (0..parameters.symbols).map(&mut row).collect();
        Ok(Self { parameters, table })
    }

    /// The states after each letter (digits) of a word.
    pub fn states(&self, word: &str) -> Option<Vec<usize>> {
        let mut state = 0;
        let step = |letter: char| {
            state = self.table.get(letter.to_digit(10)? as usize)?[state];
            Some(state)
        };
        word.chars().map(step).collect()
    }
}

impl Task for Machine {
    fn name(&self) -> &'static str {
        INFO.name
    }

    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError> {
        let mut rng = rng(seed, INFO.name, fold, index);
        let letters = (0..self.parameters.length).map(|_| char::from(b'0' + rng.below(self.parameters.symbols) as u8));
        let word: String = letters.collect();
        let states = self.states(&word).unwrap_or_default();
        let from = if self.parameters.trace { 0 } else { states.len().saturating_sub(1) };
        let answer: String = states[from..].iter().map(|&s| char::from(b'a' + s as u8)).collect();
        Ok(Example { prompt: format!("{word}:"), answer: answer + "\n" })
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
}
