//! Training speed of a shape: `throughput WIDTH LAYERS HEADS CONTEXT BATCH VOCAB STEPS`; prints one JSON line.
//!
//! The model has learned positions, RMS norms, GELU and no biases, as its peer in `benches/peers/torch_training.py`.

use kleiber_models::{Batch, Decoder, DecoderConfig, Positions};
use kleiber_tensor::optimizer::{AdamW, Settings};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [width, layers, heads, context, sequences, vocab, steps] = numbers[..] else {
        eprintln!("usage: throughput WIDTH LAYERS HEADS CONTEXT BATCH VOCAB STEPS");
        std::process::exit(2);
    };
    let config = DecoderConfig {
        vocab,
        context,
        layers,
        width,
        heads,
        groups: heads,
        positions: Positions::Learned,
        ..DecoderConfig::default()
    };
    kleiber_tensor::memory::keep_freed();
    let mut decoder = Decoder::new(&config, 0).unwrap_or_else(|e| panic!("{e}"));
    let mut optimizer = AdamW::new(decoder.parameters().len());
    let settings = Settings { clip: f64::INFINITY, ..Settings::default() };
    let warm = 3;
    let (mut seconds, mut losses, mut parts) = (Vec::new(), Vec::new(), [0.0; 2]);
    let mut state = 1u64;
    for step in 0..steps + warm {
        let mut stream = Vec::with_capacity(sequences * (context + 1));
        for _ in 0..sequences {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut token = (state >> 33) % vocab as u64;
            for _ in 0..=context {
                stream.push(token as u32);
                token = (token * 3 + 7) % vocab as u64;
            }
        }
        let rows = || stream.chunks(context + 1);
        let batch = Batch {
            inputs: rows().flat_map(|r| r[..context].to_vec()).collect(),
            targets: rows().flat_map(|r| r[1..].to_vec()).collect(),
            sequences,
            starts: None,
            noise: None,
        };
        let start = Instant::now();
        let pass = decoder.pass(&batch);
        let middle = start.elapsed().as_secs_f64();
        let norm = AdamW::norm(&pass.gradients);
        optimizer.step(decoder.parameters_mut(), &pass.gradients, norm, 3e-4, settings);
        let all = start.elapsed().as_secs_f64();
        if step >= warm {
            seconds.push(all);
            parts[0] += middle / steps as f64;
            parts[1] += (all - middle) / steps as f64;
        }
        losses.push(pass.loss);
    }
    seconds.sort_by(f64::total_cmp);
    let median = seconds[seconds.len() / 2];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    println!(
        "{{\"tokens_per_second\": {:.0}, \"median\": {median:.4}, \"min\": {:.4}, \"pass\": {:.4}, \"optimizer\": {:.4}, \"loss\": [{:.4}, {:.4}], \"peak_mb\": {:.0}}}",
        (sequences * context) as f64 / median,
        seconds[0],
        parts[0],
        parts[1],
        losses[0],
        losses[losses.len() - 1],
        peak.unwrap_or(0.0) / 1024.0
    );
}
