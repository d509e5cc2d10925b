//! `pruned-perceptrons`, `pruning-frontier` and `pruned-decoders` of the study data-pruning.

use super::Function;
use crate::{Context, Progress, StudyError};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::corpus::{BuildOptions, Source, build};
use kleiber_data::pruning::{Keep, select};
use kleiber_data::{Document, Order, Stream, StreamOptions, TokenStore, Tokenizer};
use kleiber_laws::pruning::{End, Kept, frontier};
use kleiber_models::{Decoder, DecoderConfig};
use kleiber_train::scores::document_scores;
use kleiber_train::{Decay, Kind, Options, Schedule, TrainError, Trainer};
use serde::Deserialize;
use std::sync::Arc;

pub(super) const PERCEPTRONS: Function = Function {
    name: "pruned-perceptrons",
    about: "Perceptrons trained on pruned data beside the theory of their error.",
    run: perceptrons,
};

pub(super) const FRONTIER: Function = Function {
    name: "pruning-frontier",
    about: "The theory's error at the best share to keep, for examples kept per dimension.",
    run: frontier_rows,
};

pub(super) const DECODERS: Function = Function {
    name: "pruned-decoders",
    about: "Small decoders trained on a share of their text, kept by how hard a probe of it found each piece.",
    run: decoders,
};

fn read<T: serde::de::DeserializeOwned>(keys: &toml::Table, name: &str) -> Result<T, StudyError> {
    let hint = format!("see the keys of {name} in crates/studies/src/special/data_pruning.rs");
    keys.clone().try_into().map_err(|e: toml::de::Error| StudyError::refused(e.message().to_string(), hint))
}

/// Which perceptrons.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Perceptrons {
    /// Dimensions of the examples.
    dimensions: usize,
    /// Students of each case.
    seeds: u64,
    /// Cases: angle of the probe in degrees, examples per dimension before pruning, share kept.
    cases: Vec<[f64; 3]>,
}

/// Columns `theta`, `alpha_tot`, `fraction`, `alpha_prune`, `end`, `seed`, `case`, `error`, `theory`, `off` (error less
/// theory), `allowed` (the larger of 0.02 and a tenth of the theory).
fn perceptrons(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let Perceptrons { dimensions, seeds, cases } = read(keys, PERCEPTRONS.name)?;
    let mut numbers: [Vec<f64>; 9] = Default::default();
    let (mut ends, mut names) = (Vec::new(), Vec::new());
    for [theta, alpha_tot, fraction] in cases {
        for (name, end) in [("hard", End::Hard), ("easy", End::Easy), ("random", End::Random)] {
            context.go_on()?;
            let kept = Kept { alpha_tot, fraction, theta: theta.to_radians(), end };
            let theory = kept.solve().map_or(f64::NAN, |point| point.error);
            for seed in 0..seeds {
                let error = kept.simulate(dimensions, context.options.seed + seed)?.error;
                let allowed = (0.1 * theory).max(0.02);
                let sizes = [theta, alpha_tot, fraction, kept.alpha_prune(), seed as f64];
                let row = sizes.into_iter().chain([error, theory, error - theory, allowed]);
                numbers.iter_mut().zip(row).for_each(|(column, v)| column.push(v));
                ends.push(name.into());
                names.push(format!("{theta}/{alpha_tot}/{fraction}").into());
            }
        }
    }
    let titles = ["theta", "alpha_tot", "fraction", "alpha_prune", "seed", "error", "theory", "off", "allowed"];
    table(context.step, &titles, numbers, [("end", ends), ("case", names)])
}

/// Which budgets.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frontier {
    /// Examples kept per dimension, increasing.
    alphas: Vec<f64>,
    /// Shares to choose from.
    fractions: Vec<f64>,
}

