//! Growth of abilities with fine-tuning samples: pace, budgets, mixtures and what is kept.
#![allow(missing_docs)]

mod common;

use common::{law, numbers, quick, relative, value};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::Options;
use kleiber_laws::growth::{Ability, above_chance, allocate, choice, crossing, rehearsal, retained};

fn ability(name: &str, half: f64, pace: f64, have: u64) -> Ability {
    Ability { name: name.into(), chance: 0.25, ceiling: 0.9, offset: -pace * half.ln(), pace, weight: 1.0, have }
}

fn worth(abilities: &[Ability], n: &[f64]) -> f64 {
    abilities.iter().zip(n).map(|(a, n)| a.weight * a.score(*n)).sum()
}

/// The best value over all whole divisions among three abilities.
fn brute(abilities: &[Ability], budget: u64) -> f64 {
    let mut best = f64::NEG_INFINITY;
    for i in 0..=budget.min(abilities[0].have) {
        for j in 0..=(budget - i).min(abilities[1].have) {
            let k = (budget - i - j).min(abilities[2].have);
            best = best.max(worth(abilities, &[i as f64, j as f64, k as f64]));
        }
    }
    best
}

#[test]
fn budgets_are_divided_as_by_brute_force() {
    let cases = [
        vec![ability("fast", 20.0, 0.8, 1000), ability("slow", 200.0, 0.6, 1000), ability("slower", 900.0, 0.9, 1000)],
        // One of few samples, and two that start slowly.
        vec![ability("few", 60.0, 1.0, 40), ability("late", 150.0, 2.5, 1000), ability("later", 260.0, 3.0, 1000)],
        vec![
            ability("late", 400.0, 3.0, 1000),
            ability("later", 420.0, 3.0, 1000),
            ability("latest", 440.0, 3.0, 1000),
        ],
    ];
    for abilities in &cases {
        for budget in [60, 300, 600] {
            let found = allocate(abilities, budget).unwrap();
            assert_eq!(found.samples.iter().sum::<u64>(), budget, "{found:?}");
            assert!(found.samples.iter().zip(abilities).all(|(n, a)| *n <= a.have));
            let best = brute(abilities, budget);
            assert!(found.value <= best + 1e-12 && best - found.value < 2e-3, "{budget}: {found:?} {best}");
            assert!(found.value >= found.uniform - 2e-3, "{found:?}");
        }
    }
    // Concave curves: a further sample is worth the same everywhere, and equal parts are worse.
    let found = allocate(&cases[0], 600).unwrap();
    for (a, n) in cases[0].iter().zip(&found.samples) {
        assert!((a.marginal(*n as f64) / found.price - 1.0).abs() < 0.03, "{} {found:?}", a.name);
    }
    assert!(found.value > found.uniform + 0.003 && (found.value - brute(&cases[0], 600)).abs() < 1e-9, "{found:?}");
    // All there is.
    assert_eq!(allocate(&cases[1], 10_000).unwrap().samples, [40, 1000, 1000]);
    let mut flat = cases[0].clone();
    flat[1].pace = -0.1;
    assert!(allocate(&flat, 60).unwrap_err().to_string().contains("slow does not rise"));
    assert!(allocate(&cases[0], 0).is_err());
}

