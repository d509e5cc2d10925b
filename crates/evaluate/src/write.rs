//! Completions of a prompt.

use crate::{EvaluateError, Model, Question};
use kleiber_data::TextStream;
use kleiber_data::tasks::Task;
use kleiber_models::{Sampling, Session};

/// Tokens beyond those of the expected answer that a completion may have: enough to see that it does not end.
const MORE: usize = 8;

/// A prompt that was read, from which any number of completions can be written.
pub(crate) struct Writer<'a> {
    model: &'a Model,
    task: &'a dyn Task,
    question: &'a Question,
    session: Session<'a>,
    /// Logits after the prompt.
    first: Vec<f32>,
}

impl<'a> Writer<'a> {
    /// Reads the prompt into a copy of `empty`, a session without tokens.
    pub(crate) fn new(
        model: &'a Model,
        task: &'a dyn Task,
        question: &'a Question,
        empty: &Session<'a>,
    ) -> Result<Self, EvaluateError> {
        let mut session = empty.clone();
        let first = session.feed(&question.given)?.to_vec();
        Ok(Self { model, task, question, session, first })
    }

    /// Completion number `number`: to the end of its answer, an end-of-text, the end of the context, or a little more than
    /// the expected answer.
    pub(crate) fn write(&mut self, sampling: &Sampling, number: u32) -> Result<String, EvaluateError> {
        let given = &self.question.given;
        let (vocab, context) = (self.model.tokenizer.vocab(), self.model.decoder.config().context);
        self.session.truncate(given.len());
        let mut text = TextStream::new(&self.model.tokenizer);
        let (mut completion, mut logits) = (String::new(), self.first.as_slice());
        for index in 0..self.question.answer.len() + MORE {
            // A head may have more rows than there are tokens.
            let token = sampling.pick(&logits[..vocab], &[], number, index as u32).token;
            if self.model.ends.contains(&token) {
                break;
            }
            completion.push_str(&text.push(token));
            if self.task.ended(&completion) || given.len() + index + 1 > context {
                break;
            }
            logits = self.session.feed(&[token])?;
        }
        completion.push_str(&text.finish());
        Ok(completion)
    }
}

/// Sources at a time.
const BATCH: usize = 256;

/// The likeliest targets of a model with an encoder, to an end-of-text or a little more than the expected answer.
pub(crate) fn translations(model: &Model, questions: &[Question]) -> Vec<String> {
    let end = model.tokenizer.end_of_text();
    let block = |questions: &[Question]| {
        let longest = questions.iter().map(|q| q.answer.len()).max().unwrap_or(0);
        let given: Vec<Vec<u32>> = questions.iter().map(|q| q.given.clone()).collect();
        let written = model.decoder.translate(&given, end, longest + MORE);
        written.into_iter().map(|tokens| model.tokenizer.decode(&tokens)).collect::<Vec<String>>()
    };
    questions.chunks(BATCH).flat_map(block).collect()
}
