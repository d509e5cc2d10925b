//! Whole runs: a model learns text of known entropy, and a run that was stopped makes the bits of one that was not.
#![allow(missing_docs)]

use kleiber_data::{Stream, StreamOptions, TokenStore, Tokenizer, tasks};
use kleiber_models::{Decoder, DecoderConfig, Mlp, NormKind, Positions};
use kleiber_tensor::Device;
use kleiber_train::{Decay, Kind, Options, Schedule, Trainer, checkpoint};
use std::path::Path;
use std::sync::Arc;

const CONTEXT: usize = 64;

/// Bigram text as a store of bytes, and its entropy in nats per letter.
fn bigram(seed: u64, documents: u64) -> (Arc<TokenStore>, f64) {
    let task = tasks::build("bigram", &serde_json::json!({ "symbols": 16, "length": 4096 })).unwrap();
    let documents = task.documents(seed, documents).unwrap();
    let store = TokenStore::in_memory(&Tokenizer::Bytes, &documents).unwrap();
    (Arc::new(store), task.entropy().unwrap().rate)
}

fn stream(store: &Arc<TokenStore>) -> Stream {
    Stream::new(store.clone(), StreamOptions::new(CONTEXT, 7)).unwrap()
}

/// The device that `KLEIBER_DEVICE` names.
fn device() -> Device {
    match std::env::var("KLEIBER_DEVICE").as_deref() {
        Ok("gpu") => Device::Gpu,
        _ => Device::Cpu,
    }
}

fn decoder(config: &DecoderConfig, seed: u64) -> Decoder {
    Decoder::new(config, seed).unwrap().on(device()).unwrap()
}

fn config() -> DecoderConfig {
    DecoderConfig {
        vocab: Tokenizer::Bytes.vocab(),
        context: CONTEXT,
        layers: 2,
        width: 64,
        heads: 4,
        groups: 2,
        ..DecoderConfig::default()
    }
}

fn options(batch: usize, steps: u64, peak: f64) -> Options {
    let total = steps * (batch * CONTEXT) as u64;
    let kind = Kind::Wsd { decay_share: 0.3, decay: Decay::Linear };
    Options::new(batch, Schedule { kind, peak, floor: 0.0, warmup: total / 20, total })
}

#[test]
fn a_small_model_reaches_the_entropy_of_bigram_text() {
    let (store, entropy) = bigram(1, 120);
    let steps = 400;
    let decoder = decoder(&DecoderConfig { tied: true, ..config() }, 3);
    let size = decoder.parameters().len();
    assert!((80_000..120_000).contains(&size), "{size} parameters");
    let mut trainer = Trainer::new(decoder, stream(&store), options(16, steps, 4e-3)).unwrap();
    let (held_out, _) = bigram(2, 4);
    for _ in 0..steps {
        trainer.step().unwrap();
    }
    let loss = trainer.evaluate(&stream(&held_out), 200, &[]).unwrap().loss;
    eprintln!("loss {loss:.4}, entropy {entropy:.4} nats");
    assert!(loss > 0.99 * entropy && loss < 1.02 * entropy, "loss {loss}, entropy {entropy}");
}

fn bits(trainer: &Trainer) -> Vec<u32> {
    trainer.decoder().parameters().values().iter().map(|v| v.to_bits()).collect()
}

fn fresh(store: &Arc<TokenStore>) -> Trainer {
    Trainer::new(decoder(&config(), 5), stream(store), options(4, 40, 2e-3)).unwrap()
}

fn steps(trainer: &mut Trainer, count: usize) {
    for _ in 0..count {
        trainer.step().unwrap();
    }
}

#[test]
fn a_stopped_run_continues_to_the_same_bits() {
    let (store, _) = bigram(3, 8);
    let mut straight = fresh(&store);
    steps(&mut straight, 40);
    let folder = tempfile::tempdir().unwrap();
    let mut before = fresh(&store);
    steps(&mut before, 17);
    checkpoint::save(&mut before, folder.path()).unwrap();
    drop(before);
    let mut after = fresh(&store);
    let newest = checkpoint::newest(folder.path()).unwrap();
    assert!(newest.ends_with("step-17"));
    checkpoint::restore(&mut after, &newest).unwrap();
    steps(&mut after, 23);
    assert!(bits(&after) == bits(&straight), "the weights differ");
}

