//! Greedy answers to a task.

use crate::bleu::bleu;
use crate::questions::ask;
use crate::write::{Writer, translations};
use crate::{EvaluateError, Model, Question, Questions};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::tasks::Task;
use kleiber_models::{Sampling, Session};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the rows of a table of answers are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum By {
    /// One row for all examples.
    #[default]
    All,
    /// A row for each length of the expected answer in symbols, its end mark left out (column `length`).
    Length,
    /// A row for each number of digits of the longest number in the prompt (column `digits`).
    Digits,
    /// A row for each example.
    Each,
}

/// What a model answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it was asked.
    pub question: Question,
    /// What it wrote.
    pub completion: String,
    /// Whether the task takes that for right.
    pub right: bool,
    /// Whether it is the expected text to the letter, steps on the way included.
    pub exact: bool,
}

/// The most likely token at every place, until the task's answer ends, an end-of-text, or 8 tokens more than the expected
/// answer has; examples in their order.
///
/// # Errors
/// [`EvaluateError::Option`] for no examples, [`EvaluateError::TooLong`] for one that the model cannot hold, and those of
/// task and model.
pub fn answers(model: &Model, task: &dyn Task, questions: &Questions) -> Result<Vec<Answer>, EvaluateError> {
    let judged = |question: Question, completion: String| {
        let (right, exact) =
            (task.grade(&question.example, &completion), completion.trim_end() == question.example.answer.trim_end());
        Answer { question, completion, right, exact }
    };
    let questions = ask(model, task, questions)?;
    if model.decoder.config().encoder_layers > 0 {
        let written = translations(model, &questions);
        return Ok(questions.into_iter().zip(written).map(|(question, text)| judged(question, text)).collect());
    }
    let empty = Session::new(&model.decoder, model.decoder.config().context)?;
    let greedy = Sampling { temperature: 0.0, ..Sampling::default() };
    let answer = |question: Question| {
        let completion = Writer::new(model, task, &question, &empty)?.write(&greedy, 0)?;
        Ok(judged(question, completion))
    };
    // Of several faults the first is told, whatever the threads.
    let answers: Vec<Result<Answer, EvaluateError>> = questions.into_par_iter().map(answer).collect();
    answers.into_iter().collect()
}

/// Accuracy of greedy answers, a row for each group: `count` examples, `right` ones, their share `accuracy` with its
/// binomial standard `error`, the share `exact` of completions that are the expected text to the letter, and the `bleu` of the
/// answers' symbols, in points of 100. By [`By::Each`], a row is an example with `length`, `digits`, `prompt`, `answer`, `completion`, `right` and `exact`.
///
/// # Errors
/// As [`answers`].
pub fn accuracy(model: &Model, task: &dyn Task, questions: &Questions, by: By) -> Result<Table, EvaluateError> {
    let answers = answers(model, task, questions)?;
    let key = |answer: &Answer| match by {
        By::Length => answer.question.length(),
        By::Digits => answer.question.digits(),
        By::All | By::Each => 0,
    };
    if by == By::Each {
        return each(task, &answers);
    }
    let mut groups: BTreeMap<usize, [f64; 3]> = BTreeMap::new();
    let mut texts: BTreeMap<usize, Vec<[String; 2]>> = BTreeMap::new();
    for answer in &answers {
        let group = groups.entry(key(answer)).or_default();
        let counts = [1.0, f64::from(u8::from(answer.right)), f64::from(u8::from(answer.exact))];
        group.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        let compared = |text: &str| task.answer_of(text).unwrap_or_default();
        let pair = [compared(&answer.completion), compared(&answer.question.example.answer)];
        texts.entry(key(answer)).or_default().push(pair);
    }
    let share = |of: f64, count: f64| of / count;
    let column = |name: &str, of: &dyn Fn(&[f64; 3]) -> f64| numbers(name, groups.values().map(of).collect());
    let error = |[count, right, _]: &[f64; 3]| {
        let share = share(*right, *count);
        (share * (1.0 - share) / count).sqrt()
    };
    let mut columns = match by {
        By::Length => vec![numbers("length", groups.keys().map(|k| *k as f64).collect())],
        By::Digits => vec![numbers("digits", groups.keys().map(|k| *k as f64).collect())],
        By::All | By::Each => Vec::new(),
    };
    columns.extend([
        column("count", &|g| g[0]),
        column("right", &|g| g[1]),
        column("accuracy", &|g| share(g[1], g[0])),
        column("error", &error),
        column("exact", &|g| share(g[2], g[0])),
        numbers("bleu", texts.values().map(|pairs| bleu(pairs)).collect()),
    ]);
    Ok(Table::new(task.name(), columns)?)
}

fn each(task: &dyn Task, answers: &[Answer]) -> Result<Table, EvaluateError> {
    let number = |name: &str, of: &dyn Fn(&Answer) -> f64| numbers(name, answers.iter().map(of).collect());
    let text = |name: &str, of: &dyn Fn(&Answer) -> &str| Column {
        name: name.into(),
        cells: Cells::Text(answers.iter().map(|a| of(a).into()).collect()),
    };
    let columns = vec![
        number("example", &|a| a.question.index as f64),
        number("length", &|a| a.question.length() as f64),
        number("digits", &|a| a.question.digits() as f64),
        text("prompt", &|a| &a.question.example.prompt),
        text("answer", &|a| &a.question.example.answer),
        text("completion", &|a| &a.completion),
        number("right", &|a| f64::from(u8::from(a.right))),
        number("exact", &|a| f64::from(u8::from(a.exact))),
    ];
    Ok(Table::new(task.name(), columns)?)
}

pub(crate) fn numbers(name: &str, cells: Vec<f64>) -> Column {
    Column { name: name.into(), cells: Cells::Number(cells) }
}
