//! The over-training law from five cheap runs, and the downstream error chained to it, on the 104 runs of
//! Gadre et al. 2024 and on tables of known coefficients.
#![allow(missing_docs)]

mod common;

use common::{
    assert_close, assert_coefficients, codes, gadre, has, law, number, numbers, quick, reference, relative, select,
    texts, value,
};
use indexmap::IndexMap;
use kleiber_core::table::Table;
use kleiber_laws::{Fit, Options};
use serde_json::Value;

const SMALL: &str = "d=96_l=8_h=4";
const LADDER: [&str; 4] = [SMALL, "d=512_l=8_h=4", "d=576_l=24_h=8", "d=1024_l=24_h=8"];

/// The published table with canonical names and the average error of the 17 tasks.
fn testbed() -> Option<Table> {
    let table = gadre()?;
    let error = |score: f64| 1.0 - score;
    let errors = table.numbers("score").unwrap().into_iter().map(error).collect();
    Some(table.with_column(numbers("error", errors)).unwrap())
}

/// The rows of one training set whose model and multiplier (in units of 20 tokens per parameter) are wanted.
fn runs(table: &Table, corpus: &str, wanted: impl Fn(&str, f64) -> bool) -> Table {
    let (sets, models) = (table.labels("train_dataset").unwrap(), table.labels("model").unwrap());
    let multiplier = table.numbers("chinchilla_multiplier").unwrap();
    let rows = (0..table.rows()).filter(|&i| sets[i].as_ref() == corpus && wanted(&models[i], multiplier[i]));
    table.take(&rows.collect::<Vec<_>>())
}

fn cheap(model: &str, multiplier: f64) -> bool {
    (LADDER.contains(&model) && multiplier == 1.0) || (model == SMALL && multiplier == 16.0)
}

fn point(named: &[(&str, f64)]) -> IndexMap<String, f64> {
    named.iter().map(|(n, v)| ((*n).to_string(), *v)).collect()
}

/// Names of text in a JSON list, sorted.
fn names(list: &Value) -> Vec<String> {
    let mut names: Vec<String> = list.as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_string()).collect();
    names.sort();
    names
}

/// The 17-task error law chained to a loss law.
fn chained(error_rows: &Table, loss: &Fit, options: &Options) -> Fit {
    let mut fit = law("downstream-error").fit(error_rows, options).unwrap();
    assert!(fit.is_ok(), "{:?}", fit.reasons);
    fit.model.as_mut().unwrap().chained = Some(Box::new(loss.clone()));
    fit
}

fn percent(predicted: f64, observed: f64) -> f64 {
    100.0 * (predicted / observed - 1.0).abs()
}

