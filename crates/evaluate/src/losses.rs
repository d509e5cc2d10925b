//! Losses of a checkpoint: on another text, and on the answers of a task.

use crate::accuracy::numbers;
use crate::questions::ask;
use crate::{EvaluateError, Model, Question, Questions};
use kleiber_core::table::Table;
use kleiber_data::tasks::Task;
use kleiber_data::{IGNORE, Layout, Order, Stream, StreamOptions, TokenStore};
use kleiber_train::{Evaluation, evaluate, token_bytes};
use std::sync::Arc;

/// Sequences at a time.
const BATCH: usize = 32;

/// How a text is cut for a model to be measured on it.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Most tokens to read, in whole sequences.
    pub tokens: u64,
    /// Tokens of a sequence; as many as the model can hold otherwise.
    pub context: Option<usize>,
    /// How documents become sequences.
    pub layout: Layout,
    /// Whether documents in a sequence are kept apart.
    pub document_mask: bool,
    /// Only what follows this text in a document counts, when the layout is [`Layout::Single`].
    pub loss_after: String,
}

impl Default for HeldOut {
    /// The first 131,072 tokens in consecutive pieces, as in training.
    fn default() -> Self {
        let (layout, loss_after) = (Layout::Chunks, String::new());
        Self { tokens: 1 << 17, context: None, layout, document_mask: false, loss_after }
    }
}

/// Loss on a text in the tokens of the model, in nats per token and bits per byte.
///
/// # Errors
/// [`EvaluateError::Data`] for a store of another tokenizer, or one that holds no sequence; [`EvaluateError::Option`] for a
/// context that the model cannot hold.
pub fn loss(model: &Model, store: &Arc<TokenStore>, text: &HeldOut) -> Result<Evaluation, EvaluateError> {
    store.expect_tokenizer(&model.tokenizer)?;
    let longest = model.decoder.config().context;
    let context = text.context.unwrap_or(longest);
    if context > longest {
        return Err(EvaluateError::option("context", context, format!("at most the {longest} tokens of the model")));
    }
    let options = StreamOptions {
        layout: text.layout,
        order: Order::Sequential,
        document_mask: text.document_mask,
        loss_after: model.tokenizer.encode(&text.loss_after)?,
        ..StreamOptions::new(context, 0)
    };
    let stream = Stream::new(store.clone(), options)?;
    let wanted = text.tokens.div_ceil(context as u64).clamp(1, stream.epoch_len(0).max(1));
    Ok(evaluate(&model.decoder, &stream, wanted, BATCH, &token_bytes(&model.tokenizer))?)
}

/// What the expected answers of a task cost a model that is given prompt and answer so far, a row for each example:
/// `example`, `length`, `digits`, `tokens` of the answer with its end mark, the `nats` of all of them together, and
/// `probability`, the chance exp(-nats) that the answer is drawn to the letter at temperature 1.
///
/// # Errors
/// As [`crate::answers`].
pub fn answer_losses(model: &Model, task: &dyn Task, questions: &Questions) -> Result<Table, EvaluateError> {
    let questions = ask(model, task, questions)?;
    let nats: Vec<f64> = questions.chunks(BATCH).flat_map(|block| nats(model, block)).collect();
    let column = |name: &str, of: &dyn Fn(&Question) -> usize| {
        numbers(name, questions.iter().map(|question| of(question) as f64).collect())
    };
    let columns = vec![
        column("example", &|q| q.index as usize),
        column("length", &Question::length),
        column("digits", &Question::digits),
        column("tokens", &|q| q.answer.len()),
        numbers("nats", nats.clone()),
        numbers("probability", nats.iter().map(|nats| (-nats).exp()).collect()),
    ];
    Ok(Table::new(task.name(), columns)?)
}

/// Nats of the answers of some questions.
pub(crate) fn nats(model: &Model, questions: &[Question]) -> Vec<f64> {
    let length = |q: &Question| q.given.len() + q.answer.len() - 1;
    let longest = questions.iter().map(length).max().unwrap_or(0);
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for question in questions {
        let text = [question.given.as_slice(), &question.answer].concat();
        let padding = longest + 1 - text.len();
        inputs.extend(text[..text.len() - 1].iter().chain(std::iter::repeat_n(&text[0], padding)));
        targets.extend(std::iter::repeat_n(IGNORE, question.given.len() - 1));
        targets.extend(question.answer.iter().copied().chain(std::iter::repeat_n(IGNORE, padding)));
    }
    if longest == 0 {
        return Vec::new();
    }
    let losses = model.decoder.token_losses(&inputs, &targets, questions.len(), None);
    let counted = |row: (&[f32], &[u32])| {
        row.0.iter().zip(row.1).filter(|(_, target)| **target != IGNORE).map(|(loss, _)| f64::from(*loss)).sum()
    };
    losses.chunks(longest).zip(targets.chunks(longest)).map(counted).collect()
}
