//! The catalogue against literal numbers, and files that are not one.

use super::*;
use crate::shape::{Positions, Shape};

fn recount(name: &str) -> Recount {
    Catalogue::builtin().entry(name).unwrap().recount().unwrap()
}

#[test]
fn the_twelve_rows_of_the_survey_recount_to_their_published_sizes() {
    // Recounts in billions: Zhao et al. 2023, table of architectures, without biases and norms.
    for (name, billions) in [
        ("gpt3-175b", 174.6),
        ("opt-175b", 174.6),
        ("bloom-176b", 176.2),
        ("jurassic-178b", 177.8),
        ("mt-nlg-530b", 529.5),
        ("palm-540b", 540.4),
        ("llama-65b", 65.3),
        ("llama2-70b", 69.0),
        ("falcon-40b", 41.3),
        ("galactica-120b", 121.3),
        ("glm-130b", 128.7),
        ("t5-11b", 11.3),
    ] {
        let row = recount(name);
        assert!(row.off.unwrap().abs() <= TOLERANCE && !row.unexpected, "{row:?}");
        assert!((row.recounted.unwrap() as f64 / 1e9 - billions).abs() <= 0.06 + 0.0004 * billions, "{row:?}");
    }
}

#[test]
fn rows_that_do_not_add_up_are_reported() {
    for name in ["gopher-280b-survey", "chinchilla-70b-survey"] {
        let row = recount(name);
        assert_eq!((row.verdict, row.unexpected), (Verdict::Inconsistent, false), "{row:?}");
        assert!((-0.085..-0.07).contains(&row.off.unwrap()), "{row:?}");
    }
    let row = recount("lamda-137b-survey");
    assert_eq!((row.verdict, row.recounted, row.unexpected), (Verdict::Incomplete, None, false));
    assert!(row.missing.contains(&"hidden") && row.missing.contains(&"tied"), "{row:?}");
    // With the projections of relative encodings both add up.
    for name in ["gopher-280b", "chinchilla-70b"] {
        assert!(recount(name).off.unwrap().abs() < 0.002, "{name}");
    }
}

#[test]
fn nothing_in_the_catalogue_is_other_than_it_says() {
    let rows = Catalogue::builtin().check().unwrap();
    let unexpected: Vec<&Recount> = rows.iter().filter(|r| r.unexpected).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
    assert!(rows.iter().filter(|r| r.verdict == Verdict::Exact).count() >= 35);
}

#[test]
fn a_row_of_the_chinchilla_table_to_its_last_digit() {
    // Hoffmann et al. 2022, table A9: 16,183M.
    let large = Catalogue::builtin().entry("chinchilla-70b").unwrap().shape().unwrap();
    let row = Shape { layers: 47, width: 5120, heads: 40, groups: 40, hidden: 20480, ..large };
    assert_eq!(row.positions, Positions::RelativeProjected);
    assert_eq!(row.parts().unwrap().params_total().unwrap() / 1_000_000, 16_183);
}

/// Whether a changed shape of some row is off by more than the tolerance.
fn caught(change: impl Fn(Shape) -> Shape) -> Vec<&'static str> {
    let entries = Catalogue::builtin().entries().iter().filter(|e| e.doubt.is_none());
    let off = |e: &Entry| {
        let parts = change(e.shape().unwrap()).parts().unwrap();
        e.params_nominal.recounted(&parts).unwrap() as f64 / e.params_nominal.value() - 1.0
    };
    entries.filter(|e| off(e).abs() > TOLERANCE).map(|e| e.name.as_str()).collect()
}

#[test]
fn a_counter_that_ignores_a_choice_fails_a_row() {
    assert!(caught(|s| s).is_empty());
    assert!(caught(|s| Shape { groups: s.heads, ..s }).contains(&"llama2-70b"));
    let plain = caught(|s| Shape { gated: false, ..s });
    assert!(["palm-540b", "llama-65b", "glm-130b"].iter().all(|n| plain.contains(n)), "{plain:?}");
    let divided = caught(|s| Shape { head_width: s.width / s.heads, ..s });
    assert!(["palm-540b", "t5-11b"].iter().all(|n| divided.contains(n)), "{divided:?}");
    assert!(caught(|s| Shape { tied: false, ..s }).contains(&"falcon-40b"));
    assert!(caught(|s| Shape { tied: true, ..s }).contains(&"pythia-70m"));
}

