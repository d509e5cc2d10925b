//! Counts against a list of matrices written down one by one, for random shapes, and damaged configurations and
//! catalogues.
#![allow(missing_docs)]

#[path = "common/mutate.rs"]
mod mutate;

use kleiber_core::catalogue::Catalogue;
use kleiber_core::rng::Rng;
use kleiber_core::shape::hugging_face::Config;
use kleiber_core::shape::{Biases, Convention, Dtype, Kind, NormKind, Norms, Positions, Shape};
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

fn shapes() -> impl Strategy<Value = Shape> {
    let sizes = (1u64..5, 1u64..4, 1u64..40, 1u64..5, 1u64..4, 1u64..9, 1u64..60, 1u64..90, 1u64..30);
    let flags = proptest::collection::vec(any::<bool>(), 10);
    (sizes, flags, 0usize..7, 0usize..3).prop_map(|(s, f, positions, kind)| {
        let (layers, encoder, width, groups, share, head_width, hidden, vocab, context) = s;
        let kind = [Kind::CausalDecoder, Kind::PrefixDecoder, Kind::EncoderDecoder][kind];
        let positions = [
            Positions::None,
            Positions::Learned { rows: context + 2 },
            Positions::Sinusoidal,
            Positions::Rotary,
            Positions::Alibi,
            Positions::T5 { buckets: 32 },
            Positions::RelativeProjected,
        ][positions];
        Shape {
            kind,
            layers,
            encoder_layers: if kind == Kind::EncoderDecoder { encoder } else { 0 },
            width,
            heads: groups * share,
            head_width,
            groups,
            hidden,
            gated: f[0],
            experts: if f[9] { 3 } else { 1 },
            bias: Biases { qkv: f[1], output: f[2], mlp: f[3] },
            norm: Norms {
                kind: NormKind::Layer,
                bias: f[4],
                per_block: 1 + u64::from(f[5]),
                embedding: f[6],
                last: f[7],
            },
            positions,
            vocab,
            tied: f[8],
            context,
        }
    })
}

/// Every matrix and vector of a model as rows and columns, one call for each.
fn tensors(s: &Shape) -> Vec<(u64, u64)> {
    let mut all = vec![(s.vocab, s.width)];
    let norm = |all: &mut Vec<(u64, u64)>| {
        all.push((1, s.width));
        if s.norm.bias {
            all.push((1, s.width));
        }
    };
    let attention = |all: &mut Vec<(u64, u64)>| {
        for heads in [s.heads, s.groups, s.groups] {
            all.push((s.width, heads * s.head_width));
            if s.bias.qkv {
                all.push((1, heads * s.head_width));
            }
        }
        all.push((s.heads * s.head_width, s.width));
        if s.bias.output {
            all.push((1, s.width));
        }
    };
    let stacks = if s.kind == Kind::EncoderDecoder { vec![s.encoder_layers, s.layers] } else { vec![s.layers] };
    for (stack, layers) in stacks.iter().enumerate() {
        match s.positions {
            Positions::Learned { rows } => all.push((rows, s.width)),
            Positions::T5 { buckets } => all.push((buckets, s.heads)),
            _ => {}
        }
        for _ in 0..*layers {
            attention(&mut all);
            if s.positions == Positions::RelativeProjected {
                all.push((s.width, s.heads * s.head_width));
            }
            if stack == 1 {
                attention(&mut all);
                norm(&mut all);
            }
            (0..s.norm.per_block).for_each(|_| norm(&mut all));
            if s.experts > 1 {
                all.push((s.width, s.experts));
            }
            for _ in 0..s.experts {
                for _ in 0..if s.gated { 2 } else { 1 } {
                    all.push((s.width, s.hidden));
                    if s.bias.mlp {
                        all.push((1, s.hidden));
                    }
                }
                all.push((s.hidden, s.width));
                if s.bias.mlp {
                    all.push((1, s.width));
                }
            }
        }
        if s.norm.last {
            norm(&mut all);
        }
    }
    if s.norm.embedding {
        norm(&mut all);
    }
    if !s.tied {
        all.push((s.width, s.vocab));
    }
    all
}

proptest! {
    #[test]
    fn parts_sum_to_the_tensors_of_the_model(shape in shapes()) {
        let parts = shape.parts().unwrap();
        let total = parts.params_total().unwrap();
        prop_assert_eq!(parts.named().iter().map(|(_, n)| n).sum::<u64>(), total);
        prop_assert_eq!(tensors(&shape).iter().map(|(rows, columns)| rows * columns).sum::<u64>(), total);
        let matmul = parts.params_matmul().unwrap();
        let dense = Shape { experts: 1, ..shape.clone() }.parts().unwrap();
        let routers = if shape.experts > 1 { shape.width * shape.experts * (shape.layers + shape.encoder_layers) } else { 0 };
        prop_assert_eq!(matmul, dense.params().unwrap() + routers + shape.vocab * shape.width);
        let flops = |c| shape.flops(c, shape.context).unwrap();
        prop_assert_eq!(flops(Convention::SixNd).training, 6 * matmul);
        let full = flops(Convention::WithAttention);
        prop_assert!(full.forward > flops(Convention::SixNd).forward && full.training == 3 * full.forward);
    }

    #[test]
    fn no_size_panics(sizes in proptest::collection::vec(any::<u64>(), 12), shape in shapes()) {
        let hostile = Shape {
            layers: sizes[0], width: sizes[1], heads: sizes[2], head_width: sizes[3], groups: sizes[4],
            hidden: sizes[5], experts: sizes[1], vocab: sizes[6], context: sizes[7], encoder_layers: sizes[8],
            norm: Norms { per_block: sizes[9], ..shape.norm }, positions: Positions::Learned { rows: sizes[10] }, ..shape
        };
        let _ = hostile.parts().map(|p| (p.params(), p.params_matmul(), p.params_total()));
        let _ = hostile.flops(Convention::WithAttention, sizes[11]);
        let _ = hostile.memory(Dtype::F32, Dtype::Int4, sizes[11], sizes[0]);
    }
}

