//! Fused operators of the CPU against the composed ones, on the CPU or on another device: the same outputs and the same
//! gradients.
#![allow(missing_docs)]

use kleiber_core::rng::Rng;
use kleiber_tensor::kernels::activation::Activation;
use kleiber_tensor::kernels::attention::{Blocks, Rotary, Shape};
use kleiber_tensor::kernels::float_format::{self, Along, Block};
use kleiber_tensor::kernels::head::IGNORED;
use kleiber_tensor::kernels::norm::Norm;
use kleiber_tensor::ops::{self, Operand, Pattern, Quantise, reference};
use kleiber_tensor::parameters::{Builder, Group, Handle, Parameters, take_gradient};
use kleiber_tensor::{Device, Tensor, ops::constant};
use std::sync::Arc;

/// The device of the composed operators: the one that `KLEIBER_DEVICE` names.
fn device() -> Device {
    match std::env::var("KLEIBER_DEVICE").as_deref() {
        Ok("gpu") => Device::Gpu,
        _ => Device::Cpu,
    }
}

/// Named random matrices and vectors.
fn parameters(shapes: &[&[usize]]) -> (Parameters, Vec<Handle>) {
    let mut builder = Builder::default();
    let mut values = Vec::new();
    let handles = shapes.iter().enumerate().map(|(i, shape)| {
        let mut rng = Rng::new(11, "operators", i as u32);
        values.extend((0..shape.iter().product()).map(|_| rng.normal() as f32));
        builder.declare(format!("p{i}"), shape, Group::DECAYED)
    });
    let handles = handles.collect();
    (builder.build(values), handles)
}

/// The output's numbers and the gradients of matrices and vectors.
struct Outcome {
    output: Vec<f32>,
    gradients: Vec<Option<Vec<f32>>>,
}

/// Runs `f` on the matrices and vectors of `shapes` and pulls random weights back through it.
fn outcome(shapes: &[&[usize]], on: Device, f: impl Fn(&[Tensor<2>], &[Tensor<1>]) -> Tensor<2>) -> Outcome {
    on.open().unwrap();
    let (parameters, handles) = parameters(shapes);
    let of = |rank: usize| handles.iter().zip(shapes).filter(move |(_, s)| s.len() == rank).map(|(h, _)| *h);
    let matrices: Vec<Tensor<2>> = of(2).map(|h| parameters.tensor(h, on, true)).collect();
    let vectors: Vec<Tensor<1>> = of(1).map(|h| parameters.tensor(h, on, true)).collect();
    let y = f(&matrices, &vectors);
    let [rows, columns] = y.dims();
    let mut rng = Rng::new(12, "weights", 0);
    let weights = (0..rows * columns).map(|_| rng.normal() as f32).collect();
    let weights = constant(weights, [rows, columns], &y);
    let output = y.clone().into_data().try_into_vec().unwrap();
    let mut gradients = (y * weights).sum().backward();
    let matrices = matrices.iter().map(|t| take_gradient(t, &mut gradients)).collect::<Vec<_>>();
    let vectors = vectors.iter().map(|t| take_gradient(t, &mut gradients)).collect::<Vec<_>>();
    Outcome { output, gradients: [matrices, vectors].concat() }
}

#[track_caller]
fn same(what: &str, a: &Outcome, b: &Outcome) {
    let close = |part: &str, x: &[f32], y: &[f32]| {
        assert_eq!(x.len(), y.len(), "{what} {part}");
        let scale = y.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        for (i, (p, q)) in x.iter().zip(y).enumerate() {
            assert!((p - q).abs() <= 2e-5 * scale, "{what} {part}[{i}]: {p} and {q}");
        }
    };
    close("output", &a.output, &b.output);
    assert_eq!(a.gradients.len(), b.gradients.len());
    for (i, (p, q)) in a.gradients.iter().zip(&b.gradients).enumerate() {
        close(&format!("gradient {i}"), p.as_ref().unwrap(), q.as_ref().unwrap());
    }
}

#[test]
fn norms() {
    for kind in [Norm::Layer, Norm::Rms] {
        for (rows, width) in [(1, 3), (5, 17), (70, 64)] {
            let shapes: [&[usize]; 3] = [&[rows, width], &[width], &[width]];
            let fused = outcome(&shapes, Device::Cpu, |m, v| ops::norm(kind, &m[0], &v[0], Some(&v[1]), 1e-5));
            let plain = outcome(&shapes, device(), |m, v| reference::norm(kind, &m[0], &v[0], Some(&v[1]), 1e-5));
            same("norm", &fused, &plain);
        }
    }
}

