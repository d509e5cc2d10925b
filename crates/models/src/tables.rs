//! What follows from a configuration alone: angles, slopes, buckets, spans and waves.

use crate::layout::T5_BUCKETS;
use crate::{DecoderConfig, Positions};
use kleiber_tensor::kernels::attention::Rotary;
use std::sync::Arc;

/// Tables for the positions below a length.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) rotary: Option<Arc<Rotary<f32>>>,
    pub(crate) slopes: Option<Arc<[f32]>>,
    pub(crate) bucket_of: Option<Arc<[u16]>>,
    pub(crate) spans: Option<Arc<[u32]>>,
    /// Sines and cosines of every position, `[length, width]`.
    pub(crate) waves: Option<Vec<f32>>,
}

impl Tables {
    /// Tables for `length` places that stand `spacing` positions apart.
    pub(crate) fn new(config: &DecoderConfig, length: usize, spacing: usize) -> Self {
        let is = |positions| config.positions == positions;
        Self {
            rotary: is(Positions::Rotary)
                .then(|| Arc::new(Rotary::spaced(config.rotary_dims(), config.rotary_base, length, spacing))),
            slopes: is(Positions::Alibi).then(|| slopes(config.heads, spacing)),
            bucket_of: is(Positions::T5).then(|| buckets(length, config.context, spacing)),
            waves: is(Positions::Sinusoidal).then(|| waves(length, config.width, spacing)),
            spans: (!config.spans.is_empty()).then(|| config.spans.as_slice().into()),
        }
    }
}

/// Slopes of ALiBi: a geometric sequence from 2^(-8/heads) for powers of two, every second one of the next power for
/// the heads beyond.
fn slopes(heads: usize, spacing: usize) -> Arc<[f32]> {
    let of =
        |count: usize| (1..=count).map(move |i| (spacing as f64 * 2f64.powf(-8.0 * i as f64 / count as f64)) as f32);
    let power = if heads.is_power_of_two() { heads } else { heads.next_power_of_two() / 2 };
    of(power).chain(of(2 * power).step_by(2)).take(heads).collect()
}

/// Sines in the first half of a row and cosines in the second, of wavelengths from 2 pi to 20,000 pi, with the root mean
/// square of an embedding.
fn waves(length: usize, width: usize, spacing: usize) -> Vec<f32> {
    let half = width / 2;
    let wave = |n: usize| {
        let (position, i) = ((n / width * spacing) as f64, n % width);
        let angle = position * 10_000f64.powf(-((i % half) as f64) / half as f64);
        (0.02 * 2f64.sqrt() * if i < half { angle.sin() } else { angle.cos() }) as f32
    };
    (0..length * width).map(wave).collect()
}

/// Bucket of each distance below `length`, as in T5 for one direction: 16 exact, 16 in powers up to 128 or the context.
fn buckets(length: usize, context: usize, spacing: usize) -> Arc<[u16]> {
    let exact = T5_BUCKETS / 2;
    let largest = context.max(128) as f64;
    let bucket = |distance: usize| {
        if distance < exact {
            return distance as u16;
        }
        let share = (distance as f64 / exact as f64).ln() / (largest / exact as f64).ln();
        (exact + (share * (T5_BUCKETS - exact) as f64) as usize).min(T5_BUCKETS - 1) as u16
    };
    (0..length.max(1)).map(|places| bucket(places * spacing)).collect()
}
