//! The held-out tokens of a run, for models that were made from its checkpoints.

use crate::evaluation::tally;
use crate::{Evaluation, Plan, Texts, TrainError, run};
use kleiber_data::{Batch, Stream};
use kleiber_models::Decoder;

/// The sequences that a run is evaluated on, the same every time.
#[derive(Debug)]
pub struct HeldOut {
    stream: Stream,
    sequences: u64,
    batch: usize,
    bytes: Vec<u32>,
}

/// Losses of a model on held-out sequences.
#[derive(Debug, Clone, PartialEq)]
pub struct Losses {
    /// Over all of them.
    pub evaluation: Evaluation,
    /// Nats per token of each sequence that has a token to predict, in order: two models on the same text pair by place.
    pub sequences: Vec<f64>,
}

impl HeldOut {
    /// Those of a plan.
    ///
    /// # Errors
    /// [`TrainError::Data`] when the held-out text is shorter than one sequence.
    pub fn new(plan: &Plan, texts: &Texts) -> Result<Self, TrainError> {
        let stream = run::held_out(plan, texts)?;
        let sequences = run::held_out_sequences(plan, &stream);
        let batch = plan.options.batch.min(32);
        Ok(Self { stream, sequences, batch, bytes: run::token_bytes(&texts.tokenizer) })
    }

    /// The same with only the first `tokens`, in whole sequences and at least one.
    pub fn at_most(self, tokens: u64) -> Self {
        let sequences = tokens.div_ceil(self.stream.options().context as u64);
        Self { sequences: sequences.clamp(1, self.sequences), ..self }
    }

    /// The sequences in batches.
    pub fn batches(&self) -> impl Iterator<Item = Result<Batch, TrainError>> + '_ {
        let starts = (0..self.sequences).step_by(self.batch.max(1));
        starts.map(|first| Ok(self.stream.batch(first, (self.sequences - first).min(self.batch as u64) as usize)?))
    }

    /// Losses of a model that reads the run's tokens.
    ///
    /// # Errors
    /// [`TrainError::Data`].
    pub fn losses(&self, decoder: &Decoder) -> Result<Losses, TrainError> {
        let all = tally(decoder, &self.stream, self.sequences, self.batch, &self.bytes)?;
        Ok(Losses { evaluation: all.evaluation(), sequences: all.means })
    }
}
