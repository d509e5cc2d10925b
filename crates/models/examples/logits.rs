//! Logits of a checkpoint as one JSON line, for `benches/transformers_roundtrip.py`: `logits FOLDER` reads it;
//! `logits FOLDER gpt2|gpt_neox|llama|llama-grouped` first writes a random model of that kind to it.

use kleiber_core::rng::Rng;
use kleiber_models::{Decoder, DecoderConfig, Mlp, ModelError, NormKind, Positions, checkpoint};
use std::path::Path;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match &args[..] {
        [folder] => print(Path::new(folder)),
        [folder, kind] => write(Path::new(folder), kind).and_then(|()| print(Path::new(folder))),
        _ => {
            eprintln!("usage: logits FOLDER [gpt2|gpt_neox|llama|llama-grouped]");
            std::process::exit(2);
        }
    };
    if let Err(error) = result {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

/// A model of 4 layers, 128 wide, whose every parameter is random.
fn write(folder: &Path, kind: &str) -> Result<(), ModelError> {
    let base = DecoderConfig { vocab: 512, context: 128, ..DecoderConfig::default() };
    let biased = DecoderConfig { norm: NormKind::Layer, bias: true, ..base.clone() };
    let config = match kind {
        "gpt2" => DecoderConfig { positions: Positions::Learned, tied: true, ..biased },
        "gpt_neox" => DecoderConfig { rotary_share: 0.25, ..biased },
        "llama" => DecoderConfig { mlp: Mlp::Swiglu, ..base },
        _ => DecoderConfig { mlp: Mlp::Swiglu, groups: 2, tied: true, rotary_base: 500_000.0, ..base },
    };
    let mut decoder = Decoder::new(&config, 1)?;
    let mut rng = Rng::new(2, "logits", 0);
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v += (0.1 * rng.normal()) as f32);
    checkpoint::write(&decoder, None, folder)
}

fn print(folder: &Path) -> Result<(), ModelError> {
    let loaded = checkpoint::read(folder)?;
    let config = loaded.decoder.config();
    let mut rng = Rng::new(3, "tokens", 0);
    let tokens: Vec<u32> = (0..config.context.min(256)).map(|_| rng.below(config.vocab) as u32).collect();
    let logits = loaded.decoder.logits(&tokens, 1);
    let rows: Vec<&[f32]> = logits.chunks(config.vocab).collect();
    println!("{}", serde_json::json!({ "model_type": loaded.model_type, "tokens": tokens, "logits": rows }));
    Ok(())
}
