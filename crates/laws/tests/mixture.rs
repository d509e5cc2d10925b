//! Mixture regressions on the 512 small runs of Liu et al. 2024, judged on the 256 mixtures that they then ran with 1M and 60M
//! parameters.
#![allow(missing_docs)]

mod common;

use common::data;
use kleiber_laws::mixture::{Method, MixtureTable, Points, Regression, Search, TreeOptions, held_out, pair};
use kleiber_laws::plan::{MixtureRequest, plan_mixture};
use kleiber_laws::rank::spearman;
use rayon::prelude::*;

/// Token shares of the 17 domains, as printed in the configuration of the published runs.
const TOKEN_SHARES: [f64; 17] = [
    0.113_285_273,
    0.079_608_651,
    0.003_913_491,
    0.185_375_901,
    0.051_081_359,
    0.015_962_925,
    0.101_750_772,
    0.003_707_518,
    0.066_529_351,
    0.001_750_772,
    0.027_085_479,
    0.236_869_207,
    0.011_843_46,
    0.007_929_969,
    0.008_032_956,
    0.038_825_953,
    0.046_446_962,
];
const PILE_CC: usize = 11;
const IRC: usize = 12;

/// Runs of one file pair, with the target of each of the 13 losses.
struct Runs {
    first: MixtureTable,
    losses: Vec<Vec<f64>>,
    pile_cc: usize,
}

fn runs(kind: &str) -> Option<Runs> {
    let mixtures = data(&format!("regmix/{}_mixture_{}.csv", kind.split_once(' ')?.0, kind.split_once(' ')?.1))?;
    let losses = data(&format!("regmix/{}_pile_loss_{}.csv", kind.split_once(' ')?.0, kind.split_once(' ')?.1))?;
    let table = pair(&mixtures, &losses).unwrap();
    let targets: Vec<String> =
        losses.columns().iter().map(|c| c.name.clone()).filter(|n| n.starts_with("metric/")).collect();
    let read = |target: &String| MixtureTable::read(&table, None, std::slice::from_ref(target)).unwrap();
    let pile_cc = targets.iter().position(|t| t.contains("pile_cc"))?;
    let all: Vec<MixtureTable> = targets.iter().map(read).collect();
    let first = MixtureTable::read(&table, None, &["pile_cc".into()]).unwrap();
    assert_eq!((first.targets[0].as_str(), first.domains[PILE_CC].as_str()), (targets[pile_cc].as_str(), "pile_cc"));
    Some(Runs { first, losses: all.into_iter().map(|t| t.losses).collect(), pile_cc })
}

fn all_runs() -> Option<[Runs; 3]> {
    Some([runs("train 1m")?, runs("test 1m")?, runs("test 60m")?])
}

/// 100 rho on the runs with 1M and 60M parameters: of Pile-CC, and the mean over all targets.
fn correlations(method: &Method, [train, small, large]: &[Runs; 3]) -> [f64; 4] {
    let of = |target: usize| {
        let model = Regression::fit(method, &train.first.shares, &train.losses[target]).unwrap();
        [small, large].map(|r| 100.0 * spearman(&model.predict_all(&r.first.shares), &r.losses[target]))
    };
    let all: Vec<[f64; 2]> = (0..13).into_par_iter().map(of).collect();
    let mean = |i: usize| all.iter().map(|r| r[i]).sum::<f64>() / 13.0;
    [all[train.pile_cc][0], all[train.pile_cc][1], mean(0), mean(1)]
}

#[track_caller]
fn assert_within(got: [f64; 4], want: [f64; 4], by: f64) {
    eprintln!("{got:.2?} against {want:?}");
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() <= by), "{got:?} against {want:?}");
}

#[test]
fn least_squares_order_unseen_mixtures_as_published() {
    let Some(runs) = all_runs() else { return };
    assert_eq!((runs[0].first.shares.len(), runs[1].first.shares.len(), runs[2].first.shares.len()), (512, 256, 256));
    // numpy.linalg.lstsq with a constant, scipy.stats.spearmanr. The paper prints 90.08 and 89.26 for Pile-CC.
    let linear = correlations(&Method::Linear, &runs);
    assert_within(linear, [90.2144, 89.3289, 83.1104, 82.9670], 1e-3);
    assert!((linear[0] - 90.08).abs() < 0.2 && (linear[1] - 89.26).abs() < 0.2);
    assert_within(correlations(&Method::SquareRoot, &runs), [98.6882, 98.2145, 97.0996, 96.9092], 1e-3);
}

#[test]
fn the_exponential_law_is_between() {
    let Some(runs) = all_runs() else { return };
    let got = correlations(&Method::Exponential, &runs);
    eprintln!("exponential: {got:.2?}");
    assert!(got[0] > 90.3 && got[2] > 83.2, "{got:?}");
}

#[test]
fn trees_order_unseen_mixtures_as_published() {
    let Some(runs) = all_runs() else { return };
    // LightGBM 4 with these settings. The paper prints 98.45 and 98.64 for Pile-CC.
    let trees = Method::Trees(TreeOptions::default());
    let got = correlations(&trees, &runs);
    assert_within(got, [99.0385, 98.5990, 98.9554, 98.4132], 0.5);
    assert!(got[2] >= 98.0, "trees order the 13 targets of the 1M runs with {}", got[2]);
    // A table whose losses have been given to other rows has no order to be found: the check above can fail.
    let [train, small, _] = &runs;
    let mut shuffled = train.losses[train.pile_cc].clone();
    let mut rng = kleiber_core::rng::Rng::new(1, "shuffled", 0);
    (1..shuffled.len()).rev().for_each(|i| shuffled.swap(i, rng.below(i + 1)));
    let quick = Method::Trees(TreeOptions { trees: 100, rate: 0.1, ..TreeOptions::default() });
    let blind = Regression::fit(&quick, &train.first.shares, &shuffled).unwrap();
    let rho = spearman(&blind.predict_all(&small.first.shares), &small.losses[small.pile_cc]);
    assert!(rho.abs() < 0.4, "{rho}");
}