#[test]
fn a_checkpoint_is_a_folder_that_other_programs_read() {
    let (store, _) = bigram(3, 8);
    let folder = tempfile::tempdir().unwrap();
    let llama = DecoderConfig { mlp: Mlp::Swiglu, ..config() };
    let relu = DecoderConfig { mlp: Mlp::ReluSquared, ..config() };
    for (config, model_type, tokenizer) in [(llama, "llama", false), (relu, "kleiber", true)] {
        if tokenizer {
            Tokenizer::Bytes.save(&folder.path().join("tokenizer.json")).unwrap();
        }
        let fresh = || Trainer::new(decoder(&config, 5), stream(&store), options(4, 40, 2e-3)).unwrap();
        let mut trainer = fresh();
        steps(&mut trainer, 3);
        let path = checkpoint::save(&mut trainer, folder.path()).unwrap();
        let read = kleiber_models::checkpoint::read(&path).unwrap();
        assert_eq!((read.model_type, read.ends.is_empty()), (model_type, !tokenizer));
        assert_eq!(path.join("tokenizer.json").exists(), tokenizer);
        assert!(read.decoder.parameters().values() == trainer.decoder().parameters().values());
        let mut after = fresh();
        checkpoint::restore(&mut after, &path).unwrap();
        steps(&mut trainer, 2);
        steps(&mut after, 2);
        assert!(bits(&after) == bits(&trainer), "{model_type}: the weights differ");
    }
}

#[test]
fn one_thread_and_two_make_the_same_bits() {
    let (store, _) = bigram(3, 8);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = fresh(&store);
            steps(&mut trainer, 6);
            bits(&trainer)
        })
    };
    assert!(run(1) == run(2), "the weights differ");
}

#[test]
fn damaged_checkpoints_are_refused_and_unfinished_ones_overlooked() {
    let (store, _) = bigram(3, 8);
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = fresh(&store);
    steps(&mut trainer, 2);
    let path = checkpoint::save(&mut trainer, folder.path()).unwrap();
    std::fs::create_dir(folder.path().join("step-9")).unwrap();
    std::fs::create_dir(folder.path().join("step-99.tmp")).unwrap();
    assert_eq!(checkpoint::newest(folder.path()).unwrap(), path);
    let restore = |path: &Path| checkpoint::restore(&mut fresh(&store), path).unwrap_err().to_string();
    for name in ["config.json", "model.safetensors", "optimizer.safetensors", "state.json"] {
        let file = path.join(name);
        let good = std::fs::read(&file).unwrap();
        for at in [0, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            std::fs::write(&file, bad).unwrap();
            assert!(restore(&path).contains(name));
        }
        std::fs::write(&file, &good[..good.len() / 2]).unwrap();
        assert!(restore(&path).contains("is not what was written"));
        std::fs::remove_file(&file).unwrap();
        assert!(restore(&path).contains(name));
        std::fs::write(&file, good).unwrap();
    }
    let other = DecoderConfig { layers: 1, ..config() };
    let mut other = Trainer::new(decoder(&other, 5), stream(&store), options(4, 40, 2e-3)).unwrap();
    assert!(checkpoint::restore(&mut other, &path).unwrap_err().to_string().contains("another model"));
}

#[test]
fn micro_batches_make_about_the_same_step() {
    let (store, _) = bigram(4, 8);
    let run = |micro_batch| {
        let options = Options { micro_batch, ..options(6, 40, 2e-3) };
        let mut trainer = Trainer::new(decoder(&config(), 5), stream(&store), options).unwrap();
        trainer.step().unwrap()
    };
    let (whole, parts) = (run(0), run(4));
    assert!((whole.loss / parts.loss - 1.0).abs() < 1e-5 && (whole.norm / parts.norm - 1.0).abs() < 1e-4);
}

#[test]
fn every_kind_of_decoder_learns() {
    let (store, _) = bigram(5, 8);
    for positions in
        [Positions::None, Positions::Learned, Positions::Sinusoidal, Positions::Rotary, Positions::Alibi, Positions::T5]
    {
        for (norm, mlp, bias, tied) in [
            (NormKind::Layer, Mlp::Gelu, true, true),
            (NormKind::Rms, Mlp::Swiglu, false, false),
            (NormKind::Rms, Mlp::ReluSquared, false, false),
        ] {
            let config = DecoderConfig { positions, norm, mlp, bias, tied, spans: vec![64, 64, 8, 4], ..config() };
            let mut trainer = Trainer::new(decoder(&config, 1), stream(&store), options(4, 12, 3e-3)).unwrap();
            let first = trainer.step().unwrap().loss;
            steps(&mut trainer, 10);
            let last = trainer.step().unwrap().loss;
            assert!(last < first - 0.5, "{positions:?} {norm:?} {mlp:?}: {first} to {last}");
        }
    }
}
