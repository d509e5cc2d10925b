//! Draws until enough pass: rates below one over the size of a test set (Hu et al. 2023, arXiv 2310.03262).

use crate::accuracy::numbers;
use crate::losses::nats;
use crate::questions::ask;
use crate::write::Writer;
use crate::{EvaluateError, Model, Question, Questions};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_data::tasks::Task;
use kleiber_laws::pass_until::{PassCount, draw};
use kleiber_models::{Sampling, Session};
use rayon::prelude::*;

/// Level of the intervals.
const LEVEL: f64 = 0.95;

/// How completions are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawing {
    /// Passes after which an example is done.
    pub passes: u64,
    /// Most draws for an example.
    pub cap: u64,
    /// Logits are divided by it; above 0.
    pub temperature: f64,
    /// Seed of the draws; those of an example are a function of it, the example's number and the draw's.
    pub seed: u64,
}

impl Default for Drawing {
    /// Until two pass, at most 10,000 draws from the model's own distribution.
    fn default() -> Self {
        Self { passes: 2, cap: 10_000, temperature: 1.0, seed: 0 }
    }
}

/// Pass rates, a row for each example: `example`, `length`, `digits`, `passes`, `draws`, `censored` (1 when the cap came
/// first), the unbiased `rate` with the exact 95 % interval `low` to `high`, the `likeliest` rate, and the `probability`
/// exp(-nats) of the expected answer to the letter at temperature 1, which no draw is needed for. The draws of an example
/// share what the model remembers of its prompt.
///
/// # Errors
/// As [`crate::answers`]; [`EvaluateError::Law`] for no passes or a cap below ten draws for each,
/// [`EvaluateError::Option`] for a temperature of 0 or more than 2^32 draws.
pub fn pass_rate(
    model: &Model,
    task: &dyn Task,
    questions: &Questions,
    drawing: &Drawing,
) -> Result<Table, EvaluateError> {
    if drawing.temperature == 0.0 {
        let expected = "above 0: without it every draw is the same; use accuracy";
        return Err(EvaluateError::option("temperature", 0, expected));
    }
    if drawing.cap > 1 << 32 {
        return Err(EvaluateError::option("cap", drawing.cap, "at most 2^32 draws"));
    }
    let usual = Sampling { temperature: drawing.temperature, ..Sampling::default() };
    usual.check()?;
    let empty = Session::new(&model.decoder, model.decoder.config().context)?;
    let questions = ask(model, task, questions)?;
    let count = |question: &Question| -> Result<PassCount, EvaluateError> {
        // Examples beyond 2^32 repeat their draws.
        let seed = Rng::new(drawing.seed, "pass rate", question.index as u32).next_u64();
        let sampling = Sampling { seed, ..usual };
        let mut writer = Writer::new(model, task, question, &empty)?;
        let mut failure = None;
        let counted = draw(drawing.passes, drawing.cap, |draws| {
            let pass = |number| match writer.write(&sampling, number as u32) {
                Ok(completion) => task.grade(&question.example, &completion),
                Err(error) => {
                    failure.get_or_insert(error);
                    false
                }
            };
            draws.map(pass).collect()
        })?;
        failure.map_or(Ok(counted), Err)
    };
    let counts: Vec<Result<PassCount, EvaluateError>> = questions.par_iter().map(count).collect();
    let counts = counts.into_iter().collect::<Result<Vec<PassCount>, _>>()?;
    let probabilities = questions.chunks(32).flat_map(|block| nats(model, block)).map(|nats| (-nats).exp());
    let asked = |name: &str, of: &dyn Fn(&Question) -> usize| {
        numbers(name, questions.iter().map(|question| of(question) as f64).collect())
    };
    let counted = |name: &str, of: &dyn Fn(&PassCount) -> f64| numbers(name, counts.iter().map(of).collect());
    let columns = vec![
        asked("example", &|q| q.index as usize),
        asked("length", &Question::length),
        asked("digits", &Question::digits),
        counted("passes", &|c| c.passes as f64),
        counted("draws", &|c| c.draws as f64),
        counted("censored", &|c| f64::from(u8::from(c.censored))),
        counted("rate", &PassCount::unbiased),
        counted("low", &|c| c.interval(LEVEL).0),
        counted("high", &|c| c.interval(LEVEL).1),
        counted("likeliest", &PassCount::likeliest),
        numbers("probability", probabilities.collect()),
    ];
    Ok(Table::new(task.name(), columns)?)
}
