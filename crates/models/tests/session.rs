//! Writing token by token gives the logits of the whole pass, for every kind of decoder.
#![allow(missing_docs)]

use kleiber_core::rng::Rng;
use kleiber_models::{Decoder, DecoderConfig, Mlp, ModelError, NormKind, Positions, Session};

const CONTEXT: usize = 40;
const VOCAB: usize = 37;

fn decoder(kind: DecoderConfig) -> Decoder {
    let config = DecoderConfig { vocab: VOCAB, context: CONTEXT, layers: 3, width: 48, heads: 4, ..kind };
    let mut decoder = Decoder::new(&config, 3).unwrap();
    let mut rng = Rng::new(5, "decoders", 0);
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v += (0.15 * rng.normal()) as f32);
    decoder
}

fn tokens() -> Vec<u32> {
    (0..CONTEXT as u32).map(|i| (i * i + 5) % VOCAB as u32).collect()
}

#[test]
fn token_by_token_is_the_whole_pass() {
    let mut worst = 0f32;
    for positions in
        [Positions::None, Positions::Learned, Positions::Sinusoidal, Positions::Rotary, Positions::Alibi, Positions::T5]
    {
        for (norm, mlp, bias, tied) in [
            (NormKind::Layer, Mlp::Gelu, true, true),
            (NormKind::Rms, Mlp::Swiglu, false, false),
            (NormKind::Rms, Mlp::ReluSquared, true, false),
        ] {
            for (groups, spans, range, experts) in
                [(4, vec![], 0, 1), (2, vec![40, 9, 3, 1], 0, 1), (1, vec![], 3 * CONTEXT, 3)]
            {
                let position_range = if positions == Positions::None { 0 } else { range };
                let rotary_share = if groups == 2 { 0.5 } else { 1.0 };
                let kind = DecoderConfig {
                    positions,
                    position_range,
                    norm,
                    mlp,
                    bias,
                    tied,
                    groups,
                    experts,
                    spans,
                    rotary_share,
                    ..Default::default()
                };
                let decoder = decoder(kind);
                let whole = decoder.logits(&tokens(), 1);
                let largest = whole.iter().fold(0f32, |a, b| a.max(b.abs()));
                assert!(largest > 0.5, "{largest}: nothing to compare");
                // The prompt at once and in parts, of one token and of several.
                for first in [1, 7, 40] {
                    for then in [1, 5] {
                        let mut session = Session::new(&decoder, CONTEXT).unwrap();
                        let mut fed = 0;
                        while fed < CONTEXT {
                            let count = if fed == 0 { first } else { then }.min(CONTEXT - fed);
                            let logits = session.feed(&tokens()[fed..fed + count]).unwrap();
                            fed += count;
                            let expected = &whole[(fed - 1) * VOCAB..fed * VOCAB];
                            let off = logits.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                            assert!(off < 1e-5, "{:?} after {fed} of {first}, {then}: {off}", decoder.config());
                            worst = worst.max(off);
                        }
                    }
                }
            }
        }
    }
    eprintln!("largest difference {worst:.1e}");
}

#[test]
fn a_shorter_capacity_changes_nothing_and_going_back_forgets() {
    for positions in [Positions::Rotary, Positions::T5, Positions::Sinusoidal] {
        let decoder = decoder(DecoderConfig { positions, ..DecoderConfig::default() });
        let mut long = Session::new(&decoder, CONTEXT).unwrap();
        let mut short = Session::new(&decoder, 12).unwrap();
        assert_eq!(long.feed(&tokens()[..12]).unwrap(), short.feed(&tokens()[..12]).unwrap());
        short.truncate(0);
        short.feed(&tokens()[..5]).unwrap();
        tokens()[5..12].iter().for_each(|t| drop(short.feed(&[*t]).unwrap().to_vec()));
        short.truncate(5);
        assert_eq!(short.len(), 5);
        let mut other = Session::new(&decoder, 12).unwrap();
        other.feed(&tokens()[..5]).unwrap();
        assert_eq!(short.feed(&[9]).unwrap(), other.feed(&[9]).unwrap());
    }
}

#[test]
fn distances_mean_the_same_whatever_the_capacity() {
    // The last buckets of T5 are spread up to the context, where that is beyond 128.
    let config =
        DecoderConfig { vocab: VOCAB, context: 300, width: 48, positions: Positions::T5, ..Default::default() };
    let mut decoder = Decoder::new(&config, 3).unwrap();
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v *= 20.0);
    let text: Vec<u32> = (0..150).map(|i| i * i % VOCAB as u32).collect();
    let mut session = Session::new(&decoder, 151).unwrap();
    session.feed(&text).unwrap();
    let logits = session.feed(&[3]).unwrap();
    let whole = decoder.logits(&[&text[..], &[3]].concat(), 1);
    let off = logits.iter().zip(&whole[150 * VOCAB..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let largest = whole.iter().fold(0f32, |a, b| a.max(b.abs()));
    assert!(largest > 0.5 && off < 1e-5 * largest, "{off} of {largest}");
}

#[test]
fn what_does_not_fit_is_refused_and_adds_nothing() {
    let decoder = decoder(DecoderConfig::default());
    assert!(matches!(Session::new(&decoder, 41), Err(ModelError::Context { tokens: 41, context: CONTEXT })));
    let mut session = Session::new(&decoder, 4).unwrap();
    session.feed(&[1, 2, 3]).unwrap();
    assert!(matches!(session.feed(&[1, 2]), Err(ModelError::Context { tokens: 5, context: 4 })));
    assert!(matches!(session.feed(&[37]), Err(ModelError::Token { token: 37, vocab: VOCAB })));
    assert_eq!(session.len(), 3);
}

#[test]
fn logits_that_are_no_numbers_are_an_error() {
    let mut decoder = decoder(DecoderConfig::default());
    let head = decoder.parameters().entries().iter().find(|e| e.name == "head.weight").unwrap().offset;
    decoder.parameters_mut().values_mut()[head..].fill(f32::MAX);
    let mut session = Session::new(&decoder, 4).unwrap();
    assert!(matches!(session.feed(&[1, 2, 3]), Err(ModelError::NotFinite { tokens: 3 })));
}

#[test]
fn one_thread_and_two_give_the_same_logits() {
    let decoder = decoder(DecoderConfig { mlp: Mlp::Swiglu, ..DecoderConfig::default() });
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut session = Session::new(&decoder, CONTEXT).unwrap();
            session.feed(&tokens()[..30]).unwrap();
            session.feed(&[3]).unwrap().to_vec()
        })
    };
    assert_eq!(run(1), run(2));
}
