//! The roofline of serving on published speeds of Qwen3 4B on two processors, and densities of published plans of spans.
#![allow(missing_docs)]

mod common;

use common::{data, select};
use kleiber_core::shape::{Biases, Kind, NormKind, Norms, Positions, Shape};
use kleiber_laws::serving::{DecodeLine, DecodePoint, Load, MACHINES, Served};
use kleiber_laws::spans::SpanPlan;
use std::path::Path;

const SPEEDS: &str = "cpu-serving/cpu_prefill_decode_tps.csv";

fn qwen3_4b() -> Served {
    let norm = Norms { kind: NormKind::Rms, bias: false, per_block: 2, embedding: false, last: true };
    Served::of(&Shape {
        kind: Kind::CausalDecoder,
        layers: 36,
        encoder_layers: 0,
        width: 2560,
        heads: 32,
        head_width: 128,
        groups: 8,
        hidden: 9728,
        gated: true,
        experts: 1,
        bias: Biases::NONE,
        norm,
        positions: Positions::Rotary,
        vocab: 151_936,
        tied: true,
        context: 40_960,
    })
    .unwrap()
}

/// 16-bit keys and values; weights of the 2.49 GB that a 4-bit file of the model takes.
fn load() -> Load {
    let model = qwen3_4b();
    Load {
        batch: 1.0,
        context: 16_384.0,
        weight_bits: 2.49e9 * 8.0 / (model.params + model.head),
        kv_bits: 16.0,
        density: 1.0,
    }
}

/// Rows of one engine, machine and format in one mode. Reruns of some depths are left out: they are of another build and do
/// not lie on one line with the rest.
fn rows(machine: &str, engine: &str, quant: &str, mode: &str, note: &str) -> Option<Vec<(f64, f64)>> {
    let condition = format!(
        "arch == \"{machine}\" && engine == \"{engine}\" && model == \"qwen3-4b\" && quant == \"{quant}\" && mode == \"{mode}\""
    );
    let table = select(&data(SPEEDS)?, &[], Some(&condition));
    let notes = table.labels("note").unwrap();
    let (lengths, speeds) = (table.numbers("length_or_depth").unwrap(), table.numbers("tokens_per_s").unwrap());
    let kept = (0..table.rows()).filter(|&i| notes[i].as_ref() == note);
    Some(kept.map(|i| (lengths[i], speeds[i])).collect())
}

fn line(machine: &str, engine: &str, quant: &str, note: &str) -> Option<(DecodeLine, Vec<DecodePoint>)> {
    let generated = if machine == "x86-spr" { 128.0 } else { 256.0 };
    let point = |(depth, tokens_per_second)| DecodePoint { depth, generated, tokens_per_second };
    let points: Vec<DecodePoint> = rows(machine, engine, quant, "decode", note)?.into_iter().map(point).collect();
    Some((DecodeLine::of(&points).unwrap(), points))
}

/// Milliseconds without context, microseconds per token of it, largest misfit; of every engine that is a line.
const LINES: [(&str, &str, &str, &str, f64, f64, f64); 6] = [
    ("x86-spr", "mistralrs", "q4k", "", 29.7, 2.02, 0.011),
    ("x86-spr", "llamacpp", "q4k", "fa=0", 30.6, 5.04, 0.018),
    ("aarch64-gb10", "mistralrs", "q4k", "", 24.04, 2.415, 0.007),
    ("aarch64-gb10", "mistralrs", "q8_0", "", 40.1, 2.38, 0.007),
    ("aarch64-gb10", "llamacpp", "q4k", "", 25.3, 4.92, 0.031),
    ("aarch64-gb10", "llamacpp", "q8_0", "", 40.7, 4.39, 0.018),
];

