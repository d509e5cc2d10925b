//! Laws of one size axis on the translation curves of Alabdulmohsin et al. 2022 and on curves of known shape;
//! the ranking of laws by extrapolation.
#![allow(missing_docs)]

mod common;

use common::{assert_close, assert_coefficients, codes, data, law, number, numbers, quick, reference};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::compare::compare;
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, Options, Status};

fn holding_out(condition: &str) -> Options {
    Options { holdout: Some(condition.into()), ..quick() }
}

/// Root mean square of ln(predicted / observed) over fitted rows and over held-out rows.
fn errors(fit: &Fit, name: &str) -> (f64, f64) {
    let rms = |e: Vec<f64>| (e.iter().map(|r| r * r).sum::<f64>() / e.len() as f64).sqrt();
    let rows = &fit.model.as_ref().unwrap().rows;
    let fitted = rows.iter().map(|(_, x, y)| (law(name).predict(&fit.point(), x) / y).ln()).collect();
    let held = fit.holdout.as_ref().unwrap().predictions.iter().map(|p| p.rel_error.ln_1p()).collect();
    (rms(fitted), rms(held))
}

#[test]
fn translation_curves_give_the_reference_errors() {
    let Some(table) = data("nmt-curves/benchmark_nmt.csv") else { return };
    let curves = &reference("learning_curves.json")["curves"];
    let groups = table.group_by("Model").unwrap();
    assert_eq!(groups.len(), 5);
    let mut failures = Vec::new();
    for (model, rows) in &groups {
        for name in ["m1", "m2", "m3", "m4"] {
            let want = &curves[model.as_ref()][name.to_uppercase()];
            let options = holding_out("Training == 0");
            let mut fit = law(name).fit(rows, &options).unwrap();
            if name == "m4" && !fit.is_ok() {
                // Without a finite minimum a refusal is due; the error is compared all the same.
                eprintln!("{model} {name}: refused, {:?}", codes(&fit.reasons));
                fit = law(name).fit(rows, &Options { force: true, ..options }).unwrap();
            }
            assert!(fit.is_ok(), "{model} {name}: {:?}", fit.reasons);
            let (fitted, held) = errors(&fit, name);
            let (fitted_want, held_want) = (number(&want["rmse_log_fit"]), number(&want["rmse_log_extrapolation"]));
            eprintln!(
                "{model} {name}: fit {fitted:.6} ({fitted_want:.6}), extrapolation {held:.6} ({held_want:.6}) {:?}",
                fit.point()
            );
            // M4 has no finite minimum on most of these curves: only its error can be compared.
            let good = match name {
                "m4" => fitted <= 1.05 * fitted_want,
                _ => (fitted / fitted_want - 1.0).abs() < 1e-6 && (held / held_want - 1.0).abs() < 1e-4,
            };
            if !good {
                failures.push(format!("{model} {name}: {fitted} {fitted_want}, {held} {held_want}"));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn translation_curves_give_the_reference_coefficients() {
    let Some(table) = data("nmt-curves/benchmark_nmt.csv") else { return };
    let curves = &reference("learning_curves.json")["curves"];
    for (model, rows) in table.group_by("Model").unwrap() {
        for (name, pairs) in [
            ("m1", [("beta", "B"), ("c", "c")].as_slice()),
            ("m2", &[("E", "E"), ("beta", "B"), ("c", "c")]),
            ("m3", &[("beta", "B"), ("gamma", "gamma"), ("c", "c")]),
        ] {
            let fit = law(name).fit(&rows, &holding_out("Training == 0")).unwrap();
            for (ours, theirs) in pairs {
                let want = number(&curves[model.as_ref()][name.to_uppercase()][*theirs]);
                assert_close(&format!("{model} {name} {ours}"), common::value(&fit, ours), want, 1e-4);
            }
        }
    }
}

/// A curve of `points` sizes from `low` to `high` under a law, with noise.
fn curve(name: &str, c: &[f64], (low, high): (f64, f64), points: usize, noise: f64, seed: u64) -> Table {
    let mut rng = Rng::new(seed, "curve", 0);
    let x: Vec<f64> = (0..points).map(|i| low * (high / low).powf(i as f64 / (points - 1) as f64)).collect();
    let y = x.iter().map(|x| law(name).predict(c, &[*x]) * (noise * rng.normal()).exp()).collect();
    Table::new("curve", vec![numbers("x", x), numbers("loss", y)]).unwrap()
}

#[test]
fn noise_free_curves_are_recovered() {
    for (name, truth) in [
        ("m1", vec![12.0, -0.2]),
        ("m2", vec![1.7, 40.0, -0.3]),
        ("m3", vec![30.0, 5e-8, 0.27]),
        ("m4", vec![0.3, 2.0, 0.8, 300.0, -0.5]),
        ("bnsl:0", vec![1.2, 30.0, 0.25]),
    ] {
        let fit = law(name).fit(&curve(name, &truth, (1e4, 1e9), 24, 0.0, 0), &quick()).unwrap();
        eprintln!("{name}: {:?} {:?}", fit.point(), fit.warnings);
        assert_coefficients(&fit, &truth, 1e-5);
    }
}

#[test]
fn a_broken_curve_is_fitted_and_extrapolated_where_a_power_law_fails() {
    // Slow until 3e6, then four times as steep, towards a floor.
    let truth = [0.4, 6.0, 0.06, 0.25, 3e6, 0.5];
    for (noise, seed) in [(0.0, 0), (0.005, 1), (0.005, 2)] {
        let table = curve("bnsl:1", &truth, (1e4, 1e9), 30, noise, seed);
        let held = |name: &str| {
            let fit = law(name).fit(&table, &holding_out("x > 1.5e8")).unwrap();
            assert!(fit.is_ok(), "{name}: {:?}", fit.reasons);
            let holdout = fit.holdout.clone().unwrap();
            assert!(holdout.rows == 5, "{}", holdout.rows);
            (holdout.mean_abs_rel_error, fit)
        };
        let ((broken, fit), (plain, _)) = (held("bnsl:1"), held("m1"));
        eprintln!("noise {noise}: extrapolation error bnsl:1 {broken:.2e}, m1 {plain:.2e}, {:?}", fit.point());
        assert!(broken < 0.2 * plain, "{broken} {plain}");
        if noise == 0.0 {
            assert!(broken < 1e-4, "{broken}");
            assert_close("break", common::value(&fit, "d1"), truth[4], 0.01);
        }
    }
}

/// The names of the laws, best first, with their errors printed.
fn ranked(table: &Table, names: &[&str]) -> Vec<String> {
    let laws: Vec<_> = names.iter().map(|n| law(n)).collect();
    let comparison = compare(table, &laws, &Options::default()).unwrap();
    assert_eq!(comparison.status, Status::Ok);
    for l in &comparison.laws {
        eprintln!(
            "{}: held-out error {:?} on {} rows, AICc {:?}",
            l.law, l.holdout_mean_abs_rel_error, l.holdout_rows, l.aicc
        );
    }
    comparison.laws.iter().map(|l| l.law.clone()).collect()
}

#[test]
fn the_law_that_made_a_table_is_ranked_first() {
    let kaplan = [6.4e13, 1.8e13, 0.076, 0.103];
    for seed in 0..4 {
        for (name, truth) in [("chinchilla", &common::EPOCH[..]), ("kaplan", &kaplan[..])] {
            let table = Design::grid(8, 7).table(&law(name), truth, 0.003, seed);
            eprintln!("made by {name}, seed {seed}");
            assert_eq!(ranked(&table, &["kaplan", "chinchilla"])[0], name);
        }
    }
}

#[test]
fn curves_are_ranked_by_the_law_that_made_them() {
    let table = curve("m2", &[1.7, 40.0, -0.3], (1e4, 1e9), 24, 0.001, 3);
    let order = ranked(&table, &["m1", "m2", "m3"]);
    assert_eq!((order[0].as_str(), order[2].as_str()), ("m2", "m1"));
}
