//! Speed of writing token by token: `generation WIDTH LAYERS HEADS CONTEXT VOCAB PROMPT TOKENS`; prints one JSON line.
//!
//! A token needs one read of the parameters, embedding rows and positions apart, so `gbytes_per_second` is what to hold
//! against the memory speed that `kleiber doctor` measures.

use kleiber_models::{Decoder, DecoderConfig, Mlp, Sampling, Session};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|a| a.parse().ok()).collect();
    let [width, layers, heads, context, vocab, prompt, tokens] = numbers[..] else {
        eprintln!("usage: generation WIDTH LAYERS HEADS CONTEXT VOCAB PROMPT TOKENS");
        std::process::exit(2);
    };
    let config = DecoderConfig {
        vocab,
        context,
        layers,
        width,
        heads,
        groups: heads,
        mlp: Mlp::Swiglu,
        ..DecoderConfig::default()
    };
    let decoder = Decoder::new(&config, 0).unwrap_or_else(|e| panic!("{e}"));
    let mut session = Session::new(&decoder, context).unwrap_or_else(|e| panic!("{e}"));
    let sampling = Sampling { top_p: 0.95, ..Sampling::default() };
    let read = 4 * (decoder.parameters().len() - vocab * width);
    let (mut best, mut first) = (f64::INFINITY, 0.0);
    for round in 0..5 {
        session.truncate(0);
        let text: Vec<u32> = (0..prompt).map(|i| (i * 7 % vocab) as u32).collect();
        let start = Instant::now();
        let mut logits = session.feed(&text).unwrap_or_else(|e| panic!("{e}"));
        first = start.elapsed().as_secs_f64();
        let start = Instant::now();
        for index in 0..tokens {
            let choice = sampling.pick(logits, &[], round, index as u32);
            logits = session.feed(&[choice.token]).unwrap_or_else(|e| panic!("{e}"));
        }
        best = start.elapsed().as_secs_f64().min(best);
    }
    println!(
        "{{\"tokens_per_second\": {:.0}, \"prompt_tokens_per_second\": {:.0}, \"parameters\": {}, \"bytes_per_token\": {read}, \"gbytes_per_second\": {:.2}}}",
        tokens as f64 / best,
        prompt as f64 / first,
        decoder.parameters().len(),
        read as f64 * tokens as f64 / best / 1e9
    );
}