#[test]
fn projections() {
    for (rows, inputs, outputs) in [(1, 1, 2), (9, 7, 6), (300, 33, 20)] {
        let shapes: [&[usize]; 4] = [&[rows, inputs], &[outputs, inputs], &[rows, outputs], &[outputs]];
        let fused = outcome(&shapes, Device::Cpu, |m, v| ops::linear(&m[0], &m[1], Some(&v[0]), Some(&m[2])));
        let plain = outcome(&shapes, device(), |m, v| reference::linear(&m[0], &m[1], Some(&v[0]), Some(&m[2])));
        same("linear", &fused, &plain);
        let shapes: [&[usize]; 3] = [&[rows, inputs], &[outputs, inputs], &[outputs]];
        for act in [Activation::Gelu, Activation::ReluSquared, Activation::SwiGlu] {
            let fused = outcome(&shapes, Device::Cpu, |m, v| ops::linear_activated(&m[0], &m[1], Some(&v[0]), act));
            let plain = |m: &[Tensor<2>], v: &[Tensor<1>]| {
                reference::activation(act, reference::linear(&m[0], &m[1], Some(&v[0]), None))
            };
            same("activated", &fused, &outcome(&shapes, device(), plain));
        }
    }
}

fn rounding(block: Block, operands: &[Operand]) -> Quantise {
    let operands = Operand::ALL.map(|o| operands.contains(&o));
    Quantise { format: "E2M1".parse().unwrap(), block, operands }
}

#[test]
fn projections_of_rounded_numbers() {
    let covered = [Operand::Input, Operand::Weights, Operand::WeightsForInput, Operand::InputForWeights];
    for block in [Block::Elements(4), Block::Channel, Block::Tensor] {
        let q = rounding(block, &covered);
        let (rows, inputs, outputs) = (300, 32, 20);
        let shapes: [&[usize]; 4] = [&[rows, inputs], &[outputs, inputs], &[rows, outputs], &[outputs]];
        let fused =
            outcome(&shapes, Device::Cpu, |m, v| ops::linear_with(&m[0], &m[1], Some(&v[0]), Some(&m[2]), Some(&q)));
        let plain =
            outcome(&shapes, device(), |m, v| reference::linear_with(&m[0], &m[1], Some(&v[0]), Some(&m[2]), Some(&q)));
        same("rounded linear", &fused, &plain);
        let exact = outcome(&shapes, Device::Cpu, |m, v| ops::linear(&m[0], &m[1], Some(&v[0]), Some(&m[2])));
        assert_ne!(fused.output, exact.output);
        let shapes: [&[usize]; 3] = [&[rows, inputs], &[outputs, inputs], &[outputs]];
        let act = Activation::SwiGlu;
        let fused =
            outcome(&shapes, Device::Cpu, |m, v| ops::linear_activated_with(&m[0], &m[1], Some(&v[0]), act, Some(&q)));
        let plain = |m: &[Tensor<2>], v: &[Tensor<1>]| {
            reference::activation(act, reference::linear_with(&m[0], &m[1], Some(&v[0]), None, Some(&q)))
        };
        same("rounded activated", &fused, &outcome(&shapes, device(), plain));
    }
}

/// Each operand alone and all of them, against sums written out.
#[test]
fn each_operand_is_rounded_in_its_own_product() {
    let (rows, inputs, outputs) = (12, 8, 16);
    let shapes: [&[usize]; 2] = [&[rows, inputs], &[outputs, inputs]];
    let values = parameters(&shapes).0.values().to_vec();
    let (x, w) = values.split_at(rows * inputs);
    let mut rng = Rng::new(12, "weights", 0);
    let dy: Vec<f32> = (0..rows * outputs).map(|_| rng.normal() as f32).collect();
    let sets = Operand::ALL.iter().map(|o| vec![*o]).chain([Operand::ALL.to_vec(), vec![]]);
    for covered in sets {
        let q = rounding(Block::Elements(4), &covered);
        let rounded = |operand: Operand, x: &[f32], width: usize, along: Along| {
            let mut y = x.to_vec();
            if covered.contains(&operand) {
                float_format::quantise(q.format, q.block, along, width, x, &mut y);
            }
            y.into_iter().map(f64::from).collect::<Vec<_>>()
        };
        let product = |n: usize, m: usize, over: usize, f: &dyn Fn(usize, usize, usize) -> f64| -> Vec<f32> {
            (0..n * m).map(|i| (0..over).map(|k| f(i / m, i % m, k)).sum::<f64>() as f32).collect()
        };
        let (x1, w2) =
            (rounded(Operand::Input, x, inputs, Along::Rows), rounded(Operand::Weights, w, inputs, Along::Rows));
        let (g3, w4) = (
            rounded(Operand::GradientForInput, &dy, outputs, Along::Rows),
            rounded(Operand::WeightsForInput, w, inputs, Along::Columns),
        );
        let (g5, x6) = (
            rounded(Operand::GradientForWeights, &dy, outputs, Along::Columns),
            rounded(Operand::InputForWeights, x, inputs, Along::Columns),
        );
        let wanted = Outcome {
            output: product(rows, outputs, inputs, &|r, o, i| x1[r * inputs + i] * w2[o * inputs + i]),
            gradients: vec![
                Some(product(rows, inputs, outputs, &|r, i, o| g3[r * outputs + o] * w4[o * inputs + i])),
                Some(product(outputs, inputs, rows, &|o, i, r| g5[r * outputs + o] * x6[r * inputs + i])),
            ],
        };
        let fused = outcome(&shapes, Device::Cpu, |m, _| ops::linear_with(&m[0], &m[1], None, None, Some(&q)));
        same(&format!("{covered:?}"), &fused, &wanted);
    }
}