#[test]
fn time_per_token_is_a_line_in_depth() {
    for (machine, engine, quant, note, start, slope, misfit) in LINES {
        let Some((line, points)) = line(machine, engine, quant, note) else { return };
        let name = format!("{machine} {engine} {quant}");
        eprintln!("{name}: {:.2} ms + {:.3} us, {:.2}%", 1e3 * line.start, 1e6 * line.slope, 100.0 * line.misfit);
        assert!((1e3 * line.start / start - 1.0).abs() < 0.02, "{name}: {line:?}");
        assert!((1e6 * line.slope / slope - 1.0).abs() < 0.02, "{name}: {line:?}");
        assert!(line.misfit < misfit && line.straight(), "{name}: {line:?}");
        let Some((last, rest)) = points.split_last() else { continue };
        let held_out = DecodeLine::of(rest).unwrap().at(last.depth, last.generated) / last.tokens_per_second - 1.0;
        eprintln!("{name}: at {} from the rest {:+.2}%", last.depth, 100.0 * held_out);
        // llama.cpp on the GB10 slows down a little more than a line between 8k and 16k.
        let slower = (engine, quant, machine) == ("llamacpp", "q4k", "aarch64-gb10");
        assert_eq!(held_out.abs() > 0.05, slower, "{name}: {held_out}");
        assert!(held_out.abs() < 0.06, "{name}: {held_out}");
    }
    // A kernel whose time per token grows faster than the bytes it reads is told: not a line.
    let (curve, points) = line("x86-spr", "llamacpp", "q4k", "fa=1").unwrap();
    assert!(!curve.straight() && curve.misfit > 0.1, "{curve:?}");
    let rest = DecodeLine::of(&points[..4]).unwrap().at(16_384.0, 128.0);
    assert!(rest / points[4].tokens_per_second > 1.15, "predicted far too fast: {rest}");
}

/// The slope is that of keys and values, whatever the format of weights; the start is that of weights.
#[test]
fn bytes_explain_both_coefficients() {
    let Some((four, _)) = line("aarch64-gb10", "mistralrs", "q4k", "") else { return };
    let (eight, _) = line("aarch64-gb10", "mistralrs", "q8_0", "").unwrap();
    assert!((eight.slope / four.slope - 1.0).abs() < 0.06, "{four:?} {eight:?}");
    assert!((1.5..1.8).contains(&(eight.start / four.start)), "{four:?} {eight:?}");
    let (model, load) = (qwen3_4b(), load());
    assert_eq!(model.kv_bytes(&load), 147_456.0);
    // Bytes alone say that speed halves where keys and values weigh as much as weights: 16.9k tokens.
    let bytes = model.read_bytes(&load) / model.kv_bytes(&load);
    assert!((bytes - 16_887.0).abs() < 2.0, "{bytes}");
    let (xeon, points) = line("x86-spr", "mistralrs", "q4k", "").unwrap();
    assert!((xeon.halving_context() / bytes - 1.0).abs() < 0.15, "{}", xeon.halving_context());
    let measured = points[0].tokens_per_second / points[4].tokens_per_second;
    assert!((measured - 2.0).abs() < 0.15, "33.6 to 15.9 tokens/s: {measured}");
    // llama.cpp reads keys and values at 40% of that speed, so bytes alone would be wrong for it by far.
    let (other, _) = line("x86-spr", "llamacpp", "q4k", "fa=0").unwrap();
    assert!(other.halving_context() / bytes < 0.5, "{}", other.halving_context());
    assert!((other.cache_bandwidth(&model, &load) / 29e9 - 1.0).abs() < 0.02);
}

