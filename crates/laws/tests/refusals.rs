//! Tables and requests that do not support an answer are refused with a code; force turns the reason into a
//! warning wherever an answer exists.
#![allow(missing_docs)]

mod common;

use common::{EPOCH, assert_close, assert_coefficients, changed, codes, has, law, numbers, quick, select, value};
use kleiber_core::table::Table;
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, Law, LawError, Options};

fn table() -> Table {
    Design::grid(8, 7).table(&law("chinchilla"), &EPOCH, 0.005, 1)
}

/// The runs of these sizes and tokens, without noise.
fn runs(runs: Vec<(f64, f64)>) -> Table {
    Design { runs }.table(&law("chinchilla"), &EPOCH, 0.002, 2)
}

fn fit(table: &Table, options: &Options) -> Fit {
    law("chinchilla").fit(table, options).unwrap()
}

/// Refused with `code` among the reasons, without a number; with force answered with `code` among the warnings.
#[track_caller]
fn refused(law: &Law, table: &Table, options: &Options, code: &str) -> Fit {
    let fit = law.fit(table, options).unwrap();
    assert!(!fit.is_ok() && has(&fit.reasons, code), "{code}: {:?} {:?}", fit.reasons, fit.warnings);
    assert!(fit.coefficients.is_empty() && fit.derived.is_empty() && fit.model.is_none());
    let forced = law.fit(table, &Options { force: true, ..options.clone() }).unwrap();
    assert!(forced.is_ok() && has(&forced.warnings, code), "{code} forced: {:?} {:?}", forced.reasons, forced.warnings);
    assert!(forced.coefficients.values().all(|e| e.value.is_some()), "{code} forced: {:?}", forced.coefficients);
    forced
}

#[test]
fn too_few_rows() {
    let five = table().take(&[0, 9, 18, 27, 41]);
    refused(&law("chinchilla"), &five, &quick(), "too-few-rows");
    // Held coefficients need no rows.
    let fixed = vec![("E".into(), EPOCH[0]), ("alpha".into(), EPOCH[3])];
    let fewer = fit(&five, &Options { fixed, ..quick() });
    assert!(fewer.is_ok() && has(&fewer.warnings, "few-rows"), "{:?} {:?}", fewer.reasons, fewer.warnings);
    let nothing_left = fit(&table(), &Options { holdout: Some("loss > 0".into()), ..quick() });
    assert_eq!(codes(&nothing_left.reasons), ["too-few-rows"]);
}

#[test]
fn tokens_that_follow_params() {
    let sizes = (0..12).map(|i| 1e7 * 2f64.powi(i));
    let twenty = runs(sizes.clone().map(|n| (n, 20.0 * n)).collect());
    refused(&law("chinchilla"), &twenty, &quick(), "tokens-tied-to-params");
    // With tokens ~ params^0.6 one common exponent tells the terms apart.
    let curved = runs(sizes.map(|n| (n, 2e5 * n.powf(0.6))).collect());
    refused(&law("chinchilla"), &curved, &quick(), "tokens-tied-to-params");
    let tied = Options { tied: vec![("alpha".into(), "beta".into())], ..quick() };
    assert!(fit(&curved, &tied).is_ok());
}

#[test]
fn one_exponent_does_not_part_the_terms_of_proportional_tokens() {
    // A*N^-alpha + B*(20*N)^-alpha is one term.
    let twenty = runs((0..12).map(|i| 1e7 * 2f64.powi(i)).map(|n| (n, 20.0 * n)).collect());
    let tied = Options { tied: vec![("alpha".into(), "beta".into())], ..quick() };
    let forced = refused(&law("chinchilla"), &twenty, &tied, "unidentified");
    assert_eq!(value(&forced, "alpha"), value(&forced, "beta"));
    refused(&law("over-training"), &twenty, &quick(), "tokens-tied-to-params");
}