#[test]
fn the_pace_of_each_ability_is_found() {
    let (sizes, counts) = ([7e9, 13e9, 33e9], [10.0, 40.0, 160.0, 640.0, 2560.0, 10_000.0]);
    let mut rng = Rng::new(4, "abilities", 0);
    let mut table = |c: &[f64; 5], noise: f64| {
        let rows: Vec<(f64, f64)> = sizes.iter().flat_map(|n| counts.map(|s| (s, *n))).collect();
        let scores =
            rows.iter().map(|(s, n)| law("ability-growth").predict(c, &[*s, *n]) + noise * rng.normal()).collect();
        // A table may call them samples.
        let columns = vec![
            numbers("samples", rows.iter().map(|r| r.0).collect()),
            numbers("params", rows.iter().map(|r| r.1).collect()),
            numbers("score", scores),
        ];
        Table::new("t", columns).unwrap()
    };
    let options = |bootstrap| Options { bootstrap, fixed: vec![("chance".into(), 0.25)], ..quick() };
    let truth = [0.25, 0.85, -1.2, 0.5, 0.4];
    let fit = law("ability-growth").fit(&table(&truth, 0.0), &options(0)).unwrap();
    for (name, want) in ["ceiling", "alpha", "beta", "gamma"].iter().zip(&truth[1..]) {
        assert!(relative(value(&fit, name), *want) < 1e-5, "{name} {}", value(&fit, name));
    }
    // Slow and fast in noise: intervals of beta exclude each other and zero; a resistant ability's holds zero.
    let beta = |fit: &kleiber_laws::Fit| {
        let b = fit.coefficients["beta"];
        (b.low.unwrap(), b.high.unwrap())
    };
    let slow = law("ability-growth").fit(&table(&[0.25, 0.85, -1.0, 0.35, 0.3], 0.004), &options(100)).unwrap();
    let fast = law("ability-growth").fit(&table(&[0.25, 0.85, 0.5, 1.1, 0.3], 0.004), &options(100)).unwrap();
    assert!(beta(&slow).0 > 0.0 && beta(&slow).1 < beta(&fast).0, "{:?} {:?}", beta(&slow), beta(&fast));
    let resistant = Options { fixed: vec![("chance".into(), 0.25), ("ceiling".into(), 0.85)], ..options(100) };
    let holds_zero = (0..10).filter(|_| {
        let none = law("ability-growth").fit(&table(&[0.25, 0.85, 0.2, 0.0, 0.3], 0.01), &resistant).unwrap();
        beta(&none).0 < 0.0 && beta(&none).1 > 0.0
    });
    assert!(holds_zero.count() >= 7);
    let a = ability("nine tenths", 100.0, 0.5, 1);
    assert!((a.samples_to(0.9) / 8100.0 - 1.0).abs() < 1e-9 && (a.score(8100.0) - (0.25 + 0.9 * 0.65)).abs() < 1e-12);
}

#[test]
fn scores_of_mixtures_cross_and_stages_are_kept_or_lost() {
    let (counts, sizes) = ([400.0, 1600.0, 6400.0, 25_600.0, 100_000.0], [7e9, 13e9, 33e9]);
    let rows: Vec<(f64, f64)> = sizes.iter().flat_map(|n| counts.map(|s| (s, *n))).collect();
    let c = [70.0, 3000.0, 0.3, 0.1];
    let columns = vec![
        numbers("finetune_samples", rows.iter().map(|r| r.0).collect()),
        numbers("params", rows.iter().map(|r| r.1).collect()),
        numbers("score", rows.iter().map(|r| law("sft-growth").predict(&c, &[r.0, r.1])).collect()),
    ];
    let fit = law("sft-growth").fit(&Table::new("t", columns).unwrap(), &quick()).unwrap();
    for (name, want) in ["A", "B", "beta", "gamma"].iter().zip(&c) {
        assert!(relative(value(&fit, name), *want) < 1e-4, "{name} {}", value(&fit, name));
    }
    // Alone 60 - 900 n^-.5, mixed 55 - 400 n^-.5: they meet where 5 = 500 n^-.5, at 10,000.
    let alone = |n: f64| 60.0 - 900.0 * n.powf(-0.5);
    let mixed = |n: f64| 55.0 - 400.0 * n.powf(-0.5);
    assert!((crossing(mixed, alone, 100.0, 1e6).unwrap() / 1e4 - 1.0).abs() < 1e-9);
    assert!(crossing(mixed, alone, 100.0, 5e3).is_none() && crossing(alone, alone, 1.0, 10.0).is_none());
    // Mathematics kept under dual-stage mixed fine-tuning of 7B, 13B and 33B: 85, 90 and 97 %.
    for (alone, after, want) in [(49.10, 41.92, 0.85), (51.40, 46.47, 0.90), (57.91, 56.36, 0.97)] {
        assert!((retained(alone, after).unwrap() - want).abs() < 0.005);
    }
    assert!(retained(0.0, 1.0).is_err());
    assert_eq!(rehearsal(130_164, 1.0 / 256.0).unwrap(), 508);
    assert_eq!(rehearsal(100, 0.0).unwrap(), 0);
    assert!(rehearsal(120, 1.0 / 256.0).unwrap_err().to_string().contains("1/256 of 120 samples = 0"));
    assert!(rehearsal(120, 1.5).is_err());
}

#[test]
fn chance_and_choices_are_exact() {
    assert_eq!(above_chance(0.625, 0.25).unwrap(), 0.5);
    assert!(above_chance(0.2, 0.25).unwrap() < 0.0 && above_chance(0.5, 1.0).is_err());
    assert_eq!((choice(2.0, &[3.0, 4.0]), choice(3.0, &[2.0, 4.0]), choice(2.0, &[2.0, 4.0])), (1.0, 0.0, 0.5));
    assert_eq!(
        (choice(2.0, &[2.0, 2.0]), choice(f64::NAN, &[1.0, 2.0]), choice(1.0, &[f64::NAN, 2.0])),
        (1.0 / 3.0, 0.0, 0.0)
    );
}
