//! Text from checkpoints.

use crate::common::{Folder, Outcome};
use kleiber_data::Tokenizer;
use kleiber_models::{Decoder, DecoderConfig, Mlp, NormKind, checkpoint};
use serde_json::{Value, json};

const CONTEXT: usize = 48;

/// A small model over bytes that says something else after every token.
fn decoder(config: DecoderConfig) -> Decoder {
    let config = DecoderConfig { vocab: 257, context: CONTEXT, layers: 2, width: 32, ..config };
    let mut decoder = Decoder::new(&config, 4).unwrap();
    decoder.parameters_mut().values_mut().iter_mut().for_each(|v| *v *= 8.0);
    decoder
}

/// A folder `model` with a Llama and a tokenizer of bytes.
fn folder() -> (Folder, Decoder) {
    let folder = Folder::new();
    let decoder = decoder(DecoderConfig { mlp: Mlp::Swiglu, ..DecoderConfig::default() });
    save(&folder, "model", &decoder);
    (folder, decoder)
}

fn save(folder: &Folder, name: &str, decoder: &Decoder) {
    std::fs::create_dir_all(folder.path(name)).unwrap();
    checkpoint::write(decoder, Some(256), &folder.path(name)).unwrap();
    Tokenizer::Bytes.save(&folder.path(name).join("tokenizer.json")).unwrap();
}

fn generate(folder: &Folder, args: &[&str]) -> Outcome {
    folder.run(&[&["generate", "model", "--prompt", "abc"], args].concat())
}

#[test]
fn the_document_holds_the_text_and_the_probability_of_every_token() {
    let (folder, decoder) = folder();
    let document = folder.json(&["generate", "model", "--prompt", "ab\u{e9}", "--tokens", "9", "--temperature", "0"]);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.generate/1"), &json!("ok")));
    assert_eq!((&document["model_type"], &document["context"]), (&json!("llama"), &json!(CONTEXT)));
    assert_eq!((&document["prompt"], &document["prompt_tokens"]), (&json!("ab\u{e9}"), &json!(4)));
    assert_eq!(document["params_total"], decoder.parameters().len());
    let sample = &document["samples"][0];
    let tokens = sample["tokens"].as_array().unwrap();
    assert_eq!((tokens.len(), &sample["finish"]), (9, &json!("length")));
    // Against the whole pass: the most likely token each time, and its probability.
    let mut text = vec![0x61, 0x62, 0xc3, 0xa9];
    let mut sum = 0.0;
    for token in tokens {
        let logits = decoder.logits(&text, 1);
        let row = &logits[logits.len() - 257..];
        let best = (0..257).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
        assert_eq!(token["id"], best);
        let total: f64 = row.iter().map(|l| f64::from(l - row[best]).exp()).sum();
        let logprob = token["logprob"].as_f64().unwrap();
        assert!((logprob + total.ln()).abs() < 1e-4, "{token}");
        sum += logprob;
        text.push(best as u32);
    }
    assert!((sample["logprob"].as_f64().unwrap() - sum).abs() < 1e-9);
    let pieces: String = tokens.iter().map(|t| t["text"].as_str().unwrap()).collect();
    assert_eq!(sample["text"], pieces);
    assert_eq!(pieces, Tokenizer::Bytes.decode(&text[4..]));
}

#[test]
fn text_is_the_same_as_in_the_document_for_every_seed_and_thread_count() {
    let (folder, _) = folder();
    // Bytes drawn at random are mostly no UTF-8; reading them as text is part of running the binary here.
    let options = ["--tokens", "30", "--samples", "3", "--seed", "5", "--top-p", "0.98"];
    let document = generate(&folder, &[&options[..], &["--json"]].concat()).ok().document();
    let texts: Vec<&str> =
        document["samples"].as_array().unwrap().iter().map(|s| s["text"].as_str().unwrap()).collect();
    let expected: String = texts.iter().enumerate().map(|(i, t)| format!("--- {} of 3 ---\n{t}\n", i + 1)).collect();
    let plain = generate(&folder, &options).ok();
    assert_eq!(plain.stdout, expected);
    assert!(plain.stderr.contains("3 tokens read") && plain.stderr.contains("written"), "{}", plain.stderr);
    assert!(texts[0] != texts[1] && texts[1] != texts[2], "{texts:?}");
    assert_eq!(generate(&folder, &[&options[..], &["--threads", "1", "-q"]].concat()).ok().stdout, expected);
    let other = generate(&folder, &["--tokens", "30", "--seed", "6"]).ok();
    assert!(!expected.contains(other.stdout.trim_end()));
}

#[test]
fn prompts_come_from_a_file_and_from_stdin() {
    let (folder, _) = folder();
    let expected = generate(&folder, &["--tokens", "12"]).ok().stdout;
    folder.write("start.txt", b"abc");
    assert_eq!(
        folder.run(&["generate", "model", "--prompt-file", "start.txt", "--tokens", "12"]).ok().stdout,
        expected
    );
    let piped = |text: &[u8]| {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_kleiber"));
        let args = ["generate", "model", "--tokens", "12", "--json"];
        command.current_dir(folder.root()).args(args).write_stdin(text).output().unwrap()
    };
    let document = |output: std::process::Output| -> Value { serde_json::from_slice(&output.stdout).unwrap() };
    assert_eq!(format!("{}\n", document(piped(b"abc"))["samples"][0]["text"].as_str().unwrap()), expected);
    assert_eq!(document(piped(b""))["prompt_tokens"], 0);
    let bad = piped(b"ab\xff");
    assert_eq!(
        (bad.status.code(), &document(bad)["reasons"][0]["message"]),
        (Some(2), &json!("stdin: byte 2 is not UTF-8"))
    );
}

