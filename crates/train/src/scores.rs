//! How hard a trained model finds each document: what data pruning ranks by (Sorscher et al. 2022, arXiv 2206.14486).

use crate::TrainError;
use kleiber_data::{DataError, TokenStore};
use kleiber_models::Decoder;

/// Logits that exist at once.
const NUMBERS: usize = 1 << 22;

/// What a model makes of every document of a store, higher for harder ones.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentScores {
    /// Tokens of each document, without the end of a text before it.
    pub sizes: Vec<usize>,
    /// Mean loss in nats per token: the logarithm of the perplexity.
    pub loss: Vec<f64>,
    /// Mean over the tokens of the length of `softmax - onehot` (EL2N, Paul et al. 2021).
    pub error_norm: Vec<f64>,
    /// Whether each token of all documents in a row is the most probable one; of several checkpoints,
    /// [`kleiber_data::pruning::forgetting`] makes a score of it.
    pub right: Vec<bool>,
}

/// Scores of every document of `store`. Documents are cut to the model's context; the first token follows the end of a
/// text, and no token sees another document or piece.
///
/// # Errors
/// [`TrainError::Data`] for a store that cannot be read or holds tokens that the model does not know.
pub fn document_scores(decoder: &Decoder, store: &TokenStore) -> Result<DocumentScores, TrainError> {
    let (context, vocab) = (decoder.config().context, decoder.config().vocab);
    if store.vocab() as usize > vocab {
        let expected = format!("at most the {vocab} of the model");
        return Err(DataError::Option { name: "vocabulary".into(), found: store.vocab().to_string(), expected }.into());
    }
    let mut scores = DocumentScores { sizes: Vec::new(), loss: Vec::new(), error_norm: Vec::new(), right: Vec::new() };
    // Pieces of documents in order: the document, what goes in, what comes out.
    let mut pieces: Vec<(usize, Vec<u32>, Vec<u32>)> = Vec::new();
    for index in 0..store.documents() {
        // The first token of a document is the end of a text, which nothing has to predict.
        let tokens = store.document(index)?;
        let end = tokens.len().saturating_sub(1);
        let cut = tokens[..end].chunks(context).zip(tokens[1.min(end)..].chunks(context));
        pieces.extend(cut.map(|(inputs, targets)| (index as usize, inputs.to_vec(), targets.to_vec())));
        scores.sizes.push(end);
    }
    let (mut loss, mut norm) = (vec![0.0; scores.sizes.len()], vec![0.0; scores.sizes.len()]);
    let at_once = (NUMBERS / (context * vocab)).max(1);
    for batch in pieces.chunks(at_once) {
        // Shorter pieces are filled up; nothing sees what comes after it.
        let length = batch.iter().map(|(_, piece, _)| piece.len()).max().unwrap_or(0);
        let mut inputs = Vec::with_capacity(batch.len() * length);
        for (_, piece, _) in batch {
            let end = inputs.len() + length;
            inputs.extend(piece);
            inputs.resize(end, store.end_of_text());
        }
        let logits = decoder.logits(&inputs, batch.len());
        for ((document, _, targets), logits) in batch.iter().zip(logits.chunks(length * vocab)) {
            for (token, logits) in targets.iter().zip(logits.chunks(vocab)) {
                let found = judge(logits, *token as usize);
                loss[*document] += found.loss;
                norm[*document] += found.norm;
                scores.right.push(found.right);
            }
        }
    }
    let mean = |sums: Vec<f64>| sums.into_iter().zip(&scores.sizes).map(|(s, n)| s / (*n).max(1) as f64).collect();
    (scores.loss, scores.error_norm) = (mean(loss), mean(norm));
    Ok(scores)
}

/// What a model makes of a token.
struct Judged {
    loss: f64,
    norm: f64,
    right: bool,
}

fn judge(logits: &[f32], token: usize) -> Judged {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let shares: Vec<f64> = logits.iter().map(|l| f64::from(l - largest).exp()).collect();
    let total: f64 = shares.iter().sum();
    let squares: f64 = shares.iter().map(|s| (s / total).powi(2)).sum();
    let own = shares[token] / total;
    // The square of the length is that of the probabilities with (1 - p)^2 in the place of p^2.
    let norm = (squares + 1.0 - 2.0 * own).max(0.0).sqrt();
    Judged { loss: total.ln() - f64::from(logits[token] - largest), norm, right: logits[token] == largest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_data::{Document, Tokenizer};
    use kleiber_models::DecoderConfig;

    #[test]
    fn a_token_is_judged_as_by_hand() {
        // Probabilities 1/2, 1/4 and 1/4.
        let found = judge(&[2f32.ln(), 0.0, 0.0], 1);
        assert!((found.loss - 4f64.ln()).abs() < 1e-6 && !found.right);
        assert!((found.norm - (0.25f64 + 0.5625 + 0.0625).sqrt()).abs() < 1e-6, "{}", found.norm);
        assert!(judge(&[5.0, 1.0], 0).right && judge(&[200.0, 0.0], 0).norm < 1e-6);
        assert!((judge(&[200.0, 0.0], 1).norm - 2f64.sqrt()).abs() < 1e-6);
    }

    #[test]
    fn documents_have_their_own_losses_however_they_are_cut() {
        let config =
            DecoderConfig { vocab: 257, context: 8, layers: 1, width: 32, heads: 2, groups: 2, ..Default::default() };
        let decoder = Decoder::new(&config, 3).unwrap();
        let texts = ["a longer document of some length", "", "short", "exactly8"];
        let documents = texts.map(|text| Document::new(text, "docs", "test"));
        let store = TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap();
        let got = document_scores(&decoder, &store).unwrap();
        assert_eq!(got.right.len(), got.sizes.iter().sum::<usize>());
        for (index, text) in texts.iter().enumerate() {
            let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
            assert_eq!(got.sizes[index], tokens.len());
            let inputs = [&[256], tokens.as_slice()].concat();
            let mut sum = 0.0;
            for (i, piece) in tokens.chunks(8).enumerate() {
                let inputs = &inputs[8 * i..8 * i + piece.len()];
                sum += decoder.token_losses(inputs, piece, 1, None).iter().map(|l| f64::from(*l)).sum::<f64>();
            }
            let wanted = sum / tokens.len().max(1) as f64;
            assert!((got.loss[index] - wanted).abs() < 1e-5, "{index}: {} {wanted}", got.loss[index]);
        }
    }
}
