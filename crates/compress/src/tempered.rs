//! How far apart two models draw when both draw at a temperature.
//!
//! A token is drawn from `softmax(logits / temperature)`. With common random numbers (Gumbel-max: the largest of logit /
//! temperature + noise, the same noise for both) two models draw alike unless their distributions differ, so that what
//! remains is their difference and not the luck of the draw.

use crate::{CompressError, Format, Scope, quantize};
use kleiber_core::stats::{mean, standard_deviation};
use kleiber_core::table::{Cells, Column, Table};
use kleiber_data::IGNORE;
use kleiber_models::Decoder;
use kleiber_train::HeldOut;
use rayon::prelude::*;

/// Two distributions over the same tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// KL(reference || other) in nats.
    pub kl: f64,
    /// Probability that both draw another token with common random numbers.
    pub disagreement: f64,
    /// Probability that the reference draws another token with other random numbers.
    pub chance: f64,
}

/// Logits of two models at a temperature above 0. With common random numbers both draw token i with probability
/// `1 / sum_j max(p_j / p_i, q_j / q_i)`, since the draws are the first of exponential clocks of rates p and q.
pub fn distance(reference: &[f32], other: &[f32], temperature: f64) -> Distance {
    let (p, log_p) = softmax(reference, temperature);
    let (q, log_q) = softmax(other, temperature);
    let kl = (0..p.len()).map(|i| if p[i] > 0.0 { p[i] * (log_p[i] - log_q[i]) } else { 0.0 }).sum::<f64>();
    // By falling p / q: of those before i the first term is the larger, of the others the second.
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| (log_p[*b] - log_q[*b]).total_cmp(&(log_p[*a] - log_q[*a])));
    let (mut before, mut after, mut agreement) = (0.0, q.iter().sum::<f64>(), 0.0);
    for i in order {
        if p[i] > 0.0 && q[i] > 0.0 {
            agreement += 1.0 / (before / p[i] + after / q[i]);
        }
        before += p[i];
        after -= q[i];
    }
    let chance = 1.0 - p.iter().map(|p| p * p).sum::<f64>();
    Distance { kl: kl.max(0.0), disagreement: (1.0 - agreement).clamp(0.0, 1.0), chance }
}

/// Probabilities and their logarithms.
fn softmax(logits: &[f32], temperature: f64) -> (Vec<f64>, Vec<f64>) {
    let top = logits.iter().fold(f32::NEG_INFINITY, |top, v| top.max(*v));
    let scaled: Vec<f64> = logits.iter().map(|v| (f64::from(*v) - f64::from(top)) / temperature).collect();
    let log_sum = scaled.iter().map(|v| v.exp()).sum::<f64>().ln();
    let logs: Vec<f64> = scaled.iter().map(|v| v - log_sum).collect();
    (logs.iter().map(|v| v.exp()).collect(), logs)
}

/// Two models at a temperature, over held-out tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The temperature.
    pub temperature: f64,
    /// Means over the places of the text.
    pub mean: Distance,
    /// Standard error of the mean KL, sequences taken as independent.
    pub kl_error: f64,
}

impl Shift {
    /// Disagreement over that of the reference with itself under other random numbers: what the format changes beside what
    /// sampling changes anyway.
    pub fn sensitivity(&self) -> f64 {
        if self.mean.chance > 0.0 { self.mean.disagreement / self.mean.chance } else { 0.0 }
    }
}

/// Two models behind the same held-out text at each temperature.
///
/// # Errors
/// [`CompressError::Option`] for a temperature that is not a positive number, [`CompressError::Train`].
pub fn shifts(
    reference: &Decoder,
    other: &Decoder,
    held_out: &HeldOut,
    temperatures: &[f64],
) -> Result<Vec<Shift>, CompressError> {
    if let Some(bad) = temperatures.iter().find(|t| !(**t > 0.0 && t.is_finite())) {
        return Err(CompressError::option("temperature", bad, "a positive number; at 0 nothing is drawn"));
    }
    let vocab = reference.config().vocab;
    // Of each temperature, the means of each sequence.
    let mut sequences: Vec<Vec<Distance>> = vec![Vec::new(); temperatures.len()];
    for rows in held_out.batches() {
        let rows = rows?;
        let (ours, theirs) = (reference.logits(&rows.inputs, rows.batch), other.logits(&rows.inputs, rows.batch));
        for (sequence, targets) in rows.targets.chunks(rows.context).enumerate() {
            let places: Vec<usize> = (0..rows.context).filter(|i| targets[*i] != IGNORE).collect();
            if places.is_empty() {
                continue;
            }
            for (means, temperature) in sequences.iter_mut().zip(temperatures) {
                let at = |place: &usize| {
                    let row = (sequence * rows.context + place) * vocab;
                    distance(&ours[row..row + vocab], &theirs[row..row + vocab], *temperature)
                };
                means.push(mean_of(&places.par_iter().map(at).collect::<Vec<_>>()));
            }
        }
    }
    let shift = |(temperature, means): (&f64, &Vec<Distance>)| {
        let kl: Vec<f64> = means.iter().map(|d| d.kl).collect();
        let kl_error = standard_deviation(&kl) / (kl.len() as f64).sqrt();
        Shift { temperature: *temperature, mean: mean_of(means), kl_error }
    };
    Ok(temperatures.iter().zip(&sequences).map(shift).collect())
}