/// Columns `alpha_prune`, `fraction` (the best), `error`, `random` (error of a random share as large) and `slope`, that of the logarithm of the error
/// from the budget before.
fn frontier_rows(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let Frontier { alphas, fractions } = read(keys, FRONTIER.name)?;
    let mut numbers: [Vec<f64>; 5] = Default::default();
    let mut before: Option<(f64, f64)> = None;
    for alpha in alphas {
        context.go_on()?;
        let (fraction, point) = frontier(alpha, 0.0, &fractions)?;
        let random = Kept { alpha_tot: alpha, fraction: 1.0, theta: 0.0, end: End::Random }.solve()?.error;
        let slope = before.map_or(f64::NAN, |(a, e)| (point.error / e).ln() / (alpha / a).ln());
        let row = [alpha, fraction, point.error, random, slope];
        numbers.iter_mut().zip(row).for_each(|(column, v)| column.push(v));
        before = Some((alpha, point.error));
    }
    table(context.step, &["alpha_prune", "fraction", "error", "random", "slope"], numbers, [])
}

fn table<const N: usize, const T: usize>(
    name: &str,
    titles: &[&str; N],
    numbers: [Vec<f64>; N],
    texts: [(&str, Vec<Arc<str>>); T],
) -> Result<Table, StudyError> {
    let texts = texts.into_iter().map(|(name, cells)| Column { name: name.into(), cells: Cells::Text(cells) });
    let numbers = titles.iter().zip(numbers);
    let numbers = numbers.map(|(name, cells)| Column { name: (*name).into(), cells: Cells::Number(cells) });
    Ok(Table::new(name, texts.chain(numbers).collect())?)
}

/// Which decoders.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Decoders {
    /// Bytes of text before pruning.
    texts: Vec<usize>,
    /// Bytes of a piece, which is kept or dropped.
    piece: usize,
    /// Share that is kept.
    keep: f64,
    /// Tokens that every student is trained on.
    tokens: u64,
    /// Tokens of the probe.
    probe_tokens: u64,
    /// Held-out tokens.
    held_out: u64,
    /// Seeds.
    seeds: u64,
}

const CONTEXT: usize = 64;
const BATCH: usize = 16;
const RATE: f64 = 4e-3;

/// Columns `order` (`easy`, `hard`, `middle`, `random`, `all`), `metric`, `bytes`, `kept_bytes`, `seed`, `loss`. A probe of the same shape is trained
/// on all of a text for a little while and scores its pieces by EL2N; students see the same number of tokens of what is kept.
fn decoders(keys: &toml::Table, context: &Context<'_>) -> Result<Table, StudyError> {
    let wanted: Decoders = read(keys, DECODERS.name)?;
    let options = BuildOptions { max_bytes: 16 << 20, ..BuildOptions::cargo() };
    let corpus = build(&Source::cargo(), &options).map_err(TrainError::from)?;
    let held_out = store(&corpus.validation.documents)?;
    let jobs = wanted.texts.iter().flat_map(|bytes| (0..wanted.seeds).map(move |seed| (*bytes, seed)));
    let mut numbers: [Vec<f64>; 4] = Default::default();
    let mut orders = Vec::new();
    for (bytes, seed) in jobs {
        let seed = context.options.seed + seed;
        let pieces = pieces(&corpus.train.documents, wanted.piece, bytes, seed);
        let probe = student(&pieces, wanted.probe_tokens, 1000 + seed, context)?;
        let scores = document_scores(probe.decoder(), &*store(&pieces)?)?.error_norm;
        let sizes: Vec<u64> = pieces.iter().map(|p| p.text.len() as u64).collect();
        for order in [Some(Keep::Easy), Some(Keep::Hard), Some(Keep::Middle), Some(Keep::Random), None] {
            let kept: Vec<Document> = match order {
                Some(keep) => {
                    let kept = select(&scores, &sizes, keep, wanted.keep, seed).map_err(TrainError::from)?;
                    kept.into_iter().map(|i| pieces[i].clone()).collect()
                }
                None => pieces.clone(),
            };
            let mut student = student(&kept, wanted.tokens, seed, context)?;
            let stream = StreamOptions { order: Order::Sequential, ..StreamOptions::new(CONTEXT, 0) };
            let stream = Stream::new(held_out.clone(), stream).map_err(TrainError::from)?;
            let sequences = (wanted.held_out / CONTEXT as u64).min(stream.epoch_len(0));
            let loss = student.evaluate(&stream, sequences, &[])?.loss;
            let name = order.map_or("all", Keep::name);
            (context.tell)(Progress::Note(format!("{bytes} bytes, {name}, seed {seed}: {loss:.4}")));
            let kept_bytes: usize = kept.iter().map(|d| d.text.len()).sum();
            let row = [bytes as f64, kept_bytes as f64, seed as f64, loss];
            numbers.iter_mut().zip(row).for_each(|(column, v)| column.push(v));
            orders.push(name.into());
        }
    }
    table(context.step, &["bytes", "kept_bytes", "seed", "loss"], numbers, [("order", orders)])
}