#[test]
fn a_text_ends_with_its_token_or_with_the_context() {
    let (folder, _) = folder();
    let long = "x".repeat(CONTEXT - 2);
    let document = folder.json(&["generate", "model", "--prompt", &long, "--temperature", "0"]);
    let sample = &document["samples"][0];
    // Two more fit, and one follows the last that fits.
    assert_eq!((&sample["finish"], sample["tokens"].as_array().unwrap().len()), (&json!("context"), 3));
    let outcome = folder.run(&["generate", "model", "--prompt", &"x".repeat(CONTEXT + 1), "--json"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("49 tokens, but the model sees at most 48"), "{}", outcome.stderr);
    assert_eq!(outcome.document()["schema"], "kleiber.error/1");
    // Behind the last norm stands its bias whatever the tokens: the end is the most likely token.
    let mut ending = decoder(DecoderConfig { norm: NormKind::Layer, bias: true, ..DecoderConfig::default() });
    let entries = ending.parameters().entries().to_vec();
    let at = |name: &str| entries.iter().find(|e| e.name == name).unwrap().offset;
    let values = ending.parameters_mut().values_mut();
    values[at("norm.weight")..at("norm.weight") + 32].fill(0.0);
    values[at("norm.bias")..at("norm.bias") + 32].fill(1.0);
    values[at("head.weight")..].fill(0.0);
    values[at("head.weight") + 256 * 32..].fill(1.0);
    save(&folder, "ending", &ending);
    let document = folder.json(&["generate", "ending", "--prompt", "abc", "--temperature", "0"]);
    assert_eq!(
        (&document["model_type"], &document["samples"][0]["finish"]),
        (&json!("gpt_neox"), &json!("end-of-text"))
    );
    assert_eq!((&document["samples"][0]["text"], &document["samples"][0]["tokens"]), (&json!(""), &json!([])));
}

#[test]
fn a_run_is_its_newest_finished_step() {
    let (folder, decoder) = folder();
    let expected = generate(&folder, &["--tokens", "12"]).ok().stdout;
    let mut other = Decoder::new(decoder.config(), 9).unwrap();
    other.parameters_mut().values_mut().iter_mut().for_each(|v| *v *= 8.0);
    for (name, decoder, finished) in
        [("step-9", &other, true), ("step-12", &decoder, true), ("step-100", &other, false)]
    {
        let name = format!("runs/a/{name}");
        save(&folder, &name, decoder);
        std::fs::remove_file(folder.path(&name).join("tokenizer.json")).unwrap();
        if finished {
            folder.write(&format!("{name}/manifest.json"), b"{}");
        }
    }
    Tokenizer::Bytes.save(&folder.path("runs/a/tokenizer.json")).unwrap();
    let run = |path: &str| folder.run(&["generate", path, "--prompt", "abc", "--tokens", "12"]).ok().stdout;
    assert_eq!(run("runs/a"), expected);
    assert_eq!(run("runs/a/step-12/"), expected);
    assert_ne!(run("runs/a/step-9"), expected);
}

#[test]
fn what_is_missing_or_out_of_range_is_named() {
    let (folder, _) = folder();
    for (args, expected) in [
        (&["generate", "nowhere", "--prompt", "a"][..], "nowhere: holds neither config.json nor a finished step-N"),
        (&["generate", "model", "--prompt-file", "nowhere"], "nowhere: cannot read"),
        (&["generate", "model", "--prompt", "a", "--prompt-file", "b"], "cannot be used with"),
        (&["generate", "model", "--prompt", "a", "--tokens", "0"], "0 is not in 1..=1048576"),
        (&["generate", "model", "--prompt", "a", "--samples", "1001"], "1001 is not in 1..=1000"),
        (&["generate", "model", "--prompt", "a", "--temperature", "-1"], "temperature = -1: 0 to 1,000,000"),
        (&["generate", "model", "--prompt", "a", "--temperature", "nan"], "temperature = NaN"),
        (&["generate", "model", "--prompt", "a", "--top-p", "1.5"], "top-p = 1.5: 0 to 1"),
        (&["generate", "model", "--prompt", "a", "--min-p", "-0.5"], "min-p = -0.5"),
        (&["generate", "model", "--prompt", "a", "--repetition-penalty", "0"], "repetition-penalty = 0"),
    ] {
        let outcome = folder.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?}");
        assert!(outcome.stderr.contains(expected), "{args:?}: {}", outcome.stderr);
        assert!(outcome.stdout.is_empty(), "{args:?}: {}", outcome.stdout);
    }
    let bpe = Tokenizer::train_bpe(["to be or not to be, that is the question to be"].into_iter(), 262).unwrap();
    bpe.save(&folder.path("model/tokenizer.json")).unwrap();
    assert!(generate(&folder, &[]).stderr.contains("the tokenizer has 262 tokens, the model 257"));
    std::fs::remove_file(folder.path("model/tokenizer.json")).unwrap();
    assert!(generate(&folder, &[]).stderr.contains("model: holds no tokenizer.json"));
    folder.write("model/config.json", b"{\"model_type\":\"opt\"}");
    Tokenizer::Bytes.save(&folder.path("model/tokenizer.json")).unwrap();
    assert!(generate(&folder, &[]).stderr.contains("model_type = \"opt\""));
}