#[test]
fn one_budget() {
    let slice = (0..12).map(|i| 1e8 * 1.4f64.powi(i)).map(|n| (n, 1e20 / (6.0 * n))).collect();
    let slice = runs(slice);
    refused(&law("chinchilla"), &slice, &quick(), "single-budget");
    // Two budgets are not one.
    let twice = changed(&slice, "tokens", |row, tokens| if row % 2 == 0 { tokens } else { 8.0 * tokens });
    assert!(!has(&fit(&twice, &quick()).reasons, "single-budget"));
}

#[test]
fn a_single_size() {
    let one = runs((0..12).map(|i| (1e9, 1e9 * 1.7f64.powi(i))).collect());
    let forced = refused(&law("chinchilla"), &one, &quick(), "single-size");
    assert!(has(&forced.warnings, "single-size"));
    let message = &fit(&one, &quick()).reasons[0].message;
    assert!(message.contains("params") && message.contains("1B"), "{message}");
}

#[test]
fn losses_outside_the_domain() {
    let perplexity = changed(&table(), "loss", |_, l| l.exp());
    refused(&law("chinchilla"), &perplexity, &quick(), "loss-domain");
    let rate = changed(&table(), "loss", |_, l| 0.05 * l);
    refused(&law("chinchilla"), &rate, &quick(), "loss-domain");
    assert!(!has(&fit(&table(), &quick()).reasons, "loss-domain"));
}

#[test]
fn losses_in_another_unit_are_never_taken_for_nats() {
    for name in ["perplexity", "val_ppl", "bits_per_token", "loss_bits", "bpb"] {
        let renamed = select(&table(), &[&format!("{name}=loss")], None);
        let columns = renamed.columns().iter().filter(|c| c.name != "loss").cloned().collect();
        let renamed = Table::new("renamed", columns).unwrap();
        match law("chinchilla").fit(&renamed, &quick()) {
            Ok(fit) => assert!(has(&fit.reasons, "loss-unit"), "{name}: {:?}", fit.reasons),
            Err(error) => assert!(error.to_string().contains("loss"), "{name}: {error}"),
        }
    }
}

#[test]
fn sizes_in_millions_are_remarked_on() {
    let millions = changed(&table(), "params", |_, n| n / 1e6);
    let odd = fit(&changed(&millions, "flops", |_, c| c / 1e6), &quick());
    assert!(odd.is_ok() && has(&odd.warnings, "units-suspected"), "{:?}", odd.warnings);
    assert!(!has(&fit(&table(), &quick()).warnings, "units-suspected"));
}

#[test]
fn a_response_that_no_size_explains() {
    let rising: Vec<f64> = (0..12).map(|i| 2.0 + 0.1 * f64::from(i)).collect();
    let x: Vec<f64> = (0..12).map(|i| 1e6 * 2f64.powi(i)).collect();
    let table = Table::from_numbers("rising", &[("x", &x), ("loss", &rising)]).unwrap();
    let fit = law("m2").fit(&table, &quick()).unwrap();
    assert!(!fit.is_ok() && has(&fit.reasons, "no-size-effect"), "{:?} {:?}", fit.reasons, fit.warnings);
}

#[test]
fn mixed_flop_conventions() {
    let mixed = changed(&table(), "flops", |i, c| if i % 3 == 0 { c / 3.0 } else { c });
    refused(&law("chinchilla"), &mixed, &quick(), "mixed-flop-conventions");
    // One convention for all rows is only remarked on.
    let thirds = fit(&changed(&table(), "flops", |_, c| c / 3.0), &quick());
    assert!(thirds.is_ok() && has(&thirds.warnings, "flop-convention"), "{:?}", thirds.warnings);
    // So is a head that matters for small models.
    let sizes = table().numbers("params").unwrap();
    let head = fit(&changed(&table(), "flops", |i, c| c * (1.0 + 3e4 / sizes[i].powf(2.0 / 3.0))), &quick());
    assert!(head.is_ok(), "{:?}", head.reasons);
}

#[test]
fn duplicate_rows() {
    let mut rows: Vec<usize> = (0..56).collect();
    rows.push(17);
    let forced = refused(&law("chinchilla"), &table().take(&rows), &quick(), "duplicate-rows");
    assert_eq!(forced.rows, 57);
    let message = &fit(&table().take(&rows), &quick()).reasons[0].message;
    assert!(message.contains("rows 18 and 18"), "{message}");
}

