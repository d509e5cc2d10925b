//! A GPU makes the losses and gradients of the CPU.
#![cfg(feature = "gpu")]
#![allow(missing_docs)]

use kleiber_models::{Batch, Decoder, DecoderConfig, Mlp, Noise, NormKind, Positions};
use kleiber_tensor::Device;

/// Largest difference, relative to the largest number of `b`.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let scale = b.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |m, (x, y)| f32::max(m, (x - y).abs())) / scale
}

#[test]
fn every_kind_of_decoder_is_the_same_on_both_devices() {
    let kinds = [
        (Positions::None, NormKind::Rms, Mlp::Gelu),
        (Positions::Learned, NormKind::Layer, Mlp::ReluSquared),
        (Positions::Sinusoidal, NormKind::Rms, Mlp::Swiglu),
        (Positions::Rotary, NormKind::Layer, Mlp::Gelu),
        (Positions::Alibi, NormKind::Rms, Mlp::Gelu),
        (Positions::T5, NormKind::Rms, Mlp::Gelu),
    ];
    let (context, sequences) = (24, 3);
    let tokens: Vec<u32> = (0..sequences * (context + 1)).map(|i| (i * i * 31 + i * 7) as u32 % 50).collect();
    for (positions, norm, mlp) in kinds {
        let config = DecoderConfig {
            vocab: 50,
            context,
            layers: 2,
            width: 32,
            heads: 4,
            groups: 2,
            positions,
            norm,
            mlp,
            bias: norm == NormKind::Layer,
            tied: mlp == Mlp::Swiglu,
            spans: if positions == Positions::Alibi { vec![24, 12, 6, 3] } else { Vec::new() },
            ..DecoderConfig::default()
        };
        let batch = Batch {
            inputs: tokens[..sequences * context].into(),
            targets: tokens[sequences..].into(),
            sequences,
            starts: (positions == Positions::Rotary).then(|| (0..72).map(|i| if i % 24 < 9 { 0 } else { 9 }).collect()),
            noise: (mlp == Mlp::Gelu).then_some(Noise { seed: 1, step: 2, first: 0, dropout: 0.1 }),
        };
        let cpu = Decoder::new(&config, 4).unwrap();
        let gpu = Decoder::new(&config, 4).unwrap().on(Device::Gpu).unwrap();
        let (a, b) = (gpu.pass(&batch), cpu.pass(&batch));
        assert!((a.loss - b.loss).abs() < 1e-4, "{positions:?}: {} and {}", a.loss, b.loss);
        for ((a, b), entry) in a.gradients.iter().zip(&b.gradients).zip(cpu.parameters().entries()) {
            let found = distance(a.as_ref().unwrap(), b.as_ref().unwrap());
            assert!(found < 1e-3, "{positions:?}: gradient of {} differs by {found}", entry.name);
        }
        let losses = |d: &Decoder| d.token_losses(&batch.inputs, &batch.targets, sequences, batch.starts.as_deref());
        assert!(distance(&losses(&gpu), &losses(&cpu)) < 1e-4);
        let logits = |d: &Decoder| d.logits(&batch.inputs, sequences);
        assert!(distance(&logits(&gpu), &logits(&cpu)) < 1e-4);
    }
}
