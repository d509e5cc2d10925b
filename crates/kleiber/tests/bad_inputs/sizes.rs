//! Models that are not there, configurations and catalogues that cannot be used, shapes that do not fit.

use crate::case::{Case, case};

fn size(options: &[&str]) -> Case {
    case(options.join(" "), &[&["size"], options].concat())
}

fn config(name: &str, bytes: impl Into<Vec<u8>>) -> Case {
    case(name, &["size", "--config", "config.json"]).file("config.json", bytes)
}

fn catalogue(name: &str, bytes: impl Into<Vec<u8>>) -> Case {
    case(name, &["size", "--list", "--catalogue", "mine.toml"]).file("mine.toml", bytes)
}

const LLAMA: &str = r#"{"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "intermediate_size": 96, "max_position_embeddings": 32, "vocab_size": 100}"#;

pub(crate) fn cases() -> Vec<Case> {
    let shape = ["--layers", "2", "--width", "64", "--heads", "4", "--vocab", "10", "--context", "8"];
    let with = |more: &[&str]| size(&[&shape, more].concat());
    let huge = "18446744073709551615";
    let nested = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        size(&["llama-65"]).fails("no model `llama-65`", "did you mean llama-65b"),
        size(&["llama"]).fails("no model `llama`", "llama-7b"),
        size(&["zebra"]).fails("no model `zebra`", "--list"),
        size(&["lamda-137b-survey"]).fails("incomplete: head_width, groups, hidden", "--catalogue"),
        size(&["gpt2-124m", "--list"]).fails("cannot be used with", "--help"),
        size(&["gpt2-124m", "--bias", "all"]).fails("--layers", "--help"),
        size(&["gpt2-124m", "--where", "params>1"]).fails("cannot be used with", "--help"),
        size(&["gpt2-124m", "--dtype", "float"]).fails("bf16", "--help"),
        size(&["gpt2-124m", "--context", "0"]).fails("0", "--help"),
        size(&["gpt2-124m", "--batch", huge]).fails("bytes of the KV cache: more than 64 bits", "mistyped"),
        size(&["--nearest", "-3"]).fails("-3", "--help"),
        size(&["--nearest", "big"]).fails("not a positive quantity", "--help"),
        size(&["--list", "--where", "layer>3"]).fails("no column `layer`", "did you mean `layers`"),
        size(&["--list", "--where", "layers"]).fails("true or false", "help:"),
        size(&["--list", "--where", "layers="]).fails("write `==`", "help:"),
        size(&["--list", "--sort", "colour"]).fails("no column `colour`", "the columns are name"),
        with(&["--head-width", "8"]).works(),
        with(&["--groups", "3"]).fails("groups = 3: expected a divisor of the 4 heads", "help:"),
        with(&["--groups", "0"]).fails("groups = 0", "help:"),
        with(&["--hidden", "-5"]).fails("-5", "--help"),
        with(&["--hidden", huge]).fails("more than 64 bits", "mistyped"),
        with(&["--positions", "rope"]).fails("rotary", "--help"),
        with(&["--prefix", "--encoder-layers", "2"]).fails("cannot be used with", "--help"),
        with(&["--encoder-layers", "0"]).fails("encoder_layers = 0", "help:"),
        size(&["--layers", "2", "--width", "65", "--heads", "4", "--vocab", "10", "--context", "8"])
            .fails("--width 65 is no multiple of --heads 4", "--head-width"),
        size(&["--layers", "2", "--width", "64", "--heads", "0", "--vocab", "10", "--context", "8"])
            .fails("head_width is missing", "help:"),
        size(&["--config", "nowhere.json"]).fails("cannot open", "check the path"),
        size(&["--config", "."]).fails("cannot open", "check the path"),
        config("a llama", LLAMA).works(),
        config("an empty configuration", "").fails("config.json", "help:"),
        config("a list", "[1]").fails("no object", "help:"),
        config("no family", "{}").fails("model_type: found nothing, expected one of gpt2", "help:"),
        config("another family", r#"{"model_type": "mixtral"}"#).fails("found \"mixtral\"", "help:"),
        config("a negative width", LLAMA.replace("64", "-64")).fails("hidden_size: found -64", "nothing is assumed"),
        config("a missing width", LLAMA.replace("hidden_size", "size")).fails("hidden_size: found nothing", "help:"),
        config("heads that do not divide", LLAMA.replace("64", "66")).fails("a divisor of the width 66", "help:"),
        config("a width beyond all", LLAMA.replace("64", "9223372036854775808")).fails("more than 64 bits", "mistyped"),
        config("deep nesting", nested).fails("recursion limit", "help:"),
        config("not text", b"\xff\xfe{}".to_vec()).fails("config.json", "help:"),
        config("two mebibytes", vec![b' '; 2 << 20]).fails("more than the limit of 1048576 bytes", "the right file"),
        catalogue("an empty catalogue", "").fails("expected a [[model]]", "help:"),
        catalogue("broken TOML", "[[model]\n").fails("mine.toml, line 1", "help:"),
        catalogue("a model without anything", "[[model]]\nname = \"a\"\n")
            .fails("model `a`: found missing field", "help:"),
        catalogue("not text", b"\n\xff".to_vec()).fails("line 2: found bytes that are not UTF-8", "UTF-8"),
    ]
}
