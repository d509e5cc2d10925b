//! Synthetic tasks: text with known truth, each example a pure function of seed, fold and index.
//!
//! ```
//! use kleiber_data::tasks::{self, Fold};
//! # fn main() -> Result<(), kleiber_data::DataError> {
//! let task = tasks::build("addition", &serde_json::json!({ "digits": 2, "format": "reverse" }))?;
//! let example = task.sample(1, Fold::Train, 0)?;
//! assert!(example.prompt.starts_with('$') && example.prompt.ends_with('='));
//! assert!(task.grade(&example, &example.answer));
//! # Ok(()) }
//! ```
//!
//! A new task is one file beside its neighbours and one line in [`registry`].

mod addition;
mod automaton;
mod bigram;
mod bio_d;
mod biographies;
mod brackets;
mod copy;
mod decimal;
mod denoising;
mod digits;
mod field;
pub mod knowledge;
mod language;
mod multiplication;
mod outcomes;
mod passkey;
mod retrieval;
mod scratchpad;
mod sine;
mod spec;
mod sqrt;
mod subtraction;
mod translation;

pub use addition::{Addition, Format};
pub use automaton::{Automaton, Machine, MachineKind};
pub use bigram::{Bigram, BigramText};
pub use bio_d::{BioD, Record};
pub use biographies::{Attribute, Biographies, Biography};
pub use brackets::Brackets;
pub use copy::{CopyString, Pattern};
pub use decimal::FunctionFormat;
pub use denoising::{Denoiser, Denoising, Letters};
pub use digits::{AnswerOrder, Lengths, Noise, Spaces, carries};
pub use field::{Field, FieldPictures};
pub use multiplication::Multiplication;
pub use passkey::Passkey;
pub use retrieval::Retrieval;
pub use sine::Sine;
pub use spec::{PREFIX, TaskSpec, parameters};
pub use sqrt::SquareRoot;
pub use subtraction::{Subtraction, SubtractionFormat};
pub use translation::{Origin, Translation, Translator, WordOrder};

use crate::hash::mix;
use crate::{DataError, Document};
use kleiber_core::rng::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Which examples: where a task has a finite number of questions, the folds share none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fold {
    /// To learn from.
    Train,
    /// To be asked.
    Test,
}

/// A question and its answer; the text to train on is one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// What is given.
    pub prompt: String,
    /// What should follow, with its end mark.
    pub answer: String,
}

impl Example {
    /// Prompt and answer in a row.
    pub fn text(&self) -> String {
        format!("{}{}", self.prompt, self.answer)
    }
}

/// What the best possible model would lose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entropy {
    /// Nats per token (one per letter) when the tokens before are known.
    pub rate: f64,
    /// Nats per token when nothing is known: of the first token, and of a model that ignores the order.
    pub first: f64,
}

/// A task with its parameters.
pub trait Task: Debug + Send + Sync {
    /// Name in the registry.
    fn name(&self) -> &'static str;

    /// Example `index` of a fold.
    ///
    /// # Errors
    /// [`DataError::Option`] when the parameters leave the fold without examples.
    fn sample(&self, seed: u64, fold: Fold, index: u64) -> Result<Example, DataError>;

    /// The part of a completion that is compared: by default its first line without surrounding spaces; `None` when
    /// there is none.
    fn answer_of(&self, completion: &str) -> Option<String> {
        let line = completion.lines().next()?.trim();
        (!line.is_empty()).then(|| line.to_string())
    }

    /// Whether a completion answers the example.
    fn grade(&self, example: &Example, completion: &str) -> bool {
        let answer = self.answer_of(completion);
        answer.is_some() && answer == self.answer_of(&example.answer)
    }

    /// Whether a completion has come to the end of its answer, so that nothing more needs to be written: by default at
    /// the end of a line, once an answer can be read.
    fn ended(&self, completion: &str) -> bool {
        completion.ends_with('\n') && self.answer_of(completion).is_some()
    }

    /// The loss of the best possible model, where it is known.
    fn entropy(&self) -> Option<Entropy> {
        None
    }

    /// Training example `index` as a document, a group of its own.
    ///
    /// # Errors
    /// As [`Task::sample`].
    fn document(&self, seed: u64, index: u64) -> Result<Document, DataError> {
        let text = self.sample(seed, Fold::Train, index)?.text();
        Ok(Document::new(text, self.name(), format!("{}#{index:08}", self.name())))
    }

    /// The first `count` training examples as documents.
    ///
    /// # Errors
    /// As [`Task::sample`].
    fn documents(&self, seed: u64, count: u64) -> Result<Vec<Document>, DataError> {
        (0..count).map(|index| self.document(seed, index)).collect()
    }
}