/// The constants of the measured machines come out of the data again, and predict the speeds they were fitted to.
#[test]
fn machines_are_what_was_measured() {
    let (model, load) = (qwen3_4b(), load());
    for (machine, name) in [("x86-spr", "xeon-8488c"), ("aarch64-gb10", "gb10-cpu")] {
        let Some((line, points)) = line(machine, "mistralrs", "q4k", "") else { return };
        let known = MACHINES.iter().find(|m| m.name == name).unwrap().machine;
        let (weights, cache) = (line.weight_bandwidth(&model, &load), line.cache_bandwidth(&model, &load));
        assert!((weights / known.weight_bandwidth - 1.0).abs() < 0.01, "{name}: {weights}");
        assert!((cache / known.cache_bandwidth - 1.0).abs() < 0.01, "{name}: {cache}");
        for p in points {
            let context = p.depth + p.generated / 2.0;
            let got = model.decode(&Load { context, ..load }, &known).tokens_per_second;
            assert!((got / p.tokens_per_second - 1.0).abs() < 0.05, "{name} at {}: {got}", p.depth);
        }
        // Prompts of at least 512 tokens; shorter ones do not fill the machine.
        for (length, speed) in rows(machine, "mistralrs", "q4k", "prefill", "").unwrap() {
            let got = length / model.prefill(length, &load, &known);
            eprintln!("{name} prompt of {length}: {got:.1} for {speed}");
            if length >= 512.0 {
                assert!((got / speed - 1.0).abs() < 0.09, "{name} prompt of {length}: {got} for {speed}");
            }
        }
    }
}

/// Reading a prompt is a line in its length per token; linear and attention speeds of llama.cpp on the Xeon.
#[test]
fn prompts_take_linear_and_square_time() {
    let Some(all) = rows("x86-spr", "llamacpp", "q8_0", "prefill", "fa=1") else { return };
    let (x, y): (Vec<f64>, Vec<f64>) = all.into_iter().filter(|p| p.0 >= 512.0).map(|(n, s)| (n, 1.0 / s)).unzip();
    let (slope, start, _) = kleiber_core::stats::line(&x, &y);
    let model = qwen3_4b();
    // Without the head, which reads a prompt's last token alone; with it the first would be 3.8.
    let speeds = [2.0 * model.params / start / 1e12, 2.0 * model.query_numbers / slope / 1e12];
    assert!((speeds[0] / 3.44 - 1.0).abs() < 0.01 && (speeds[1] / 0.63 - 1.0).abs() < 0.01, "{speeds:?}");
    assert!((2.0 * (model.params + model.head) / start / 1e12 / 3.8 - 1.0).abs() < 0.01);
    let off = x.iter().zip(&y).map(|(n, t)| ((start + slope * n) / t - 1.0).abs()).fold(0.0, f64::max);
    assert!(off < 0.005, "{off}");
}

fn plan(name: &str) -> Option<SpanPlan> {
    let file = Path::new(&std::env::var_os("KLEIBER_DATA")?).join("moa-plans").join(name);
    Some(SpanPlan::from_json(&std::fs::read_to_string(file).ok()?).unwrap())
}

#[test]
fn published_plans_of_spans_have_their_density() {
    let Some(vicuna) = plan("vicuna-7b.json") else {
        eprintln!("skipped: KLEIBER_DATA/moa-plans is absent");
        return;
    };
    for length in [2048, 4096, 8192] {
        assert_eq!(vicuna.density(length).unwrap(), 0.5, "{length}");
    }
    assert_eq!((vicuna.shape(), vicuna.rules_per_layer(), vicuna.fixed()), ((32, 32), 2, 0.0));
    let llama = plan("llama3-8b-262k.json").unwrap();
    assert!((llama.fixed() - 0.237).abs() < 5e-4, "{}", llama.fixed());
    for plan in [&vicuna, &llama, &plan("llama3.2-1b.json").unwrap()] {
        assert!(plan.rules_per_layer() <= 2);
        assert!(plan.rules().all(|r| r.alpha % 1024.0 == 0.0 && (8.0 * r.beta).fract() == 0.0));
        for length in [2048, 4096, 8192] {
            let density = plan.density(length).unwrap();
            assert!((0.4749..=0.5).contains(&density), "{length}: {density}");
            // A causal prefill attends to another share of its pairs than the last row keeps of its keys.
            assert!(plan.attended(length).unwrap() > density, "{length}");
        }
    }
    // Without the first block, which every head keeps, the density would be short of a half.
    let without = vicuna.rules().map(|r| r.band(4096, 64) as f64 / 64.0).sum::<f64>() / 1024.0;
    assert!(without < 0.49, "{without}");
}
