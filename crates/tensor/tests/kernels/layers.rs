//! Norms, activations, projections, embeddings and the head.

use crate::common::{assert_close, differences, normal, single, weigh};
use kleiber_tensor::kernels::activation::{self, Activation};
use kleiber_tensor::kernels::linear::{self, Shape};
use kleiber_tensor::kernels::norm::{self, Norm};
use kleiber_tensor::kernels::{embedding, head};

const ACTIVATIONS: [Activation; 4] =
    [Activation::Identity, Activation::Gelu, Activation::ReluSquared, Activation::SwiGlu];

fn norm_forward(kind: Norm, x: &[f64], gain: &[f64], bias: Option<&[f64]>) -> (Vec<f64>, Vec<[f64; 2]>) {
    let mut y = vec![0.0; x.len()];
    let mut stats = vec![[0.0; 2]; x.len() / gain.len()];
    norm::forward(kind, x, gain, bias, 1e-5, &mut y, &mut stats);
    (y, stats)
}

#[test]
fn norms_and_their_gradients() {
    for (rows, width) in [(1, 1), (3, 5), (7, 33), (300, 64), (130, 129)] {
        let (x, gain, bias) = (normal(1, rows * width), normal(2, width), normal(3, width));
        for kind in [Norm::Layer, Norm::Rms] {
            let (y, stats) = norm_forward(kind, &x, &gain, Some(&bias));
            let plain: Vec<f64> = x
                .chunks(width)
                .flat_map(|row| {
                    let mean = if kind == Norm::Layer { row.iter().sum::<f64>() / width as f64 } else { 0.0 };
                    let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / width as f64;
                    let inverse = 1.0 / (variance + 1e-5).sqrt();
                    (0..width).map(|i| (row[i] - mean) * inverse * gain[i] + bias[i]).collect::<Vec<_>>()
                })
                .collect();
            assert_close("norm", &y, &plain, 1e-12);
            let mut y32 = vec![0f32; x.len()];
            let mut stats32 = vec![[0f32; 2]; rows];
            let (x32, gain32, bias32) = (single(&x), single(&gain), single(&bias));
            norm::forward(kind, &x32, &gain32, Some(&bias32), 1e-5, &mut y32, &mut stats32);
            assert_close("norm f32", &y32.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), &plain, 2e-5);
            if rows * width > 400 {
                continue;
            }
            let dy = normal(4, x.len());
            let mut dx = vec![0.0; x.len()];
            let (dgain, dbias) = norm::backward(kind, &x, &gain, &stats, &dy, &mut dx);
            let through = |x: &[f64], g: &[f64], b: &[f64]| weigh(&norm_forward(kind, x, g, Some(b)).0, &dy);
            // A single number normalised by itself has almost no slope, and differences of it almost no digits.
            let tolerance = if width == 1 { 1e-4 } else { 1e-7 };
            assert_close("norm dx", &dx, &differences(&x, |x| through(x, &gain, &bias)), tolerance);
            assert_close("norm dgain", &dgain, &differences(&gain, |g| through(&x, g, &bias)), 1e-7);
            assert_close("norm dbias", &dbias, &differences(&bias, |b| through(&x, &gain, b)), 1e-7);
        }
    }
}

#[test]
fn activations_and_their_gradients() {
    for act in ACTIVATIONS {
        let (rows, width) = (5, 37);
        let u = normal(5, rows * width * act.inputs());
        let run = |u: &[f64]| {
            let mut y = vec![0.0; rows * width];
            activation::forward(act, u, width, &mut y);
            y
        };
        let plain: Vec<f64> = (0..rows * width)
            .map(|k| {
                let (row, i) = (k / width, k % width);
                let v = u[row * width * act.inputs() + i];
                match act {
                    Activation::Identity => v,
                    Activation::Gelu => 0.5 * v * (1.0 + (0.797_884_560_802_865_4 * (v + 0.044715 * v.powi(3))).tanh()),
                    Activation::ReluSquared => v.max(0.0).powi(2),
                    Activation::SwiGlu => v / (1.0 + (-v).exp()) * u[row * 2 * width + width + i],
                }
            })
            .collect();
        assert_close("activation", &run(&u), &plain, 1e-12);
        let dy = normal(6, rows * width);
        let mut du = vec![0.0; u.len()];
        activation::backward(act, &u, width, &dy, &mut du);
        assert_close("activation du", &du, &differences(&u, |u| weigh(&run(u), &dy)), 1e-7);
    }
}

