//! What a parameter is worth, with one training set of Gadre et al. 2024 as the reference family and the others as
//! models to judge; and on families of known coefficients.
#![allow(missing_docs)]

mod common;

use common::{assert_close, assert_coefficients, gadre, law, numbers, quick, value};
use kleiber_core::stats::{median, quantile_sorted, sorted};
use kleiber_core::table::Table;
use kleiber_laws::density::{Density, DensityModel};
use kleiber_laws::{Fit, Options};

#[derive(Debug, Clone, Copy)]
struct Model {
    params: f64,
    tokens: f64,
    score: f64,
}

/// The published table with its 17-task accuracy, and the runs of one training set with 10 or more tokens per parameter.
fn testbed(corpus: &str) -> Option<(Table, Vec<Model>)> {
    let table = gadre()?;
    let sets = table.labels("train_dataset").unwrap();
    let [n, d] = ["params_total", "tokens"].map(|c| table.numbers(c).unwrap());
    let rows: Vec<usize> = (0..table.rows()).filter(|&i| sets[i].as_ref() == corpus && d[i] >= 9.99 * n[i]).collect();
    let table = table.take(&rows);
    let score = table.numbers("score").unwrap();
    let models = rows.iter().enumerate().map(|(k, &i)| Model { params: n[i], tokens: d[i], score: score[k] }).collect();
    Some((table, models))
}

fn drawn() -> Options {
    Options { bootstrap: 100, influence: false, ..Options::default() }
}

/// The family of the 30 C4 runs: chinchilla for held-out text, which has a floor, and the sigmoid to the 17 tasks.
fn family() -> Option<(DensityModel, Vec<Model>)> {
    let (table, models) = testbed("c4_original")?;
    let (loss, score) =
        (law("chinchilla").fit(&table, &drawn()).unwrap(), law("score-sigmoid").fit(&table, &drawn()).unwrap());
    eprintln!(
        "{} runs; loss {:?} sd {:?}; score {:?} sd {:?}",
        models.len(),
        loss.point(),
        loss.residual_sd,
        score.point(),
        score.residual_sd
    );
    Some((DensityModel::new(&loss, &score).unwrap(), models))
}

fn all(family: &DensityModel, models: &[Model], tokens: impl Fn(&Model) -> f64) -> Vec<Option<Density>> {
    models.iter().map(|m| family.evaluate(m.params, m.score, tokens(m), 0.9).ok()).collect()
}

/// Spearman's rank correlation of values without ties.
fn rank_correlation(x: &[f64], y: &[f64]) -> f64 {
    let ranks = |v: &[f64]| -> Vec<f64> {
        v.iter()
            .map(|a| v.iter().filter(|b| *b < a).count() as f64 + 0.5 * v.iter().filter(|b| *b == a).count() as f64)
            .collect()
    };
    let (a, b) = (ranks(x), ranks(y));
    let (ma, mb) = (kleiber_core::stats::mean(&a), kleiber_core::stats::mean(&b));
    let sum = |f: &dyn Fn(usize) -> f64| (0..a.len()).map(f).sum::<f64>();
    let (xx, yy) = (sum(&|i| (a[i] - ma).powi(2)), sum(&|i| (b[i] - mb).powi(2)));
    sum(&|i| (a[i] - ma) * (b[i] - mb)) / (xx * yy).sqrt()
}

#[test]
fn the_reference_family_is_worth_its_own_parameters() {
    let Some((family, models)) = family() else { return };
    assert_eq!(models.len(), 30);
    let found = all(&family, &models, |m| m.tokens);
    let rho: Vec<f64> = found.iter().flatten().filter_map(|d| d.density.value).collect();
    let s = sorted(&rho);
    eprintln!("own tokens: {:?}", [0.0, 0.25, 0.5, 0.75, 1.0].map(|q| quantile_sorted(&s, q)));
    assert!(rho.len() >= 28, "{}", rho.len());
    assert!((0.7..1.4).contains(&median(&rho)), "{}", median(&rho));
    let near = rho.iter().filter(|r| r.ln().abs() < 1.5f64.ln()).count();
    assert!(2 * near >= rho.len(), "{near} of {}", rho.len());
    for density in found.iter().flatten() {
        // No density without an interval, open at most where the family runs out of sizes.
        let d = &density.density;
        assert!(d.low.unwrap() < d.value.unwrap() && d.high.is_none_or(|h| h > d.value.unwrap()), "{d:?}");
        assert!(d.high.is_some() || density.undecided > 0.0);
    }
    for corpus in ["rpj", "rw_original"] {
        let (_, models) = testbed(corpus).unwrap();
        let rho: Vec<f64> =
            all(&family, &models, |m| m.tokens).iter().flatten().filter_map(|d| d.density.value).collect();
        eprintln!("{corpus}: median {:.3} of {}", median(&rho), rho.len());
        // Better text, better parameters.
        assert!((1.2..1.7).contains(&median(&rho)), "{corpus}: {}", median(&rho));
    }
}

