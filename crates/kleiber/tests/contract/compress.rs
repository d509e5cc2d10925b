//! Smaller models from checkpoints.

use crate::common::Folder;
use kleiber_data::Tokenizer;
use kleiber_models::{Decoder, DecoderConfig, checkpoint};
use serde_json::json;

/// A folder `model` with a small decoder and a tokenizer of bytes.
fn folder() -> (Folder, Decoder) {
    let folder = Folder::new();
    let config = DecoderConfig { vocab: 257, context: 32, layers: 2, width: 64, ..DecoderConfig::default() };
    let decoder = Decoder::new(&config, 4).unwrap();
    std::fs::create_dir_all(folder.path("model")).unwrap();
    checkpoint::write(&decoder, Some(256), &folder.path("model")).unwrap();
    Tokenizer::Bytes.save(&folder.path("model").join("tokenizer.json")).unwrap();
    (folder, decoder)
}

#[test]
fn the_document_counts_what_is_stored_and_the_model_is_written() {
    let (folder, decoder) = folder();
    let args = ["compress", "quantize", "model", "--format", "nf4", "--out", "small"];
    let document = folder.json(&args);
    assert_eq!((&document["schema"], &document["status"]), (&json!("kleiber.compress/1"), &json!("ok")));
    assert_eq!((&document["format"], &document["bits"], &document["group"]), (&json!("nf4"), &json!(4), &json!(64)));
    // Two blocks of twelve squares of the width.
    assert_eq!((&document["weights"], &document["bits_per_weight"]), (&json!(98_304), &json!(4.5)));
    assert_eq!((&document["bytes"], &document["bytes_before"]), (&json!(98_304.0 * 4.5 / 8.0), &json!(98_304.0 * 2.0)));
    assert_eq!(document["arrays"].as_array().unwrap().len(), 8);
    assert!((document["nmse"].as_f64().unwrap() / 0.00846 - 1.0).abs() < 0.05);
    assert!(document["kept"].as_array().unwrap().contains(&json!("embedding.weight")));
    let small = checkpoint::read(&folder.path("small")).unwrap().decoder;
    let moved = small.parameters().values().iter().zip(decoder.parameters().values()).filter(|(a, b)| a != b).count();
    assert!((90_000..=98_304).contains(&moved), "{moved}");
    // It is a model like any other, and coded already.
    folder.run(&["generate", "small", "--prompt", "a", "--tokens", "2"]).ok();
    let again = folder.json(&["compress", "quantize", "small", "--format", "nf4"]);
    assert!(again["nmse"].as_f64().unwrap() < 1e-12);
    let twice = folder.run(&args);
    assert!(twice.code == Some(2) && twice.stderr.contains("exists already"), "{}", twice.stderr);
}

#[test]
fn text_says_the_same_and_slips_are_named() {
    let (folder, _) = folder();
    let text = folder.run(&["compress", "quantize", "model", "--bits", "3", "--group", "32"]).ok().stdout;
    for part in
        ["rtn, 3 bits, a scale for 32", "98.3k weights in 3.5 bits each", "blocks.1.mlp.down.weight", "as they were: "]
    {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    for (args, message) in [
        (&["model", "--bits", "9"][..], "bits = 9: 2 to 8"),
        (&["model", "--format", "nf5"], "one of rtn, rtn-asym, int8, nf4"),
        (&["model", "--format", "int8", "--group", "64"], "a scale per row"),
        (&["model", "--evaluate"], "is not a checkpoint of a run"),
        (&["nowhere"], "holds neither config.json nor a finished step-N"),
    ] {
        let outcome = folder.run(&[&["compress", "quantize"], args].concat());
        assert!(outcome.code == Some(2) && outcome.stderr.contains(message), "{args:?}: {}", outcome.stderr);
    }
}