#[test]
fn projections_and_their_gradients() {
    for (rows, inputs, outputs) in [(1, 1, 2), (3, 7, 6), (300, 17, 10), (5, 64, 130)] {
        let shape = Shape { rows, inputs, outputs };
        let (x, w, b, r) =
            (normal(7, rows * inputs), normal(8, outputs * inputs), normal(9, outputs), normal(10, rows * outputs));
        let plain: Vec<f64> = (0..rows * outputs)
            .map(|k| {
                let (i, j) = (k / outputs, k % outputs);
                let dot = (0..inputs).map(|l| x[i * inputs + l] * w[j * inputs + l]).sum::<f64>();
                dot + b[j] + r[k]
            })
            .collect();
        let mut y = vec![0.0; rows * outputs];
        linear::forward(shape, &x, &w, Some(&b), Some(&r), &mut y);
        assert_close("linear", &y, &plain, 1e-12);
        let dy = normal(11, rows * outputs);
        let (mut dx, mut dw) = (vec![0.0; x.len()], vec![0.0; w.len()]);
        linear::backward_input(shape, &dy, &w, &mut dx);
        linear::backward_weights(shape, &dy, &x, &mut dw);
        let db = linear::backward_bias(&dy, outputs);
        let sum = |f: &dyn Fn(usize) -> f64, count: usize| (0..count).map(f).sum::<f64>();
        let dx_plain: Vec<f64> = (0..x.len())
            .map(|k| sum(&|j| dy[k / inputs * outputs + j] * w[j * inputs + k % inputs], outputs))
            .collect();
        let dw_plain: Vec<f64> =
            (0..w.len()).map(|k| sum(&|i| dy[i * outputs + k / inputs] * x[i * inputs + k % inputs], rows)).collect();
        let db_plain: Vec<f64> = (0..outputs).map(|j| sum(&|i| dy[i * outputs + j], rows)).collect();
        assert_close("dx", &dx, &dx_plain, 1e-12);
        assert_close("dw", &dw, &dw_plain, 1e-12);
        assert_close("db", &db, &db_plain, 1e-12);
        for act in ACTIVATIONS {
            let width = outputs / act.inputs();
            let (mut u, mut y, mut want) =
                (vec![0.0; rows * outputs], vec![0.0; rows * width], vec![0.0; rows * width]);
            linear::forward_activated(shape, &x, &w, Some(&b), act, &mut u, &mut y);
            let before: Vec<f64> = plain.iter().zip(&r).map(|(p, r)| p - r).collect();
            activation::forward(act, &before, width, &mut want);
            assert_close("activated", &y, &want, 1e-11);
        }
    }
}

#[test]
fn embeddings_gather_and_scatter() {
    let (rows, width) = (40, 3);
    let table = normal(12, rows * width);
    let ids: Vec<u32> = (0..100).map(|i| (i * 7 % 23) as u32).collect();
    let mut y = vec![0.0; ids.len() * width];
    embedding::forward(&table, width, &ids, &mut y);
    assert_eq!(y[5 * width..6 * width], table[12 * width..13 * width]);
    let dy = normal(13, y.len());
    let mut dtable = vec![1.0; table.len()];
    embedding::backward(width, &ids, &dy, &mut dtable);
    let through = |t: &[f64]| {
        let mut y = vec![0.0; dy.len()];
        embedding::forward(t, width, &ids, &mut y);
        weigh(&y, &dy)
    };
    assert_close("dtable", &dtable, &differences(&table, through), 1e-7);
}

#[test]
fn the_head_is_cross_entropy() {
    for (rows, width, classes) in [(1, 1, 2), (5, 7, 11), (600, 3, 5), (4, 16, 130)] {
        let shape = head::Shape { rows, width, classes };
        let (hidden, w) = (normal(14, rows * width), normal(15, classes * width));
        let mut targets: Vec<u32> = (0..rows).map(|i| (i * 5 % classes) as u32).collect();
        if rows > 2 {
            targets[1] = head::IGNORED;
        }
        let counted = targets.iter().filter(|t| **t != head::IGNORED).count() as f64;
        let plain = |hidden: &[f64], w: &[f64]| -> Vec<f64> {
            (0..rows)
                .map(|i| {
                    if targets[i] == head::IGNORED {
                        return 0.0;
                    }
                    let logit = |c: usize| (0..width).map(|k| hidden[i * width + k] * w[c * width + k]).sum::<f64>();
                    (0..classes).map(|c| logit(c).exp()).sum::<f64>().ln() - logit(targets[i] as usize)
                })
                .collect()
        };
        let want = plain(&hidden, &w);
        assert_close("losses", &head::losses(shape, &hidden, &w, &targets), &want, 1e-11);
        let got = head::gradients(shape, &hidden, &w, &targets);
        assert!((got.loss - want.iter().sum::<f64>() / counted).abs() < 1e-11);
        if rows <= 5 {
            let mean = |hidden: &[f64], w: &[f64]| plain(hidden, w).iter().sum::<f64>() / counted;
            assert_close("dhidden", &got.hidden, &differences(&hidden, |h| mean(h, &w)), 1e-7);
            assert_close("dweights", &got.weights, &differences(&w, |w| mean(&hidden, w)), 1e-7);
        }
        let small = head::gradients(shape, &single(&hidden), &single(&w), &targets);
        assert!((small.loss / got.loss - 1.0).abs() < 1e-5);
    }
}
