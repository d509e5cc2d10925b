//! The law of training curves at any batch on curves of known constants: recovery, the curve of a larger model, the critical batch.
#![allow(missing_docs)]

mod common;

use common::{law, numbers, quick, relative, texts, value};
use kleiber_core::rng::Rng;
use kleiber_core::table::Table;
use kleiber_laws::batch::{BatchRun, CriticalBatch};
use kleiber_laws::trajectory::TrajectoryLaw;
use kleiber_laws::{Fit, Options};

/// E, Nc, alphaN, Sc, alphaS, Bstar, alphaB of small models of characters.
const TRUTH: [f64; 7] = [0.0, 4e6, 0.12, 400.0, 0.6, 2e5, 0.22];
/// Logged points of a run.
const POINTS: usize = 48;

/// A run of `steps` steps, logged from a twelfth of them on.
fn run(params: f64, batch: f64, steps: f64) -> impl Iterator<Item = (f64, f64, f64)> {
    (0..POINTS).map(move |i| (params, steps * 12f64.powf(i as f64 / (POINTS - 1) as f64 - 1.0), batch))
}

/// Four sizes at one batch, the two smallest at five batches.
fn rows() -> Vec<(f64, f64, f64)> {
    let sizes = [1e4, 3e4, 1e5, 3e5];
    let one = sizes.iter().flat_map(|n| run(*n, 4096.0, 6000.0));
    let batches = [256.0, 1024.0, 16384.0, 65536.0];
    let many = sizes[..2].iter().flat_map(|n| batches.iter().flat_map(|b| run(*n, *b, 6000.0 * (4096.0 / b).sqrt())));
    one.chain(many).collect()
}

fn table(rows: &[(f64, f64, f64)], noise: f64, seed: u64) -> Table {
    let mut rng = Rng::new(seed, "trajectories", 0);
    let loss = rows.iter().map(|r| law("trajectory").predict(&TRUTH, &[r.0, r.1, r.2]) * (noise * rng.normal()).exp());
    let columns = vec![
        texts("run", rows.iter().map(|r| format!("N={} B={}", r.0, r.2))),
        numbers("params", rows.iter().map(|r| r.0).collect()),
        numbers("step", rows.iter().map(|r| r.1).collect()),
        numbers("batch_tokens", rows.iter().map(|r| r.2).collect()),
        numbers("loss", loss.collect()),
    ];
    Table::new("generated", columns).unwrap()
}

fn fitted(noise: f64, seed: u64) -> Fit {
    // The noise is normal, so least squares of logarithms is the efficient choice.
    let objective = Some(kleiber_laws::Objective::LogMse);
    let options = Options { fixed: vec![("E".into(), 0.0)], objective, ..quick() };
    let fit = law("trajectory").fit(&table(&rows(), noise, seed), &options).unwrap();
    assert!(fit.is_ok(), "{:?}", fit.reasons);
    fit
}

#[test]
fn constants_are_recovered() {
    for (noise, seed) in [(0.0, 0), (0.01, 2), (0.01, 4)] {
        let fit = fitted(noise, seed);
        eprintln!("noise {noise}: {:?}", fit.point());
        for (name, want) in [("alphaN", 0.12), ("alphaS", 0.6), ("alphaB", 0.22)] {
            assert!(relative(value(&fit, name), want) < 0.05, "{name} {}", value(&fit, name));
        }
        assert!(relative(value(&fit, "Bstar"), 2e5) < 0.2, "{}", value(&fit, "Bstar"));
    }
}

#[test]
fn the_curve_of_a_larger_model_is_predicted() {
    let planner = TrajectoryLaw::of(&fitted(0.01, 3)).unwrap();
    let truth = |s: f64| law("trajectory").predict(&TRUTH, &[1e6, s, 4096.0]);
    let steps: Vec<f64> = (1..=45).map(|i| 600.0 + 5400.0 * f64::from(i) / 45.0).collect();
    let mean = |guess: &dyn Fn(f64) -> f64| steps.iter().map(|s| relative(guess(*s), truth(*s))).sum::<f64>() / 45.0;
    let ours = mean(&|s| planner.loss(1e6, s, 4096.0));
    // Copying the next smaller curve, and a power law in steps fitted to the first fifth of the run itself.
    let copied = mean(&|s| law("trajectory").predict(&TRUTH, &[3e5, s, 4096.0]));
    let early: Vec<f64> = (1..=20).map(|i| 1200.0 * f64::from(i) / 20.0).collect();
    let (x, y): (Vec<f64>, Vec<f64>) = early.iter().map(|s| (s.ln(), truth(*s).ln())).unzip();
    let (slope, intercept, _) = kleiber_core::stats::line(&x, &y);
    let extended = mean(&|s| (intercept + slope * s.ln()).exp());
    eprintln!("mean error: {ours:.4}, copied {copied:.4}, extended {extended:.4}");
    assert!(ours < 0.02 && ours < copied && ours < extended);
    assert!(relative(planner.loss(1e6, 6000.0, 4096.0), truth(6000.0)) < 0.03);
}

#[test]
fn crossings_give_the_same_critical_batch_as_the_fit() {
    let runs: Vec<BatchRun> = [256.0, 1024.0, 4096.0, 16384.0, 65536.0]
        .map(|batch| {
            let curve = run(3e4, batch, 60_000.0 * (4096.0 / batch).sqrt());
            let points = curve.map(|(n, s, b)| (s * b, law("trajectory").predict(&TRUTH, &[n, s, b]))).collect();
            BatchRun { batch, points }
        })
        .to_vec();
    let crossed = CriticalBatch::of(&runs).unwrap();
    let fit = TrajectoryLaw::of(&fitted(0.0, 0)).unwrap();
    assert!(crossed.crossings.windows(2).all(|w| w[1].loss < w[0].loss && w[1].batch > w[0].batch));
    for c in &crossed.crossings {
        assert!(relative(c.batch, fit.critical_batch(c.loss)) < 0.05, "{c:?} {}", fit.critical_batch(c.loss));
        // The curves of all batches are one: (S/S_min - 1)(E/E_min - 1) = 1 within 20%.
        assert!(c.misfit < 0.05, "{c:?}");
    }
}

#[test]
fn one_batch_says_nothing_of_the_critical_batch() {
    let single: Vec<(f64, f64, f64)> = [1e4, 3e4, 1e5, 3e5].iter().flat_map(|n| run(*n, 4096.0, 6000.0)).collect();
    let fit = law("trajectory").fit(&table(&single, 0.01, 1), &quick()).unwrap();
    assert!(common::has(&fit.reasons, "single-size"), "{:?}", fit.reasons);
}
