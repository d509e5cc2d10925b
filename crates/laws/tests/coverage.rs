//! Whether intervals hold the truth as often as they say, over many tables of known coefficients.
#![allow(missing_docs)]

mod common;

use common::{EPOCH, law};
use indexmap::IndexMap;
use kleiber_core::rng::Rng;
use kleiber_laws::simulate::Design;
use kleiber_laws::{Estimate, IntervalKind, Objective, Options, simulate};
use rayon::prelude::*;

const TABLES: u64 = 200;
const NOISE: [f64; 3] = [0.005, 0.01, 0.03];
const NAMES: [&str; 6] = ["E", "A", "B", "alpha", "beta", "a"];
/// Accepted shares of nominal 95% intervals: 95% less and plus what 200 tables and a bootstrap of 56 rows allow.
const ACCEPTED: std::ops::RangeInclusive<f64> = 0.88..=0.99;

/// Shares of tables whose interval holds the coefficient of [`NAMES`], and of new runs inside their prediction interval.
struct Coverage {
    coefficients: [f64; 6],
    inside: f64,
    far: f64,
}

fn coverage(noise: f64, options: &Options) -> Coverage {
    let chinchilla = law("chinchilla");
    let design = Design::grid(8, 7);
    let derived = chinchilla.derived(&EPOCH)[0].1;
    let truth = [EPOCH[0], EPOCH[1], EPOCH[2], EPOCH[3], EPOCH[4], derived];
    let (largest_n, largest_d) = design.runs[design.runs.len() - 1];
    // A new run in the middle of the design, and one at ten times its largest compute.
    let targets = [(7e8, 2.5e10), (largest_n * 10f64.sqrt(), largest_d * 10f64.sqrt())];
    let one = |seed: u64| {
        // Forced: at 3% noise a coefficient may come to rest on a bound, and coverage counts that too.
        let options = Options { seed, force: true, influence: false, ..options.clone() };
        let fit = chinchilla.fit(&design.table(&chinchilla, &EPOCH, noise, seed), &options).unwrap();
        let mut held = [0.0; 8];
        for (slot, (name, truth)) in held.iter_mut().zip(NAMES.iter().zip(truth)) {
            let e = fit.coefficients.get(*name).or_else(|| fit.derived.get(*name)).unwrap();
            // An open end holds everything on its side.
            let inside = e.low.is_none_or(|low| low <= truth) && e.high.is_none_or(|high| truth <= high);
            *slot = f64::from(u8::from(inside));
        }
        let mut rng = Rng::new(seed, "new runs", 0);
        for (slot, (n, d)) in held[6..].iter_mut().zip(targets) {
            let observed = chinchilla.predict(&EPOCH, &[n, d]) * (noise * rng.normal()).exp();
            let point: IndexMap<String, f64> =
                [("params".to_string(), n), ("tokens".to_string(), d)].into_iter().collect();
            let p = &fit.predict(&[point], 0.95, true).unwrap().predictions[0];
            *slot = f64::from(u8::from(p.low.unwrap() <= observed && observed <= p.high.unwrap()));
        }
        held
    };
    let held: Vec<[f64; 8]> = (0..TABLES).into_par_iter().map(one).collect();
    let share = |i: usize| held.iter().map(|h| h[i]).sum::<f64>() / TABLES as f64;
    Coverage { coefficients: std::array::from_fn(share), inside: share(6), far: share(7) }
}

/// Prints the shares of every noise level and fails when one is outside the accepted range.
fn check(title: &str, options: &Options, accepted: std::ops::RangeInclusive<f64>) {
    let mut text = format!("{title}: share of {TABLES} tables whose nominal 95% interval holds the truth\n");
    text += "noise      E      A      B  alpha   beta      a  new run  at 10x\n";
    let mut all = Vec::new();
    for noise in NOISE {
        let c = coverage(noise, options);
        text += &format!("{:>4.1}%", 100.0 * noise);
        c.coefficients.iter().for_each(|share| text += &format!(" {share:.3} "));
        text += &format!("   {:.3}   {:.3}\n", c.inside, c.far);
        all.extend(c.coefficients.into_iter().chain([c.inside, c.far]));
    }
    eprintln!("{text}");
    assert!(all.iter().all(|share| accepted.contains(share)), "outside {accepted:?}:\n{text}");
}

#[test]
fn percentile_intervals_cover() {
    check("percentile, log-huber", &Options { bootstrap: 200, ..Options::default() }, ACCEPTED);
}

#[test]
fn bca_intervals_cover() {
    check("bca, log-huber", &Options { bootstrap: 200, interval: IntervalKind::Bca, ..Options::default() }, ACCEPTED);
}

#[test]
fn intervals_of_least_squares_cover() {
    check(
        "percentile, log-mse",
        &Options { bootstrap: 200, objective: Some(Objective::LogMse), ..Options::default() },
        ACCEPTED,
    );
}

/// Forms of three kinds: a product of powers, a floor and a power of one axis, and both terms of compute. Sizes are drawn at random.
#[test]
fn intervals_of_other_forms_cover() {
    type Case = (&'static str, &'static [f64], &'static [(f64, f64)]);
    let cases: [Case; 3] = [
        ("rate", &[1.79, -0.713, 0.307], &[(6e7, 1.1e9), (2e9, 1e11)]),
        ("m2", &[2.2, 1.714, -0.13], &[(1e5, 1e10)]),
        ("over-training", &[1.51, 141.0, 190.0, 0.121], &[(1e7, 7e9), (2e8, 9e11)]),
    ];
    for (name, truth, ranges) in cases {
        let form = law(name);
        let one = |seed: u64| {
            let options = Options { bootstrap: 200, influence: false, seed, ..Options::default() };
            let fit = form.fit(&simulate::scatter(&form, truth, ranges, 60, 0.01, seed), &options).unwrap();
            assert!(fit.is_ok(), "{name} {seed}: {:?}", fit.reasons);
            let inside = |(e, truth): (&Estimate, &f64)| {
                f64::from(u8::from(e.low.is_none_or(|low| low <= *truth) && e.high.is_none_or(|high| *truth <= high)))
            };
            fit.coefficients.values().zip(truth).map(inside).collect::<Vec<f64>>()
        };
        let held: Vec<Vec<f64>> = (0..TABLES).into_par_iter().map(one).collect();
        let share = |i: usize| held.iter().map(|h| h[i]).sum::<f64>() / TABLES as f64;
        let shares: Vec<f64> = (0..truth.len()).map(share).collect();
        eprintln!("{name}: {shares:.3?}");
        assert!(shares.iter().all(|share| ACCEPTED.contains(share)), "{name}: {shares:?}");
    }
}