#[test]
fn five_cheap_runs_give_the_published_predictions() {
    let Some(table) = testbed() else { return };
    let results = reference("overtraining.json");
    for corpus in ["c4_original", "rpj", "rw_original"] {
        let want = &results[corpus];
        let fit = law("over-training").fit(&runs(&table, corpus, cheap), &quick()).unwrap();
        assert_eq!((fit.rows, fit.status), (5, kleiber_laws::Status::Ok), "{:?}", fit.reasons);
        assert!(has(&fit.warnings, "few-rows"), "{:?}", fit.warnings);
        for name in ["E", "eta", "a", "b"] {
            let law_of = &want["loss_law"]["exact_search"][name];
            eprintln!("{corpus} {name}: {} against {law_of}", fit.coefficients[name].value.unwrap());
            assert_close(name, fit.coefficients[name].value.unwrap(), number(law_of), 1e-6);
        }
        assert_close("rss", 2.0 * fit.objective.value.unwrap(), number(&want["loss_law"]["rss"]), 1e-9);
        assert_close(
            "M_opt",
            value(&fit, "M_opt"),
            number(&want["loss_law"]["exact_search"]["optimal_multiplier"]),
            1e-5,
        );
        let mut used = fit.runs.clone();
        used.sort();
        assert_eq!(used, names(&want["loss_law"]["runs"]));

        let error_runs = runs(&table, corpus, |m, x| cheap(m, x) || (m == "open_lm_1b" && x == 1.0));
        let chain = chained(&error_runs, &fit, &quick());
        let mut used = chain.runs.clone();
        used.sort();
        assert_eq!(used, names(&want["error_law"]["runs"]));
        for name in ["eps", "k", "gamma"] {
            assert_close(name, value(&chain, name), number(&want["error_law"]["exact_search"][name]), 1e-4);
        }
        for target in want["targets"].as_array().unwrap() {
            let at = [point(&[("params_total", number(&target["N"])), ("multiplier", number(&target["M"]))])];
            let observed = select(&table, &[], Some(&format!("run == {}", target["run"])));
            let loss = fit.predict(&at, 0.95, false).unwrap();
            assert!(loss.status == kleiber_laws::Status::Ok && loss.fitted_runs.len() == 5);
            let loss_error = percent(loss.predictions[0].value.unwrap(), observed.numbers("loss").unwrap()[0]);
            let error = chain.predict(&at, 0.95, false).unwrap();
            assert_eq!(error.predictions[0].loss, loss.predictions[0].value);
            let task_error = percent(error.predictions[0].value.unwrap(), observed.numbers("error").unwrap()[0]);
            eprintln!("{}: loss off by {loss_error:.4}%, 17-task error by {task_error:.4}%", target["run"]);
            assert!((loss_error - number(&target["loss_error_percent"])).abs() < 0.05, "{loss_error} {target}");
            assert!((task_error - number(&target["error_error_percent"])).abs() < 0.05, "{task_error} {target}");
        }
    }
}

#[test]
fn published_targets_in_the_fit_are_refused() {
    let Some(table) = testbed() else { return };
    refuses_its_own_rows(&runs(&table, "rpj", cheap), "rpj-d=96_l=8_h=4-16.0");
}

/// Predicting a fitted run is refused, but answered with force; a new run is neither.
fn refuses_its_own_rows(five: &Table, name: &str) {
    let fit = law("over-training").fit(five, &quick()).unwrap();
    let row = (0..5).find(|&i| five.labels("run").unwrap()[i].as_ref() == name).unwrap();
    let at = |column: &str| five.numbers(column).unwrap()[row];
    let known = point(&[("params_total", at("params_total")), ("tokens", at("tokens"))]);
    let refused = fit.predict(std::slice::from_ref(&known), 0.95, false).unwrap();
    assert_eq!(codes(&refused.reasons), ["target-in-fit"]);
    assert!(refused.reasons[0].message.contains(name) && refused.predictions[0].value.is_none());
    let forced = fit.predict(&[known], 0.95, true).unwrap();
    assert!(forced.reasons.is_empty() && has(&forced.warnings, "target-in-fit"));
    assert!(relative(forced.predictions[0].value.unwrap(), at("loss")) < 0.05);
    let fresh = point(&[("params_total", 3.0 * at("params_total")), ("tokens", at("tokens"))]);
    assert!(fit.predict(&[fresh], 0.95, false).unwrap().reasons.is_empty());
}

#[test]
fn five_runs_are_too_few_for_five_coefficients() {
    for table in [testbed().map(|t| runs(&t, "rpj", cheap)), Some(five_of(&TRUTH, 0.0, 0))].into_iter().flatten() {
        let fit = law("chinchilla").fit(&table, &quick()).unwrap();
        assert_eq!(codes(&fit.reasons), ["too-few-rows"]);
        assert!(fit.coefficients.is_empty() && fit.model.is_none());
        // With one exponent for both terms the same five runs do.
        let tied = Options { tied: vec![("alpha".into(), "beta".into())], ..quick() };
        assert!(law("chinchilla").fit(&table, &tied).unwrap().is_ok());
    }
}

/// E, a, b and eta of RedPajama, rounded.
const TRUTH: [f64; 4] = [1.84, 212.0, 367.0, 0.1364];
const SIZES: [f64; 6] = [1.06e7, 7.89e7, 1.537e8, 4.116e8, 1.44e9, 6.89e9];