#[test]
fn lists_select_sort_and_find_neighbours() {
    let all = Catalogue::builtin();
    let names = |condition: &str| all.select(condition).unwrap().iter().map(|e| e.name.clone()).collect::<Vec<_>>();
    assert_eq!(names("family==\"gpt2\" && params<1e9"), ["gpt2-124m", "gpt2-355m", "gpt2-774m"]);
    assert_eq!(names("positions==\"alibi\" && layers==70"), ["bloom-176b"]);
    assert!(names("open==1 && year>=2024").contains(&"qwen2-7b".to_string()));
    assert!(!names("tokens>1").contains(&"mistral-7b".to_string()), "unknown tokens are not many");
    assert!(all.select("layer > 3").unwrap_err().hint().contains("`layers`"));
    let mut some = all.select("family==\"llama\"").unwrap();
    SortKey::named("released").unwrap().sort(&mut some);
    SortKey::named("lr").unwrap().sort(&mut some);
    assert_eq!(some[0].name, "llama-33b");
    assert!(SortKey::named("layer").unwrap_err().to_string().ends_with("no column `layer`"));
    assert_eq!(all.near(1.1e9)[0].name, "tinyllama-1.1b");
    let error = all.entry("lama-65b").unwrap_err();
    assert!(error.hint().contains("did you mean llama-65b"), "{}", error.hint());
    assert!(all.entry("pythia").unwrap_err().hint().contains("pythia-70m"));
    assert_eq!(all.entry("zzzzzzzzzzz").unwrap_err().hint(), "see every name with --list");
}

const ENTRY: &str = "[[model]]\nname = \"a\"\nfamily = \"f\"\nreleased = \"2024-01\"\nopen = true\nverified = false\n\
                     source = \"s\"\nparams_nominal = { params_total = 1e3 }\n";

#[test]
fn a_family_gives_what_a_model_does_not_say() {
    let text = "[family.f]\nopen = false\narch = { width = 8, tied = true }\n[[model]]\nname = \"a\"\nfamily = \"f\"\n\
                released = \"2024-01\"\nopen = true\nverified = false\nsource = \"s\"\n\
                params_nominal = { params = 1000 }\narch = { layers = 2, tied = false }\n";
    let catalogue = Catalogue::from_toml("mine.toml", text).unwrap();
    let entry = catalogue.entry("a").unwrap();
    assert!(entry.open);
    assert_eq!((entry.arch.width, entry.arch.layers, entry.arch.tied), (Some(8), Some(2), Some(false)));
    let error = entry.shape().unwrap_err();
    assert!(error.to_string().starts_with("a is incomplete: kind, positions, heads"), "{error}");
}

#[test]
fn files_that_are_no_catalogue_are_named() {
    let message = |text: &str| Catalogue::from_toml("mine.toml", text).unwrap_err().to_string();
    for (text, part) in [
        ("", "model: found nothing, expected a [[model]]"),
        ("a = [", "mine.toml, line 1"),
        ("\n\n[[model]", "mine.toml, line 3"),
        ("model = 3", "model: found integer"),
        ("model = [3]", "model 1: found integer"),
        ("family = 3\n[[model]]\nname = \"a\"", "family: found integer"),
        (&format!("x = 1\n{ENTRY}"), "mine.toml: x"),
        (&ENTRY.replace("open = true\n", ""), "model `a`: found missing field `open`"),
        (&format!("{ENTRY}colour = 3\n"), "unknown field `colour`"),
        (&format!("{ENTRY}arch = {{ layer = 3 }}\n"), "unknown field `layer`"),
        (&format!("{ENTRY}arch = {{ layers = -3 }}\n"), "model `a`: found invalid value: integer `-3`"),
        (&ENTRY.replace("1e3", "-1e3"), "params_nominal: found -1000"),
        (&ENTRY.replace("1e3", "nan"), "params_nominal: found NaN"),
        (&ENTRY.replace("2024-01", "2024-13"), "released: found `2024-13`"),
        (&ENTRY.replace("\"a\"", "\"a b\""), "name: found `a b`"),
        (&format!("{ENTRY}{ENTRY}"), "name: found `a` twice"),
        (&format!("{ENTRY}arch = {}1{}", "[".repeat(900), "]".repeat(900)), "mine.toml, line"),
    ] {
        let message = message(text);
        assert!(message.contains(part), "{text}: {message}");
    }
    let twice = Catalogue::builtin().clone().with(Catalogue::builtin().clone());
    assert!(twice.unwrap_err().to_string().contains("twice"));
}

#[test]
fn an_entry_of_ones_own_must_keep_its_word() {
    let full = "arch = { kind = \"causal-decoder\", layers = 1, width = 8, heads = 1, head_width = 8, groups = 1, hidden = 32, \
                gated = false, bias = \"none\", norm = \"rms\", norm_bias = false, norms_per_block = 2, \
                embedding_norm = false, final_norm = true, positions = \"rotary\", vocab = 26, tied = true, context = 9 }\n";
    let verdict = |more: &str| {
        let text = format!("{ENTRY}{full}{more}");
        let row = Catalogue::from_toml("mine.toml", &text).unwrap().check().unwrap().remove(0);
        (row.verdict, row.unexpected)
    };
    // 208 + 256 + 512 + 24 = 1000 parameters.
    assert_eq!(verdict(""), (Verdict::Consistent, false));
    assert_eq!(verdict("params_exact = 1000\n"), (Verdict::Exact, false));
    assert_eq!(verdict("params_exact = 1001\n"), (Verdict::Inconsistent, true));
    assert_eq!(verdict("doubt = \"too good\"\n"), (Verdict::Consistent, true));
    let text = format!("{ENTRY}{full}").replace("verified = false", "verified = true");
    assert!(
        Catalogue::from_toml("mine.toml", &text).unwrap().check().unwrap()[0].unexpected,
        "verified without a number"
    );
}