/// An entry of the registry.
#[derive(Debug, Clone, Copy)]
pub struct TaskInfo {
    /// Name on the command line.
    pub name: &'static str,
    /// What the task asks, in a sentence.
    pub description: &'static str,
    /// Where it was published.
    pub source: &'static str,
    /// Parameters and their defaults.
    pub defaults: fn() -> serde_json::Value,
    /// Makes the task from parameters; absent ones take their defaults, unknown ones are errors.
    pub build: fn(&serde_json::Value) -> Result<Box<dyn Task>, DataError>,
}

/// All tasks.
pub fn registry() -> &'static [TaskInfo] {
    &[
        addition::INFO,
        automaton::INFO,
        bigram::INFO,
        bio_d::INFO,
        biographies::INFO,
        brackets::INFO,
        copy::INFO,
        denoising::INFO,
        field::INFO,
        multiplication::INFO,
        passkey::INFO,
        retrieval::INFO,
        sine::INFO,
        sqrt::INFO,
        subtraction::INFO,
        translation::INFO,
    ]
}

/// The task `name` with `parameters`, an object.
///
/// # Errors
/// [`DataError::UnknownTask`], or [`DataError::Option`] for parameters that are unknown or out of range.
pub fn build(name: &str, parameters: &serde_json::Value) -> Result<Box<dyn Task>, DataError> {
    let Some(info) = registry().iter().find(|info| info.name == name) else {
        let available = registry().iter().map(|i| i.name).collect::<Vec<_>>().join(", ");
        return Err(DataError::UnknownTask { name: name.into(), available });
    };
    (info.build)(parameters)
}

/// Parameters that are the task.
trait Checked: Task + Serialize + DeserializeOwned + Default {
    fn check(&self) -> Result<(), DataError>;
}

fn defaults<T: Serialize + Default>() -> serde_json::Value {
    serde_json::to_value(T::default()).unwrap_or_default()
}

fn parse<T: DeserializeOwned>(task: &str, parameters: &serde_json::Value) -> Result<T, DataError> {
    let parameters = if parameters.is_null() { &serde_json::json!({}) } else { parameters };
    T::deserialize(parameters)
        .map_err(|e| DataError::option(&format!("parameters of {task}"), parameters, format!("others: {e}")))
}

fn build_checked<T: Checked + 'static>(parameters: &serde_json::Value) -> Result<Box<dyn Task>, DataError> {
    let task: T = parse(T::default().name(), parameters)?;
    task.check()?;
    Ok(Box::new(task))
}

/// The random numbers of one example.
fn rng(seed: u64, task: &str, fold: Fold, index: u64) -> Rng {
    let fold = if fold == Fold::Train { 0 } else { 1 };
    // Steps have 32 bits; the rest of the index and the fold choose another key.
    Rng::new(mix(seed ^ mix((index >> 32) << 1 | fold)), task, index as u32)
}

/// A parameter inside its bounds.
fn within<T: PartialOrd + std::fmt::Display + Copy>(name: &str, value: T, low: T, high: T) -> Result<(), DataError> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(DataError::option(name, value, format!("{low} to {high}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_a_function_of_seed_fold_and_index() {
        let mut names = std::collections::HashSet::new();
        for info in registry() {
            assert!(names.insert(info.name) && info.description.ends_with('.') && !info.source.is_empty());
            let task = (info.build)(&(info.defaults)()).unwrap();
            let again = build(info.name, &serde_json::Value::Null).unwrap();
            assert_eq!(task.name(), info.name);
            let mut distinct = std::collections::HashSet::new();
            for fold in [Fold::Train, Fold::Test] {
                for index in [0, 1, 2, 77, u64::from(u32::MAX) + 3] {
                    let example = task.sample(9, fold, index).unwrap();
                    assert_eq!(example, again.sample(9, fold, index).unwrap(), "{}", info.name);
                    assert!(task.grade(&example, &example.answer), "{}: {example:?}", info.name);
                    assert!(!task.grade(&example, "") && !task.grade(&example, "\n~"), "{}", info.name);
                    // An answer ends where it ends and not before.
                    let lines = example.answer.match_indices('\n').map(|(at, _)| &example.answer[..=at]);
                    let ends: Vec<&str> = lines.filter(|text| task.ended(text)).collect();
                    assert!(ends.is_empty() || ends[0] == example.answer, "{}: {ends:?}", info.name);
                    distinct.insert(example.text());
                }
            }
            assert!(distinct.len() >= 9, "{}: {}", info.name, distinct.len());
            assert_ne!(task.sample(10, Fold::Train, 0).unwrap(), task.sample(9, Fold::Train, 0).unwrap());
            let error = (info.build)(&serde_json::json!({ "no_such": 1 })).unwrap_err().to_string();
            assert!(error.contains("no_such"), "{error}");
            assert_eq!(task.documents(9, 3).unwrap()[2].text, task.sample(9, Fold::Train, 2).unwrap().text());
        }
        assert!(build("sums", &serde_json::Value::Null).unwrap_err().to_string().contains("addition, automaton"));
    }
}