/// Named runs of the given sizes and tokens per parameter with loss by the law and error by that of loss.
fn table_of(truth: &[f64; 4], designed: &[(f64, f64)], noise: f64, seed: u64) -> Table {
    let mut rng = kleiber_core::rng::Rng::new(seed, "five runs", 0);
    let loss: Vec<f64> = designed
        .iter()
        .map(|&(n, m)| law("over-training").predict(truth, &[n, m * n]) * (noise * rng.normal()).exp())
        .collect();
    let error: Vec<f64> = loss.iter().map(|l| law("downstream-error").predict(&[0.857, 2.2, 0.715], &[*l])).collect();
    let columns = vec![
        texts("run", designed.iter().map(|(n, m)| format!("N={n:e} M={m}"))),
        numbers("params_total", designed.iter().map(|r| r.0).collect()),
        numbers("tokens", designed.iter().map(|r| r.0 * r.1).collect()),
        numbers("loss", loss),
        numbers("error", error),
    ];
    Table::new("generated", columns).unwrap()
}

fn five_of(truth: &[f64; 4], noise: f64, seed: u64) -> Table {
    let [a, b, c, d] = [SIZES[0], SIZES[1], SIZES[2], SIZES[3]];
    table_of(truth, &[(a, 20.0), (b, 20.0), (c, 20.0), (d, 20.0), (a, 320.0)], noise, seed)
}

#[test]
fn five_generated_runs_determine_law_and_targets() {
    let five = five_of(&TRUTH, 0.0, 0);
    let fit = law("over-training").fit(&five, &quick()).unwrap();
    assert_coefficients(&fit, &TRUTH, 1e-8);
    let six =
        [(SIZES[0], 20.0), (SIZES[1], 20.0), (SIZES[2], 20.0), (SIZES[3], 20.0), (SIZES[0], 320.0), (SIZES[4], 20.0)];
    let chain = chained(&table_of(&TRUTH, &six, 0.0, 0), &fit, &quick());
    assert_coefficients(&chain, &[0.857, 2.2, 0.715], 1e-6);
    for (n, m) in [(SIZES[4], 640.0), (SIZES[5], 20.0)] {
        let want = law("over-training").predict(&TRUTH, &[n, n * m]);
        let got = chain.predict(&[point(&[("params_total", n), ("multiplier", m)])], 0.95, false).unwrap();
        assert_close("loss", got.predictions[0].loss.unwrap(), want, 1e-8);
        let error = law("downstream-error").predict(&[0.857, 2.2, 0.715], &[want]);
        assert_close("error", got.predictions[0].value.unwrap(), error, 1e-6);
        assert!(has(&got.warnings, "extrapolation"), "{:?}", got.warnings);
    }
    refuses_its_own_rows(&five, "N=1.06e7 M=320");
}

#[test]
fn intervals_of_the_chain_hold_both_laws() {
    let options = Options { bootstrap: 200, influence: false, ..Options::default() };
    let fit = law("over-training").fit(&five_of(&TRUTH, 0.005, 3), &options).unwrap();
    assert_eq!(fit.interval, "residual");
    let rows: Vec<(f64, f64)> = SIZES[..5].iter().flat_map(|&n| [(n, 20.0), (n, 80.0)]).collect();
    let chain = chained(&table_of(&TRUTH, &rows, 0.005, 4), &fit, &options);
    let (n, m) = (SIZES[5], 20.0);
    let got = chain.predict(&[point(&[("params_total", n), ("multiplier", m)])], 0.95, false).unwrap();
    let p = &got.predictions[0];
    let truth =
        law("downstream-error").predict(&[0.857, 2.2, 0.715], &[law("over-training").predict(&TRUTH, &[n, n * m])]);
    assert!(p.low.unwrap() < truth && truth < p.high.unwrap(), "{truth} {p:?}");
    // The error law alone, at a loss taken for exact, is surer.
    let alone = chain.predict(&[point(&[("loss", p.loss.unwrap())])], 0.95, false).unwrap();
    let width = |q: &kleiber_laws::predict::Prediction| q.high.unwrap() - q.low.unwrap();
    assert!(width(p) > width(&alone.predictions[0]), "{} {}", width(p), width(&alone.predictions[0]));
}
