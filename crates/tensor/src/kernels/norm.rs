//! Layer norm (Ba et al. 2016) and RMS norm (Zhang and Sennrich 2019) over rows.

use super::{Real, dot, rows_of, sum, vectorised};
use rayon::prelude::*;

/// Which norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// (x - mean) / sqrt(variance + eps).
    Layer,
    /// x / sqrt(mean of squares + eps).
    Rms,
}

/// `y = gain * normalised(x) + bias` for each row of `gain.len()` numbers; `stats` receives the centre and the
/// inverse scale of each row, which [`backward`] needs.
pub fn forward<T: Real>(
    norm: Norm,
    x: &[T],
    gain: &[T],
    bias: Option<&[T]>,
    eps: T,
    y: &mut [T],
    stats: &mut [[T; 2]],
) {
    let width = gain.len();
    let rows = rows_of(width);
    let blocks = y.par_chunks_mut(rows * width).zip(x.par_chunks(rows * width)).zip(stats.par_chunks_mut(rows));
    blocks.for_each(|((y, x), stats)| {
        vectorised(|| {
            for ((y, x), stat) in y.chunks_exact_mut(width).zip(x.chunks_exact(width)).zip(stats) {
                *stat = statistics(norm, x, eps);
                let [centre, inverse] = *stat;
                match bias {
                    Some(bias) => {
                        for i in 0..width {
                            y[i] = ((x[i] - centre) * inverse).mul_add(gain[i], bias[i]);
                        }
                    }
                    None => {
                        for i in 0..width {
                            y[i] = (x[i] - centre) * inverse * gain[i];
                        }
                    }
                }
            }
        });
    });
}

/// Gradients of the input (into `dx`), the gain and the bias (zero where the norm has none).
pub fn backward<T: Real>(
    norm: Norm,
    x: &[T],
    gain: &[T],
    stats: &[[T; 2]],
    dy: &[T],
    dx: &mut [T],
) -> (Vec<T>, Vec<T>) {
    let width = gain.len();
    let rows = rows_of(width);
    let blocks = dx
        .par_chunks_mut(rows * width)
        .zip(x.par_chunks(rows * width))
        .zip(dy.par_chunks(rows * width))
        .zip(stats.par_chunks(rows));
    let parts: Vec<(Vec<T>, Vec<T>)> = blocks
        .map(|(((dx, x), dy), stats)| {
            let mut part = (vec![T::ZERO; width], vec![T::ZERO; width]);
            vectorised(|| block_backward(norm, gain, (x, dy, dx), stats, &mut part));
            part
        })
        .collect();
    let mut whole = (vec![T::ZERO; width], vec![T::ZERO; width]);
    for part in &parts {
        for i in 0..width {
            whole.0[i] += part.0[i];
            whole.1[i] += part.1[i];
        }
    }
    whole
}

#[inline(always)]
fn statistics<T: Real>(norm: Norm, x: &[T], eps: T) -> [T; 2] {
    let per = T::ONE / T::from_f64(x.len() as f64);
    match norm {
        Norm::Rms => [T::ZERO, T::ONE / (dot(x, x) * per + eps).sqrt()],
        Norm::Layer => {
            let mean = sum(x) * per;
            // Two passes: the mean of squares less the square of the mean would cancel.
            let mut squares = [T::ZERO; super::LANES];
            let (chunks, rest) = x.as_chunks::<{ super::LANES }>();
            for chunk in chunks {
                for i in 0..super::LANES {
                    let d = chunk[i] - mean;
                    squares[i] = d.mul_add(d, squares[i]);
                }
            }
            let rest = rest.iter().fold(T::ZERO, |s, v| s + (*v - mean) * (*v - mean));
            [mean, T::ONE / ((sum(&squares) + rest) * per + eps).sqrt()]
        }
    }
}

#[inline(always)]
fn block_backward<T: Real>(
    norm: Norm,
    gain: &[T],
    (x, dy, dx): (&[T], &[T], &mut [T]),
    stats: &[[T; 2]],
    (dgain, dbias): &mut (Vec<T>, Vec<T>),
) {
    let width = gain.len();
    let (gain, dgain, dbias) = (&gain[..width], &mut dgain[..width], &mut dbias[..width]);
    let per = T::ONE / T::from_f64(width as f64);
    for (((x, dy), dx), stat) in
        x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)).zip(stats)
    {
        let [centre, inverse] = *stat;
        // With n = (x - centre) * inverse and g = dy * gain: dx = inverse * (g - mean(g) - n * mean(g n)).
        for i in 0..width {
            let n = (x[i] - centre) * inverse;
            dgain[i] = dy[i].mul_add(n, dgain[i]);
            dbias[i] += dy[i];
            dx[i] = dy[i] * gain[i];
        }
        let along = if norm == Norm::Layer {
            (dot(dx, x) - centre * sum(dx)) * inverse * per
        } else {
            dot(dx, x) * inverse * per
        };
        let mean = if norm == Norm::Layer { sum(dx) * per } else { T::ZERO };
        for i in 0..width {
            let n = (x[i] - centre) * inverse;
            dx[i] = inverse * (dx[i] - mean - n * along);
        }
    }
}
