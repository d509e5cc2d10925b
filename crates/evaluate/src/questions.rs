//! Which examples of a task a model is asked.

use crate::{EvaluateError, Model};
use kleiber_data::tasks::{Example, Fold, Task};
use rayon::prelude::*;

/// Most examples of a call; all are held in memory.
const MOST: u64 = 10_000_000;

/// Which examples of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Questions {
    /// Number of examples, from the first on.
    pub count: u64,
    /// Their fold.
    pub fold: Fold,
    /// Their seed.
    pub seed: u64,
    /// Whether an end-of-text stands before every prompt, as before every text in training.
    pub fresh: bool,
}

impl Questions {
    /// `count` test examples of seed 0, each at the beginning of a text.
    pub fn new(count: u64) -> Self {
        Self { count, fold: Fold::Test, seed: 0, fresh: true }
    }
}

/// An example in the tokens of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Its number.
    pub index: u64,
    /// Prompt and answer.
    pub example: Example,
    /// Tokens that are given.
    pub given: Vec<u32>,
    /// Tokens of the answer, with its end mark.
    pub answer: Vec<u32>,
}

impl Question {
    /// Symbols of the answer without spaces around it.
    pub fn length(&self) -> usize {
        self.example.answer.trim().chars().count()
    }

    /// Digits of the longest number in the prompt, spaces between them left out.
    pub fn digits(&self) -> usize {
        let numbers = self.example.prompt.split(|c: char| !c.is_ascii_digit() && c != ' ');
        numbers.map(|number| number.bytes().filter(u8::is_ascii_digit).count()).max().unwrap_or(0)
    }
}

/// The questions, refused when one does not fit the model.
///
/// # Errors
/// [`EvaluateError::Option`] for none or too many, [`EvaluateError::TooLong`], and those of the task.
pub(crate) fn ask(model: &Model, task: &dyn Task, questions: &Questions) -> Result<Vec<Question>, EvaluateError> {
    if !(1..=MOST).contains(&questions.count) {
        return Err(EvaluateError::option("count", questions.count, format!("1 to {MOST} examples")));
    }
    let context = model.decoder.config().context;
    let one = |index| {
        let example = task.sample(questions.seed, questions.fold, index)?;
        let given = model.given(&example.prompt, questions.fresh)?;
        let answer = model.tokenizer.encode(&example.answer)?;
        // What is written last need not be read.
        let tokens = given.len() + answer.len().saturating_sub(1);
        if tokens > context {
            return Err(EvaluateError::TooLong { index, tokens, context });
        }
        Ok(Question { index, example, given, answer })
    };
    // Of several faults the first is told, whatever the threads.
    let asked: Vec<Result<Question, EvaluateError>> = (0..questions.count).into_par_iter().map(one).collect();
    asked.into_iter().collect()
}
