//! Properties that hold for any table and any coefficients, tried on seeded random ones.
#![allow(missing_docs)]

mod common;

use common::{assert_close, assert_coefficients, law, numbers, quick, value};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::simulate::Design;
use kleiber_laws::{Fit, Law, Objective, Options};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

/// The same cases on every run and machine, nothing written to disk.
fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(20), ..ProptestConfig::default() }
}

prop_compose! {
    /// E, A, B, alpha and beta with terms of 0.2 to 1 nat in the middle of the design.
    fn coefficients()(
        e in 1.0..2.5f64, model in 0.2..1.0f64, data in 0.2..1.0f64, alpha in 0.2..0.5f64, beta in 0.2..0.5f64
    ) -> [f64; 5] {
        [e, model * 6e8f64.powf(alpha), data * 2e10f64.powf(beta), alpha, beta]
    }
}

fn noisy(c: &[f64; 5], noise: f64, seed: u64) -> Table {
    Design::grid(7, 6).table(&law("chinchilla"), c, noise, seed)
}

/// Rows in a seeded random order.
fn shuffled(table: &Table, seed: u64) -> Table {
    let mut rng = Rng::new(seed, "order", 0);
    let mut order: Vec<(u64, usize)> = (0..table.rows()).map(|i| (rng.next_u64(), i)).collect();
    order.sort_unstable();
    table.take(&order.into_iter().map(|o| o.1).collect::<Vec<_>>())
}

fn tables_of_nothing() -> impl Strategy<Value = Table> {
    let row = (16.0..24.0f64, 19.0..28.0f64, 0.5..12.0f64);
    prop::collection::vec(row, 12..40).prop_map(|rows| {
        let column = |pick: fn(&(f64, f64, f64)) -> f64| rows.iter().map(pick).collect::<Vec<f64>>();
        let columns = vec![
            numbers("params", column(|r| r.0.exp())),
            numbers("tokens", column(|r| r.1.exp())),
            numbers("loss", column(|r| r.2)),
        ];
        Table::new("random", columns).unwrap()
    })
}

proptest! {
    #![proptest_config(seeded(24))]

    #[test]
    fn the_order_of_rows_does_not_matter(c in coefficients(), noise in 0.001..0.03f64, seed in 0u64..1000) {
        let table = noisy(&c, noise, seed);
        for objective in [Objective::LOG_HUBER, Objective::LogMse, Objective::Mse] {
            let options = Options { objective: Some(objective), force: true, ..quick() };
            let one = law("chinchilla").fit(&table, &options).unwrap();
            let other = law("chinchilla").fit(&shuffled(&table, seed), &options).unwrap();
            prop_assert!((one.objective.value.unwrap() / other.objective.value.unwrap() - 1.0).abs() < 1e-9);
            assert_coefficients(&other, &one.point(), 1e-6);
        }
    }

    #[test]
    fn predictions_of_random_tables_are_finite(table in tables_of_nothing(), seed in 0u64..1000) {
        let named = ["chinchilla", "kaplan", "over-training", "m1", "m2", "m3", "bnsl:1"].map(law);
        let typed = Law::formula("E + A*params^-alpha + B*ln(tokens)", &["params", "tokens"], &[]).unwrap();
        for law in named.iter().chain([&typed]) {
            let options = Options { bootstrap: 30, seed, influence: false, ..Options::default() };
            let fit = law.fit(&table, &options).unwrap();
            if !fit.is_ok() {
                prop_assert!(!fit.reasons.is_empty() && fit.coefficients.is_empty());
                continue;
            }
            prop_assert!(fit.coefficients.values().all(|e| e.value.is_some()), "{:?}", fit);
            let (n, d) = (table.numbers("params").unwrap(), table.numbers("tokens").unwrap());
            let at = |f: f64| -> IndexMap<String, f64> {
                [("params".to_string(), n[0] * f), ("tokens".to_string(), d[0] * f), ("x".to_string(), d[0] * f)].into_iter().collect()
            };
            let made = fit.predict(&[at(1.01), at(3.0), at(1e3), at(1e-3)], 0.95, false).unwrap();
            for p in made.predictions {
                let all = [p.value, p.low, p.high];
                prop_assert!(all.iter().all(|v| v.is_some_and(f64::is_finite)), "{} {:?} {:?}", fit.law, p, fit.point());
                prop_assert!(p.low <= p.high);
            }
        }
    }

    #[test]
    fn a_formula_is_the_law_it_spells(c in coefficients(), noise in 0.001..0.02f64, seed in 0u64..1000) {
        let formula = Law::formula("E + A*params^-alpha + B*tokens^-beta", &["params", "tokens"], &[]).unwrap();
        let table = noisy(&c, noise, seed);
        let (spelt, named) = (formula.fit(&table, &quick()).unwrap(), law("chinchilla").fit(&table, &quick()).unwrap());
        for name in ["E", "A", "B", "alpha", "beta"] {
            assert_close(name, value(&spelt, name), value(&named, name), 1e-6);
        }
    }

    #[test]
    fn fits_survive_json(c in coefficients(), noise in 0.001..0.03f64, seed in 0u64..1000) {
        for name in ["chinchilla", "over-training", "kaplan"] {
            let options = Options { bootstrap: 30, seed, holdout: Some("params > 5e9".into()), ..Options::default() };
            let fit = law(name).fit(&noisy(&c, noise, seed), &options).unwrap();
            let back: Fit = serde_json::from_str(&serde_json::to_string(&fit).unwrap()).unwrap();
            prop_assert_eq!(&back, &fit);
        }
    }

    #[test]
    fn over_training_is_chinchilla_with_one_exponent(c in coefficients(), noise in 0.0..0.02f64, seed in 0u64..1000) {
        let truth = [c[0], c[1], 0.5 * c[2] * 2e10f64.powf(c[3] - c[4]), c[3], c[3]];
        let table = noisy(&truth, noise, seed);
        let options = |tied: Vec<(String, String)>| Options { objective: Some(Objective::Mse), tied, ..quick() };
        let over = law("over-training").fit(&table, &options(vec![])).unwrap();
        let tied = law("chinchilla").fit(&table, &options(vec![("beta".into(), "alpha".into())])).unwrap();
        let (eta, natural) = (value(&over, "eta"), over.point());
        let same = [natural[0], natural[1] * 6f64.powf(-eta), natural[2] * 6f64.powf(-eta), 2.0 * eta, 2.0 * eta];
        assert_coefficients(&tied, &same, 1e-6);
    }
}