/// Pieces of about equal length from documents in an order of the seed, until there are so many bytes.
fn pieces(documents: &[Document], length: usize, bytes: usize, seed: u64) -> Vec<Document> {
    let order = kleiber_data::Permutation::new(documents.len() as u64, seed, "pieces", 0);
    let (mut pieces, mut taken) = (Vec::new(), 0);
    for place in 0..documents.len() as u64 {
        let document = &documents[order.apply(place) as usize];
        let mut rest = document.text.as_str();
        // One long document must not be all of a small text.
        for _ in 0..8 {
            let end = (length.min(rest.len())..=rest.len()).find(|end| rest.is_char_boundary(*end));
            let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
            if piece.is_empty() || taken >= bytes {
                break;
            }
            taken += piece.len();
            pieces.push(Document::new(piece, document.domain.clone(), document.group.clone()));
            rest = after;
        }
    }
    pieces
}

fn store(documents: &[Document]) -> Result<Arc<TokenStore>, StudyError> {
    Ok(Arc::new(TokenStore::in_memory(&Tokenizer::Bytes, documents).map_err(TrainError::from)?))
}

/// A decoder trained on documents.
fn student(documents: &[Document], tokens: u64, seed: u64, context: &Context<'_>) -> Result<Trainer, StudyError> {
    let config = DecoderConfig {
        vocab: Tokenizer::Bytes.vocab(),
        context: CONTEXT,
        layers: 2,
        width: 32,
        heads: 2,
        groups: 2,
        ..DecoderConfig::default()
    };
    let stream = Stream::new(store(documents)?, StreamOptions::new(CONTEXT, seed)).map_err(TrainError::from)?;
    let batch_tokens = (BATCH * CONTEXT) as u64;
    let steps = (tokens / batch_tokens).max(1);
    let total = steps * batch_tokens;
    let kind = Kind::Wsd { decay_share: 0.2, decay: Decay::Linear };
    let schedule = Schedule { kind, peak: RATE, floor: 0.0, warmup: total / 20, total };
    let decoder = Decoder::new(&config, seed).map_err(TrainError::from)?;
    let mut trainer = Trainer::new(decoder, stream, Options { seed, ..Options::new(BATCH, schedule) })?;
    for _ in 0..steps {
        context.go_on()?;
        trainer.step()?;
    }
    Ok(trainer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_up_the_text_and_no_document_is_all_of_it() {
        let documents: Vec<Document> =
            (0..20).map(|i| Document::new("abcdé".repeat(100), "docs", format!("{i}"))).collect();
        let pieces = pieces(&documents, 50, 1000, 3);
        let bytes: usize = pieces.iter().map(|p| p.text.len()).sum();
        assert!((1000..1060).contains(&bytes), "{bytes}");
        assert!(pieces.iter().all(|p| (50..=51).contains(&p.text.len())));
        let of = |group: &str| pieces.iter().filter(|p| &*p.group == group).count();
        assert!((0..20).all(|i| of(&i.to_string()) <= 8));
        assert_eq!(pieces, super::pieces(&documents, 50, 1000, 3));
    }
}