#[test]
fn cells_that_are_not_positive_numbers() {
    for column in ["params", "tokens", "loss"] {
        for (bad, code) in
            [(f64::NAN, "non-finite"), (f64::INFINITY, "non-finite"), (0.0, "non-positive"), (-1.0, "non-positive")]
        {
            let broken = changed(&table(), column, |i, v| if i == 30 { bad } else { v });
            let forced = refused(&law("chinchilla"), &broken, &quick(), code);
            assert!(forced.rows == 55 && has(&forced.warnings, "dropped-rows"), "{:?}", forced.warnings);
            let message = &fit(&broken, &quick()).reasons[0].message;
            assert!(message.contains("row 31") && message.contains(column), "{message}");
        }
    }
    let text = Table::from_csv_text("t.csv", "params,tokens,loss\n1e8,2e9,3.1\n2e8,many,3.0\n").unwrap();
    assert!(law("chinchilla").fit(&text, &quick()).unwrap_err().to_string().contains("row 2, column `tokens`"));
}

#[test]
fn coefficients_that_the_table_does_not_determine() {
    let product = Law::formula("E + A*Q*params^-alpha + B*tokens^-beta", &["params", "tokens"], &[]).unwrap();
    let fit = product.fit(&table(), &quick()).unwrap();
    assert_eq!(codes(&fit.reasons), ["unidentified"]);
    assert!(fit.reasons[0].message.contains('A') && fit.reasons[0].message.contains('Q'), "{}", fit.reasons[0].message);
    refused(&product, &table(), &quick(), "unidentified");
    // Holding one of the two cures it.
    let held = Options { fixed: vec![("Q".into(), 1.0)], ..quick() };
    let held = product.fit(&table(), &held).unwrap();
    assert_close("A", value(&held, "A"), value(&law("chinchilla").fit(&table(), &quick()).unwrap(), "A"), 1e-5);
}

#[test]
fn repetition_without_repeated_tokens() {
    let fresh = table().with_column(numbers("unique_tokens", table().numbers("tokens").unwrap())).unwrap();
    let fit = law("data-constrained").fit(&fresh, &quick()).unwrap();
    assert!(
        has(&fit.reasons, "unidentified") && fit.reasons.iter().any(|r| r.message.contains("R_D")),
        "{:?}",
        fit.reasons
    );
    refused(&law("data-constrained"), &fresh, &quick(), "unidentified");
}

#[test]
fn held_out_rows_that_were_fitted() {
    // A second seed of run 20 is held out while the first is fitted.
    let twice: Vec<usize> = (0..56).chain([20]).collect();
    let table = changed(&table().take(&twice), "loss", |i, l| if i == 56 { 1.001 * l } else { l });
    let seeds = table.with_column(numbers("seed", (0..57).map(|i| f64::from(u8::from(i == 56))).collect())).unwrap();
    let forced =
        refused(&law("chinchilla"), &seeds, &Options { holdout: Some("seed == 1".into()), ..quick() }, "target-in-fit");
    assert_eq!(forced.holdout.unwrap().rows, 1);
    let clean = fit(&seeds, &Options { holdout: Some("params > 5e9".into()), ..quick() });
    assert!(clean.is_ok() && clean.rows + clean.holdout.unwrap().rows == 57);
    let fault = law("chinchilla").fit(&seeds, &Options { holdout: Some("params + 1".into()), ..quick() });
    assert!(fault.is_err(), "{fault:?}");
}

#[test]
fn a_term_that_is_not_there_is_reported() {
    for seed in 0..5 {
        let flat = Design::grid(8, 7).table(&law("chinchilla"), &[1.8, 480.0, 1e-9, 0.35, 0.37], 0.003, seed);
        let fit = fit(&flat, &Options { bootstrap: 200, influence: false, ..Options::default() });
        eprintln!("{:?} {:?} {:?}", codes(&fit.reasons), codes(&fit.warnings), fit.coefficients.get("beta"));
        let said = |code| has(&fit.warnings, code) || has(&fit.reasons, code);
        // A slope that may as well be none says it in its interval.
        let no_slope = fit.coefficients.get("beta").is_some_and(|e| e.low.is_none_or(|low| low < 1e-3));
        assert!(
            said("bound-hit") || said("unidentified") || said("weakly-identified") || no_slope,
            "{:?}",
            fit.coefficients
        );
    }
}

