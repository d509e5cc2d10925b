//! Fixtures, scratch folders, and decoders of every kind.
#![allow(dead_code)]

use kleiber_core::rng::Rng;
use kleiber_models::checkpoint::{self, Checkpoint};
use kleiber_models::{Decoder, DecoderConfig, Mlp, NormKind, Positions};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// What `benches/peers/transformers_fixture.py` wrote.
pub(crate) const FIXTURES: [&str; 5] = ["gpt2", "gpt_neox", "llama", "llama_bf16", "gpt2_f16"];

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A copy of a fixture that may be spoiled.
pub(crate) fn copy(name: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in std::fs::read_dir(fixture(name)).unwrap() {
        let path = file.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

/// A small decoder of this kind with random biases and gains.
pub(crate) fn decoder(kind: DecoderConfig) -> Decoder {
    let config = DecoderConfig { vocab: 41, context: 20, layers: 2, width: 24, heads: 4, hidden: 36, ..kind };
    let mut decoder = Decoder::new(&config, 3).unwrap();
    let mut rng = Rng::new(5, "decoders", 0);
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v += (0.2 * rng.normal()) as f32);
    decoder
}

pub(crate) fn gpt2(tied: bool) -> DecoderConfig {
    DecoderConfig { positions: Positions::Learned, norm: NormKind::Layer, bias: true, tied, ..DecoderConfig::default() }
}

pub(crate) fn gpt_neox(tied: bool, rotary_share: f64) -> DecoderConfig {
    DecoderConfig { rotary_share, norm: NormKind::Layer, bias: true, tied, ..DecoderConfig::default() }
}

pub(crate) fn llama(tied: bool, groups: usize) -> DecoderConfig {
    DecoderConfig { groups, mlp: Mlp::Swiglu, rotary_base: 50_000.0, tied, ..DecoderConfig::default() }
}

/// Writes a decoder and reads it back.
pub(crate) fn through_files(decoder: &Decoder) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    checkpoint::write(decoder, Some(7), folder.path()).unwrap();
    checkpoint::read(folder.path()).unwrap()
}
