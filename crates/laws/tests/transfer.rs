//! Quality after fine-tuning: text that suits the task, text that does not, and where the law has no bound.
#![allow(missing_docs)]

mod common;

use common::{law, numbers, quick, value};
use kleiber_core::rng::Rng;
use kleiber_core::stats::{line, mean};
use kleiber_core::table::Table;
use kleiber_laws::transfer::{Alignment, Transfer, TransferRun};

const AMOUNTS: [f64; 6] = [3e7, 1e8, 3e8, 1e9, 3e9, 1e10];
/// ln .02, alpha, beta.
const LAW: [f64; 3] = [-3.912, 0.35, 1.8];

/// Two seeds of every amount and of the model without pre-training.
fn runs(quality: impl Fn(f64) -> f64, noise: f64, seed: u64) -> Vec<TransferRun> {
    let mut rng = Rng::new(seed, "transfer runs", 0);
    let amounts = std::iter::once(0.0).chain(AMOUNTS);
    amounts
        .flat_map(|d| [d, d])
        .map(|d| TransferRun {
            pretrain_tokens: d,
            finetune_tokens: 6e6,
            quality: quality(d) + noise * rng.normal(),
            loss: Some(1.2 + 900.0 * (d + 1e6).powf(-0.4)),
        })
        .collect()
}

fn rising(d: f64) -> f64 {
    if d == 0.0 { 6.0 } else { law("transfer-quality").predict(&LAW, &[d]) }
}

#[test]
fn text_that_suits_is_planned() {
    let all = runs(rising, 0.05, 1);
    let small: Vec<TransferRun> = all.iter().copied().filter(|r| r.pretrain_tokens < 5e9).collect();
    let found = Transfer::of(&small, &quick()).unwrap();
    assert_eq!(found.alignment, Alignment::Aligned);
    assert!(found.rho == 1.0 && found.rho_interval.0 > 0.7 && found.loss_rho == Some(-1.0), "{found:?}");
    assert!((found.baseline.unwrap() - 6.0).abs() < 0.2);
    let (next, beyond) = found.quality(1e10).unwrap();
    assert!((next - rising(1e10)).abs() < 0.5 && !beyond, "{next} {}", rising(1e10));
    // The text for a quality, its marginal gain by differences, and where pairs become cheaper.
    let tokens = found.tokens_for(next).unwrap();
    assert!((tokens / 1e10 - 1.0).abs() < 1e-9);
    let gain = found.quality(1.001e10).unwrap().0 - found.quality(0.999e10).unwrap().0;
    assert!((found.marginal(1e10).unwrap() / (gain / 2e7) - 1.0).abs() < 1e-4);
    let price = 1e-9;
    let even = found.break_even(price, price / found.marginal(2e9).unwrap()).unwrap();
    assert!((even / 2e9 - 1.0).abs() < 1e-6, "{even}");
    assert_eq!(found.break_even(1.0, 1e-9).unwrap(), 0.0);
    assert!(found.tokens_for(101.0).is_err() && found.quality(1e60).unwrap().1);
}

#[test]
fn text_that_does_not_suit_is_refused_although_cross_entropy_falls() {
    let falling = |d: f64| if d == 0.0 { 10.0 } else { 14.0 - 0.3 * (d / 3e7).ln() + if d > 5e8 { 0.5 } else { 0.0 } };
    let found = Transfer::of(&runs(falling, 0.05, 2), &quick()).unwrap();
    assert_eq!((found.alignment, found.loss_rho), (Alignment::Misaligned, Some(-1.0)));
    for refused in
        [found.quality(1e10).map(|q| q.0), found.tokens_for(12.0), found.marginal(1e9), found.break_even(1.0, 1.0)]
    {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("cross entropy falls") && text.contains("nearer to the task"), "{text}");
    }
    // Good for nothing at a large fine-tuning set: all curves meet at the baseline.
    let found = Transfer::of(&runs(|_| 30.0, 0.3, 3), &quick()).unwrap();
    assert_eq!(found.alignment, Alignment::Useless);
    assert!(found.quality(1e10).unwrap_err().to_string().contains("not worth buying"));
    // Without cross entropy a fluctuating quality is not called misaligned, and still refused.
    let mut blind = runs(falling, 0.05, 2);
    blind.iter_mut().for_each(|r| r.loss = None);
    let found = Transfer::of(&blind, &quick()).unwrap();
    assert!(found.alignment == Alignment::Undecided && found.quality(1e10).is_err());
}

