//! The catalogue of laws, published coefficients, and the plans that need no data.

use crate::common::Folder;
use serde_json::{Value, json};

/// `kleiber plan` with these arguments as JSON: of the schema and the name of the plan, with something answered.
#[track_caller]
fn plan(folder: &Folder, name: &str, rest: &str) -> Value {
    let arguments: Vec<&str> = ["plan", name].into_iter().chain(rest.split_whitespace()).collect();
    let plan = folder.json(&arguments);
    assert_eq!((&plan["schema"], &plan["plan"]), (&json!("kleiber.plan/1"), &json!(name)), "{plan}");
    assert!(plan["answer"].as_object().is_some_and(|a| !a.is_empty()), "{plan}");
    assert!(plan["inputs"].as_object().is_some_and(|i| !i.is_empty()), "{plan}");
    plan
}

#[test]
fn the_catalogue_lists_every_law_with_its_presets() {
    let folder = Folder::new();
    let catalogue = folder.json(&["laws"]);
    assert_eq!(catalogue["schema"], "kleiber.laws/1");
    let laws = catalogue["laws"].as_array().unwrap();
    let named = |name: &str| laws.iter().find(|l| l["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    assert_eq!(named("low-bit")["slug"], "low-bit-scaling");
    assert_eq!(named("chinchilla")["variables"], json!(["params", "tokens"]));
    assert_eq!(named("chinchilla")["coefficients"], json!(["E", "A", "B", "alpha", "beta"]));
    assert!(named("low-bit")["presets"].as_array().unwrap().contains(&json!("paper:low-bit/joint")));
    assert!(named("bnsl:K")["paper"].as_str().unwrap().contains("arXiv"));
    let one = folder.json(&["laws", "low-bit"]);
    assert_eq!(one["laws"].as_array().unwrap(), &vec![named("low-bit").clone()]);
    let text = folder.run(&["laws", "low-bit"]).stdout;
    assert!(text.contains("paper:low-bit/4-bit") && text.contains("printed 0.2"), "{text}");
    assert_eq!(folder.run(&["laws", "chinchila"]).code, Some(2));
}

#[test]
fn the_page_of_laws_is_current() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/laws.md");
    let made = Folder::new().run(&["laws", "--markdown"]).stdout;
    let kept = std::fs::read_to_string(page).unwrap();
    assert!(made == kept, "make it again: kleiber laws --markdown > docs/laws.md");
}

#[test]
fn published_coefficients_predict_and_plan_without_a_table() {
    let folder = Folder::new();
    let at = "params=405B,tokens=48.4861T,bits=4";
    let found = folder.json(&["predict", "--preset", "paper:low-bit/4-bit", "--at", at]);
    let prediction = &found["predictions"][0];
    // Table 1 of Ouyang et al. 2024: 0.2 nats.
    assert!((prediction["value"].as_f64().unwrap() - 0.2).abs() < 1e-5, "{prediction}");
    assert_eq!((&prediction["low"], &prediction["high"]), (&Value::Null, &Value::Null));
    assert!(found["warnings"].to_string().contains("no interval is known"));
    let plan = folder.json(&["plan", "compute", "--preset", "chinchilla/besiroglu", "--flops", "5.76e23"]);
    // Besiroglu et al. 2024: about 20 tokens per parameter at the budget of Chinchilla.
    assert!((18.0..27.0).contains(&plan["tokens_per_param"].as_f64().unwrap()), "{plan}");
    for wrong in ["chinchilla", "chinchilla/hofmann", "nothing/at-all"] {
        let refused = folder.run(&["predict", "--preset", wrong, "--at", "params=1B,tokens=1B"]);
        assert_eq!(refused.code, Some(2), "{wrong}: {}", refused.stderr);
        assert!(refused.stderr.contains("paper:chinchilla/") || refused.stderr.contains("kleiber laws"), "{wrong}");
    }
    assert_eq!(folder.run(&["predict", "--at", "params=1B"]).code, Some(2), "neither a law nor a preset");
}

#[test]
fn plans_answer_without_data() {
    let folder = Folder::new();
    let bits = plan(&folder, "bits", "--params 7B --tokens 2T");
    assert_eq!((&bits["answer"]["bits"], &bits["inputs"]["form"]), (&json!(4), &json!("per-bit")));
    let format = plan(&folder, "format", "--params 1B --tokens 100B");
    assert_eq!(format["answer"]["format"], "E4M3");
    let vocab = plan(&folder, "vocab", "--params 7B");
    assert!((26_000.0..27_200.0).contains(&vocab["answer"]["vocab"].as_f64().unwrap()), "{vocab}");
    let published = plan(&folder, "vocab", "--params 7B --preset paper:vocabulary/tao");
    assert!((59_000.0..60_500.0).contains(&published["answer"]["vocab"].as_f64().unwrap()), "{published}");
    let memory = plan(&folder, "memory", "--params 7.5B --ranks 64 --stage 2");
    // Table 1 of Rajbhandari et al. 2020: 16.6 GB.
    assert!((memory["answer"]["total_bytes"].as_f64().unwrap() / 1e9 - 16.6).abs() < 0.05, "{memory}");
    let serve = plan(&folder, "serve", "llama2-7b --machine a100 --context 4096 --batch 16");
    assert_eq!(serve["answer"]["bound_by"], "memory");
    assert_eq!(plan(&folder, "shape", "--params 1.3B --vocab 32000")["inputs"]["family"], "transformer");
    plan(&folder, "lr", "--params 1B --tokens 100B");
    plan(&folder, "batch", "--params 1B --tokens 100B --context 4096");
    plan(&folder, "epochs", "--unique 25B --flops 9.3e21");
    plan(&folder, "datastore", "--params 7B --tokens 2T --datastore 1.4T");
    plan(&folder, "capacity", "--bits 14e9");
    plan(&folder, "prune", "--keep 0.5 --examples-per-dimension 4");
}

#[test]
fn a_mixture_is_planned_from_a_table_of_runs() {
    let folder = Folder::new();
    let mut rows = String::from("web,code,books,loss\n");
    for i in 0..40 {
        let (a, b) = (f64::from(i % 8) / 8.0, f64::from(i / 8) / 5.0);
        let (web, code) = (a, (1.0 - a) * b);
        let books = 1.0 - web - code;
        // Most code is best.
        rows += &format!("{web},{code},{books},{}\n", 3.0 + 0.5 * web + 0.3 * books - 0.4 * code);
    }
    folder.write("mixtures.csv", rows.as_bytes());
    let plan = plan(&folder, "mixture", "mixtures.csv --method linear --candidates 20000");
    assert!(plan.to_string().contains("code"), "{plan}");
}