#[test]
fn at_fixed_tokens_density_rises_with_over_training() {
    let Some((family, _)) = family() else { return };
    for corpus in ["c4_original", "rpj", "rw_original"] {
        let (_, models) = testbed(corpus).unwrap();
        for size in [79e6, 154e6, 411e6] {
            let of_size: Vec<Model> = models.iter().copied().filter(|m| (m.params / size - 1.0).abs() < 0.02).collect();
            let found = all(&family, &of_size, |_| 30e9);
            let pairs = of_size.iter().zip(&found).filter_map(|(m, d)| Some((m.tokens, d.as_ref()?.density.value?)));
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.unzip();
            let r = rank_correlation(&x, &y);
            let low = y.iter().copied().fold(f64::INFINITY, f64::min);
            let rise = y.iter().copied().fold(0.0, f64::max) / low;
            eprintln!("{corpus} {size:.1e}: {} models, rank correlation {r:.2}, rises {rise:.1} times", x.len());
            assert!(x.len() >= 6 && r > 0.7 && rise > 3.0, "{corpus} {size}: {r} {rise}");
        }
    }
}

#[test]
fn near_the_floor_the_tokens_are_the_answer() {
    let Some((family, _)) = family() else { return };
    let (_, models) = testbed("rw_original").unwrap();
    let over = models.iter().find(|m| m.params > 1e9 && m.tokens / m.params > 300.0).unwrap();
    let at = |tokens: f64| family.evaluate(over.params, over.score, tokens, 0.9);
    let (few, more) = (at(10e9), at(30e9).unwrap());
    eprintln!("{over:?}: {few:?}, {more:?}");
    // Either refused, or orders of magnitude larger and without an upper end.
    if let Ok(few) = few {
        assert!(few.density.value.unwrap() > 10.0 * more.density.value.unwrap() && few.density.high.is_none());
    }
    assert!(more.density.value.unwrap() > 10.0 && more.undecided > 0.05, "{more:?}");
    // Chance, ceiling and the floor are refused with the scores for which there is an answer.
    for score in [0.0, 0.1, 0.99, 1.0] {
        let refused = family.evaluate(1e9, score, 30e9, 0.9).unwrap_err();
        assert!(refused.low < refused.high && !(refused.low..refused.high).contains(&score), "{refused:?}");
    }
    let (_, high) = family.admissible(30e9);
    assert!(
        family.evaluate(1e9, high - 1e-4, 30e9, 0.9).is_ok() && family.evaluate(1e9, high + 1e-4, 30e9, 0.9).is_err()
    );
    assert!(family.admissible(10e9).1 < high);
}

const LOSS: [f64; 4] = [60.0, 90.0, 0.25, 0.22];
const SCORE: [f64; 4] = [0.95, 0.25, 3.0, 1.2];

/// Runs of a family of known coefficients.
fn generated(noise: f64) -> Table {
    let mut rng = kleiber_core::rng::Rng::new(5, "family", 0);
    let mut columns: [Vec<f64>; 4] = Default::default();
    for n in [5e6, 3e7, 1e8, 2.5e8, 5e8, 8e8, 4e9] {
        for m in [10.0, 20.0, 40.0, 60.0, 200.0, 1000.0] {
            let loss = law("densing").predict(&LOSS, &[n, m * n]) * (noise * rng.normal()).exp();
            let score = law("score-sigmoid").predict(&SCORE, &[loss]) + noise * rng.normal();
            columns.iter_mut().zip([n, m * n, loss, score.clamp(0.0, 1.0)]).for_each(|(c, v)| c.push(v));
        }
    }
    let named = ["params", "tokens", "loss_answer", "score"].iter().zip(columns);
    Table::new("family", named.map(|(name, c)| numbers(name, c)).collect()).unwrap()
}

fn fits(table: &Table, options: &Options) -> (Fit, Fit) {
    (law("densing").fit(table, options).unwrap(), law("score-sigmoid").fit(table, options).unwrap())
}

#[test]
fn a_known_family_gives_back_the_parameters_it_was_asked_about() {
    let exact = fits(&generated(0.0), &quick());
    assert_coefficients(&exact.0, &LOSS, 1e-6);
    assert_coefficients(&exact.1, &SCORE, 1e-5);
    assert_close("c", value(&exact.1, "c"), 0.7, 1e-5);
    let (loss, score) = fits(&generated(0.004), &drawn());
    let family = DensityModel::new(&loss, &score).unwrap();
    for (own, worth) in [(1e8, 2e8), (1e9, 1e9), (3e9, 5e8)] {
        let reached = law("score-sigmoid").predict(&SCORE, &[law("densing").predict(&LOSS, &[worth, 1e11])]);
        let found = family.evaluate(own, reached, 1e11, 0.95).unwrap();
        let size = found.effective_params;
        assert!(size.low.unwrap() < worth && worth < size.high.unwrap(), "{worth}: {size:?}");
        assert_close("effective", size.value.unwrap(), worth, 0.15);
        assert_close("density", found.density.value.unwrap(), size.value.unwrap() / own, 1e-12);
    }
}

#[test]
fn what_is_no_reference_family_is_refused() {
    let (loss, score) = fits(&generated(0.004), &quick());
    let why = |a: &Fit, b: &Fit| DensityModel::new(a, b).unwrap_err().to_string();
    assert!(why(&loss, &score).contains("--bootstrap"));
    assert!(why(&score, &score).contains("params and tokens"));
    assert!(why(&loss, &loss).contains("fit score-sigmoid"));
}