#[test]
fn noise_alone_is_rarely_called_aligned() {
    let called = (0..60).filter(|&seed| {
        Transfer::of(&runs(|_| 20.0, 0.5, 100 + seed), &quick()).unwrap().alignment == Alignment::Aligned
    });
    // A rank correlation of .8 or more among six: 2.9 % by chance on one side.
    assert!(called.count() <= 6);
}

#[test]
fn unusable_runs_are_refused_with_the_cure() {
    let says = |runs: &[TransferRun], word: &str| {
        let text = Transfer::of(runs, &quick()).unwrap_err().to_string();
        assert!(text.contains(word), "{text}");
    };
    let good = runs(rising, 0.0, 1);
    let mut mixed = good.clone();
    mixed[3].finetune_tokens = 31e6;
    says(&mixed, "one at a time");
    let shares: Vec<TransferRun> = good.iter().map(|r| TransferRun { quality: r.quality / 100.0, ..*r }).collect();
    says(&shares, "points of 100");
    says(&good[..6], "at least three");
    // Three amounts tell the direction and no law.
    let found = Transfer::of(&good[..8], &quick()).unwrap();
    assert!(
        found.alignment == Alignment::Aligned && found.quality(1e10).unwrap_err().to_string().contains("at least 4")
    );
}

/// BLEU of translators from German trained from scratch on so many megabytes (Gordon et al. 2021): .4 to 1737, taken as
/// doublings between.
const GORDON: [(f64, f64); 13] = [
    (0.424, 1.1),
    (0.848, 2.5),
    (1.70, 4.9),
    (3.39, 7.2),
    (6.79, 11.2),
    (13.6, 17.7),
    (27.1, 26.3),
    (54.3, 31.0),
    (109.0, 34.6),
    (217.0, 38.2),
    (434.0, 40.0),
    (868.0, 41.1),
    (1737.0, 41.5),
];

#[test]
fn an_unbounded_law_overshoots_where_quality_saturates() {
    let fitted: Vec<(f64, f64)> = GORDON[4..11].to_vec();
    let (x, y): (Vec<f64>, Vec<f64>) = fitted.iter().map(|p| (p.0 * 1e6, p.1)).unzip();
    let table = Table::new("t", vec![numbers("pretrain_tokens", x.clone()), numbers("bleu", y.clone())]).unwrap();
    let fit = law("transfer-quality").fit(&table, &quick()).unwrap();
    let c: Vec<f64> = ["lnA", "alpha", "beta"].map(|n| value(&fit, n)).to_vec();
    // The bounded alternative: what is missing to 100 points falls by a power law to a floor.
    let missing =
        Table::new("t", vec![numbers("x", x.clone()), numbers("loss", y.iter().map(|q| 100.0 - q).collect())]).unwrap();
    let bounded = law("m2").fit(&missing, &quick()).unwrap();
    let b: Vec<f64> = ["E", "beta", "c"].map(|n| value(&bounded, n)).to_vec();
    let logs: Vec<f64> = x.iter().map(|v| v.ln()).collect();
    let (slope, intercept, _) = line(&logs, &y);
    let off = |of: &dyn Fn(f64) -> f64| GORDON[11..].iter().map(|p| of(p.0 * 1e6) - p.1).collect::<Vec<f64>>();
    let ours = off(&|d| law("transfer-quality").predict(&c, &[d]));
    let power = off(&|d| 100.0 - law("m2").predict(&b, &[d]));
    let straight = off(&|d| intercept + slope * d.ln());
    eprintln!("c {c:?}: log-law {ours:?}, bounded {power:?}, straight {straight:?}");
    let size = |v: &[f64]| mean(&v.iter().map(|e| e.abs()).collect::<Vec<_>>());
    // The published check asks for 1.5 points. Saturation at 41.5 is more than the unbounded law can follow.
    assert!(ours[1] > 1.5 && size(&power) < size(&ours) && size(&ours) < size(&straight));
}
