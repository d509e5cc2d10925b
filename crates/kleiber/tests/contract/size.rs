//! `kleiber size`: documents, notes, lists and exit codes.

use crate::common::Folder;
use serde_json::{Value, json};

#[test]
fn a_model_of_the_catalogue_has_every_field() {
    let folder = Folder::new();
    let size = folder.json(&["size", "gpt3-175b", "--dtype", "f16", "--context", "1024", "--batch", "2"]);
    assert_eq!(
        (&size["schema"], &size["kind"], &size["status"]),
        (&json!("kleiber.size/1"), &json!("model"), &json!("ok"))
    );
    let number = |name: &str| size[name].as_u64().unwrap();
    let parts: u64 = size["parts"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
    assert_eq!(parts, number("params_total"));
    assert_eq!(number("params_total") / 100_000_000, 1746);
    assert_eq!(number("params_matmul") - number("params"), 50257 * 12288);
    let flops = &size["flops_per_token"];
    assert_eq!(flops["6nd"]["training"].as_u64().unwrap(), 6 * number("params_matmul"));
    let scores = 2 * 96 * 12288 * 1024;
    assert_eq!(flops["with-attention"]["forward"].as_u64().unwrap(), 2 * number("params_matmul") + scores);
    let memory = &size["memory"];
    assert_eq!(memory["weights"].as_u64().unwrap(), 2 * number("params_total"));
    assert_eq!(memory["training"]["total"].as_u64().unwrap(), 16 * number("params_total"));
    assert_eq!(memory["kv_cache"].as_u64().unwrap(), 2 * 96 * 12288 * 2 * 2048);
    assert_eq!((&size["recount"]["verdict"], &size["entry"]["family"]), (&json!("consistent"), &json!("gpt3")));
    let small = folder.json(&["size", "gpt3-175b", "--dtype", "int4"]);
    assert_eq!((&small["kv_dtype"], &small["memory"]["training"]), (&json!("bf16"), &Value::Null));
}

#[test]
fn of_experts_a_token_pays_for_one() {
    let folder = Folder::new();
    let shape = "size --layers 2 --width 64 --heads 4 --vocab 256 --context 64 --experts 4";
    let size = folder.json(&shape.split(' ').collect::<Vec<_>>());
    // Four experts of 64 x 256 up and down and a router of 4 x 64, in two blocks; three experts are idle.
    assert_eq!(size["parts"]["mlp"], 2 * (4 * 2 * 64 * 256 + 4 * 64));
    let number = |name: &str| size[name].as_u64().unwrap();
    assert_eq!(number("params") + 256 * 64 - number("params_matmul"), 2 * 3 * 2 * 64 * 256);
}

#[test]
fn what_was_assumed_is_said() {
    let folder = Folder::new();
    let config = r#"{"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "n_positions": 1024,
        "vocab_size": 50257}"#;
    folder.write("config.json", config.as_bytes());
    let outcome = folder.run(&["size", "--config", "config.json", "--context", "2048"]).ok();
    for part in
        ["n_inner is missing: 3072", "tie_word_embeddings is missing: true", "2048 is longer than the model's 1024"]
    {
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
    assert!(outcome.stdout.contains("124439808") && outcome.stdout.contains("with-attention (context 2048)"));
    let flags = ["size", "--layers", "6", "--width", "384", "--heads", "6", "--vocab", "4096", "--context", "256"];
    let outcome = folder.run(&flags).ok();
    assert!(outcome.stderr.contains("hidden = 1536 (4 times the width)"), "{}", outcome.stderr);
    let plain = folder.json(&flags)["params"].as_u64().unwrap();
    assert_eq!(plain, 6 * (12 * 384 * 384) + 13 * 384);
    let doubtful = folder.run(&["size", "gopher-280b-survey"]).ok();
    assert!(doubtful.stderr.contains("does not add up"), "{}", doubtful.stderr);
}

#[test]
fn lists_are_filtered_sorted_and_empty_ones_fail() {
    let folder = Folder::new();
    let names = |document: &Value| {
        document["models"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m["name"].as_str().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    let small = folder.json(&["size", "--list", "--where", "params_total<1.2e8", "--sort", "params_total"]);
    assert_eq!(names(&small), ["t5-small", "pythia-70m"]);
    assert_eq!(small["models"][1]["params_total"], 70_426_624);
    let near = folder.json(&["size", "--nearest", "1.1B", "--limit", "2", "--where", "family!=\"pythia\""]);
    assert_eq!(names(&near), ["tinyllama-1.1b", "opt-1.3b"]);
    assert!(near["models"][0]["multiplier"].as_f64().unwrap() > 2000.0);
    assert!(near["models"][0]["aspect"].as_f64().unwrap() > 90.0);
    let text = folder.run(&["size", "--nearest", "1.3B"]).ok().stdout;
    assert!(text.contains("tok/param") && text.contains("d/L") && text.contains("pythia-1.4b"), "{text}");
    assert_eq!(names(&folder.json(&["size", "--nearest", "280B", "--limit", "1"])), ["gopher-280b"]);
    for mode in ["--list", "--check"] {
        let none = folder.run(&["size", mode, "--where", "params<3"]);
        assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""), "{mode}");
        assert!(none.stderr.contains("no model matches"), "{}", none.stderr);
    }
    let none = folder.run(&["size", "--list", "--where", "params<3", "--json"]);
    assert_eq!((none.code, &none.document()["models"]), (Some(1), &json!([])));
}

#[test]
fn the_recount_is_the_table_of_the_documentation() {
    let folder = Folder::new();
    let text = folder.run(&["size", "--check"]).ok().stdout;
    let documented = include_str!("../../../../docs/size.md");
    assert!(
        documented.contains(text.trim_end()),
        "docs/size.md holds another table than `kleiber size --check` prints"
    );
    let check = folder.json(&["size", "--check"]);
    let verdict = |name: &str| {
        let rows = check["recounts"].as_array().unwrap();
        rows.iter().find(|r| r["name"] == name).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("llama-65b"), "exact");
    assert_eq!(
        (verdict("gopher-280b-survey"), verdict("lamda-137b-survey")),
        (json!("inconsistent"), json!("incomplete"))
    );
}

#[test]
fn entries_of_ones_own_are_counted_and_recounted() {
    let folder = Folder::new();
    let entry = |params: &str, tied: &str| {
        format!(
            "[[model]]\nname = \"mine\"\nfamily = \"mine\"\nreleased = \"2024-01\"\nopen = true\nverified = false\n\
             source = \"here\"\nparams_nominal = {{ params_total = {params} }}\narch = {{ kind = \"causal-decoder\", \
             layers = 1, width = 8, heads = 1, head_width = 8, groups = 1, hidden = 32, gated = false, bias = \"none\", \
             norm = \"rms\", norm_bias = false, norms_per_block = 2, embedding_norm = false, final_norm = true, \
             positions = \"rotary\", vocab = 26, {tied} context = 9 }}\n"
        )
    };
    folder.write("mine.toml", entry("1e3", "tied = true,").as_bytes());
    let own = |args: &[&str]| folder.run(&[&["size"], args, &["--catalogue", "mine.toml"]].concat());
    assert_eq!(own(&["mine", "--json"]).ok().document()["params_total"], 1000);
    own(&["--check"]).ok();
    folder.write("mine.toml", entry("2e3", "tied = true,").as_bytes());
    let wrong = own(&["--check", "--where", "family==\"mine\""]);
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.stderr.contains("false: mine does not add up") && wrong.stdout.contains("-50.00%"),
        "{}",
        wrong.stderr
    );
    folder.write("mine.toml", entry("1e3", "").as_bytes());
    let missing = own(&["--check", "--json"]);
    assert_eq!((missing.code, &missing.document()["status"]), (Some(1), &json!("failed")));
    assert!(missing.stderr.contains("false: mine is incomplete: tied missing"), "{}", missing.stderr);
    assert!(own(&["mine"]).stderr.contains("mine is incomplete: tied is missing"));
}