#[test]
fn a_held_coefficient_does_not_hide_a_fault_of_the_design() {
    let held = Options { fixed: vec![("beta".into(), EPOCH[4])], ..quick() };
    // E and A*params^-alpha are one constant here.
    let one_size = runs((0..12).map(|i| (1e9, 1e9 * 1.7f64.powi(i))).collect());
    let forced = refused(&law("chinchilla"), &one_size, &held, "unidentified");
    assert_eq!(value(&forced, "beta"), EPOCH[4]);
    let slice = runs((0..12).map(|i| 1e8 * 1.4f64.powi(i)).map(|n| (n, 1e20 / (6.0 * n))).collect());
    refused(&law("chinchilla"), &slice, &held, "single-budget");
}

#[test]
fn unknown_names_are_errors() {
    let unknown = |e: LawError| assert!(matches!(e, LawError::UnknownCoefficient { .. }), "{e}");
    unknown(law("chinchilla").fit(&table(), &Options { fixed: vec![("F".into(), 1.0)], ..quick() }).unwrap_err());
    unknown(
        law("chinchilla")
            .fit(&table(), &Options { tied: vec![("alpha".into(), "gamma".into())], ..quick() })
            .unwrap_err(),
    );
    assert!(law("chinchilla").fit(&table(), &Options { sigma: Some("sd".into()), ..quick() }).is_err());
    assert!(law("chinchilla").fit(&table(), &Options { cluster: Some("team".into()), ..quick() }).is_err());
    assert!(matches!(Law::named("chinchila"), Err(LawError::UnknownLaw { nearest: Some(n), .. }) if n == "chinchilla"));
}

#[test]
fn values_outside_the_bounds_of_a_coefficient_are_errors() {
    for (name, bad) in [("E", -1.0), ("E", f64::NAN), ("alpha", -1.0), ("alpha", 99.0)] {
        let made = law("chinchilla").fit(&table(), &Options { fixed: vec![(name.into(), bad)], ..quick() });
        assert!(matches!(made, Err(LawError::Bounds { .. })), "{name} = {bad}: {:?}", made.map(|f| f.coefficients));
    }
}

#[test]
fn a_start_that_is_the_answer_is_no_failure() {
    // Linear in every coefficient: the grid solves its starts and has nothing left to do.
    let linear = Law::formula("E + A*params^-0.3478", &["params"], &[]).unwrap();
    let table = Design::grid(8, 7).table(&law("chinchilla"), &[1.8, 480.0, 1e-12, 0.3478, 0.3], 0.0, 0);
    for method in ["varpro", "grid"] {
        let options = Options { method: Some(method.parse().unwrap()), ..quick() };
        let fit = linear.fit(&table, &options).unwrap();
        assert_coefficients(&fit, &[1.8, 480.0], 1e-8);
    }
}

#[test]
fn a_forced_comparison_refuses_what_has_no_coefficients_at_all() {
    // Of the rows to be fitted none has a loss.
    let text = "params,tokens,loss\n1e6,1e8,\n2e6,1e8,\n3e6,2e8,\n4e6,2e8,2.7\n";
    let table = Table::from_csv_text("few.csv", text).unwrap();
    let law = Law::parse("E + A*params^-alpha", &["params", "tokens", "loss"], &[]).unwrap();
    let options = Options { force: true, holdout: Some("params > 3500000".into()), ..Options::default() };
    let comparison = kleiber_laws::compare::compare(&table, &[law], &options).unwrap();
    assert!(comparison.laws[0].holdout_mean_abs_rel_error.is_none_or(f64::is_finite), "{comparison:?}");
}