#[test]
fn embeddings_and_heads() {
    let ids: Arc<[u32]> = (0..50).map(|i| i * 7 % 11).collect();
    let shapes: [&[usize]; 1] = [&[11, 5]];
    let fused = outcome(&shapes, Device::Cpu, |m, _| ops::embedding(&m[0], &ids));
    same("embedding", &fused, &outcome(&shapes, device(), |m, _| reference::embedding(&m[0], &ids)));
    let mut targets: Vec<u32> = (0..40).map(|i| i * 5 % 13).collect();
    targets[7] = IGNORED;
    let targets: Arc<[u32]> = targets.into();
    let shapes: [&[usize]; 2] = [&[40, 6], &[13, 6]];
    let loss = |on, f: fn(&Tensor<2>, &Tensor<2>, &Arc<[u32]>) -> Tensor<1>| {
        outcome(&shapes, on, |m, _| f(&m[0], &m[1], &targets).unsqueeze::<2>())
    };
    same("head", &loss(Device::Cpu, ops::cross_entropy), &loss(device(), reference::cross_entropy));
    let (parameters, handles) = parameters(&shapes);
    let (h, w) = (parameters.tensor(handles[0], Device::Cpu, false), parameters.tensor(handles[1], Device::Cpu, false));
    let (a, b) = (ops::token_losses(&h, &w, &targets), reference::token_losses(&h, &w, &targets));
    assert!(a.iter().zip(&b).all(|(x, y)| (x - y).abs() < 1e-5) && a[7] == 0.0);
}

#[test]
fn attention_with_every_position_and_mask() {
    let at = Shape { batch: 2, context: 12, heads: 4, groups: 2, width: 6 };
    let starts: Arc<[u32]> = [[0, 0, 0, 0, 4, 4, 4, 4, 4, 9, 9, 9]; 2].concat().into();
    let ids: Arc<[u32]> = (0..24).map(|i| i % 12 * 2 + i / 12).collect();
    let patterns = [
        ("plain", Pattern::default()),
        (
            "rotary",
            Pattern { rotary: Some(Arc::new(Rotary::new(4, 50.0, 32))), ids: Some(ids.clone()), ..Pattern::default() },
        ),
        ("alibi", Pattern { slopes: Some([0.5, 0.3, 0.2, 0.1].into()), ids: Some(ids), ..Pattern::default() }),
        (
            "documents",
            Pattern { starts: Some(starts), spans: Some([12, 5, 3, 1].into()), sinks: 1, ..Pattern::default() },
        ),
        (
            "blocks",
            Pattern {
                blocks: Some(Arc::new(Blocks {
                    size: 4,
                    count: 3,
                    keep: (0..36).map(|i| i % 4 == 0 || i % 3 == 0).collect(),
                })),
                ..Pattern::default()
            },
        ),
    ];
    let shapes: [&[usize]; 1] = [&[24, at.packed()]];
    let whole = Pattern { lengths: Some([12, 7].into()), ..patterns[1].1.clone() };
    for (what, pattern) in patterns.into_iter().chain([("whole texts", whole)]) {
        let pattern = Arc::new(pattern);
        let fused = outcome(&shapes, Device::Cpu, |m, _| ops::attention(at, &m[0], None, &pattern));
        same(what, &fused, &outcome(&shapes, device(), |m, _| reference::attention(at, &m[0], None, &pattern)));
    }
    let pattern = Arc::new(Pattern { bucket_of: Some([0, 1, 1, 2, 2, 2, 2, 2].into()), ..Pattern::default() });
    let shapes: [&[usize]; 2] = [&[24, at.packed()], &[4, 3]];
    let fused = outcome(&shapes, Device::Cpu, |m, _| ops::attention(at, &m[0], Some(&m[1]), &pattern));
    same("t5", &fused, &outcome(&shapes, device(), |m, _| reference::attention(at, &m[0], Some(&m[1]), &pattern)));
}

#[test]
fn attention_across_texts() {
    let at = Shape { batch: 2, context: 5, heads: 4, groups: 2, width: 6 };
    let lengths: Arc<[u32]> = [7, 3].into();
    let shapes: [&[usize]; 2] = [&[10, at.output()], &[14, at.packed() - at.output()]];
    let fused = outcome(&shapes, Device::Cpu, |m, _| ops::attention_across(at, &m[0], &m[1], &lengths));
    same("across", &fused, &outcome(&shapes, device(), |m, _| reference::attention_across(at, &m[0], &m[1], &lengths)));
}