const MUTATIONS: u32 = 10_000;
const SLOWEST: Duration = Duration::from_millis(250);

/// Mutates `seeds` and gives each to `read`, which says whether it could be read.
fn mutations(stream: &str, seeds: &[&str], read: impl Fn(&[u8]) -> bool) {
    assert!(seeds.iter().all(|seed| read(seed.as_bytes())), "a seed is no valid file");
    let mut failures = Vec::new();
    let mut readable = 0;
    for index in 0..MUTATIONS {
        let mut rng = Rng::new(5, stream, index);
        let (seed, other) = (seeds[rng.below(seeds.len())], seeds[rng.below(seeds.len())]);
        let special = b"\0\x7f\x80\xff\"\n,[]{}=.-+eE09'# tfn";
        let bytes = mutate::mutate(seed.as_bytes(), other.as_bytes(), special, 1 + index as usize % 3, &mut rng);
        let started = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| read(&bytes))) {
            Err(_) => failures.push(format!("mutation {index}: panic")),
            Ok(ok) => readable += u32::from(ok),
        }
        // The machine may be busy: slow is what is slow twice.
        let again = Instant::now();
        if started.elapsed() > SLOWEST && (read(&bytes), again.elapsed() > SLOWEST).1 {
            failures.push(format!("mutation {index}: slow"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!((MUTATIONS / 100..MUTATIONS * 19 / 20).contains(&readable), "{readable} of {MUTATIONS} were readable");
}

#[test]
fn no_mutated_configuration_breaks_the_reader() {
    let seeds = [
        r#"{"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 32, "vocab_size": 100}"#,
        r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "head_dim": null,
            "num_key_value_heads": 2, "intermediate_size": 96, "max_position_embeddings": 32, "vocab_size": 100}"#,
        r#"{"model_type": "falcon", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 9,
            "new_decoder_architecture": true, "num_kv_heads": 2, "parallel_attn": true, "alibi": false}"#,
        r#"{"model_type": "opt", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "ffn_dim": 256,
            "max_position_embeddings": 32, "vocab_size": 100, "word_embed_proj_dim": 64, "enable_bias": false}"#,
    ];
    mutations("configurations", &seeds, |bytes| {
        let Ok(config) = Config::from_json("config.json", bytes) else { return false };
        let counted = config.shape.parts().and_then(|p| p.params_total()).is_ok();
        let _ = config.shape.memory(Dtype::Bf16, Dtype::Bf16, config.shape.context, 1);
        counted
    });
}

#[test]
fn no_mutated_catalogue_breaks_the_reader() {
    let full = "[family.f]\nopen = true\nreleased = \"2024-01\"\nverified = false\n\
                source = \"A paper with a title of many words, so that an edit may hit what no reader minds. And its table\"\n\
                # A remark of the same kind, long enough to be hit: sizes are those of the paper, not of a checkpoint.\ntrain = { lr = 1e-3 }\n\
                arch = { kind = \"causal-decoder\", head_width = 8, groups = 1, hidden = 32, gated = false, bias = \"qkv\",\n\
                norm = \"rms\", norm_bias = false, norms_per_block = 2, embedding_norm = false, final_norm = true }\n\
                [[model]]\nname = \"a\"\nfamily = \"f\"\nparams_nominal = { params_total = 1e3 }\nparams_exact = 1000\n\
                arch = { layers = 1, width = 8, heads = 1, positions = \"rotary\", vocab = 26, tied = true, context = 9 }\n\
                train = { tokens = 2e10 }\n";
    let other = "[[model]]\nname = \"b\"\nfamily = \"g\"\nreleased = \"2020-12\"\nopen = false\nverified = true\nsource = ''\n\
                 params_nominal = { params = 12 }\ndoubt = \"a reason in several words, some of which may change without harm to the file\"\narch.layers = 3\narch.positions = \"learned\"\n";
    mutations("catalogues", &[full, other], |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return false };
        let Ok(catalogue) = Catalogue::from_toml("mine.toml", text) else { return false };
        let _ = (catalogue.check(), catalogue.select("params < 1e9 && tokens > 1"), catalogue.near(1e3).len());
        true
    });
}