fn mean_of(all: &[Distance]) -> Distance {
    let of = |part: fn(&Distance) -> f64| mean(&all.iter().map(part).collect::<Vec<f64>>());
    Distance { kl: of(|d| d.kl), disagreement: of(|d| d.disagreement), chance: of(|d| d.chance) }
}

/// A decoder beside itself in every format at every temperature: `format`, `bits`, `nmse`, `temperature`, `kl`, `kl_error`,
/// `disagreement`, `chance`, `sensitivity`.
///
/// # Errors
/// Those of [`quantize`] and [`shifts`].
pub fn shift_table(
    decoder: &Decoder,
    held_out: &HeldOut,
    formats: &[Format],
    scope: Scope,
    temperatures: &[f64],
) -> Result<Table, CompressError> {
    let (mut names, mut numbers): (Vec<std::sync::Arc<str>>, Vec<[f64; 8]>) = (Vec::new(), Vec::new());
    for format in formats {
        let small = quantize(decoder, format, scope)?;
        for shift in shifts(decoder, &small.decoder, held_out, temperatures)? {
            let Distance { kl, disagreement, chance } = shift.mean;
            names.push(format.name().into());
            let (bits, temperature) = (f64::from(format.bits()), shift.temperature);
            numbers.push([
                bits,
                small.nmse(),
                temperature,
                kl,
                shift.kl_error,
                disagreement,
                chance,
                shift.sensitivity(),
            ]);
        }
    }
    let labels = ["bits", "nmse", "temperature", "kl", "kl_error", "disagreement", "chance", "sensitivity"];
    let column = |(i, name): (usize, &&str)| Column {
        name: (*name).into(),
        cells: Cells::Number(numbers.iter().map(|row| row[i]).collect()),
    };
    let format = Column { name: "format".into(), cells: Cells::Text(names) };
    Ok(Table::new("shifts", std::iter::once(format).chain(labels.iter().enumerate().map(column)).collect())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kleiber_core::rng::Rng;

    #[test]
    fn two_tokens_by_hand() {
        // p = (3/4, 1/4), q = (1/2, 1/2).
        let d = distance(&[3f32.ln(), 0.0], &[1.0, 1.0], 1.0);
        let kl = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
        assert!((d.kl - kl).abs() < 1e-6 && (d.chance - 0.375).abs() < 1e-6);
        // Both the first: 1 / (1 + max(1/3, 1)) = 1/2; both the second: 1 / (max(3, 1) + 1) = 1/4.
        assert!((d.disagreement - 0.25).abs() < 1e-6);
        let same = distance(&[0.3, -2.0, 5.0], &[1.3, -1.0, 6.0], 0.2);
        assert!(same.kl < 1e-9 && same.disagreement < 1e-6);
        // Cold, both take their most likely token.
        let cold = distance(&[2.0, 1.0, 0.0], &[1.0, 2.0, 0.0], 1e-3);
        assert!(cold.disagreement > 1.0 - 1e-9 && cold.chance < 1e-9 && (cold.kl - 1000.0).abs() < 1e-3);
        assert!(distance(&[2.0, 1.0], &[1.5, 1.0], 1e-3).disagreement < 1e-9);
    }

    #[test]
    fn disagreement_is_what_common_noise_gives() {
        let mut rng = Rng::new(5, "logits", 0);
        let a: Vec<f32> = (0..12).map(|_| 2.0 * rng.normal() as f32).collect();
        let b: Vec<f32> = a.iter().map(|v| v + 0.5 * rng.normal() as f32).collect();
        for temperature in [0.5, 1.0, 3.0] {
            let best = |logits: &[f32], noise: &[f64]| {
                let score = |i: &usize| f64::from(logits[*i]) / temperature + noise[*i];
                (0..12).max_by(|i, j| score(i).total_cmp(&score(j))).unwrap()
            };
            let draws = 40_000;
            let mut differ = 0;
            for _ in 0..draws {
                let noise: Vec<f64> = (0..12).map(|_| -(-(1.0 - rng.uniform()).ln()).ln()).collect();
                differ += usize::from(best(&a, &noise) != best(&b, &noise));
            }
            let (got, want) = (distance(&a, &b, temperature).disagreement, differ as f64 / f64::from(draws));
            // Three standard errors.
            assert!((got - want).abs() < 3.0 * (want * (1.0 - want) / f64::from(draws)).sqrt(), "{got} {want}");
        }
    }
}
