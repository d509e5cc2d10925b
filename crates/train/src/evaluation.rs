//! Loss on held-out text.

use crate::TrainError;
use kleiber_data::{IGNORE, Stream};
use kleiber_models::Decoder;
use serde::{Deserialize, Serialize};

/// Loss on held-out text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Nats per token.
    pub loss: f64,
    /// Bits per byte of text, comparable across vocabularies, when the bytes of tokens are known.
    pub bpb: Option<f64>,
    /// Tokens that were predicted.
    pub tokens: u64,
    /// Standard error of the loss, its sequences taken as independent.
    pub error: f64,
}

/// Loss of a model over the first `sequences` of `stream`, `batch` of them at a time. `bytes` holds the bytes of text of
/// each token ([`crate::token_bytes`]), for bits per byte.
///
/// # Errors
/// [`TrainError::Data`].
pub fn evaluate(
    decoder: &Decoder,
    stream: &Stream,
    sequences: u64,
    batch: usize,
    bytes: &[u32],
) -> Result<Evaluation, TrainError> {
    Ok(tally(decoder, stream, sequences, batch, bytes)?.evaluation())
}

/// Sums of an evaluation.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    nats: f64,
    tokens: u64,
    bytes: u64,
    /// Mean loss of each sequence.
    pub(crate) means: Vec<f64>,
}

/// The losses of a decoder over the first `sequences` of a stream, `batch` of them together.
pub(crate) fn tally(
    decoder: &Decoder,
    stream: &Stream,
    sequences: u64,
    batch: usize,
    bytes: &[u32],
) -> Result<Tally, TrainError> {
    let mut tally = Tally::default();
    let mut first = 0;
    while first < sequences {
        let count = (sequences - first).min(batch.max(1) as u64);
        let rows = stream.batch(first, count as usize)?;
        let starts = stream.options().document_mask.then_some(rows.starts.as_slice());
        let losses = decoder.token_losses(&rows.inputs, &rows.targets, rows.batch, starts);
        let each = losses.chunks(rows.context).zip(rows.targets.chunks(rows.context));
        each.for_each(|(losses, targets)| tally.add(losses, targets, bytes));
        first += count;
    }
    Ok(tally)
}

impl Tally {
    /// Takes the losses of a sequence in.
    fn add(&mut self, losses: &[f32], targets: &[u32], bytes: &[u32]) {
        let nats: f64 = losses.iter().map(|l| f64::from(*l)).sum();
        let counted = targets.iter().filter(|t| **t != IGNORE);
        let tokens = counted.clone().count() as u64;
        self.bytes += counted.map(|t| u64::from(bytes.get(*t as usize).copied().unwrap_or(0))).sum::<u64>();
        self.nats += nats;
        self.tokens += tokens;
        if tokens > 0 {
            self.means.push(nats / tokens as f64);
        }
    }

    /// The result.
    pub(crate) fn evaluation(&self) -> Evaluation {
        let (count, loss) = (self.means.len() as f64, self.nats / self.tokens.max(1) as f64);
        let spread = self.means.iter().map(|m| (m - loss).powi(2)).sum::<f64>() / (count - 1.0).max(1.0);
        Evaluation {
            loss,
            bpb: (self.bytes > 0).then(|| self.nats / std::f64::consts::LN_2 / self.bytes as f64),
            tokens: self.tokens,
            error: (spread / count.max(1.0)).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nats_become_bits_per_byte() {
        let mut tally = Tally::default();
        // Three tokens of 2, 3 and 0 bytes and one that is not counted.
        tally.add(&[1.0, 2.0, 3.0, 0.0], &[0, 1, 2, IGNORE], &[2, 3, 0]);
        tally.add(&[2.0], &[0], &[2, 3, 0]);
        let got = tally.evaluation();
        assert_eq!((got.loss, got.tokens), (2.0, 4));
        assert!((got.bpb.unwrap() - 8.0 / std::f64::consts::LN_2 / 7.0).abs() < 1e-12);
        assert!(Tally::default().evaluation().bpb.is_none());
    }
}