#[test]
fn trees_beat_the_one_share_that_says_most() {
    let Some(runs) = all_runs() else { return };
    let train = &runs[0].first;
    let share: Vec<f64> = train.shares.iter().map(|row| -row[PILE_CC]).collect();
    let single = spearman(&share, &train.losses);
    assert!((single - 0.8435).abs() < 1e-4, "{single}");
    let trees = Method::Trees(TreeOptions { trees: 300, rate: 0.03, ..TreeOptions::default() });
    let held = held_out(&trees, &train.shares, &train.losses, 5, 0).unwrap();
    eprintln!("held out: rho {} tau {} error {}", held.spearman, held.kendall, held.error);
    assert!(held.spearman > 0.97 && held.spearman > single + 0.1);
}

#[test]
fn the_order_is_the_same_at_60_times_the_size() {
    let Some([_, small, large]) = all_runs() else { return };
    assert_eq!(small.first.shares, large.first.shares);
    let rho: Vec<f64> = (0..13).map(|t| spearman(&small.losses[t], &large.losses[t])).collect();
    let (low, high) = rho.iter().fold((1.0f64, 0.0f64), |e, r| (e.0.min(*r), e.1.max(*r)));
    assert!((low - 0.9801).abs() < 1e-4 && (high - 0.998).abs() < 1e-3, "{rho:?}");
    assert!((rho[small.pile_cc] - 0.9941).abs() < 1e-4, "{rho:?}");
}

#[test]
fn more_small_runs_order_better() {
    let Some([train, small, _]) = all_runs() else { return };
    let rho = |n: usize| {
        let rows: Vec<usize> = (0..n).collect();
        let method = Method::Trees(TreeOptions { trees: 300, rate: 0.03, ..TreeOptions::default() });
        let model = Regression::fit(&method, &train.first.shares.take(&rows), &train.first.losses[..n]).unwrap();
        spearman(&model.predict_all(&small.first.shares), &small.first.losses)
    };
    let found = [64, 128, 512].map(rho);
    eprintln!("64, 128 and 512 runs: {found:?}");
    assert!(found[0] > 0.85 && found[0] < found[1] && found[1] < found[2] && found[2] > 0.985, "{found:?}");
}

#[test]
fn the_simulated_mixture_is_the_published_one() {
    let Some([train, _, large]) = all_runs() else { return };
    let runs = &train.first;
    let trees = Method::Trees(TreeOptions { trees: 300, rate: 0.03, ..TreeOptions::default() });
    let model = Regression::fit(&trees, &runs.shares, &runs.losses).unwrap();
    let search = Search { candidates: 100_000, keep: 128, ..Search::around(&TOKEN_SHARES) };
    let best = search.lowest(&model).unwrap();
    eprintln!("Pile-CC {:.3}, IRC {:.3}, {best:?}", best.shares[PILE_CC], best.shares[IRC]);
    // The published run has 0.870 and 0.064; the published notebook prints 0.891 and 0.061.
    assert!((best.shares[PILE_CC] - 0.87).abs() < 0.05 && (best.shares[IRC] - 0.064).abs() < 0.03, "{best:?}");
    // A run with more Pile-CC measured 5.082, which no tree can predict from leaves of 20 runs.
    let lowest = runs.losses.iter().copied().fold(f64::INFINITY, f64::min);
    assert!((lowest - 5.082).abs() < 5e-4 && best.best_candidate > lowest, "{lowest} {best:?}");
    let request = MixtureRequest {
        natural: Some(TOKEN_SHARES.to_vec()),
        test: Some(large.first.clone()),
        method: Method::SquareRoot,
        candidates: 50_000,
        ..MixtureRequest::of(runs.clone())
    };
    let answer = plan_mixture(&request).unwrap();
    assert!((answer.number("test_spearman").unwrap() - 0.982_145).abs() < 1e-5, "{answer:?}");
    assert!(answer.number("gain").unwrap() > 0.1 && answer.number("held_out_spearman").unwrap() > 0.97);
}

#[test]
fn rows_that_do_not_add_up_are_refused() {
    let (Some(mixtures), Some(losses)) = (data("regmix/train_mixture_1m.csv"), data("regmix/train_pile_loss_1m.csv"))
    else {
        return;
    };
    let table = pair(&mixtures, &losses).unwrap();
    let raised = common::changed(&table, "train_the_pile_arxiv", |i, w| if i == 7 { w + 0.02 } else { w });
    let refused = MixtureTable::read(&raised, None, &["pile_cc".into()]).unwrap_err().to_string();
    assert!(refused.contains("row 8") && refused.contains("1%"), "{refused}");
}

#[test]
fn trees_are_the_same_with_any_number_of_threads() {
    let mut rng = kleiber_core::rng::Rng::new(2, "threads", 0);
    // Wide enough that features are searched side by side.
    let x = Points::new(20, (0..8000 * 20).map(|_| rng.uniform()).collect());
    let y: Vec<f64> = x.iter().map(|r| r[0] * r[1] + (5.0 * r[2]).sin()).collect();
    let method = Method::Trees(TreeOptions { trees: 3, rate: 0.3, ..TreeOptions::default() });
    let with = |n: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
        pool.install(|| Regression::fit(&method, &x, &y).unwrap().predict_all(&x))
    };
    assert_eq!(with(1), with(4));
}
